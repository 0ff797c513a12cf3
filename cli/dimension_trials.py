"""What an added dimension would cost in a released period: figures, and processor time.

The people of the period are counted again with the dimension, from the visits in `private/`, and
suppressed and checked as a run would, in memory. For those alone who may approve settings.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from anonymizer.counting.reach import count_tables
from anonymizer.feasible.totals import segment_totals
from anonymizer.model.added_dimensions import ADDED_DIMENSIONS, PRODUCT_CATEGORY
from anonymizer.model.dimensions import ALL
from anonymizer.model.errors import ConfigurationError, Disclosure, Fault
from anonymizer.model.segments import (
    MOST_VALUES,
    Catalogue,
    SegmentSettings,
    build_catalogue,
)
from anonymizer.storage.engines.duckdb import DuckDB
from cli.setting_trials import ReleasedPeriod, TrialGround
from pipelines.period_release import ForeseenRelease

OPTION = "--dimension"
_FORM = "write device, or product_category=books+sports, with cross tables :all,gender,gender+group"
# Each value by itself, by gender, by gender and age group, and by province.
_CROSSED: tuple[tuple[str, ...], ...] = ((), ("gender",), ("gender", "group"), ("province",))


@dataclass(frozen=True)
class WantedDimension:
    """A dimension that settings could add, and what its values are crossed with."""

    name: str
    interests: tuple[str, ...] = ()
    cross_tables: tuple[tuple[str, ...], ...] = _CROSSED

    @classmethod
    def parse(cls, text: str) -> "WantedDimension":
        """`device`, `device:all,gender+province`, `product_category=books+sports`.

        Raises ConfigurationError for another dimension.
        """
        head, _, crossed = text.partition(":")
        name, _, interests = head.partition("=")
        if name not in ADDED_DIMENSIONS:
            known = " and ".join(ADDED_DIMENSIONS)
            problem = f"{name!r} cannot be added: only {known} can"
            raise ConfigurationError([Fault(OPTION, problem, _FORM)])
        tables = tuple(
            tuple(level for level in table.split("+") if level != ALL)
            for table in crossed.split(",")
            if table
        )
        chosen = tuple(code for code in interests.split("+") if code)
        return cls(name, chosen, tables or _CROSSED)

    def added_to(self, settings: SegmentSettings, series: str) -> Catalogue:
        """The catalogue of these settings with the dimension in the tables of a series.

        Raises ConfigurationError, also where the series has an added dimension already.
        """
        content = settings.model_dump(mode="json")
        known = content.get("added_dimensions", {})
        if any(series in added["series"] for added in known.values()):
            problem = f"{series} has an added dimension already"
            raise ConfigurationError([Fault(OPTION, problem, "ask about a series without one")])
        own: dict[str, object] = {"series": [series], "cross_tables": self.cross_tables}
        if self.name == PRODUCT_CATEGORY:
            own["interests"] = self.interests or sorted(settings.interests)[:MOST_VALUES]
        known = {name: added for name, added in known.items() if name != self.name}
        content["added_dimensions"] = {**known, self.name: own}
        try:
            return build_catalogue(SegmentSettings.model_validate(content), OPTION)
        except ValueError as error:
            words = str(error).splitlines()[0] if isinstance(error, ConfigurationError) else _FORM
            raise ConfigurationError([Fault(OPTION, words, _FORM)]) from None


@dataclass(frozen=True)
class ValueCount:
    """Segments of one value: how many there are, can be published (`k` people), and would be.

    `people` have the value, in all tables together.
    """

    value: str
    segments: int
    publishable: int
    published: int
    people: int


@dataclass(frozen=True)
class DimensionCost:
    """What a period would publish without and with an added dimension, and what making it takes.

    `lost` are figures of other segments that would be suppressed, `gained` others that would be
    published. Seconds are processor time of this machine. `refused` says why the gate would
    publish nothing.
    """

    release: str
    dimension: str
    tables: int
    figures: int
    seconds: float
    values: tuple[ValueCount, ...] = ()
    lost: int = 0
    gained: int = 0
    seconds_with: float = 0.0
    refused: str = ""


def cost_of(
    ground: TrialGround, released: ReleasedPeriod, wanted: WantedDimension
) -> DimensionCost:
    """What the dimension costs in a period. Raises ConfigurationError, Held."""
    series = released.series
    if series.kind != "campaign":
        problem = f"{series.id} has no added dimensions: only tables of campaigns have"
        raise ConfigurationError([Fault(OPTION, problem, "name another --series or --period")])
    catalogue = wanted.added_to(ground.recorded.segments, series.id)
    promise = ground.recorded.policy.promise
    started = _processor_time()
    before = ground.foresee(released, promise, ground.recorded.catalogue)
    seconds = _processor_time() - started
    effort = ground.recorded.policy.running_as(ground.today).effort
    started = _processor_time()
    with DuckDB(
        memory_megabytes=effort.memory_megabytes, threads=effort.threads, spill=None
    ) as engine:
        counted = count_tables(
            engine,
            ground.home,
            series,
            released.period,
            ground.recorded.policy,
            ground.secret,
            catalogue,
        )
    known = _published(before)
    found = DimensionCost(str(released), wanted.name, len(before.counted), len(known), seconds)
    try:
        after = ground.foresee(released, promise, catalogue, counted)
    except Disclosure as error:
        refused = f"the gate would hold {released}: {len(error.findings)} finding(s)"
        return replace(found, refused=refused)
    now = _published(after)
    own = {code for code in now if code not in known and _is_added(after, code[1])}
    return replace(
        found,
        values=_values(after, promise.k),
        lost=sum(one not in now for one in known),
        gained=sum(one not in known and one not in own for one in now),
        seconds_with=_processor_time() - started,
    )


def _processor_time() -> float:
    """Of this process and of its workers that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _published(foreseen: ForeseenRelease) -> Mapping[tuple[str, str], int]:
    catalogue = foreseen.checked.catalogue
    return {
        (table.key.subject_id, catalogue.id(row)): people
        for table in foreseen.checked.figures
        for row, people in zip(table.segments.tolist(), table.people.tolist(), strict=True)
    }


def _is_added(foreseen: ForeseenRelease, segment: str) -> bool:
    catalogue = foreseen.checked.catalogue
    return catalogue.groups(catalogue.positions[segment])[-1].code != ALL


def _values(foreseen: ForeseenRelease, k: int) -> tuple[ValueCount, ...]:
    catalogue = foreseen.checked.catalogue
    axis = catalogue.dimensions[-1]
    value_of = catalogue.cells[:, -1]
    totals = [segment_totals(catalogue, table.people) for table in foreseen.counted]
    kept = [table.segments for table in foreseen.checked.figures]
    found = []
    for position, group in enumerate(axis.groups):
        if group.code != ALL:
            rows = np.flatnonzero(value_of == position)
            found.append(
                ValueCount(
                    group.code,
                    len(rows) * len(totals),
                    sum(int((people[rows] >= k).sum()) for people in totals),
                    sum(int(np.isin(segments, rows).sum()) for segments in kept),
                    sum(
                        int(table.people[..., list(group.leaves)].sum())
                        for table in foreseen.counted
                    ),
                )
            )
    return tuple(found)
