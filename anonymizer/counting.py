"""How many people each campaign reached on a day, by atom.

Visits become people here: each person counts once for a campaign, however often they came.
What comes out is a `Counted` table a campaign, true counts that stay in `private/`.
"""

from collections.abc import Mapping
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
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted, TableKey


@dataclass(frozen=True)
class Reach:
    """What became of the day's accepted visits, and how many campaign tables there are."""

    account: RowAccount
    tables: int


def count_reach(engine: DuckDB, home: Home, day: date) -> Reach:
    """Write `private/reach` of the day: people of each running campaign by atom.

    A visit is counted when its person is eligible and inside the target of at least one campaign
    that it accesses. Same files, same bytes, whatever the order of rows and the number of
    threads. Raises Held when eligibility has not been decided for these visits.
    """
    for stage in ("visits", "people", "excluded"):
        engine.scan(stage, [home.working_file(stage, day)])
    running = _running_campaigns(home, day)
    engine.load("targets", _targets(running, dimensions.region()))
    engine.load("campaigns", running.select(["campaign_id"]))
    engine.create("accesses", "list_accesses")
    engine.create("reached", "list_reached_people")
    outcomes = engine.fetch("settle_visits").to_pydict()
    read = pq.read_metadata(home.working_file("visits", day)).num_rows
    account = _account(read, dict(zip(outcomes["outcome"], outcomes["visits"], strict=True)))
    write_parquet(engine.fetch("count_reach"), home.working_file("reach", day))
    return Reach(account, running.num_rows)


def load_counted(home: Home, day: date, catalogue: Catalogue) -> tuple[Counted, ...]:
    """One table for every campaign that runs on the day, also for one that nobody accessed.

    Sorted by campaign id, each of the catalogue's shape. Atoms outside a campaign's target
    regions are structural zeros (`possible` is False). Raises Held when reach has codes that
    the catalogue does not know.
    """
    reach = _read(home, "reach", day)
    starts = _first_rows(reach)
    by_name = {axis.name: axis for axis in catalogue.dimensions}
    tables = []
    for campaign in _running_campaigns(home, day).to_pylist():
        identity = campaign["campaign_id"]
        start, count = starts.get(identity, (0, 0))
        inside = _inside(campaign, by_name["region"])
        key = TableKey("campaign", identity, Period("day", day))
        tables.append(_grid(key, reach.slice(start, count), inside, catalogue))
    return tuple(tables)


def _running_campaigns(home: Home, day: date) -> pa.Table:
    """Rows of `private/campaigns` whose dates hold the day, sorted by campaign id."""
    campaigns = _read(home, "campaigns", day)
    within = (pc.field("starts_on") <= pa.scalar(day)) & (pc.field("ends_on") >= pa.scalar(day))
    return campaigns.filter(within).sort_by("campaign_id")


def _targets(campaigns: pa.Table, region: Dimension) -> pa.Table:
    """Campaign id and region code, one row for each region in which a campaign counts people."""
    leaves = np.array(region.leaves)
    inside = [leaves[_inside(campaign, region)] for campaign in campaigns.to_pylist()]
    identities = np.repeat(np.arange(len(inside)), [len(codes) for codes in inside])
    return pa.table(
        {
            "campaign_id": campaigns["campaign_id"].take(pa.array(identities)),
            "region": pa.array(np.concatenate(inside) if inside else [], pa.string()),
        }
    )


def _inside(campaign: Mapping[str, object], region: Dimension) -> NDArray[np.bool_]:
    """Which leaves of the region dimension are in the campaign's target; no target is all."""
    codes = campaign["target_regions"]
    if not codes:
        return np.ones(len(region.leaves), dtype=bool)
    assert isinstance(codes, list)
    unknown = [code for code in codes if code not in region.positions]
    if unknown:
        raise Held(
            "unknown_region",
            f"campaign {campaign['campaign_id']} targets {', '.join(map(repr, unknown))}; "
            "use official codes of provinces or regencies",
        )
    inside = np.zeros(len(region.leaves), dtype=bool)
    for code in codes:
        inside |= region.membership[region.positions[code]]
    return inside


def _account(read: int, outcomes: dict[str, int]) -> RowAccount:
    unsettled = outcomes.pop("unsettled", 0)
    if unsettled:
        raise Held(
            "eligibility_outdated",
            f"{unsettled} visits are by people about whom eligibility has not decided; "
            "find the eligible people of this day again, then count",
        )
    return RowAccount("visits", read, outcomes.pop("counted", 0), excluded=outcomes)


def _first_rows(reach: pa.Table) -> dict[str, tuple[int, int]]:
    """First row and number of rows of each campaign; reach is ordered by campaign."""
    tally = pc.value_counts(reach["campaign_id"]).to_pylist()
    starts, position = {}, 0
    for entry in tally:
        starts[entry["values"]] = (position, entry["counts"])
        position += entry["counts"]
    return starts


def _grid(
    key: TableKey, rows: pa.Table, inside: NDArray[np.bool_], catalogue: Catalogue
) -> Counted:
    """The rows of one campaign on the grid of atoms."""
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
            "count the day again",
        )
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _read(home: Home, stage: str, day: date) -> pa.Table:
    """A working file of the day, read in memory."""
    path = home.working_file(stage, day)
    if not path.is_file():
        raise Held("missing_input", f"{stage}/{path.name} is missing; run the step that writes it")
    return pq.read_table(path, partitioning=None)
