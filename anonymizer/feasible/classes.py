"""Cells that lie in the same segments cannot be told apart by anybody: they are one class.

The cells of a class are found by random numbers: each segment has one, and the sum over the
segments around a cell stands for the set of them. The sums of two different sets are equal with
probability 2^-128: for any two of 10^5 cells, below 10^-28.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.totals import atom_totals, segment_totals
from anonymizer.model.segments import Catalogue

# Fixed, so that equal input gives equal bytes.


def classes_of(
    catalogue: Catalogue,
    segments: NDArray[np.int32],
    atoms: NDArray[np.intp],
    marked: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first atom of each class (a position in `atoms`, ascending), and the class of each atom.

    Atoms (flat positions) in no segment are a class as well. Where some are `marked` their classes
    are told apart from others.
    """
    random = _numbers()
    numbers = random.integers(1, 2**64, size=(2, len(catalogue)), dtype=np.uint64)
    grids = [atom_totals(catalogue, segments, half[segments]) for half in numbers]
    signatures = np.stack([grid.ravel()[atoms] for grid in grids])
    if marked is not None:
        signatures[:, marked] += random.integers(1, 2**64, size=(2, 1), dtype=np.uint64)
    return first_of_each(signatures)


def equal_segments(
    catalogue: Catalogue, segments: NDArray[np.int32], possible: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One segment (a position in `segments`) for each set of possible atoms; each one's set."""
    numbers = _numbers().integers(1, 2**64, size=(2, *catalogue.shape), dtype=np.uint64)
    halves = [segment_totals(catalogue, half * possible)[segments] for half in numbers]
    return first_of_each(np.stack(halves))


def first_of_each(signatures: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions where each signature stands first, ascending; which of these each one equals."""
    order = np.lexsort(signatures)  # stable: the first of a run of equals is the smallest
    ordered = signatures[:, order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    firsts = order[starts]
    rank = np.empty(len(firsts), dtype=np.intp)
    rank[np.argsort(firsts)] = np.arange(len(firsts))
    equals = np.empty(len(order), dtype=np.intp)
    equals[order] = rank[np.cumsum(starts) - 1]
    return np.sort(firsts), equals


def membership(
    catalogue: Catalogue, segments: NDArray[np.int32], atoms: NDArray[np.intp]
) -> sparse.csc_array:
    """Shape (segments, atoms): which of these segments contains which of these atoms."""
    published = np.full([len(axis.groups) for axis in catalogue.dimensions], -1, dtype=np.int64)
    published[tuple(catalogue.cells[segments].T)] = np.arange(len(segments))
    flat, width = published.ravel(), len(atoms)
    cubes = np.zeros((width, 1), dtype=np.int64)
    exists = np.ones((width, 1), dtype=bool)
    for axis, leaf in zip(
        catalogue.dimensions, np.unravel_index(atoms, catalogue.shape), strict=True
    ):
        groups = _groups_by_leaf(axis.membership)[leaf]
        # A table of which nothing is published has no atoms: reshape could not infer the length.
        shape = (width, cubes.shape[1] * groups.shape[1])
        cubes = (cubes[:, :, None] * len(axis.groups) + groups[:, None, :]).reshape(shape)
        exists = (exists[:, :, None] & (groups >= 0)[:, None, :]).reshape(shape)
    rows = np.where(exists, flat[np.where(exists, cubes, 0)], -1)
    columns, positions = np.nonzero(rows >= 0)
    ones = np.ones(len(columns), dtype=np.int64)
    shape = (len(segments), width)
    return sparse.csc_array((ones, (rows[columns, positions], columns)), shape=shape)


def _groups_by_leaf(membership: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Shape (leaves, most groups of a leaf): the groups of each leaf, padded with -1."""
    leaves, groups = np.nonzero(membership.T)
    counts = np.bincount(leaves, minlength=membership.shape[1])
    padded = np.full((membership.shape[1], max(1, int(counts.max(initial=0)))), -1, dtype=np.int64)
    within = np.arange(len(leaves)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded[leaves, within] = groups
    return padded


def _numbers() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(search_limits.CLASSES_SEED))
