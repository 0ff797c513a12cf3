"""Sums over groups: from the grid of atoms to every segment, and back."""

from functools import reduce
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.segments import Catalogue

T = TypeVar("T", bound=np.generic)


def segment_totals(catalogue: Catalogue, grid: NDArray[T]) -> NDArray[T]:
    """The sum of the grid over each segment's atoms, in the grid's own arithmetic.

    int64 counts stay exact; uint64 marks wrap around modulo 2^64, as marks shall.
    """
    cube = reduce(
        lambda partial, axis: _contract(catalogue.dimensions[axis].membership, partial, axis),
        range(grid.ndim),
        grid,
    )
    totals: NDArray[T] = cube[tuple(catalogue.cells.T)]
    return totals


def atom_totals(
    catalogue: Catalogue, segments: NDArray[np.int32], values: NDArray[T]
) -> NDArray[T]:
    """The sum, for each atom, of the values of those `segments` that contain it."""
    cube = np.zeros([len(axis.groups) for axis in catalogue.dimensions], dtype=values.dtype)
    cube[tuple(catalogue.cells[segments].T)] = values
    return reduce(
        lambda partial, axis: _contract(catalogue.dimensions[axis].membership.T, partial, axis),
        range(cube.ndim),
        cube,
    )


def _contract(matrix: NDArray[np.bool_], grid: NDArray[T], axis: int) -> NDArray[T]:
    """`matrix` applied along one axis. Sparse: a leaf is in a handful of groups."""
    turned = np.moveaxis(grid, axis, 0)
    flat = np.ascontiguousarray(turned.reshape(turned.shape[0], -1))
    product = sparse.csr_array(matrix).astype(grid.dtype) @ flat
    return np.moveaxis(product.reshape(-1, *turned.shape[1:]), 0, axis)
