"""Devices and product categories: one value a person and table, against plain loops."""

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plain_periods import Life, Seen, write
from plain_reach import Rules, count, judge, reason
from small_world import DAY, SECRET, World, work

from anonymizer.counting.eligibility import find_eligible_in
from anonymizer.counting.reach import count_reach, count_series, count_tables, load_counted_series
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.model.series import CAMPAIGN_DAY, CAMPAIGN_WEEK
from anonymizer.model.tables import Counted
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home

INTERESTS = {
    code: {"english": code, "indonesian": code, "categories": [code]}
    for code in ("books", "films", "sports")
}
BY_DEVICE = {"device": {"series": ["campaign-day", "campaign-week"], "cross_tables": [["gender"]]}}
BY_CATEGORY = {
    "product_category": {
        "series": ["campaign-day"],
        "cross_tables": [[]],
        "interests": ["films", "books"],
    }
}


def catalogue_of(added: object) -> Catalogue:
    content = {"interests": INTERESTS, "added_dimensions": added}
    return build_catalogue(SegmentSettings.model_validate(content))


def cells(table: Counted, catalogue: Catalogue) -> dict[tuple[str, ...], int]:
    """People by codes of the occupied cells."""
    leaves = [axis.leaves for axis in catalogue.of_series("campaign-day").dimensions]
    places = np.argwhere(table.people).tolist()
    return {
        tuple(codes[p] for codes, p in zip(leaves, place, strict=True)): int(
            table.people[tuple(place)]
        )
        for place in places
    }


def random_world(seed: int) -> World:
    draw = random.Random(seed)
    world = World()
    for name in ("c1", "c2", "c3"):
        world.campaign(name, draw.choice([None, ["31"], ["32"]]))
    for person in range(60):
        world.person(
            person, gender=draw.choice(["male", "female"]), age=draw.choice([20, 30, 80]),
            region=draw.choice(["31.71", "32.01"]), consents=draw.random() < 0.9,
        )  # fmt: skip
        for _ in range(draw.randrange(4)):
            campaigns = draw.sample(["c1", "c2", "c3"], draw.choice([1, 1, 2]))
            world.visit(person, *campaigns, program=draw.random() < 0.1)
            world.visits[-1] = dict(world.visits[-1]) | {
                "device": draw.choice(["mobile", "desktop", "tablet", "other", None, "toaster"]),
                "interest": draw.choice(["books", "films", "sports", None]),
            }
    draw.shuffle(world.visits)
    return world


def plain_values(world: World, column: str, values: set[str]) -> dict[str, Counter[str]]:
    """People of each campaign by their value: that of the first visit that counts."""
    profiles = {row["person_key"]: row for row in world.profiles}
    reasons = {person: reason(world, person, Rules()) for person in profiles}
    known = {row["campaign_id"]: row for row in world.campaigns}
    expected: dict[str, Counter[str]] = {}
    for campaign, of_cell in count(world, Rules()).reached.items():
        expected[campaign] = Counter()
        for person in set().union(*of_cell.values()):
            mine = [
                visit
                for visit in world.visits
                if visit["person_key"] == person
                and judge(visit, profiles, reasons, known)[1] == campaign
            ]
            value = min(mine, key=lambda visit: visit["visit_key"])[column]
            expected[campaign][value if value in values else "other"] += 1
    return expected


@pytest.mark.parametrize("seed", range(4))
def test_each_person_has_the_value_of_the_first_visit_that_counts(
    seed: int, home: Home, engine: DuckDB, catalogue: Catalogue
) -> None:
    world = random_world(seed)
    plain = work(world, home, engine, catalogue)
    for added, column, values in (
        (BY_DEVICE, "device", {"mobile", "desktop", "tablet"}),
        (BY_CATEGORY, "interest", {"films", "books"}),
    ):
        own = catalogue_of(added)
        outcome = work(world, home, engine, own, shuffle=seed)
        wanted = plain_values(world, column, values)
        assert outcome.people() == plain.people()
        assert outcome.overlaps == plain.overlaps
        for table, without in zip(outcome.tables, plain.tables, strict=True):
            # Summed over the added dimension, a table is what it is without.
            assert np.array_equal(table.people.sum(axis=-1), without.people)
            assert np.array_equal(table.possible.all(axis=-1), without.possible)
            axis = own.of_series("campaign-day").dimensions[-1]
            sums = table.people.sum(axis=(0, 1, 2)).tolist()
            found = {code: people for code, people in zip(axis.leaves, sums, strict=True) if people}
            assert found == dict(wanted[table.key.subject_id])
            assert not (table.people[~table.possible]).any()


def test_two_devices_in_a_day_are_one_person_on_the_first(
    home: Home, engine: DuckDB, catalogue: Catalogue
) -> None:
    world = World()
    world.campaign("c1")
    world.campaign("c2")
    world.person("ann", gender="female")
    for campaign, device, program in (
        ("c1", "mobile", True),  # a program: it counts for nothing
        ("c2", "tablet", False),
        ("c1", None, False),  # the first that counts for c1 states no device
        ("c1", "desktop", False),
    ):
        world.visit("ann", campaign, program=program)
        world.visits[-1] = dict(world.visits[-1]) | {"device": device}
    own = catalogue_of(BY_DEVICE)
    found = work(world, home, engine, own)
    where = ("female", "30-34", "31.71")
    assert cells(found.table("c1"), own) == {(*where, "other"): 1}
    assert cells(found.table("c2"), own) == {(*where, "tablet"): 1}


def test_a_week_has_the_device_of_its_first_day(
    home: Home, engine: DuckDB, catalogue: Catalogue
) -> None:
    """A later device changes the table of its own day alone; each day has its own first visit."""
    own = catalogue_of(BY_DEVICE)
    week = Period.of("week", DAY)
    first, last = week.days[1], week.days[4]
    life = Life()
    life.campaigns["c1"] = (week.start, week.end, None)
    life.person("ann")
    life.visits += [
        Seen("ann", last, ("c1",)),
        Seen("ann", first, ("c1",)),
    ]
    write(life, home)
    for day, device in ((first, "desktop"), (last, "mobile")):
        path = home.working_file("visits", day)
        rows = pq.read_table(path, partitioning=None)
        place = rows.schema.get_field_index("device")
        write_parquet(rows.set_column(place, "device", pa.array([device], pa.string())), path)
    for series, period, device in (
        (CAMPAIGN_WEEK, week, "desktop"),
        (CAMPAIGN_DAY, Period("day", first), "desktop"),
        (CAMPAIGN_DAY, Period("day", last), "mobile"),
    ):
        find_eligible_in(engine, home, series, period, Policy(), SECRET)
        count_series(engine, home, series, period, Policy(), SECRET, own)
        (table,) = load_counted_series(home, series, period, own)
        (cell,) = cells(table, own)
        assert cell[-1] == device
        (same,) = count_tables(engine, home, series, period, Policy(), SECRET, own)
        assert np.array_equal(same.people, table.people)
        assert np.array_equal(same.hashes.totals, table.hashes.totals)


def test_what_was_counted_or_taken_in_without_a_dimension_is_not_taken_for_it(
    home: Home, engine: DuckDB, catalogue: Catalogue
) -> None:
    world = World()
    world.campaign("c1")
    world.person("ann")
    world.visit("ann", "c1")
    work(world, home, engine, catalogue)
    own = catalogue_of(BY_DEVICE)
    with pytest.raises(Held, match="counted without device") as held:
        load_counted_series(home, CAMPAIGN_DAY, Period("day", DAY), own)
    assert held.value.reason == "reach_outdated"
    path = home.working_file("visits", DAY)
    write_parquet(pq.read_table(path, partitioning=None).drop_columns(["device"]), path)
    with pytest.raises(Held, match="earlier version") as held:
        count_reach(engine, home, DAY, Policy(), SECRET, own)
    assert held.value.reason == "visits_outdated"
    assert count_reach(engine, home, DAY, Policy(), SECRET).account.counted == 1


def test_without_an_added_dimension_the_counts_are_the_same_bytes(
    home: Home, engine: DuckDB, catalogue: Catalogue
) -> None:
    """Whether or not visits state a device, and in the series that have no added dimension."""
    world = random_world(9)
    found: set[bytes] = set()
    for own in (catalogue, catalogue_of({}), catalogue_of({"device": {
        "series": ["campaign-month"], "cross_tables": [[]]}})):  # fmt: skip
        work(world, home, engine, own)
        found.add(home.working_file("reach", DAY).read_bytes())
        world.visits = [dict(row) | {"device": None} for row in world.visits]
    assert len(found) == 1
