"""How many people each campaign or interest reached in a period, by atom, and the audience.

Visits become people here: each person counts once for a subject, however often and on however
many days they came; the people of days are never added up. What comes out is a `Counted` table
a subject, true counts that stay in `private/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anonymizer import dimensions
from anonymizer.accounting import RowAccount
from anonymizer.dimensions import Dimension
from anonymizer.engines.duckdb import DuckDB
from anonymizer.errors import Held
from anonymizer.files import write_parquet
from anonymizer.home import Home
from anonymizer.periods import Period
from anonymizer.policy import Policy
from anonymizer.segments import Catalogue
from anonymizer.series import CAMPAIGN_DAY, Series
from anonymizer.tables import Counted, TableKey
from anonymizer.windows import Inputs, has_table, require_inputs, scan_visits

EVERYONE = "everyone"
_NOTHING = {"campaign": "no_campaign", "interest": "no_interest"}


@dataclass(frozen=True)
class Reach:
    """What became of the rows, and how many tables there are.

    The rows are the visits of the period, the late ones with them; of an audience, its people.
    """

    account: RowAccount
    tables: int


def count_reach(engine: DuckDB, home: Home, day: date) -> Reach:
    """Write `private/reach` of the day: people of each running campaign by atom.

    A visit is counted when its person is eligible and inside the target of at least one campaign
    that it accesses. Same files, same bytes, whatever the order of rows and the number of
    threads. Raises Held when eligibility has not been decided for these visits.
    """
    period = Period("day", day)
    subjects = _campaigns(home, CAMPAIGN_DAY, period)
    return _count_visits(engine, home, CAMPAIGN_DAY, period, subjects, Inputs((day,), (), day))


def count_series(
    engine: DuckDB, home: Home, series: Series, period: Period, policy: Policy, catalogue: Catalogue
) -> Reach:
    """Write the stage `reach` of a series and period: people of each subject by atom.

    A visit is counted when its person is eligible and inside the target of at least one subject
    with a table that it accesses. Same files, same bytes, whatever the order of rows and the
    number of threads. Raises Held `missing_input` when a day of the period has not been taken in,
    and `eligibility_outdated` when `find_eligible_in` has to run first.
    """
    inputs = require_inputs(home, series, period, policy.timing)
    if series.kind == "audience":
        return _count_people(engine, home, series, period)
    subjects = _subjects(home, series, period, catalogue)
    return _count_visits(engine, home, series, period, subjects, inputs)


def load_counted(home: Home, day: date, catalogue: Catalogue) -> tuple[Counted, ...]:
    """One table for every campaign that runs on the day: `load_counted_series` for days."""
    return load_counted_series(home, CAMPAIGN_DAY, Period("day", day), catalogue)


def load_counted_series(
    home: Home, series: Series, period: Period, catalogue: Catalogue
) -> tuple[Counted, ...]:
    """One table for every subject of the series, also for one that nobody accessed.

    Sorted by subject id, each of the catalogue's shape. Subjects are the campaigns that have a
    table of the period (`campaigns_of`), the catalogue's interests, or `everyone`. Atoms outside
    a campaign's target regions are structural zeros (`possible` is False). Raises Held when
    reach has codes that the catalogue does not know.
    """
    reach = _read(home, series.stage("reach"), period.end)
    starts = _first_rows(reach)
    by_name = {axis.name: axis for axis in catalogue.dimensions}
    tables = []
    for subject in _subjects(home, series, period, catalogue):
        start, count = starts.get(subject.id, (0, 0))
        inside = _inside(subject, by_name["region"])
        key = TableKey(series.kind, subject.id, period)
        tables.append(_grid(key, reach.slice(start, count), inside, catalogue))
    return tuple(tables)


def campaigns_of(home: Home, series: Series, period: Period) -> pa.Table:
    """The rows of `private/campaigns` that have a table of the period, sorted by campaign id.

    They are as they were known on the period's last day.
    """
    campaigns = _read(home, "campaigns", period.end)
    with_table = []
    for starts, ends in zip(
        campaigns["starts_on"].to_pylist(), campaigns["ends_on"].to_pylist(), strict=True
    ):
        with_table.append(has_table([day for day in period.days if starts <= day <= ends], series))
    return campaigns.filter(pa.array(with_table, pa.bool_())).sort_by("campaign_id")


@dataclass(frozen=True)
class _Subject:
    """What has a table, and the regions in which it counts people; none is all."""

    id: str
    targets: tuple[str, ...] = ()


def _subjects(
    home: Home, series: Series, period: Period, catalogue: Catalogue
) -> tuple[_Subject, ...]:
    """Everything that has a table of the series in the period, sorted by id."""
    if series.kind == "audience":
        return (_Subject(EVERYONE),)
    if series.kind == "interest":
        return tuple(_Subject(interest.code) for interest in catalogue.interests)
    return _campaigns(home, series, period)


def _campaigns(home: Home, series: Series, period: Period) -> tuple[_Subject, ...]:
    rows = campaigns_of(home, series, period).select(["campaign_id", "target_regions"])
    return tuple(
        _Subject(row["campaign_id"], tuple(row["target_regions"] or ())) for row in rows.to_pylist()
    )


def _count_visits(
    engine: DuckDB,
    home: Home,
    series: Series,
    period: Period,
    subjects: Sequence[_Subject],
    inputs: Inputs,
) -> Reach:
    """Count the people whose visits reach a subject, and say what became of each visit."""
    repeated = scan_visits(engine, home, inputs)
    for stage in ("people", "excluded"):
        engine.scan(stage, [home.working_file(series.stage(stage), period.end)])
    engine.load("subjects", pa.table({"subject_id": [subject.id for subject in subjects]}))
    engine.load("targets", _targets(subjects, dimensions.region()))
    engine.create("tallied", f"tally_{series.kind}_visits")
    engine.create("accesses", "list_accesses")
    engine.create("reached", "list_reached_people")
    settled = engine.fetch("settle_visits", {"nothing": _NOTHING[series.kind]}).to_pydict()
    account = _account(dict(zip(settled["outcome"], settled["visits"], strict=True)), repeated)
    write_parquet(engine.fetch("count_reach"), home.working_file(series.stage("reach"), period.end))
    return Reach(account, len(subjects))


def _count_people(engine: DuckDB, home: Home, series: Series, period: Period) -> Reach:
    """Count everybody eligible; no visit is needed."""
    people = home.working_file(series.stage("people"), period.end)
    engine.scan("people", [people])
    reached = engine.create("reached", "list_audience", {"subject_id": EVERYONE})
    write_parquet(engine.fetch("count_reach"), home.working_file(series.stage("reach"), period.end))
    return Reach(RowAccount("people", reached, reached), tables=1)


def _targets(subjects: Sequence[_Subject], region: Dimension) -> pa.Table:
    """Subject id and region code, one row for each region in which a subject counts people."""
    leaves = np.array(region.leaves)
    inside = [leaves[_inside(subject, region)] for subject in subjects]
    identities = np.repeat(np.arange(len(inside)), [len(codes) for codes in inside])
    identity = pa.array([subject.id for subject in subjects], pa.string())
    return pa.table(
        {
            "subject_id": identity.take(pa.array(identities)),
            "region": pa.array(np.concatenate(inside) if inside else [], pa.string()),
        }
    )


def _inside(subject: _Subject, region: Dimension) -> NDArray[np.bool_]:
    """Which leaves of the region dimension are in the subject's target; no target is all."""
    if not subject.targets:
        return np.ones(len(region.leaves), dtype=bool)
    unknown = [code for code in subject.targets if code not in region.positions]
    if unknown:
        raise Held(
            "unknown_region",
            f"campaign {subject.id} targets {', '.join(map(repr, unknown))}; "
            "use official codes of provinces or regencies",
        )
    inside = np.zeros(len(region.leaves), dtype=bool)
    for code in subject.targets:
        inside |= region.membership[region.positions[code]]
    return inside


def _account(outcomes: dict[str, int], repeated: int) -> RowAccount:
    unsettled = outcomes.pop("unsettled", 0)
    if unsettled:
        raise Held(
            "eligibility_outdated",
            f"{unsettled} visits are by people about whom eligibility has not decided; "
            "find the eligible people of this period again, then count",
        )
    read = sum(outcomes.values()) + repeated
    counted = outcomes.pop("counted", 0)
    return RowAccount("visits", read, counted, duplicates=repeated, excluded=outcomes)


def _first_rows(reach: pa.Table) -> dict[str, tuple[int, int]]:
    """First row and number of rows of each subject; reach is ordered by subject."""
    tally = pc.value_counts(reach["subject_id"]).to_pylist()
    starts, position = {}, 0
    for entry in tally:
        starts[entry["values"]] = (position, entry["counts"])
        position += entry["counts"]
    return starts


def _grid(
    key: TableKey, rows: pa.Table, inside: NDArray[np.bool_], catalogue: Catalogue
) -> Counted:
    """The rows of one subject on the grid of atoms."""
    columns = {"gender": "gender", "age": "age_band", "region": "region"}
    atoms = tuple(_positions(rows[columns[axis.name]], axis, key) for axis in catalogue.dimensions)
    people = np.zeros(catalogue.shape, dtype=np.int64)
    trusted = np.zeros(catalogue.shape, dtype=np.int64)
    marks = np.zeros(catalogue.shape, dtype=np.uint64)
    for name, grid in (("people", people), ("trusted", trusted), ("marks", marks)):
        grid[atoms] = rows[name].to_numpy()
    possible = np.zeros(catalogue.shape, dtype=bool)
    along = [axis.name == "region" for axis in catalogue.dimensions].index(True)
    np.moveaxis(possible, along, -1)[..., inside] = True
    return Counted(key, people, trusted, marks, possible)


def _positions(codes: pa.ChunkedArray, axis: Dimension, key: TableKey) -> NDArray[np.int64]:
    """Position of each code among the leaves of its dimension."""
    found = pc.index_in(codes, value_set=pa.array(axis.leaves))
    if found.null_count:
        raise Held(
            "unknown_code",
            f"{key} has {found.null_count} atoms whose {axis.name} the catalogue does not know; "
            "count the period again",
        )
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _read(home: Home, stage: str, day: date) -> pa.Table:
    """A working file of the day, read in memory."""
    path = home.working_file(stage, day)
    if not path.is_file():
        raise Held("missing_input", f"{stage}/{path.name} is missing; run the step that writes it")
    return pq.read_table(path, partitioning=None)
