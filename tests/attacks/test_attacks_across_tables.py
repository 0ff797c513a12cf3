"""Every attack works where its defence is missing, and fails against promises 1, 8 and 10.

A sample of the worlds of `benchmarks/attacks.py`. An attack fails if the interval of its
advantage on held-out worlds reaches down to what is allowed; `test_advantage.py` shows what such a
sample finds out. Seeds are fixed, so results are the same on every run.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from advantage import Advantage
from attack_list import ACCOMPLICES, ATTACKS, AVERAGING, COMPARING, CORRECTING, PROMISED, WORKS
from cases import Scenario
from comparing import larger_set_smaller_figure, two_loads, week_and_day
from measuring import DEFENCES, measured, seed_of
from numpy.typing import NDArray
from plain_sets import sets_of
from publishers import segments_of
from worlds import bounded, releases

from anonymizer.model.policy import Promise
from anonymizer.storage.secret import KEY_BYTES, Secret

PROMISE = Promise()
WORLDS = 20
FEW_WORLDS = 10  # where a world has many tables
# Where an attack is weaker than WORKS without its defence: enough to tell it from PROMISED.
MORE_WORLDS, MANY_WORLDS = 50, 200
CLEAR = 0.40
PROMISES = {**COMPARING, **CORRECTING, **AVERAGING, **ACCOMPLICES}
KEPT = [name for name, attack in PROMISES.items() if attack.remains is None]
BENCHMARK_ONLY = "G9 halves over 32 days"  # 64 large tables in each world
LEFT = [
    name
    for name, attack in ATTACKS.items()
    if attack.remains is not None and name != BENCHMARK_ONLY
]
CERTAIN = [name for name in LEFT if (ATTACKS[name].remains or 0) >= WORKS]
WORKING = [
    pytest.param(name, marks=() if attack.undefended >= WORKS else pytest.mark.slow)
    for name, attack in ATTACKS.items()
    if attack.works_against
]


def sample(name: str, defence: str, worlds: int) -> Advantage:
    return measured(ATTACKS[name], DEFENCES[defence], worlds, seed_of(name, 1))


def worlds_for(name: str) -> int:
    return FEW_WORLDS if name in AVERAGING or "days" in name else WORLDS


def worlds_without_defence(name: str) -> int:
    undefended = ATTACKS[name].undefended
    if undefended >= WORKS:
        return worlds_for(name)
    return MORE_WORLDS if undefended >= CLEAR else MANY_WORLDS


@pytest.mark.parametrize("name", WORKING)
def test_attack_works_where_its_defence_is_missing(name: str) -> None:
    attack = ATTACKS[name]
    result = sample(name, str(attack.works_against), worlds_without_defence(name))
    assert result.best.advantage >= attack.undefended
    assert result.at_least > PROMISED, "the sample would not show that the promise is broken"


@pytest.mark.parametrize("name", KEPT)
def test_attack_fails_against_near_sets_and_bounded_contributions(name: str) -> None:
    result = sample(name, "sharing", worlds_for(name))
    allowed = PROMISES[name].allowed
    assert allowed is not None
    assert result.at_least <= allowed


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRECTING)
def test_attack_over_a_correction_fails_against_the_product(name: str) -> None:
    """With its own near sets and secondary suppression; a few worlds."""
    assert sample(name, "product", FEW_WORLDS).at_least <= PROMISED


@pytest.mark.alternate("what attacks across tables leave")
@pytest.mark.parametrize("name", LEFT)
def test_no_more_remains_than_is_stated(name: str) -> None:
    remains = ATTACKS[name].remains
    assert remains is not None
    assert sample(name, "sharing", worlds_for(name)).at_least <= remains


@pytest.mark.alternate("what attacks across tables leave")
@pytest.mark.parametrize("name", CERTAIN)
def test_a_limit_that_is_stated_is_there(name: str) -> None:
    """Old accomplices and many days: should this fail, the threat model states too much."""
    assert sample(name, "sharing", FEW_WORLDS).at_least > PROMISED


@pytest.mark.alternate("what attacks across tables leave")
@pytest.mark.parametrize("scenario", [larger_set_smaller_figure, two_loads, week_and_day])
def test_no_group_that_holds_another_has_the_smaller_figure(scenario: Scenario) -> None:
    """G7, for all pairs of groups of two tables, not only for those of one segment."""
    found = {"unprotected": 0, "sharing": 0}
    for number in range(4):
        draw = np.random.default_rng([7, number])
        case, secret = scenario(draw), Secret(draw.bytes(KEY_BYTES))
        counted = [t for tables in releases(case.present, bounded(PROMISE), secret) for t in tables]
        people = [sets_of(table, PROMISE.k) for table in counted]
        for defence in found:
            published = DEFENCES[defence].publisher(PROMISE, secret).release(counted)
            found[defence] += inversions(people, [segments_of(figures) for figures in published])
    assert found["sharing"] == 0
    assert found["unprotected"] > 0


def inversions(
    people: Sequence[Mapping[int, frozenset[int]]], outcomes: Sequence[NDArray[np.int64]]
) -> int:
    """Pairs of published groups of which one holds the other and has the smaller figure."""
    groups = [
        (group, int(figures[segment]))
        for sets, figures in zip(people, outcomes, strict=True)
        for segment, group in sets.items()
        if figures[segment]
    ]
    return sum(
        larger < smaller and inner < outer for inner, smaller in groups for outer, larger in groups
    )
