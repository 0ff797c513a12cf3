"""One person's presence is counted a bounded number of times, whatever an advertiser sets up."""

from collections import Counter

import pytest
from plain_reach import lowest
from small_world import Outcome, Run, World, key, work

from anonymizer.counting.reach import load_overlaps
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy, PolicyPromise
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import INTEREST_WEEK
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home

COPIES = ("c1", "c2", "c3", "c4")


def at_most(campaigns: int) -> Policy:
    return Policy(promise=PolicyPromise(campaigns_per_person=campaigns))


def copies(*people: str, advertisers: str = "aaaa") -> World:
    """Four campaigns, and people who access all of them."""
    world = World()
    for name, advertiser in zip(COPIES, advertisers, strict=True):
        world.campaign(name, advertiser_id=advertiser)
    for who in people:
        world.person(who)
        world.visit_each(who, *COPIES)
    return world


def counted(outcome: Outcome) -> set[str]:
    return {campaign for campaign, people in outcome.people().items() if people}


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
def test_a_person_counts_in_so_many_campaigns_of_an_advertiser(most: int, run: Run) -> None:
    outcome = run(copies("ann"), policy=at_most(most))
    assert counted(outcome) == lowest(key("ann"), set(COPIES), most)
    assert len(counted(outcome)) == min(most, 4)
    dropped = max(4 - most, 0)
    assert outcome.reach.account.counted == 4 - dropped
    assert outcome.reach.account.excluded == ({"contribution_bound": dropped} if dropped else {})


def test_two_are_the_default(run: Run) -> None:
    assert len(counted(run(copies("ann")))) == 2


def test_the_bound_is_of_each_advertiser_alone(run: Run) -> None:
    assert counted(run(copies("ann", advertisers="abab"))) == set(COPIES)
    outcome = run(copies("ann", advertisers="abbb"))
    assert counted(outcome) == {"c1"} | lowest(key("ann"), {"c2", "c3", "c4"}, 2)
    one_each = run(copies("ann", advertisers="abab"), policy=at_most(1))
    assert counted(one_each) == {
        *lowest(key("ann"), {"c1", "c3"}, 1),
        *lowest(key("ann"), {"c2", "c4"}, 1),
    }


def test_the_secret_spreads_people_over_the_campaigns(run: Run) -> None:
    people = [f"p{number}" for number in range(400)]
    found = run(copies(*people)).people()
    assert sum(found.values()) == 800
    assert all(150 <= number <= 250 for number in found.values())
    expected = Counter(c for who in people for c in lowest(key(who), set(COPIES), 2))
    assert found == expected


def test_every_visit_to_a_campaign_beyond_the_bound_is_told_as_such(run: Run) -> None:
    world = copies("ann")
    beyond = set(COPIES) - lowest(key("ann"), set(COPIES), 2)
    for campaign in beyond:
        world.visit("ann", campaign, times=5)
    outcome = run(world)
    assert outcome.reach.account.excluded == {"contribution_bound": 12}
    assert outcome.reach.account.counted == 2


def test_a_programs_visit_beyond_the_bound_is_told_as_a_programs(run: Run) -> None:
    world = copies("ann")
    for campaign in COPIES:
        world.visit("ann", campaign, program=True)
    account = run(world).reach.account
    assert account.excluded == {"contribution_bound": 2, "program": 4}


def test_targets_come_before_the_bound(run: Run) -> None:
    """A campaign in which a person does not count anyway takes no place of another."""
    world = World()
    for name, targets in zip(COPIES, (["61"], None, ["31"], ["61.71"]), strict=True):
        world.campaign(name, targets)
    world.person("ann")
    world.visit_each("ann", *COPIES)
    outcome = run(world)
    assert counted(outcome) == {"c2", "c3"}
    assert outcome.reach.account.excluded == {"outside_target": 2}


def test_eligibility_comes_before_the_bound(run: Run) -> None:
    world = copies("ann", "ben")
    world.request("ann", "withdraw", -1)
    outcome = run(world)
    assert outcome.reach.account.excluded == {"withdrawn": 4, "contribution_bound": 2}
    assert sum(outcome.people().values()) == 2


@pytest.mark.parametrize(
    ("region", "tie", "campaign"),
    [
        ("31.71", ("java", "jakarta", "all"), "java"),
        ("31.71", ("jakarta", "java", "all"), "jakarta"),
        ("32.73", ("jakarta", "java", "all"), "java"),
        ("61.71", ("jakarta", "java", "all"), "all"),
        ("61.71", ("jakarta", "java"), None),
        ("not_stated", ("java", "all"), "all"),
        ("31.71", ("gone", "jakarta"), "jakarta"),
    ],
)
def test_a_visit_to_a_tie_counts_for_the_first_that_targets_the_region(
    region: str, tie: tuple[str, ...], campaign: str | None, run: Run
) -> None:
    world = World()
    for name, targets in (("jakarta", ["31"]), ("java", ["31", "32"]), ("all", None)):
        world.campaign(name, targets, advertiser_id=f"of-{name}")
    world.person("ann", region=region)
    world.visit("ann", *tie)
    outcome = run(world)
    assert counted(outcome) == ({campaign} if campaign else set())
    assert outcome.reach.account.excluded == ({} if campaign else {"outside_target": 1})


def test_targets_of_a_tie_split_people_and_count_nobody_twice(run: Run) -> None:
    """Copies of one link, aimed at different regions, have nobody in common."""
    world = World()
    targets = (["31.71"], ["31"], ["32", "31"], None)
    for name, aimed_at in zip(COPIES, targets, strict=True):
        world.campaign(name, aimed_at, advertiser_id=f"of-{name}")
    regions = ("31.71", "31.72", "32.73", "61.71", "not_stated")
    for person in range(50):
        world.person(person, region=regions[person % 5])
        world.visit(person, *COPIES, times=3)
    outcome = run(world)
    assert outcome.people() == {"c1": 10, "c2": 10, "c3": 10, "c4": 20}
    assert outcome.overlaps == {}
    assert outcome.reach.account.counted == 150


def test_overlaps_count_people_that_both_campaigns_count(run: Run) -> None:
    world = World()
    for name, advertiser in zip(COPIES, "abcd", strict=True):
        world.campaign(name, ["31"] if name == "c2" else None, advertiser_id=advertiser)
    for who, region, campaigns in (
        ("ann", "31.71", ("c1", "c2", "c3")),
        ("ben", "31.71", ("c1", "c3")),
        ("eve", "61.71", ("c1", "c2")),  # outside the target of c2
        ("kim", "31.71", ("c4",)),
    ):
        world.person(who, region=region)
        world.visit_each(who, *campaigns, times=2)
    world.person("lou", age=12)
    world.visit_each("lou", *COPIES)
    assert run(world).overlaps == {("c1", "c2"): 1, ("c1", "c3"): 2, ("c2", "c3"): 1}


def test_overlaps_are_of_campaigns_only(home: Home) -> None:
    with pytest.raises(ValueError, match="interest-week has no overlaps"):
        load_overlaps(home, INTEREST_WEEK, Period.from_id("2026-W47"))


def test_the_choice_does_not_depend_on_row_order(
    home: Home, engine: DuckDB, catalogue: Catalogue
) -> None:
    world = copies(*(f"p{number}" for number in range(40)))
    found = [
        work(world, home, engine, catalogue, shuffle=shuffle).tables for shuffle in (None, 1, 2)
    ]
    totals = [[table.hashes.totals.tolist() for table in tables] for tables in found]
    assert totals[0] == totals[1] == totals[2]
