"""Sums over groups, however many segments there are: from atoms to every segment, and back.

A segment is a group of each dimension, so each is one product of matrices for each dimension.
"""

from collections.abc import Sequence
from functools import reduce
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.model.segments import Catalogue

T = TypeVar("T", bound=np.generic)


def segment_totals(catalogue: Catalogue, grid: NDArray[T]) -> NDArray[T]:
    """The sum of the grid over each segment's atoms, in the grid's own arithmetic.

    int64 counts stay exact; uint64 marks wrap around modulo 2^64, as marks shall.
    """
    return _read(catalogue, grid, _members(catalogue))


def atom_totals(
    catalogue: Catalogue, segments: NDArray[np.int32], values: NDArray[T]
) -> NDArray[T]:
    """The sum, for each atom, of the values of those `segments` that contain it."""
    members = [sparse.csr_array(matrix.T) for matrix in _members(catalogue)]
    return _contracted(_placed(catalogue, segments, values), members)


def segments_inside(catalogue: Catalogue, segments: NDArray[np.integer]) -> NDArray[np.int64]:
    """Of each segment of the catalogue, how many of these (its rows) lie in it, itself included."""
    marked = _placed(catalogue, segments, np.ones(len(segments), dtype=np.int64))
    return _read(catalogue, marked, _nested(catalogue))


def largest_segments(catalogue: Catalogue, segments: NDArray[np.int32]) -> NDArray[np.int32]:
    """Those of the segments that lie in no larger one of them."""
    marked = _placed(catalogue, segments, np.ones(len(segments), dtype=np.int64))
    containing = [sparse.csr_array(inside.T) for inside in _nested(catalogue)]
    same = [inside.multiply(inside.T).tocsr() for inside in containing]
    holders, twins = (_read(catalogue, marked, parts) for parts in (containing, same))
    largest: NDArray[np.int32] = segments[(holders == twins)[segments]]
    return largest


def uncut_segments(
    catalogue: Catalogue, atoms: NDArray[np.intp], class_of: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The segments that hold all atoms of each class that they touch, and no atom without class.

    `class_of` is the class of each of the `atoms` (flat positions), or below 0. Random numbers that
    add up to zero over each class do so over these segments, over any other with probability 2^-64.
    """
    random = np.random.Generator(np.random.PCG64(search_limits.TOTALS_SEED))
    numbers = random.integers(1, 2**64, size=len(atoms), dtype=np.uint64)
    classes, firsts = np.unique(class_of, return_index=True)
    inside = class_of >= 0
    totals = np.zeros(int(classes.max(initial=-1)) + 1, dtype=np.uint64)
    np.add.at(totals, class_of[inside], numbers[inside])
    numbers[firsts[classes >= 0]] -= totals[classes[classes >= 0]]
    grid = np.zeros(np.prod(catalogue.shape), dtype=np.uint64)
    grid[atoms] = numbers
    return np.flatnonzero(segment_totals(catalogue, grid.reshape(catalogue.shape)) == 0)


def _members(catalogue: Catalogue) -> list[sparse.csr_array]:
    """Of each dimension (groups x leaves): whether a leaf is in a group."""
    matrices = []
    for axis in catalogue.dimensions:
        leaves, ends = axis.leaf_lists
        entries = np.ones(len(leaves), dtype=bool), leaves, ends
        matrices.append(sparse.csr_array(entries, shape=axis.membership.shape))
    return matrices


def _nested(catalogue: Catalogue) -> list[sparse.csr_array]:
    """Of each dimension (groups x groups): whether the second lies in the first."""
    outside = [  # as floating point, for which products of matrices are quick
        axis.membership.astype(float) @ (~axis.membership).T.astype(float)
        for axis in catalogue.dimensions
    ]
    return [sparse.csr_array((beyond == 0).T) for beyond in outside]


def _placed(catalogue: Catalogue, segments: NDArray[np.integer], values: NDArray[T]) -> NDArray[T]:
    """(group x group x ...): the values where the segments are."""
    cube = np.zeros([len(axis.groups) for axis in catalogue.dimensions], dtype=values.dtype)
    cube[tuple(catalogue.cells[segments].T)] = values
    return cube


def _read(catalogue: Catalogue, grid: NDArray[T], parts: Sequence[sparse.csr_array]) -> NDArray[T]:
    """Of each segment the sum over each dimension as its matrix (groups x what is summed) says."""
    totals: NDArray[T] = _contracted(grid, parts)[tuple(catalogue.cells.T)]
    return totals


def _contracted(grid: NDArray[T], parts: Sequence[sparse.csr_array]) -> NDArray[T]:
    return reduce(lambda total, axis: _contract(parts[axis], total, axis), range(grid.ndim), grid)


def _contract(matrix: sparse.csr_array, grid: NDArray[T], axis: int) -> NDArray[T]:
    """`matrix` applied along one axis. Sparse: a leaf is in a handful of groups."""
    turned = np.moveaxis(grid, axis, 0)
    flat = np.ascontiguousarray(turned.reshape(turned.shape[0], -1))
    product = matrix.astype(grid.dtype) @ flat
    return np.moveaxis(product.reshape(-1, *turned.shape[1:]), 0, axis)
