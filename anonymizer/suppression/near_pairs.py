"""Which groups are near: an equality join of sketches, complete for every pair within the step.

Two sets that differ by fewer people than there are blocks agree in one block at least. Where
somebody is in that block, its key finds the pair. Where all blocks in which two sets agree are
empty, both have many empty blocks, and such groups are compared with each other one by one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.proofs import Sketches
from anonymizer.suppression import suppression_limits


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows of two lists of sketches, and by how many people each differs at least.

    That is the number of buckets in which they differ, or their difference in size if it is larger.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    differing: NDArray[np.int64]


def near_pairs(left: Sketches, right: Sketches, most: int, least: int) -> Pairs:
    """All pairs that differ by at most `most`, ordered by left and right row, but for pairs of two
    groups of fewer than `least` people: neither can be published.

    Both lists have one shape, with more blocks than `most`.
    """
    shape = left.shape
    if shape != right.shape or most >= shape.blocks:
        raise ValueError("sketches of different shapes, or a step that the blocks do not cover")
    width = max(len(right), 1)
    by_key = (_equal_keys(left.keys[:, n], right.keys[:, n]) for n in range(shape.blocks))
    found = [_of_sparse(left, right, shape.blocks - most, least), *by_key]
    pairs = np.unique(np.concatenate(found))
    rows, columns = pairs // width, pairs % width
    differing = np.maximum(
        _differing(left.fine, right.fine, rows, columns),
        np.abs(left.people[rows] - right.people[columns]),
    )
    large = (left.people[rows] >= least) | (right.people[columns] >= least)
    near = large & (differing <= most)
    return Pairs(rows[near], columns[near], differing[near])


def _equal_keys(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Pairs with the same key, as left * len(right) + right; nobody's key, 0, matches nothing."""
    order = np.argsort(left, kind="stable")
    ordered = left[order]
    present = np.zeros(1 << suppression_limits.FILTER_BITS, dtype=bool)
    present[ordered >> (32 - suppression_limits.FILTER_BITS)] = True
    candidates = np.flatnonzero(
        present[right >> (32 - suppression_limits.FILTER_BITS)] & (right != 0)
    )
    first = np.searchsorted(ordered, right[candidates], "left")
    last = np.searchsorted(ordered, right[candidates], "right")
    runs = last - first
    columns = np.repeat(candidates, runs)
    positions = np.repeat(first - np.cumsum(runs) + runs, runs) + np.arange(runs.sum())
    pairs: NDArray[np.intp] = order[positions] * max(len(right), 1) + columns
    return pairs


def _of_sparse(left: Sketches, right: Sketches, empty: int, least: int) -> NDArray[np.intp]:
    """Pairs of groups with so many empty blocks that they may agree in empty ones alone."""
    rows = np.flatnonzero((left.keys == 0).sum(axis=1) >= empty)
    columns = np.flatnonzero((right.keys == 0).sum(axis=1) >= empty)
    large_rows, small_rows = _by_size(left, rows, least)
    large_columns, _ = _by_size(right, columns, least)
    width = max(len(right), 1)
    return np.concatenate(
        [
            (large_rows[:, None] * width + columns[None, :]).ravel(),
            (small_rows[:, None] * width + large_columns[None, :]).ravel(),
        ]
    )


def _by_size(
    groups: Sketches, rows: NDArray[np.intp], least: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    large = groups.people[rows] >= least
    return rows[large], rows[~large]


def _differing(
    left: NDArray[np.uint8],
    right: NDArray[np.uint8],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> NDArray[np.int64]:
    parts = [np.zeros(0, dtype=np.int64)]
    for begin in range(0, len(rows), suppression_limits.PAIRS_AT_ONCE):
        some = slice(begin, begin + suppression_limits.PAIRS_AT_ONCE)
        parts.append(np.count_nonzero(left[rows[some]] != right[columns[some]], axis=1))
    return np.concatenate(parts)
