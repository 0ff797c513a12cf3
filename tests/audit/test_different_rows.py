"""Rows read as numbers are told apart and sorted as `numpy.unique` does it row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anonymizer.audit.linked_tables import different, different_rows
from anonymizer.feasible import different_rows as finder

SHAPES = st.tuples(st.integers(0, 40), st.integers(1, 90))
FEW = SHAPES.flatmap(lambda shape: arrays(np.int64, shape, elements=st.integers(-1, 3)))
MANY = SHAPES.flatmap(lambda shape: arrays(np.int64, shape, elements=st.integers(-1, 2**31)))


@given(st.one_of(FEW, MANY))
def test_the_finder_finds_the_different_rows_in_order(rows):
    expected, of_row = np.unique(rows, axis=0, return_inverse=True)
    found, which = finder.different_rows(rows)
    assert found.tolist() == expected.tolist()
    assert which.tolist() == of_row.ravel().tolist()


@given(st.one_of(FEW, MANY))
def test_the_checker_tells_rows_apart_as_they_are(rows):
    first, which = different([*rows.T])
    assert rows[first][which].tolist() == rows.tolist()
    assert len(first) == len(np.unique(rows, axis=0))


@given(SHAPES.flatmap(lambda shape: arrays(np.bool_, shape)))
def test_the_checker_tells_flags_apart_as_they_are(flags):
    first, which = different_rows(flags)
    assert flags[first][which].tolist() == flags.tolist()
    assert len(first) == len(np.unique(flags, axis=0))


@pytest.mark.parametrize("columns", [65, 1_000])
def test_more_digits_than_a_number_has_are_compared_in_turn(columns):
    rows = np.zeros((3, columns), dtype=np.int64)
    rows[1, 0], rows[2, -1] = 1, 1
    found, which = finder.different_rows(rows)
    assert found.tolist() == rows[[0, 2, 1]].tolist()
    assert which.tolist() == [0, 2, 1]
    assert different([*rows.T])[1].tolist() == [0, 2, 1]
