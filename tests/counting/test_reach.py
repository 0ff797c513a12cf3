"""Reach: people, not visits; targets; tables for every campaign; the same bytes every time.

What bounds a person's contribution is in test_contributions.py.
"""

import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_reach import Rules, count, mark_and_bucket, set_hashes
from rotation import examples
from small_world import DAY, SECRET, Outcome, Run, World, count_again, key, work

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach, load_counted
from anonymizer.model.errors import Held
from anonymizer.model.policy import Bots, Policy, PolicyPromise
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Counted
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home

REGIONS = ("31.71", "31.72", "32.73", "61.71", "not_stated")
TARGETS = (None, [], ["31"], ["31.72"], ["32", "31.71"], ["ID"])
LIMIT = 4
CAMPAIGNS = ("c1", "c2", "c3", "c4", "c5")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to eight people with everything that bears on whether and where they count."""
    world = World()
    for name in draw(st.lists(st.sampled_from(CAMPAIGNS), unique=True)):
        ends = DAY - timedelta(days=draw(st.sampled_from([0, 0, 0, 1])))
        world.campaign(
            name,
            draw(st.sampled_from(TARGETS)),
            starts_on=DAY - timedelta(days=9),
            ends_on=ends,
            advertiser_id=draw(st.sampled_from(["a1", "a1", "a2"])),
        )
    people = draw(st.integers(0, 8))
    days = st.sampled_from([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0])
    purposes = st.sampled_from(["use", "use", "disclosure", "disclosure", "marketing"])
    for person in range(people):
        if draw(st.integers(0, 9)):
            world.person(
                person,
                consents=draw(st.integers(0, 4)) > 0,
                gender=draw(st.sampled_from(["male", "female", "not_stated"])),
                age=draw(st.sampled_from([17, 18, 20, 21, 40, 40, 74, 75, None])),
                region=draw(st.sampled_from(REGIONS)),
                account_days=draw(st.sampled_from([-1, 0, 29, 30, 300, 300])),
                closed=draw(st.integers(0, 9)) == 0,
            )
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 4]))):
            granted, instant = draw(st.booleans()), draw(days)
            world.decide(person, draw(purposes), granted=granted, days=instant)
        for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
            kind = st.sampled_from(["withdraw", "withdraw", "withdraw", "erase", "access"])
            world.request(person, draw(kind), draw(days))
    # One campaign, none, or several that are tied, in any order.
    accessed = st.lists(st.sampled_from([*CAMPAIGNS, "unknown"]), unique=True, max_size=3)
    for _ in range(draw(st.integers(0, 16))):
        visitor = draw(st.sampled_from([None, *range(people), *range(people)]))
        program = draw(st.integers(0, 3)) == 0
        world.visit(visitor, *draw(accessed), program=program, times=draw(st.sampled_from([1, 2])))
    return world


Codes = tuple[str, ...]


def cells(table: Counted, catalogue: Catalogue) -> dict[Codes, tuple[int, dict[int, int]]]:
    """People, and set hashes by bucket, of the cells that are not empty."""
    codes = {}
    for flat in np.flatnonzero(table.people).tolist():
        place = np.unravel_index(flat, catalogue.shape)
        leaves = zip(catalogue.dimensions, place, strict=True)
        codes[flat] = tuple(axis.leaves[leaf] for axis, leaf in leaves)
    totals: dict[int, dict[int, int]] = {flat: {} for flat in codes}
    hashes = zip(table.hashes.cells, table.hashes.buckets, table.hashes.totals, strict=True)
    for flat, bucket, total in hashes:
        totals[int(flat)][int(bucket)] = int(total)
    return {
        code: (int(table.people.reshape(-1)[flat]), totals[flat]) for flat, code in codes.items()
    }


def same_as_plain(outcome: Outcome, world: World, catalogue: Catalogue, rules: Rules) -> None:
    plain = count(world, rules)
    assert outcome.eligibility.people == plain.people
    assert outcome.eligibility.excluded == plain.people_excluded
    account = outcome.reach.account
    assert {"counted": account.counted, **account.excluded} == {"counted": 0, **plain.visits}
    assert account.read == len(world.visits)
    assert [table.key.subject_id for table in outcome.tables] == sorted(plain.reached)
    assert outcome.reach.tables == len(plain.reached)
    assert outcome.overlaps == plain.overlaps()
    for table in outcome.tables:
        expected = plain.reached[table.key.subject_id].items()
        assert cells(table, catalogue) == {
            codes: (len(people), set_hashes(people)) for codes, people in expected
        }


@pytest.mark.alternate("reach")
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(world=worlds(), days=st.sampled_from([0, 30]), most=st.integers(1, 3))
def test_any_world_counts_as_plain_loops_count_it(
    world: World, days: int, most: int, home: Home, engine: DuckDB, catalogue: Catalogue
) -> None:
    promise = PolicyPromise(min_account_days=days, campaigns_per_person=most)
    policy = Policy(bots=Bots(max_visits_per_day=LIMIT), promise=promise)
    outcome = work(world, home, engine, catalogue, policy)
    same_as_plain(outcome, world, catalogue, Rules(LIMIT, days, most))


def mixed_world(people: int = 300) -> World:
    """Enough people for several row orders, threads and cells."""
    world = World()
    for name, targets in (("c2", ["31"]), ("c1", None), ("c3", ["61.71", "31.71"])):
        world.campaign(name, targets)
    for person in range(people):
        age, region = 17 + person % 60, REGIONS[person % len(REGIONS)]
        gender = ("male", "female", "not_stated")[person % 3]
        world.person(person, age=age, region=region, gender=gender, account_days=person % 90)
        world.visit_each(person, *("c1", "c2", "c3")[: person % 4], times=1 + person % 3)
        world.visit(person, *(("c3", "c2"), ("c2", "c1"), ("c1", "c2"))[person % 3])
        if person % 11 == 0:
            world.request(person, "withdraw", -1)
    return world


@pytest.mark.alternate("equal bytes")
def test_row_order_and_threads_do_not_change_a_byte(home: Home, tmp_path: Path) -> None:
    written = set()
    for shuffle, threads in ((None, 1), (1, 2), (2, 4)):
        with DuckDB(memory_megabytes=512, threads=threads, spill=None) as engine:
            mixed_world().write(home, shuffle=shuffle)
            find_eligible(engine, home, DAY, Policy(), SECRET)
            count_reach(engine, home, DAY, Policy(), SECRET)
        stages = ("people", "excluded", "reach", "overlaps")
        files = [home.working_file(stage, DAY) for stage in stages]
        written.add(tuple(file.read_bytes() for file in files))
    assert len(written) == 1


def test_working_files_are_sorted(run: Run, home: Home) -> None:
    run(mixed_world(), shuffle=3)
    reach = pq.read_table(home.working_file("reach", DAY)).to_pylist()
    names = ("subject_id", "gender", "age_band", "region", "bucket")
    codes = [tuple(row[name] for name in names) for row in reach]
    assert codes == sorted(set(codes))
    overlaps = pq.read_table(home.working_file("overlaps", DAY)).to_pylist()
    pairs = [(row["subject_id"], row["other_id"]) for row in overlaps]
    assert pairs == [("c1", "c2"), ("c1", "c3"), ("c2", "c3")]
    assert all(row["people"] > 0 for row in overlaps)
    for stage in ("people", "excluded"):
        table = pq.read_table(home.working_file(stage, DAY))
        keys = table["person_key"].to_pylist()
        assert keys == sorted(set(keys))


@pytest.mark.alternate("reach")
def test_a_million_visits_of_one_person(home: Home, engine: DuckDB, catalogue: Catalogue) -> None:
    world = World()
    world.campaign("c1")
    world.person("ann")
    world.write(home)
    visits = 1_000_000
    numbers = np.arange(visits, dtype=">u8").repeat(2).tobytes()
    rows = pa.table(
        {
            "visit_key": pa.Array.from_buffers(
                pa.binary(16), visits, [None, pa.py_buffer(numbers)]
            ).cast(pa.binary()),
            "person_key": pa.repeat(key("ann"), visits),
            "campaign_ids": pa.repeat(pa.scalar(["c1"]), visits),
            "program": pa.repeat(pa.scalar(value=False), visits),
            "local_day": pa.repeat(pa.scalar(DAY), visits),
        }
    )
    write_parquet(rows, home.working_file("visits", DAY))

    def outcome(limit: int) -> Outcome:
        policy = Policy(bots=Bots(max_visits_per_day=limit))
        return count_again(home, engine, catalogue, policy)

    generous, strict = outcome(visits), outcome(1_000)
    assert generous.reach.account.counted == visits
    assert generous.table("c1").people.sum() == 1
    assert strict.reach.account.excluded == {"too_many_visits": visits}
    assert strict.table("c1").people.sum() == 0


def test_one_person_many_campaigns(run: Run) -> None:
    world = World()
    names = [world.campaign(f"c{n}", advertiser_id=f"a{n}") for n in range(5)]
    world.person("ann")
    world.visit_each("ann", *names, times=3)
    outcome = run(world)
    assert outcome.people() == dict.fromkeys(names, 1)
    assert outcome.reach.account.counted == 15
    assert set(outcome.overlaps.values()) == {1}
    assert len(outcome.overlaps) == 10


def test_a_person_who_comes_twice_counts_once(run: Run) -> None:
    """To the campaign alone, and to a tie in which it comes first."""
    world = World()
    world.campaign("c1")
    world.campaign("c2")
    world.person("ann")
    world.visit("ann", "c1")
    world.visit("ann", "c1", "c2")
    outcome = run(world)
    assert outcome.people() == {"c1": 1, "c2": 0}
    assert outcome.reach.account.counted == 2


@pytest.mark.parametrize(
    ("targets", "region", "counts"),
    [
        (None, "31.71", True),
        (None, "not_stated", True),
        ([], "not_stated", True),
        (["31"], "31.71", True),
        (["31"], "32.73", False),
        (["31.71"], "31.72", False),
        (["31.71", "32"], "32.73", True),
        (["ID"], "61.71", True),
        (["ID"], "not_stated", False),
        (["31"], "not_stated", False),
    ],
)
def test_only_people_inside_the_target_count(
    targets: list[str] | None, region: str, counts: bool, run: Run, catalogue: Catalogue
) -> None:
    world = World()
    world.campaign("c1", targets)
    world.person("ann", region=region)
    world.visit("ann", "c1")
    outcome = run(world)
    assert outcome.reach.account.counted == counts
    assert outcome.reach.account.excluded == ({} if counts else {"outside_target": 1})
    leaf = catalogue.dimensions[2].leaves.index(region)
    table = outcome.table("c1")
    assert (table.possible[:, :, leaf] == counts).all()
    assert table.people[:, :, leaf].sum() == counts


def test_structural_zeros_are_the_regions_outside_the_target(
    run: Run, catalogue: Catalogue
) -> None:
    world = World()
    world.campaign("everywhere")
    world.campaign("jakarta", ["31"])
    outcome = run(world)
    everywhere, jakarta = outcome.tables
    assert everywhere.possible.all()
    inside = [code.startswith("31.") for code in catalogue.dimensions[2].leaves]
    assert sum(inside) == 6
    assert (jakarta.possible == np.array(inside)).all()


def test_every_running_campaign_has_a_table(run: Run, catalogue: Catalogue) -> None:
    world = World()
    day = timedelta(days=1)
    for name, starts, ends in (
        ("visited", DAY, DAY),
        ("idle", DAY - day, DAY + day),
        ("begins today", DAY, DAY + day),
        ("ends today", DAY - day, DAY),
        ("ended", DAY - day, DAY - day),
        ("to come", DAY + day, DAY + day),
    ):
        world.campaign(name, starts_on=starts, ends_on=ends)
    world.person("ann")
    world.visit_each("ann", "visited", "ended", "to come")
    outcome = run(world)
    assert outcome.reach.account.excluded == {"no_campaign": 2}
    subjects = [table.key.subject_id for table in outcome.tables]
    assert subjects == ["begins today", "ends today", "idle", "visited"]
    assert [int(table.people.sum()) for table in outcome.tables] == [0, 0, 0, 1]
    assert {table.people.shape for table in outcome.tables} == {catalogue.shape}


def test_no_campaign_and_no_row_at_all(run: Run) -> None:
    outcome = run(World())
    assert outcome.tables == ()
    assert (outcome.eligibility.account.read, outcome.reach.account.read) == (0, 0)


def test_set_hashes_add_up_over_cells(run: Run, home: Home) -> None:
    """Of the whole table as of any set of people: one sum for each bucket."""
    world = World()
    world.campaign("c1")
    for person in range(600):
        world.person(person, age=18 + person % 60, region=REGIONS[person % len(REGIONS)])
        world.visit(person, "c1")
    table = run(world).table("c1")
    assert len(np.unique(table.hashes.cells)) > 1
    found: dict[int, int] = {}
    for bucket, total in zip(table.hashes.buckets, table.hashes.totals, strict=True):
        found[int(bucket)] = (found.get(int(bucket), 0) + int(total)) % 2**64
    assert found == set_hashes({key(person) for person in range(600)})
    people = pq.read_table(home.working_file("people", DAY)).to_pylist()
    assert sum(row["mark"] for row in people) > 2**64
    assert {row["person_key"]: (row["mark"], row["bucket"]) for row in people} == {
        key(person): mark_and_bucket(key(person)) for person in range(600)
    }


@pytest.mark.alternate("reach")
def test_a_table_of_many_visitors_is_loaded_at_once(home: Home, catalogue: Catalogue) -> None:
    """100,000 rows; the limit is generous for a busy machine, and no loop over rows keeps it."""
    world = World()
    world.campaign("c1")
    world.write(home)
    rng = np.random.default_rng(1)
    size = 100_000
    codes = [
        pa.array(axis.leaves).take(pa.array(rng.integers(len(axis.leaves), size=size)))
        for axis in catalogue.dimensions
    ]
    rows = pa.table(
        {
            "subject_id": pa.repeat("c1", size),
            **dict(zip(("gender", "age_band", "region"), codes, strict=True)),
            "bucket": pa.array(rng.integers(256, size=size).astype(np.uint8)),
            "people": pa.repeat(pa.scalar(1, pa.int64()), size),
            "marks": pa.array(rng.integers(2**63, size=size).astype(np.uint64)),
        }
    )
    keys = ["subject_id", "gender", "age_band", "region", "bucket"]
    rows = rows.group_by(keys).aggregate([("people", "sum"), ("marks", "max")])
    rows = rows.rename_columns([*keys, "people", "marks"]).sort_by([(k, "ascending") for k in keys])
    write_parquet(rows, home.working_file("reach", DAY))
    load_counted(home, DAY, catalogue)
    began = time.process_time()
    (table,) = load_counted(home, DAY, catalogue)
    assert time.process_time() - began < 0.2
    assert int(table.people.sum()) == size


def test_people_of_another_day_do_not_linger_in_the_engine(
    home: Home, engine: DuckDB, tmp_path: Path, catalogue: Catalogue
) -> None:
    """Eligibility for two days, then counting for the first, with one engine."""
    other = Home(tmp_path / "other")
    first, second = World(), World()
    for world in (first, second):
        world.campaign("c1")
        world.person("ann")
        world.visit("ann", "c1")
    second.request("ann", "erase", 0)
    for world, place in ((first, home), (second, other)):
        world.write(place)
        find_eligible(engine, place, DAY, Policy(), SECRET)
    assert count_reach(engine, home, DAY, Policy(), SECRET).account.counted == 1
    assert count_reach(engine, other, DAY, Policy(), SECRET).account.excluded == {"erased": 1}


def test_visits_newer_than_eligibility_are_held_and_reach_stays(
    run: Run, home: Home, engine: DuckDB
) -> None:
    world = mixed_world()
    run(world)
    before = home.working_file("reach", DAY).read_bytes()
    world.visit("newcomer", "c1")
    world.write(home)
    with pytest.raises(Held, match="eligibility_outdated: 1 visits") as caught:
        count_reach(engine, home, DAY, Policy(), SECRET)
    assert "newcomer" not in str(caught.value)
    assert key("newcomer").hex() not in str(caught.value)
    assert home.working_file("reach", DAY).read_bytes() == before


def test_an_unknown_target_region_is_held(run: Run) -> None:
    world = World()
    world.campaign("c1", ["31", "99.99"])
    with pytest.raises(Held, match=r"campaign c1 targets '99\.99'"):
        run(world)


def test_a_code_that_the_catalogue_does_not_know_is_held(run: Run) -> None:
    world = World()
    world.campaign("c1")
    world.person("ann", gender="gender-of-ann")
    world.visit("ann", "c1")
    with pytest.raises(Held, match="1 cells whose gender") as caught:
        run(world)
    assert "of-ann" not in str(caught.value)


def test_reach_of_an_earlier_version_has_to_be_counted_again(
    run: Run, home: Home, catalogue: Catalogue
) -> None:
    run(mixed_world(people=10))
    path = home.working_file("reach", DAY)
    write_parquet(pq.read_table(path).drop_columns("bucket"), path)
    with pytest.raises(Held, match="reach_outdated: the people of campaign-day-2026-11-22"):
        load_counted(home, DAY, catalogue)


def test_counts_hold_no_key_of_a_person(run: Run, home: Home) -> None:
    run(mixed_world())
    columns = {
        "reach": ("subject_id", "gender", "age_band", "region", "bucket", "people", "marks"),
        "overlaps": ("subject_id", "other_id", "people"),
        "people": ("person_key", "mark", "bucket", "gender", "age_band", "region"),
    }
    kinds = {"mark": "uint64", "marks": "uint64", "bucket": "uint8", "people": "int64"}
    for stage, names in columns.items():
        schema = pq.read_schema(home.working_file(stage, DAY))
        assert tuple(schema.names) == names
        found = {name: str(schema.field(name).type) for name in names if name in kinds}
        assert found == {name: kinds[name] for name in names if name in kinds}
