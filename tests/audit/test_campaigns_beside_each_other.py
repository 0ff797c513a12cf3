"""Campaigns that share nobody, taken together off one that they lie in."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from joined_worlds import CATALOGUE, enumerated, key, rounded_table, shown
from linked_worlds import links_among, links_of
from small_worlds import catalogue_of, dimension, promise

from anonymizer.audit import linked_checker
from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.cover_differences import complement_differences
from anonymizer.audit.history.join import Containment, Join
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.related_releases import joins_of
from anonymizer.audit.linked_checker import check_linked
from anonymizer.model.policy import Promise

EXACT, ROUNDED = Promise(rounding=1), Promise()
PLACES = catalogue_of([dimension("r", ["a", "b", "c", "d", "e", "f"])])


def campaigns(rules, everybody, *aimed):
    """One that is aimed at everybody, and in it with as many people one aimed at a, one at b, ...

    The latter share nobody.
    """
    names = [f"c{number}" for number in range(1, len(aimed) + 1)]
    tables = [shown("c0", {"all": everybody}, rules, catalogue=PLACES)]
    for number, (name, people) in enumerate(zip(names, aimed, strict=True)):
        tables.append(
            shown(name, {"all": people}, rules, catalogue=PLACES, possible=np.arange(6) == number,
                  inside=frozenset({"c0"}), apart=frozenset(names) - {name})
        )  # fmt: skip
    return tables


def withheld(tables):
    left = withhold_joined(joins_of(tables, ()), tables, 10)
    assert check_linked(links_among(left.tables), left.proofs, 10) == ()
    if left.figures:
        assert check_linked(links_among(tables), left.proofs, 10)
    return left.figures, [finding.explanation for finding in left.findings]


@pytest.fixture(params=["as one", "figure by figure"])
def way(request, monkeypatch):
    if request.param == "figure by figure":
        monkeypatch.setattr(linking_limits, "FIGURES_AS_ONE", 0)
        monkeypatch.setattr(linked_checker, "_MOST_FIGURES", 0)
    return request.param


@pytest.mark.parametrize(
    ("rules", "everybody", "aimed", "arithmetic"),
    [
        (EXACT, 500, (300, 195), "500 - 300 - 195 = 5"),
        (EXACT, 409, (100, 100, 100, 100), "409 - 100 - 100 - 100 - 100 = 9"),
        (ROUNDED, 180, (100, 100), "189 - 91 - 91 = 7"),
    ],
)
def test_the_rest_of_a_campaign_is_found(rules, everybody, aimed, arithmetic, way):
    figures, texts = withheld(campaigns(rules, everybody, *aimed))
    assert figures == 1
    assert arithmetic in texts[0]


def test_a_rest_that_may_be_large_enough_costs_nothing(way):
    assert withheld(campaigns(EXACT, 505, 300, 195)) == (0, [])
    assert withheld(campaigns(ROUNDED, 190, 100, 100)) == (0, [])


def test_that_nobody_is_left_over_is_found(way):
    assert withheld(campaigns(EXACT, 360, 60, 60, 60, 60, 60, 60))[0] == 1


def test_who_shares_nobody_follows_from_the_data_not_from_the_aims(way):
    """Halves of everybody, by a tag: they add up."""
    outer, *halves = campaigns(EXACT, 500, 300, 195)
    everywhere = [replace(half, possible=outer.possible) for half in halves]
    assert "500 - 300 - 195 = 5" in withheld([outer, *everywhere])[1][0]
    sharing = [replace(half, apart=frozenset()) for half in everywhere]
    assert withheld([outer, *sharing]) == (0, [])


def test_campaigns_aimed_at_the_same_regions_may_be_the_same_people(way):
    outer, one, _ = campaigns(EXACT, 500, 300, 195)
    one = replace(one, apart=frozenset())
    other = replace(one, figures=replace(one.figures, key=key("c2"), people=np.array([195])))
    assert withheld([outer, one, other]) == (0, [])


def test_campaigns_that_share_somebody_are_not_added_up(way):
    """a and b, b and c: whoever is in b may be in both; d has nobody in common with them."""
    outer, *_ = campaigns(EXACT, 500)
    inner = [
        shown(name, {"all": people}, EXACT, catalogue=PLACES, inside=frozenset({"c0"}),
              possible=np.isin(np.arange(6), aim), apart=frozenset(apart))
        for name, people, aim, apart in (
            ("ab", 300, [0, 1], {"d"}), ("bc", 195, [1, 2], {"d"}), ("d", 60, [3], {"ab", "bc"})
        )
    ]  # fmt: skip
    assert withheld([outer, *inner]) == (0, [])


def test_figures_at_odds_are_read_as_shared(way):
    """100 and 100 of 180 at most: one figure is shared, and many may be in none of the two."""
    wide = ROUNDED.error_of((ROUNDED.rounding,))
    tables = [replace(table, error=wide) for table in campaigns(ROUNDED, 160, 100, 100)]
    assert withheld(tables) == (0, [])
    assert withheld(campaigns(ROUNDED, 160, 100, 100))[0] > 0


def random_campaigns(seed):
    """An outer campaign and two inside of it that share nobody, at times by their aims."""
    rng = np.random.default_rng(seed)
    rounding = int(rng.choice([1, 2, 3]))
    rules = promise(max(2, rounding), int(rng.integers(1, 3)), rounding)
    grids = [np.ones((2, 2), bool)] * 3
    if seed % 3:
        grids[1:] = np.array([[1, 1], [0, 0]], bool), np.array([[0, 0], [1, 0]], bool)
    chance = rng.choice([0.3, 0.6, 0.9])
    inside = [rng.poisson(1.2, 4) * grid.ravel() for grid in grids[1:]]
    truths = [sum(inside) + rng.poisson(0.5, 4), *inside]
    tables = tuple(
        rounded_table(rng, f"t{number}", truth, rules, chance, grid)
        for number, (truth, grid) in enumerate(zip(truths, grids, strict=True))
    )
    outer, one, other = tables
    one, other = replace(one, apart=frozenset({"t2"})), replace(other, apart=frozenset({"t1"}))
    within = tuple(Containment(table.key, outer.key) for table in (one, other))
    return Join((outer, one, other), within), rules.inference_floor


def is_broken(join, floor):
    """By all whole-number tables that fit: may every table and every rest be large enough?"""
    tables = enumerated(join, floor)
    if tables is None:
        return None
    keep = (tables[1] + tables[2] <= tables[0]).all(axis=1)
    tables = [table[keep] for table in tables]
    if not len(tables[0]):
        return True
    totals = [*zip(tables, (t.possible.ravel() for t in join.tables), strict=True)]
    totals += [(tables[0] - inner, np.ones(4, bool)) for inner in tables[1:]]
    totals += [(tables[0] - tables[1] - tables[2], np.ones(4, bool))]
    return any((people.max(axis=0)[where] < floor).any() for people, where in totals)


@pytest.mark.slow
def test_random_campaigns_agree_with_enumeration():
    counted = Counter()
    for seed in range(150):
        join, floor = random_campaigns(seed)
        broken = is_broken(join, floor)
        counted[broken] += 1
        if broken is None:
            continue
        assert join.tables[0].catalogue is CATALOGUE
        left = withhold_joined([join], join.tables, floor)
        links = links_of(left.tables, join.containments)
        assert check_linked(links, left.proofs, floor) == (), seed
        if left.figures:
            before = links_of(join.tables, join.containments)
            assert check_linked(before, left.proofs, floor), seed
        assert bool(left.findings) == broken, seed
        assert broken or not list(complement_differences(join, floor)), seed
        after = Join(left.tables, join.containments)
        assert is_broken(after, floor) in (False, None), seed
        assert not list(complement_differences(after, floor)), seed
    assert min(counted[True], counted[False]) > 20, counted
    assert counted[None] < 75, counted
