"""Sums over all segments of a catalogue at once, and which segments lie in others.

A segment is a group of each dimension, so both are one product of matrices for each dimension,
however many segments there are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anonymizer.segments import Catalogue

Flags = NDArray[np.bool_]


def cells_in_segments(catalogue: Catalogue, cells: Flags) -> NDArray[np.int64]:
    """Of each segment of the catalogue, how many of these cells (its shape) it has."""
    members = [axis.membership for axis in catalogue.dimensions]
    return _read(catalogue, _summed(cells, members))


def segments_inside(catalogue: Catalogue, segments: NDArray[np.integer]) -> NDArray[np.int64]:
    """Of each segment of the catalogue, how many of these (its rows) lie in it, itself included."""
    return _read(catalogue, _summed(_marked(catalogue, segments), _nested(catalogue)))


def largest_segments(catalogue: Catalogue, segments: NDArray[np.int32]) -> NDArray[np.int32]:
    """Those of the segments that lie in no larger one of them."""
    marked = _marked(catalogue, segments)
    around = [inside.T for inside in _nested(catalogue)]
    same = [inside & inside.T for inside in around]
    holders, twins = (_read(catalogue, _summed(marked, part)) for part in (around, same))
    largest: NDArray[np.int32] = segments[(holders == twins)[segments]]
    return largest


def _nested(catalogue: Catalogue) -> list[Flags]:
    """Of each dimension (groups x groups): whether the second lies in the first."""
    outside = [  # as floating point, for which products of matrices are quick
        axis.membership.astype(float) @ (~axis.membership).T.astype(float)
        for axis in catalogue.dimensions
    ]
    return [(beyond == 0).T for beyond in outside]


def _marked(catalogue: Catalogue, segments: NDArray[np.integer]) -> Flags:
    """(group x group x ...): where the segments are."""
    marked = np.zeros([len(axis.groups) for axis in catalogue.dimensions], dtype=bool)
    marked[tuple(catalogue.cells[segments].T)] = True
    return marked


def _summed(counts: Flags, parts: Sequence[Flags]) -> NDArray[np.float64]:
    """Sums over each dimension as its matrix (sums x what is summed) says."""
    total = counts.astype(float)
    for part in parts:
        # The first dimension goes to the end; after the last one all are in their places.
        total = np.tensordot(total, part.astype(float), axes=([0], [1]))
    return total


def _read(catalogue: Catalogue, counts: NDArray[np.float64]) -> NDArray[np.int64]:
    of_rows: NDArray[np.int64] = counts[tuple(catalogue.cells.T)].astype(np.int64)
    return of_rows
