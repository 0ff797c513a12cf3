"""Two or three figures that leave too few people are found, all of them and no others."""

import itertools

import numpy as np
import pytest
from rotation import cases
from scipy import sparse
from small_tables import EFFORT, SECRET, counted, dimension, full_catalogue, promise

from anonymizer.feasible.programs import Programs
from anonymizer.feasible.system import System
from anonymizer.suppression import suppression_limits
from anonymizer.suppression.remainders import NO_REMAINDERS, small_remainders
from anonymizer.suppression.single_table import suppress_alone

GENDERS = full_catalogue(
    dimension("gender", ["men", "women", "not_stated"], {}),
    dimension("area", ["north", "south"], {}),
)
STATED = [[20, 300], [20, 350], [0, 90]]


def random_system(seed):
    """Up to eight groups of up to six classes, with figures around a table."""
    random = np.random.default_rng(seed)
    classes = int(random.integers(2, 7))
    groups = np.unique(random.integers(0, 2, (8, classes)), axis=0)
    groups = groups[groups.any(axis=1)].astype(np.int64)
    people = groups @ random.integers(0, 12, classes)
    slack = random.integers(0, 6, (2, len(groups)))
    return System(people - slack[0], people + slack[1], sparse.csr_array(groups))


def every_remainder(system, figures, level):
    groups = [frozenset(np.flatnonzero(row)) for row in system.members.toarray()[:figures]]
    for outer in range(figures):
        inside = [n for n in range(figures) if groups[n] < groups[outer]]
        sums = [(n, n) for n in inside] + [
            (a, b)
            for a, b in itertools.combinations(inside, 2)
            if not groups[a] & groups[b] and groups[a] | groups[b] != groups[outer]
        ]
        for parts in sums:
            taken = sum(max(0, int(system.lowest[n])) for n in set(parts))
            if system.highest[outer] - taken < level:
                yield outer, frozenset(parts)


@pytest.mark.parametrize("seed", cases(range(600), 200))
def test_remainders_are_those_that_a_plain_search_finds(seed):
    system = random_system(seed)
    figures, level = max(1, system.figures - seed % 2), 1 + seed % 10
    found = small_remainders(system, figures, level).rows.tolist()
    plain = [(outer, frozenset(parts)) for outer, *parts in found]
    assert len(set(plain)) == len(plain)
    assert set(plain) == set(every_remainder(system, figures, level))


def test_random_systems_have_remainders_of_both_kinds():
    systems = [random_system(seed) for seed in range(100)]
    found = [small_remainders(system, system.figures, 5).rows for system in systems]
    single = np.concatenate([rows[:, 1] == rows[:, 2] for rows in found])
    assert single.any()
    assert not single.all()


def test_men_and_women_of_a_group_of_which_hardly_anybody_states_none_need_no_program(monkeypatch):
    """Of the north: 20 men, 20 women, at most 49 people. One of these figures has to go."""
    monkeypatch.delattr(Programs, "decide")
    published = names_of(suppress_alone(*table_and_rules()))
    assert not {"all:north", "men:north", "women:north"} <= published
    assert {"all:all", "all:south", "men:south", "women:south"} <= published


def test_what_leaves_too_few_people_is_not_tried_again(monkeypatch):
    tried = []
    honest = Programs.decide
    monkeypatch.setattr(
        Programs, "decide", lambda self, wanted: tried.append(wanted) or honest(self, wanted)
    )
    first = suppress_alone(*table_and_rules())
    assert tried == []
    monkeypatch.setattr(suppression_limits, "OVERLAPS", 0)
    second = suppress_alone(*table_and_rules())
    assert tried
    assert names_of(first) == names_of(second)


def test_a_system_that_is_too_large_is_left_to_the_proofs(monkeypatch):
    system = random_system(1)
    monkeypatch.setattr(suppression_limits, "OVERLAPS", 0)
    assert small_remainders(system, system.figures, 100) is NO_REMAINDERS


def table_and_rules():
    return counted(STATED), GENDERS, promise(20, 10, 10), SECRET, EFFORT


def names_of(result):
    return {GENDERS.id(segment) for segment in result.figures.segments.tolist()}


def test_of_too_many_pairs_none_is_looked_at(monkeypatch):
    """Forty figures of one person in one of three: any two of them leave one."""
    groups = np.vstack([np.eye(40, dtype=np.int64), np.ones((1, 40), dtype=np.int64)])
    people = np.append(np.ones(40, dtype=np.int64), 3)
    system = System(people, people, sparse.csr_array(groups))
    assert len(small_remainders(system, 41, 2).rows) == 40 * 39 / 2
    monkeypatch.setattr(suppression_limits, "OVERLAPS", 200)
    assert len(small_remainders(system, 41, 2).rows) == 0
