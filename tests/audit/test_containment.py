"""Which cells and segments lie in which segments, against sets of cells."""

import numpy as np
import pytest
from small_worlds import membership, random_world

from anonymizer.feasible.totals import largest_segments, segment_totals, segments_inside


@pytest.fixture(params=range(0, 60, 3))
def world(request):
    """A catalogue with overlapping groups, its segments as sets of cells, some at random."""
    catalogue = random_world(request.param).catalogue
    random = np.random.default_rng(request.param)
    some = np.flatnonzero(random.random(len(catalogue)) < 0.5).astype(np.int32)
    sets = [frozenset(np.flatnonzero(row).tolist()) for row in membership(catalogue)]
    return catalogue, sets, some


def test_cells_of_each_segment_are_counted(world):
    catalogue, sets, _ = world
    cells = np.random.default_rng(1).random(catalogue.shape) < 0.5
    marked = set(np.flatnonzero(cells).tolist())
    assert segment_totals(catalogue, cells.astype(int)).tolist() == [
        len(own & marked) for own in sets
    ]


def test_segments_inside_each_segment_are_counted(world):
    catalogue, sets, some = world
    inside = [sum(sets[row] <= own for row in some.tolist()) for own in sets]
    assert segments_inside(catalogue, some).tolist() == inside


def test_the_largest_segments_lie_in_no_other(world):
    catalogue, sets, some = world
    largest = [
        row for row in some.tolist() if not any(sets[row] < sets[other] for other in some.tolist())
    ]
    assert largest_segments(catalogue, some).tolist() == largest
