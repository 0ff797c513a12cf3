"""Sums of columns as witnesses: whole tables that fit, where no single column is one."""

import numpy as np
import pytest
from rationals import dot
from test_stepwise import crossed, indicator, publish_and_check

from anonymizer.feasible.work import Work
from anonymizer.suppression.aims import Aim
from anonymizer.suppression.combinations import Combinations
from anonymizer.suppression.moves import Elimination, MoveBasis
from anonymizer.suppression.stepwise import Stepwise

PLENTY = 10**6


def after_some_rows(random, shape, most, rows):
    """A basis on which some rows of a table with its margins are published, and what is left."""
    spare, margins, _ = crossed(random, shape, most)
    basis = MoveBasis(spare)
    published = margins[:rows]
    for row in published:
        balance = basis.balance(row)
        if balance:
            Elimination(basis, balance, random.choice(sorted(balance)), 1).commit()
    return basis, published, margins[rows:]


@pytest.mark.parametrize("shape", [(4, 5), (3, 3, 3)])
def test_a_sum_is_a_table_that_fits_and_reaches_its_aim(shape):
    """Judged by plain sums: nobody below zero, figures and the row unchanged, the aim changed."""
    random = np.random.default_rng(sum(shape))
    found = 0
    for rows in (2, 4, 6, 8, 10) * 12:
        basis, published, left = after_some_rows(random, shape, 3, rows)
        width, row, budget = len(basis.spare), left[0], Work(PLENTY)
        aim = Aim((int(random.integers(width)),), int(random.integers(3)))
        vector, balance = basis.balance(aim.classes), basis.balance(row)
        if not vector or not balance:
            continue
        move = Combinations(basis, budget).find(aim, vector, balance, sorted(balance))
        assert budget.left < Work(PLENTY).left
        if move is None:
            continue
        found += 1
        change = [move.get(place, 0) for place in range(width)]
        assert all(a + b >= 0 for a, b in zip(basis.spare, change, strict=True))
        assert not any(dot(change, indicator(kept, width)) for kept in [*published, row])
        reached = dot(change, indicator(aim.classes, width))
        assert reached >= aim.more if aim.more else reached
    assert found > 20


def test_nothing_is_looked_for_without_effort():
    """Two classes of three people each: one more here is one less there, if there is effort."""
    basis = MoveBasis([3, 3])
    aim, balance = Aim((0,), 1), {0: 1, 1: 1}
    assert Combinations(basis, Work(PLENTY)).find(aim, {0: 1}, balance, [0, 1]) == {0: 1, 1: -1}
    spent = Work(0)
    assert Combinations(basis, spent).exhausted
    assert Combinations(basis, spent).find(aim, {0: 1}, balance, [0, 1]) is None


def test_a_move_that_would_take_half_of_a_person_is_none():
    """One person more in the first class would take half of one from each of two others."""
    basis = MoveBasis([5, 5, 5])
    basis.columns, basis.through = {0: {0: 2, 1: -1, 2: -1}}, [{0}, {0}, {0}]
    combinations = Combinations(basis, Work(PLENTY))
    assert combinations.find(Aim((0,), 1), {0: 2}, {}, []) is None
    assert combinations.find(Aim((0,), 2), {0: 2}, {}, []) == {0: 2, 1: -1, 2: -1}


def test_sums_publish_what_columns_alone_would_suppress():
    """With every witness checked after every row; without sums the same rows are tried."""
    random = np.random.default_rng(11)
    with_sums = without = 0
    for _ in range(6):
        spare, rows, aims = crossed(random, (3, 4, 4), most=3)
        aims = [Aim(aim.classes, int(spare[aim.classes[0]] == 0)) for aim in aims]
        rows = [row for row in rows if len(row) > 1]
        stepwise = Stepwise(spare, rows, aims, Work(PLENTY))
        with_sums += sum(publish_and_check(stepwise, spare, rows, aims))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Combinations, "find", lambda *_: None)
            plain = Stepwise(spare, rows, aims, Work(PLENTY))
            without += sum(publish_and_check(plain, spare, rows, aims))
    assert with_sums > without
