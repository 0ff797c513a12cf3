"""Sums of columns as witnesses: whole tables that fit, where no single column is one."""

import numpy as np
import pytest
from rationals import dot
from test_stepwise_publication import crossed, indicator, publish_and_check

from anonymizer.feasible.work import Work
from anonymizer.suppression.column_witnesses import ExactTarget
from anonymizer.suppression.combinations import Combinations
from anonymizer.suppression.null_space import Elimination, NullSpaceBasis
from anonymizer.suppression.stepwise_publication import StepwisePublication

PLENTY = 10**6


def after_some_rows(random, shape, most, rows):
    """A basis on which some rows of a table with its margins are published, and what is left."""
    spare, margins, _ = crossed(random, shape, most)
    basis = NullSpaceBasis(spare)
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
        target = ExactTarget((int(random.integers(width)),), int(random.integers(3)))
        vector, balance = basis.balance(target.classes), basis.balance(row)
        if not vector or not balance:
            continue
        move = Combinations(basis, budget).find(target, vector, balance, sorted(balance))
        assert budget.left < Work(PLENTY).left
        if move is None:
            continue
        found += 1
        change = [move.get(position, 0) for position in range(width)]
        assert all(a + b >= 0 for a, b in zip(basis.spare, change, strict=True))
        assert not any(dot(change, indicator(kept, width)) for kept in [*published, row])
        reached = dot(change, indicator(target.classes, width))
        assert reached >= target.more if target.more else reached
    assert found > 20


def test_nothing_is_looked_for_without_effort():
    """Two classes of three people each: one more here is one less there, if there is effort."""
    basis = NullSpaceBasis([3, 3])
    target, balance = ExactTarget((0,), 1), {0: 1, 1: 1}
    assert Combinations(basis, Work(PLENTY)).find(target, {0: 1}, balance, [0, 1]) == {0: 1, 1: -1}
    spent = Work(0)
    assert Combinations(basis, spent).exhausted
    assert Combinations(basis, spent).find(target, {0: 1}, balance, [0, 1]) is None


def test_a_move_that_would_take_half_of_a_person_is_none():
    """One person more in the first class would take half of one from each of two others."""
    basis = NullSpaceBasis([5, 5, 5])
    basis.columns, basis.through = {0: {0: 2, 1: -1, 2: -1}}, [{0}, {0}, {0}]
    combinations = Combinations(basis, Work(PLENTY))
    assert combinations.find(ExactTarget((0,), 1), {0: 2}, {}, []) is None
    assert combinations.find(ExactTarget((0,), 2), {0: 2}, {}, []) == {0: 2, 1: -1, 2: -1}


@pytest.mark.slow
def test_sums_publish_what_columns_alone_would_suppress():
    """With every witness checked after every row; without sums the same rows are tried."""
    random = np.random.default_rng(11)
    with_sums = without = 0
    for _ in range(6):
        spare, rows, targets = crossed(random, (3, 4, 4), most=3)
        targets = [
            ExactTarget(target.classes, int(spare[target.classes[0]] == 0)) for target in targets
        ]
        rows = [row for row in rows if len(row) > 1]
        stepwise = StepwisePublication(spare, rows, targets, Work(PLENTY))
        with_sums += sum(publish_and_check(stepwise, spare, rows, targets))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Combinations, "find", lambda *_: None)
            plain = StepwisePublication(spare, rows, targets, Work(PLENTY))
            without += sum(publish_and_check(plain, spare, rows, targets))
    assert with_sums > without
