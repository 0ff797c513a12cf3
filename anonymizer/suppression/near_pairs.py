"""Which groups are near: an equality join of sketches, complete for every pair within the step.

Two sets that differ by fewer people than there are blocks agree in one block at least. Where
somebody is in that block, its key finds the pair. Where all blocks in which two sets agree are
empty, both have many empty blocks; such groups are joined by halves of blocks in the same way, and
so on down to single buckets. What has too few people even for these is compared one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.proofs import Sketches
from anonymizer.suppression import suppression_limits

Positions = tuple[NDArray[np.intp], NDArray[np.intp]]
Key = TypeVar("Key", bound=np.unsignedinteger)
_OF_WIDTH = {1: np.uint8, 2: np.uint16}


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
    parts = [
        _close(left, right, *pair, most, least) for pair in _candidates(left, right, most, least)
    ]
    pairs = np.concatenate([np.zeros(0, dtype=np.intp), *parts])
    pairs.sort()
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    rows, columns = np.divmod(pairs, max(len(right), 1))
    return Pairs(rows, columns, _differing(left, right, rows, columns))


def _candidates(left: Sketches, right: Sketches, most: int, least: int) -> Iterator[Positions]:
    """Every pair that differs by at most `most`, and others; some of them repeatedly."""
    width = left.shape.buckets // left.shape.blocks
    rows, columns = np.arange(len(left)), np.arange(len(right))
    keys, others = left.keys, right.keys
    while True:
        for part, other in zip(keys.T, others.T, strict=True):
            for row, column in _equal_keys(part, other):
                yield rows[row], columns[column]
        # Who agrees only where nobody is has so many parts without anybody.
        empty = keys.shape[1] - most
        rows = rows[(keys == 0).sum(axis=1) >= empty]
        columns = columns[(others == 0).sum(axis=1) >= empty]
        if width == 1 or not len(rows) or not len(columns):
            break
        width //= 2
        keys, others = (
            np.ascontiguousarray(fine).view(_OF_WIDTH[width])
            for fine in (left.fine[rows], right.fine[columns])
        )
    of_size = left.people[rows] >= least
    large = columns[right.people[columns] >= least]
    for some, compared in ((rows[of_size], columns), (rows[~of_size], large)):
        at_once = 1 + suppression_limits.PAIRS_AT_ONCE // max(1, len(compared))
        for begin in range(0, len(some), at_once):
            part = some[begin : begin + at_once]
            yield np.repeat(part, len(compared)), np.tile(compared, len(part))


def _close(
    left: Sketches,
    right: Sketches,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    most: int,
    least: int,
) -> NDArray[np.intp]:
    """As row * len(right) + column, those that differ by at most `most`, one of `least` people."""
    people, others = left.people[rows], right.people[columns]
    near = (np.maximum(people, others) >= least) & (np.abs(people - others) <= most)
    rows, columns = rows[near], columns[near]
    near = _differing(left, right, rows, columns) <= most
    pairs: NDArray[np.intp] = rows[near] * max(len(right), 1) + columns[near]
    return pairs


def _equal_keys(left: NDArray[Key], right: NDArray[Key]) -> Iterator[Positions]:
    """Pairs with the same key; nobody's key, 0, matches nothing."""
    order = np.argsort(left, kind="stable")
    ordered = left[order]
    filtered = min(8 * left.itemsize, suppression_limits.FILTER_BITS, 5 + len(left).bit_length())
    unused = 8 * left.itemsize - filtered
    present = np.zeros(1 << filtered, dtype=bool)
    present[ordered >> unused] = True
    candidates = np.flatnonzero(present[right >> unused] & (right != 0))
    first = np.searchsorted(ordered, right[candidates], "left")
    last = np.searchsorted(ordered, right[candidates], "right")
    runs = last - first
    columns = np.repeat(candidates, runs)
    positions = np.repeat(first - np.cumsum(runs) + runs, runs) + np.arange(runs.sum())
    for begin in range(0, len(columns), suppression_limits.PAIRS_AT_ONCE):
        some = slice(begin, begin + suppression_limits.PAIRS_AT_ONCE)
        yield order[positions[some]], columns[some]


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
