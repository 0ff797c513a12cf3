"""How many people each campaign or interest reached in a period, by cell, and the audience.

Visits become people here: each person counts once for a subject, however often and on however
many days they came; the people of days are never added up. A visit counts for one campaign only,
and a person in a few campaigns of an advertiser only, so that nobody's presence can be measured
again and again. What comes out is a `Counted` table a subject, true counts that stay in
`private/`, and how many people each two campaigns share.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.counting.inputs import require_inputs, scan_visits
from anonymizer.model import dimensions
from anonymizer.model.accounting import RowAccount
from anonymizer.model.dimensions import Dimension
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.model.tables import BUCKETS, Counted, SetHashes, TableKey
from anonymizer.model.windows import Inputs, has_table
from anonymizer.storage.engine import Engine
from anonymizer.storage.files import read_rows, write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

EVERYONE = "everyone"
_NOTHING = {"campaign": "no_campaign", "interest": "no_interest"}


@dataclass(frozen=True)
class Reach:
    """What became of the rows, and how many tables there are.

    The rows are the visits of the period, the late ones with them; of an audience, its people.
    """

    account: RowAccount
    tables: int


def count_reach(engine: Engine, home: Home, day: date, policy: Policy, secret: Secret) -> Reach:
    """Write `private/reach` and `private/overlaps` of the day: `count_series` for days."""
    period = Period("day", day)
    subjects = _campaigns(home, CAMPAIGN_DAY, period)
    bound = _Bound.of(policy, secret)
    inputs = Inputs((day,), (), day)
    return _count_visits(engine, home, CAMPAIGN_DAY, period, subjects, inputs, bound)


def count_series(
    engine: Engine,
    home: Home,
    series: Series,
    period: Period,
    policy: Policy,
    secret: Secret,
    catalogue: Catalogue,
) -> Reach:
    """Write the stage `reach` of a series and period: people of each subject by cell and bucket.

    A visit is counted when its person is eligible, inside the target of the subject for which it
    counts, and counts there. With campaigns the stage `overlaps` is written too. Same files, same
    bytes, whatever the order of rows and the number of threads. Raises Held `missing_input` when
    a day of the period has not been taken in, and `eligibility_outdated` when `find_eligible_in`
    has to run first.
    """
    inputs = require_inputs(home, series, period, policy.timing)
    if series.kind == "audience":
        return _count_people(engine, home, series, period)
    subjects = _subjects(home, series, period, catalogue)
    bound = _Bound.of(policy, secret)
    return _count_visits(engine, home, series, period, subjects, inputs, bound)


def load_counted(home: Home, day: date, catalogue: Catalogue) -> tuple[Counted, ...]:
    """One table for every campaign that runs on the day: `load_counted_series` for days."""
    return load_counted_series(home, CAMPAIGN_DAY, Period("day", day), catalogue)


def load_counted_series(
    home: Home, series: Series, period: Period, catalogue: Catalogue
) -> tuple[Counted, ...]:
    """One table for every subject of the series, also for one that nobody accessed.

    Sorted by subject id, each of the catalogue's shape. Subjects are the campaigns that have a
    table of the period (`campaigns_of`), the catalogue's interests, or `everyone`. Cells outside
    a campaign's target regions are structural zeros (`possible` is False). Raises Held when
    reach has codes that the catalogue does not know, or was counted by an earlier version.
    """
    reach = _read(home, series.stage("reach"), period.end)
    if "bucket" not in reach.column_names:
        raise Held(
            "reach_outdated",
            f"the people of {series.release_id(period)} were counted by an earlier version; count "
            "them again",
        )
    starts = _first_rows(reach)
    by_name = {axis.name: axis for axis in catalogue.dimensions}
    tables = []
    for subject in _with_table(_subjects(home, series, period, catalogue)):
        start, count = starts.get(subject.id, (0, 0))
        inside = _inside(subject, by_name["region"])
        key = TableKey(series.kind, subject.id, period)
        tables.append(_table(key, reach.slice(start, count), inside, catalogue))
    return tuple(tables)


def load_overlaps(home: Home, series: Series, period: Period) -> Mapping[tuple[str, str], int]:
    """How many people count in both of two campaigns of the period.

    A pair is (the smaller id, the larger id); pairs that share nobody are not there. A campaign
    whose people all count in another one, or that shares nobody with it, is recognised by that.
    """
    if series.kind != "campaign":
        raise ValueError(f"{series.id} has no overlaps: only campaigns have")
    overlaps = _read(home, series.stage("overlaps"), period.end)
    pairs = zip(overlaps["subject_id"].to_pylist(), overlaps["other_id"].to_pylist(), strict=True)
    return dict(zip(pairs, overlaps["people"].to_pylist(), strict=True))


def campaigns_of(home: Home, series: Series, period: Period) -> pa.Table:
    """The rows of `private/campaigns` that have a table of the period, sorted by campaign id.

    They are as they were known on the period's last day.
    """
    campaigns = _read(home, "campaigns", period.end)
    return campaigns.filter(pa.array(_having_table(campaigns, series, period), pa.bool_())).sort_by(
        "campaign_id"
    )


@dataclass(frozen=True)
class _CountedSubject:
    """Whom a visit can count for: its target regions (none is all) and, of a campaign, whose it
    is. One without a table takes its visits all the same."""

    id: str
    targets: tuple[str, ...] = ()
    advertiser: str = ""
    has_table: bool = True


@dataclass(frozen=True)
class _Bound:
    """In how many campaigns of one advertiser a person counts, and the key that chooses them."""

    campaigns: int
    key: bytes

    @classmethod
    def of(cls, policy: Policy, secret: Secret) -> "_Bound":
        return cls(policy.promise.campaigns_per_person, secret.derive("contribution"))


def _subjects(
    home: Home, series: Series, period: Period, catalogue: Catalogue
) -> tuple[_CountedSubject, ...]:
    """Everything that visits of the period can count for, sorted by id."""
    if series.kind == "audience":
        return (_CountedSubject(EVERYONE),)
    if series.kind == "interest":
        return tuple(_CountedSubject(interest.code) for interest in catalogue.interests)
    return _campaigns(home, series, period)


def _campaigns(home: Home, series: Series, period: Period) -> tuple[_CountedSubject, ...]:
    """All campaigns known on the last day, those without a table of the period too."""
    rows = _read(home, "campaigns", period.end)
    having = _having_table(rows, series, period)
    facts = rows.select(["campaign_id", "advertiser_id", "target_regions"]).to_pylist()
    return tuple(
        sorted(
            (
                _CountedSubject(
                    row["campaign_id"],
                    tuple(row["target_regions"] or ()),
                    row["advertiser_id"],
                    has_table,
                )
                for row, has_table in zip(facts, having, strict=True)
            ),
            key=lambda subject: subject.id,
        )
    )


def _having_table(campaigns: pa.Table, series: Series, period: Period) -> list[bool]:
    """Which of the campaigns have a table of the period."""
    dates = zip(campaigns["starts_on"].to_pylist(), campaigns["ends_on"].to_pylist(), strict=True)
    return [
        has_table([day for day in period.days if starts <= day <= ends], series)
        for starts, ends in dates
    ]


def _with_table(subjects: Sequence[_CountedSubject]) -> list[_CountedSubject]:
    return [subject for subject in subjects if subject.has_table]


def _count_visits(
    engine: Engine,
    home: Home,
    series: Series,
    period: Period,
    subjects: Sequence[_CountedSubject],
    inputs: Inputs,
    bound: _Bound,
) -> Reach:
    """Count the people whose visits reach a subject, and say what became of each visit."""
    repeated = scan_visits(engine, home, inputs)
    for stage in ("people", "excluded"):
        engine.scan(stage, [home.working_file(series.stage(stage), period.end)])
    with_table = _with_table(subjects)
    engine.load("subjects", pa.table({"subject_id": _texts(subject.id for subject in with_table)}))
    engine.load("targets", _targets(subjects, dimensions.region()))
    engine.load("owners", _owners(subjects))
    engine.create("tallied", f"tally_{series.kind}_visits")
    engine.create("choices", "choose_subjects")
    engine.create("judged", "judge_visits", {"nothing": _NOTHING[series.kind]})
    engine.create("reached", "list_reached_people")
    engine.create(
        "beyond",
        "list_contributions_beyond",
        {"most": bound.campaigns, "contribution_key": bound.key},
    )
    engine.create("counted", "list_counted_people")
    resolved = engine.fetch("resolve_visits").to_pydict()
    account = _account(dict(zip(resolved["outcome"], resolved["visits"], strict=True)), repeated)
    _write_counts(engine, home, series, period)
    return Reach(account, len(with_table))


def _write_counts(engine: Engine, home: Home, series: Series, period: Period) -> None:
    """Write what the people in `counted` add up to."""
    of_campaigns = {"overlaps": "count_overlaps"} if series.kind == "campaign" else {}
    for stage, statement in ({"reach": "count_reach"} | of_campaigns).items():
        write_parquet(engine.fetch(statement), home.working_file(series.stage(stage), period.end))


def _count_people(engine: Engine, home: Home, series: Series, period: Period) -> Reach:
    """Count everybody eligible; no visit is needed."""
    people = home.working_file(series.stage("people"), period.end)
    engine.scan("people", [people])
    counted = engine.create("counted", "list_audience", {"subject_id": EVERYONE})
    _write_counts(engine, home, series, period)
    return Reach(RowAccount("people", counted, counted), tables=1)


def _targets(subjects: Sequence[_CountedSubject], region: Dimension) -> pa.Table:
    """Subject id and region code, one row for each region in which a subject counts people."""
    leaves = np.array(region.leaves)
    inside = [leaves[_inside(subject, region)] for subject in subjects]
    identities = np.repeat(np.arange(len(inside)), [len(codes) for codes in inside])
    identity = _texts(subject.id for subject in subjects)
    return pa.table(
        {
            "subject_id": identity.take(pa.array(identities)),
            "region": pa.array(np.concatenate(inside) if inside else [], pa.string()),
        }
    )


def _owners(subjects: Sequence[_CountedSubject]) -> pa.Table:
    """Subject id and advertiser id of each campaign; interests have no advertiser."""
    owned = [subject for subject in subjects if subject.advertiser]
    return pa.table(
        {
            "subject_id": _texts(subject.id for subject in owned),
            "advertiser_id": _texts(subject.advertiser for subject in owned),
        }
    )


def _texts(values: Iterable[str]) -> pa.Array:
    return pa.array(list(values), pa.string())


def _inside(subject: _CountedSubject, region: Dimension) -> NDArray[np.bool_]:
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
            f"{unsettled} visits are by people whose eligibility is not decided; run the "
            "eligibility step of this period again, then count",
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


def _table(
    key: TableKey, rows: pa.Table, inside: NDArray[np.bool_], catalogue: Catalogue
) -> Counted:
    """The rows of one subject on the grid of cells."""
    columns = {"gender": "gender", "age": "age_band", "region": "region"}
    positions = tuple(
        _positions(rows[columns[axis.name]], axis, key) for axis in catalogue.dimensions
    )
    cells = np.ravel_multi_index(positions, catalogue.shape)
    buckets = rows["bucket"].to_numpy()
    order = np.argsort(cells * BUCKETS + buckets)  # positions are not in the order of codes
    hashes = SetHashes(cells[order], buckets[order], rows["marks"].to_numpy()[order])
    people = np.zeros(catalogue.shape, dtype=np.int64)
    np.add.at(people.reshape(-1), cells, rows["people"].to_numpy())
    possible = np.zeros(catalogue.shape, dtype=bool)
    along = [axis.name == "region" for axis in catalogue.dimensions].index(True)
    np.moveaxis(possible, along, -1)[..., inside] = True
    return Counted(key, people, hashes, possible)


def _positions(codes: pa.ChunkedArray, axis: Dimension, key: TableKey) -> NDArray[np.int64]:
    """Position of each code among the leaves of its dimension."""
    found = pc.index_in(codes, value_set=pa.array(axis.leaves))
    if found.null_count:
        raise Held(
            "unknown_code",
            f"{key} has {found.null_count} cells whose {axis.name} is not in the catalogue; count "
            "the period again",
        )
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _read(home: Home, stage: str, day: date) -> pa.Table:
    """A working file of the day, read in memory."""
    path = home.working_file(stage, day)
    if not path.is_file():
        raise Held("missing_input", f"{stage}/{path.name} is missing; run the step that writes it")
    return read_rows(path)
