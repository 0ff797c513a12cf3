"""Who counts in the worlds: against a plain recount, and the bound by its properties."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from population import NEW_ACCOUNT, Crowd, catalogue, cell_weights, leaves_of, region_of
from segment_sums import hashes_by_segment, people_by_segment, segments_of_cell
from worlds import (
    MONTH,
    WEEK,
    Campaign,
    Census,
    Rules,
    Visit,
    World,
    bounded,
    day,
    releases,
    unbounded,
)

from anonymizer.feasible.totals import segment_totals
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.storage.secret import Secret

SECRET = Secret(b"attacks on tables of visitors 32")
NAMES = ("a", "b", "c", "d", "e")
UNBOUND = Rules(30, True, None)
EVERYTHING = (day(0), day(1), WEEK, MONTH)


@st.composite
def worlds(drawn: st.DrawFn) -> World:
    """A few people who visit pages of five campaigns of two advertisers, on two days."""
    draw = np.random.default_rng(drawn(st.integers(0, 2**32)))
    crowd = Crowd(draw)
    old = crowd.strangers(15)
    crowd.in_cell(crowd.cell_of(old[0]), 5, NEW_ACCOUNT)
    targets = [None, *(draw.random(catalogue().shape[2]) < 1 / 2 for _ in range(4))]
    campaigns = tuple(
        Campaign(name, "one" if name < "d" else "two", target)
        for name, target in zip(NAMES, targets, strict=True)
    )
    visits = tuple(_visit(draw) for _ in range(drawn(st.integers(1, 12))))
    absent = {WEEK: draw.choice(20, 2, replace=False)}
    cells = crowd.cells()
    moved = {MONTH: np.roll(cells, 1)}
    return World(crowd.population(), campaigns, visits, EVERYTHING, absent, moved)


def _visit(draw: np.random.Generator) -> Visit:
    names = [str(name) for name in draw.permutation(NAMES)]
    tags = tuple(names[: draw.integers(3)])
    links = ((names[2],), (names[3], names[4]), (names[0],))[draw.integers(3) :]
    people = draw.choice(20, draw.integers(1, 15), replace=False)
    is_late = bool(draw.random() < 1 / 4)
    return Visit(people, day(int(draw.integers(2))).start, tags, links, late=is_late)


def plain_count(world: World, period: Period, rules: Rules) -> dict[str, set[int]]:
    """Person by person and visit by visit; without the bound."""
    counted: dict[str, set[int]] = defaultdict(set)
    for visit in world.visits:
        if not period.start <= visit.day <= period.end:
            continue
        if visit.late and period.kind == "day":
            continue
        for person in visit.people.tolist():
            if world.population.account_days[person] < rules.min_account_days:
                continue
            if person in world.excluded.get(period, ()):
                continue
            region = int(world.cells(period)[person]) % catalogue().shape[2]
            for name in plain_campaigns(world, visit, region, rules):
                counted[name].add(person)
    return counted


def plain_campaigns(world: World, visit: Visit, region: int, rules: Rules) -> Iterator[str]:
    targets = {campaign.id: campaign.targets for campaign in world.campaigns}

    def is_target(name: str) -> bool:
        regions = targets[name]
        return regions is None or bool(regions[region])

    tied = [visit.tags[0]] if visit.tags else list(visit.links[0])
    if rules.one_campaign_per_visit:
        yield from [name for name in tied if is_target(name)][:1]
    else:
        every = {*visit.tags, *(name for names in visit.links for name in names)}
        yield from (name for name in every if is_target(name))


def members(tables: tuple[Census, ...]) -> dict[str, set[int]]:
    return {table.key.subject_id: set(table.members.tolist()) for table in tables}


@pytest.mark.parametrize("rules", [UNBOUND, unbounded(Promise())], ids=["rules", "no rules"])
@given(world=worlds())
def test_without_the_bound_a_plain_recount_agrees(rules: Rules, world: World) -> None:
    for period, tables in zip(EVERYTHING, releases(world, rules, SECRET), strict=True):
        expected = plain_count(world, period, rules)
        assert members(tables) == {name: expected[name] for name in NAMES}


@given(world=worlds())
def test_a_person_counts_in_as_many_campaigns_of_an_advertiser_as_the_bound_allows(
    world: World,
) -> None:
    rules = bounded(Promise())
    chosen: dict[tuple[int, frozenset[str]], set[str]] = {}
    for period, tables in zip(EVERYTHING, releases(world, rules, SECRET), strict=True):
        reached, counted = plain_count(world, period, UNBOUND), members(tables)
        for own in (NAMES[:3], NAMES[3:]):
            for person in range(20):
                possible = frozenset(name for name in own if person in reached[name])
                kept = {name for name in own if person in counted[name]}
                assert kept <= possible
                assert len(kept) == min(2, len(possible))
                # The same campaigns are kept of the same ones, whatever the period.
                assert chosen.setdefault((person, possible), kept) == kept


@given(world=worlds())
def test_tables_hold_the_cells_and_set_hashes_of_their_people(world: World) -> None:
    for period, tables in zip(EVERYTHING, releases(world, UNBOUND, SECRET), strict=True):
        for table in tables:
            totals: dict[tuple[int, int], int] = defaultdict(int)
            people: dict[int, int] = defaultdict(int)
            for person in table.members.tolist():
                cell = int(world.cells(period)[person])
                people[cell] += 1
                totals[cell, int(world.population.buckets[person])] += int(
                    world.population.marks[person]
                )
            assert {c: int(table.people.ravel()[c]) for c in people} == people
            assert table.people.sum() == len(table.members)
            hashes = table.hashes
            found = zip(
                zip(hashes.cells.tolist(), hashes.buckets.tolist(), strict=True),
                hashes.totals.tolist(),
                strict=True,
            )
            assert dict(found) == {position: total % 2**64 for position, total in totals.items()}


def test_segments_add_up_as_the_catalogue_says() -> None:
    crowd = Crowd(np.random.default_rng(3))
    public = crowd.strangers(300)
    world = World(
        crowd.population(), (Campaign("a"),), (Visit(public, day(0).start, ("a",)),), (day(0),)
    )
    ((table,),) = releases(world, UNBOUND, SECRET)
    assert np.array_equal(people_by_segment(table), segment_totals(catalogue(), table.people))
    marks = np.zeros(table.people.size, dtype=np.uint64)
    np.add.at(marks, world.population.cells, world.population.marks)
    totals = segment_totals(catalogue(), marks.reshape(table.people.shape))
    assert np.array_equal(hashes_by_segment(table), totals)
    cell = int(world.population.cells[0])
    leaves = np.unravel_index(cell, table.people.shape)
    for segment in np.flatnonzero(segments_of_cell(cell)).tolist():
        groups = catalogue().groups(segment)
        assert all(leaf in group.leaves for leaf, group in zip(leaves, groups, strict=True))


def test_people_are_drawn_as_the_reference_data_say() -> None:
    people = Crowd(np.random.default_rng(4)).strangers
    crowd = Crowd(np.random.default_rng(4))
    crowd.strangers(40_000)
    cells = crowd.cells()
    gender, band, region = np.unravel_index(cells, catalogue().shape)
    assert len(people(10)) == 10
    # 18 % of the country lives in West Java; 2 % state no gender, 2 % no region.
    assert abs(leaves_of("32")[region].mean() - 0.178 * 0.98) < 0.01
    assert abs((gender == 2).mean() - 0.02) < 0.005
    assert abs((region == catalogue().shape[2] - 1).mean() - 0.02) < 0.005
    assert (np.bincount(band, minlength=13) > 0).all()
    assert cell_weights().sum() == pytest.approx(1.0)
    only = Crowd(np.random.default_rng(4))
    only.strangers(500, leaves_of("31"))
    assert leaves_of("31")[region_of(only.cells())].all()
