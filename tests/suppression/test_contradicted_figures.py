"""Figures whose witnesses contradict promise 8 are suppressed until none is left that does."""

from types import SimpleNamespace

import numpy as np
from scipy import sparse

from anonymizer.model.proofs import Witnesses
from anonymizer.suppression.constraints import Candidates
from anonymizer.suppression.differences import StepBounds
from anonymizer.suppression.suppression import _suppress_contradicted

# Three groups, judged in this order; the first class is in all of them.
GROUPS = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]])
STEPS = StepBounds(least=10, most=14)


def published(figures, *starts):
    """Which groups stay published, each judged on its own, with these first tables."""
    count = len(figures)
    known = SimpleNamespace(
        matrix=sparse.csr_array(GROUPS), firsts=np.arange(count), row_of=np.arange(count)
    )
    people = np.array(figures, dtype=np.int64)
    candidates = Candidates(
        np.arange(count, dtype=np.int32),
        people,
        people - 9,
        people + 9,
        np.zeros(count, dtype=bool),
        np.full(count, -1),
    )
    none = sparse.csr_array((0, GROUPS.shape[1]), dtype=np.int64)
    witnesses = Witnesses(
        np.zeros(0, dtype=np.int32), np.array(starts), np.zeros(0, dtype=np.int32), none
    )
    kept = np.ones(count, dtype=bool)
    _suppress_contradicted(known, candidates, kept, witnesses, STEPS)
    return kept.tolist()


FAR = (60, 40, 30, 20)  # no two groups differ by fewer than 10 people
FIRST_TWO_NEAR = (60, 4, 4, 20)
LAST_TWO_NEAR = (60, 40, 4, 4)


def test_what_no_witness_contradicts_stays():
    assert published((100, 80, 70), FAR) == [True, True, True]


def test_the_later_of_two_figures_that_differ_too_little_is_suppressed():
    assert published((100, 80, 70), FAR, FIRST_TWO_NEAR) == [True, False, True]


def test_equal_figures_may_be_of_near_groups():
    assert published((100, 70, 70), LAST_TWO_NEAR) == [True, True, True]


def test_a_suppressed_group_is_no_longer_near_to_one_with_its_figure():
    """Whichever table comes first: readers of a figure know that it is not that of the other."""
    for starts in ((LAST_TWO_NEAR, FIRST_TWO_NEAR), (FIRST_TWO_NEAR, LAST_TWO_NEAR)):
        assert published((100, 70, 70), *starts) == [True, False, False]
