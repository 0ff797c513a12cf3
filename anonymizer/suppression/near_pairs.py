"""Which groups are near: an equality join of sketches, complete for every pair within the step.

Two sets that differ by fewer people than there are blocks agree in one block at least. Where
somebody is in that block, its key finds the pair. Where all blocks in which two sets agree are
empty, both have many empty blocks, and such groups are compared with each other one by one.
"""

from collections.abc import Iterable, Iterator
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
    joins = [_of_sparse(left, right, shape.blocks - most, least)]
    joins += [_equal_keys(left.keys[:, n], right.keys[:, n]) for n in range(shape.blocks)]
    pairs = np.concatenate([_close(left, right, codes, most, least) for codes in joins])
    pairs.sort()
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    rows, columns = pairs // width, pairs % width
    return Pairs(rows, columns, _differing(left, right, rows, columns))


def _close(
    left: Sketches, right: Sketches, codes: Iterable[NDArray[np.intp]], most: int, least: int
) -> NDArray[np.intp]:
    """Those of some pairs that differ by at most `most`, and of which one group has `least`."""
    kept = [np.zeros(0, dtype=np.intp)]
    for some in codes:
        rows, columns = np.divmod(some, max(len(right), 1))
        people, others = left.people[rows], right.people[columns]
        near = (np.maximum(people, others) >= least) & (np.abs(people - others) <= most)
        rows, columns, some = rows[near], columns[near], some[near]
        kept.append(some[_differing(left, right, rows, columns) <= most])
    return np.concatenate(kept)


def _equal_keys(
    left: NDArray[np.uint32], right: NDArray[np.uint32]
) -> Iterator[NDArray[np.intp]]:
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
    for begin in range(0, len(columns), suppression_limits.PAIRS_AT_ONCE):
        some = slice(begin, begin + suppression_limits.PAIRS_AT_ONCE)
        yield order[positions[some]] * max(len(right), 1) + columns[some]


def _of_sparse(
    left: Sketches, right: Sketches, empty: int, least: int
) -> Iterator[NDArray[np.intp]]:
    """Pairs of groups with so many empty blocks in common that they may agree in these alone."""
    without, others = left.keys == 0, right.keys == 0
    columns = np.flatnonzero(others.sum(axis=1) >= empty)
    large = columns[right.people[columns] >= least]
    for rows, beside in (
        (np.flatnonzero(left.people >= least), columns),
        (np.flatnonzero(left.people < least), large),
    ):
        some = rows[without[rows].sum(axis=1) >= empty]
        facing = others[beside].T.astype(np.float32)
        at_once = 1 + suppression_limits.PAIRS_AT_ONCE // max(1, len(beside))
        for begin in range(0, len(some), at_once):
            part = some[begin : begin + at_once]
            row, column = np.nonzero(without[part].astype(np.float32) @ facing >= empty)
            yield part[row] * max(len(right), 1) + beside[column]


def _differing(
    left: Sketches, right: Sketches, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.int64]:
    """By how many people pairs differ at least."""
    parts = [np.zeros(0, dtype=np.int64)]
    for begin in range(0, len(rows), suppression_limits.PAIRS_AT_ONCE):
        some = slice(begin, begin + suppression_limits.PAIRS_AT_ONCE)
        one, other = rows[some], columns[some]
        sizes = np.abs(left.people[one] - right.people[other])
        buckets = np.count_nonzero(left.fine[one] != right.fine[other], axis=1)
        parts.append(np.maximum(buckets, sizes))
    return np.concatenate(parts)
