"""Campaigns aimed at different regions, taken together off one that they lie in."""

from collections import Counter

import numpy as np
import pytest
from joined_worlds import CATALOGUE, enumerated, rounded_table, shown
from small_worlds import catalogue_of, dimension, promise

from anonymizer.audit.history import withholding
from anonymizer.audit.history.join import Containment, Join
from anonymizer.audit.history.related import joins_of
from anonymizer.audit.history.rests import short_rests
from anonymizer.audit.history.withholding import withhold_joined
from anonymizer.policy import Promise

EXACT, ROUNDED = Promise(rounding=1), Promise()
PLACES = catalogue_of([dimension("r", ["a", "b", "c", "d", "e", "f"])])


def campaigns(rules, everybody, *aimed, equal=True):
    """One that is aimed at everybody, and with as many people one aimed at a, one at b, ..."""
    names = [f"c{number}" for number in range(len(aimed) + 1)]
    outer = shown("c0", {"all": everybody}, rules, catalogue=PLACES,
                  inside=frozenset(names[1:] if equal else ()))  # fmt: skip
    tables = [outer]
    for number, people in enumerate(aimed):
        only = np.arange(6) == number
        others = frozenset(names if equal else ["c0"]) - {names[number + 1]}
        tables.append(
            shown(names[number + 1], {"all": people}, rules, catalogue=PLACES,
                  possible=only, inside=others)
        )  # fmt: skip
    return tables


def withheld(tables):
    left = withhold_joined(joins_of(tables, ()), tables, 10)
    return left.figures, [finding.explanation for finding in left.findings]


@pytest.fixture(params=["as one", "figure by figure"])
def way(request, monkeypatch):
    if request.param == "figure by figure":
        monkeypatch.setattr(withholding, "_MOST_AS_ONE", 0)
    return request.param


@pytest.mark.parametrize(
    ("rules", "everybody", "aimed", "arithmetic"),
    [
        (EXACT, 500, (300, 195), "500 - 300 - 195 = 5"),
        (EXACT, 409, (100, 100, 100, 100), "409 - 100 - 100 - 100 - 100 = 9"),
        (ROUNDED, 180, (100, 100), "189 - 91 - 91 = 7"),
    ],
)
@pytest.mark.parametrize("equal", [True, False])
def test_the_rest_of_a_campaign_is_found(rules, everybody, aimed, arithmetic, equal, way):
    figures, texts = withheld(campaigns(rules, everybody, *aimed, equal=equal))
    assert figures == 1
    assert arithmetic in texts[0]


def test_a_rest_that_may_be_large_enough_costs_nothing(way):
    assert withheld(campaigns(EXACT, 505, 300, 195)) == (0, [])
    assert withheld(campaigns(ROUNDED, 190, 100, 100)) == (0, [])


def test_that_nobody_is_elsewhere_is_known_anyway(way):
    """All regions have a campaign of the same link: that nobody is left over tells nothing."""
    assert withheld(campaigns(EXACT, 360, 60, 60, 60, 60, 60, 60)) == (0, [])
    assert withheld(campaigns(EXACT, 360, 60, 60, 60, 60, 60, 60, equal=False))[0] == 1


def test_campaigns_aimed_at_the_same_regions_may_be_the_same_people(way):
    outer, one, _ = campaigns(EXACT, 500, 300, 195, equal=False)
    other = shown("c2", {"all": 195}, EXACT, catalogue=PLACES,
                  possible=one.possible, inside=frozenset({"c0"}))  # fmt: skip
    assert withheld([outer, one, other]) == (0, [])


def test_campaigns_with_a_region_in_common_are_not_added_up(way):
    """a and b, b and c: whoever is in b may be in both; d has nobody in common with them."""
    outer, *_ = campaigns(EXACT, 500)
    inner = [
        shown(name, {"all": people}, EXACT, catalogue=PLACES,
              possible=np.isin(np.arange(6), aim), inside=frozenset({"c0"}))
        for name, people, aim in (("ab", 300, [0, 1]), ("bc", 195, [1, 2]), ("d", 60, [3]))
    ]  # fmt: skip
    assert withheld([outer, *inner]) == (0, [])


def random_campaigns(seed):
    """An outer campaign and one inside of it for men, one for young women."""
    rng = np.random.default_rng(seed)
    rounding = int(rng.choice([1, 2, 3]))
    rules = promise(max(2, rounding), int(rng.integers(1, 3)), rounding)
    grids = [np.ones((2, 2), bool), np.array([[1, 1], [0, 0]], bool),
             np.array([[0, 0], [1, 0]], bool)]  # fmt: skip
    chance = rng.choice([0.3, 0.6, 0.9])
    inside = [rng.poisson(1.2, 4) * grid.ravel() for grid in grids[1:]]
    truths = [sum(inside) + rng.poisson(0.5, 4), *inside]
    tables = tuple(
        rounded_table(rng, f"t{number}", truth, rules, chance, grid)
        for number, (truth, grid) in enumerate(zip(truths, grids, strict=True))
    )
    within = tuple(Containment(table.key, tables[0].key) for table in tables[1:])
    return Join(tables, within), rules.inference_floor


def is_broken(join, floor):
    """By all whole-number tables that fit: may every table and every rest be large enough?"""
    tables = enumerated(join, floor)
    if tables is None:
        return None
    if not len(tables[0]):
        return True
    sums = [*zip(tables, (t.possible.ravel() for t in join.tables), strict=True)]
    sums += [(tables[0] - inner, np.ones(4, bool)) for inner in tables[1:]]
    return any((people.max(axis=0)[where] < floor).any() for people, where in sums)


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
        assert bool(left.findings) == broken, seed
        assert broken or not list(short_rests(join, floor)), seed
        after = Join(left.tables, join.containments)
        assert is_broken(after, floor) in (False, None), seed
        assert not list(short_rests(after, floor)), seed
    assert min(counted[True], counted[False]) > 20, counted
    assert counted[None] < 75, counted
