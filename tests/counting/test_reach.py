"""Reach: people, not visits; targets; tables for every campaign; the same bytes every time."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_reach import count, mark
from small_world import DAY, SECRET, Outcome, Run, World, key, work

from anonymizer.counting import count_reach, load_counted
from anonymizer.eligibility import find_eligible
from anonymizer.engines.duckdb import DuckDB
from anonymizer.errors import Held
from anonymizer.files import write_parquet
from anonymizer.home import Home
from anonymizer.policy import Bots, Policy
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted

REGIONS = ("31.71", "31.72", "32.73", "61.71", "not_stated")
TARGETS = (None, [], ["31"], ["31.72"], ["32", "31.71"], ["ID"])
LIMIT = 4


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to eight people with everything that bears on whether and where they count."""
    world = World()
    names = draw(st.lists(st.sampled_from(["c1", "c2", "c3"]), unique=True))
    for name in names:
        ends = DAY - timedelta(days=draw(st.sampled_from([0, 0, 0, 1])))
        targets = draw(st.sampled_from(TARGETS))
        world.campaign(name, targets, starts_on=DAY - timedelta(days=9), ends_on=ends)
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
    accessed = st.lists(st.sampled_from(["c1", "c2", "c3", "unknown"]), unique=True)
    for _ in range(draw(st.integers(0, 12))):
        visitor = draw(st.sampled_from([None, *range(people), *range(people)]))
        program = draw(st.integers(0, 3)) == 0
        world.visit(visitor, *draw(accessed), program=program, times=draw(st.sampled_from([1, 2])))
    return world


def atoms(table: Counted, catalogue: Catalogue) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """People, trusted and marks of the atoms that are not empty."""
    found = {}
    for position in zip(*np.nonzero(table.people), strict=True):
        codes = zip(catalogue.dimensions, position, strict=True)
        atom = tuple(axis.leaves[leaf] for axis, leaf in codes)
        grids = (table.people, table.trusted, table.marks)
        found[atom] = tuple(int(grid[position]) for grid in grids)
    return found  # type: ignore[return-value]


def same_as_plain(outcome: Outcome, world: World, catalogue: Catalogue) -> None:
    plain = count(world, LIMIT)
    assert outcome.eligibility.people == plain.people
    assert outcome.eligibility.excluded == plain.people_excluded
    account = outcome.reach.account
    assert {"counted": account.counted, **account.excluded} == {"counted": 0, **plain.visits}
    assert account.read == len(world.visits)
    assert [table.key.subject_id for table in outcome.tables] == sorted(plain.reached)
    assert outcome.reach.tables == len(plain.reached)
    for table in outcome.tables:
        expected = {
            atom: (
                len(people),
                len(people & plain.trusted),
                sum(mark(SECRET.derive("mark"), person) for person in people) % 2**64,
            )
            for atom, people in plain.reached[table.key.subject_id].items()
        }
        assert atoms(table, catalogue) == expected


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(world=worlds())
def test_any_world_counts_as_plain_loops_count_it(
    world: World, home: Home, engine: DuckDB, catalogue: Catalogue
) -> None:
    policy = Policy(bots=Bots(max_visits_per_day=LIMIT))
    outcome = work(world, home, engine, catalogue, policy)
    same_as_plain(outcome, world, catalogue)


def mixed_world(people: int = 300) -> World:
    """Enough people for several row orders, threads and atoms."""
    world = World()
    for name, targets in (("c2", ["31"]), ("c1", None), ("c3", ["61.71"])):
        world.campaign(name, targets)
    for person in range(people):
        age, region = 17 + person % 60, REGIONS[person % len(REGIONS)]
        gender = ("male", "female", "not_stated")[person % 3]
        world.person(person, age=age, region=region, gender=gender, account_days=person % 90)
        world.visit(person, *("c1", "c2", "c3")[: person % 4], times=1 + person % 3)
        if person % 11 == 0:
            world.request(person, "withdraw", -1)
    return world


def test_row_order_and_threads_do_not_change_a_byte(home: Home, tmp_path: Path) -> None:
    written = set()
    for shuffle, threads in ((None, 1), (1, 2), (2, 4)):
        with DuckDB(memory_megabytes=512, threads=threads, spill=None) as engine:
            mixed_world().write(home, shuffle=shuffle)
            find_eligible(engine, home, DAY, Policy(), SECRET)
            count_reach(engine, home, DAY)
        files = [home.working_file(stage, DAY) for stage in ("people", "excluded", "reach")]
        written.add(tuple(file.read_bytes() for file in files))
    assert len(written) == 1


def test_working_files_are_sorted(run: Run, home: Home) -> None:
    run(mixed_world(), shuffle=3)
    reach = pq.read_table(home.working_file("reach", DAY)).to_pylist()
    codes = [(row["subject_id"], row["gender"], row["age_band"], row["region"]) for row in reach]
    assert codes == sorted(set(codes))
    for stage in ("people", "excluded"):
        table = pq.read_table(home.working_file(stage, DAY))
        keys = table["person_key"].to_pylist()
        assert keys == sorted(set(keys))


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
        eligibility = find_eligible(engine, home, DAY, policy, SECRET)
        reach = count_reach(engine, home, DAY)
        return Outcome(eligibility, reach, load_counted(home, DAY, catalogue))

    generous, strict = outcome(visits), outcome(1_000)
    assert generous.reach.account.counted == visits
    assert generous.table("c1").people.sum() == 1
    assert strict.reach.account.excluded == {"too_many_visits": visits}
    assert strict.table("c1").people.sum() == 0


def test_one_person_many_campaigns(run: Run) -> None:
    world = World()
    names = [world.campaign(f"c{number}") for number in range(5)]
    world.person("ann")
    world.visit("ann", *names, times=3)
    outcome = run(world)
    assert [int(table.people.sum()) for table in outcome.tables] == [1] * 5
    assert outcome.reach.account.counted == 3


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
    world.visit("ann", "visited", "ended", "to come")
    outcome = run(world)
    subjects = [table.key.subject_id for table in outcome.tables]
    assert subjects == ["begins today", "ends today", "idle", "visited"]
    assert [int(table.people.sum()) for table in outcome.tables] == [0, 0, 0, 1]
    assert {table.people.shape for table in outcome.tables} == {catalogue.shape}


def test_no_campaign_and_no_row_at_all(run: Run) -> None:
    outcome = run(World())
    assert outcome.tables == ()
    assert (outcome.eligibility.account.read, outcome.reach.account.read) == (0, 0)


def test_marks_add_up_over_atoms(run: Run, home: Home) -> None:
    table = run(mixed_world()).table("c1")
    people = pq.read_table(home.working_file("people", DAY)).to_pylist()
    visitors = {row["person_key"] for row in mixed_world().visits if "c1" in row["campaign_ids"]}
    total = sum(row["mark"] for row in people if row["person_key"] in visitors)
    assert total > 2**64
    assert int(table.marks.sum()) == total % 2**64


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
    assert count_reach(engine, home, DAY).account.counted == 1
    assert count_reach(engine, other, DAY).account.excluded == {"erased": 1}


def test_visits_newer_than_eligibility_are_held_and_reach_stays(
    run: Run, home: Home, engine: DuckDB
) -> None:
    world = mixed_world()
    run(world)
    before = home.working_file("reach", DAY).read_bytes()
    world.visit("newcomer", "c1")
    world.write(home)
    with pytest.raises(Held, match="eligibility_outdated: 1 visits") as caught:
        count_reach(engine, home, DAY)
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
    with pytest.raises(Held, match="1 atoms whose gender") as caught:
        run(world)
    assert "of-ann" not in str(caught.value)


def test_reach_holds_no_key_of_a_person(run: Run, home: Home) -> None:
    run(mixed_world())
    assert pq.read_table(home.working_file("reach", DAY)).column_names == [
        *("subject_id", "gender", "age_band", "region", "people", "trusted", "marks"),
    ]
