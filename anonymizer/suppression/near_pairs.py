"""Which groups are near: an equality join of sketches, complete for every pair within the step.

Two sets that differ by fewer people than there are blocks agree in one block at least. Where
somebody is in that block, its key finds the pair. Where all blocks in which two sets agree are
empty, both have many empty blocks; such groups are joined by halves of blocks in the same way, and
so on down to single buckets. What has too few people even for these is compared one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.proofs import Sketches
from anonymizer.suppression import suppression_limits

Positions = tuple[NDArray[np.intp], NDArray[np.intp]]
_OF_WIDTH = {1: np.uint8, 2: np.uint16}


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows of two lists of sketches, and by how many people each differs at least.

    That is the number of buckets in which they differ, or their difference in size if it is larger.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    differing: NDArray[np.int64]


class GroupIndex:
    """Groups whose keys are sorted once, to be compared with those of many releases.

    Near ones differ by at most `most` people. Pairs of two groups of fewer than `least` people are
    passed over: neither can be published. Raises ValueError where the blocks do not cover `most`.
    """

    def __init__(self, sketches: Sketches, most: int, least: int) -> None:
        if most >= sketches.shape.blocks:
            raise ValueError("a step that the blocks do not cover")
        self._sketches, self._most, self._least = sketches, most, least
        every = np.arange(len(sketches))
        self._levels = tuple(_IndexedLevel(level) for level in _levels(sketches, most, every))

    def near(self, others: Sketches, waiting: NDArray[np.bool_] | None = None) -> Pairs:
        """All near pairs of a group, of those that are `waiting`, and one of `others`.

        Ordered by group and other one. The others have the same shape.
        """
        own = self._sketches
        if own.shape != others.shape:
            raise ValueError("sketches of different shapes")
        on = np.ones(len(own), dtype=bool) if waiting is None else waiting
        large = others.people >= self._least
        parts = [
            _close(own, others, rows, columns, self._most)
            for some, compared in ((on, large), (on & (own.people >= self._least), ~large))
            for rows, columns in self._candidates(some, others, np.flatnonzero(compared))
        ]
        pairs = np.concatenate([np.zeros(0, dtype=np.intp), *parts])
        pairs.sort()
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        rows, columns = np.divmod(pairs, max(len(others), 1))
        return Pairs(rows, columns, _differing(own, others, rows, columns))

    def _candidates(
        self, some: NDArray[np.bool_], others: Sketches, columns: NDArray[np.intp]
    ) -> Iterator[Positions]:
        """Every near pair of one of `some` groups and one of the `columns`, and other pairs."""
        for own, level in zip(self._levels, _levels(others, self._most, columns), strict=False):
            for index, keys in zip(own.indexes, level.keys.T, strict=False):  # one may end first
                for found, other in index.equal(keys):
                    rows = own.rows[found]
                    on = some[rows]
                    yield rows[on], level.rows[other[on]]
            if not level.keys.shape[1]:
                yield from _products(own.rows[some[own.rows]], level.rows)


def _products(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Iterator[Positions]:
    at_once = 1 + suppression_limits.PAIRS_AT_ONCE // max(1, len(columns))
    for begin in range(0, len(rows), at_once):
        part = rows[begin : begin + at_once]
        yield np.repeat(part, len(columns)), np.tile(columns, len(part))


def near_pairs(left: Sketches, right: Sketches, most: int, least: int) -> Pairs:
    """All pairs of two lists that differ by at most `most`, as `GroupIndex.near` gives them."""
    return GroupIndex(left, most, least).near(right)


@dataclass(frozen=True)
class _Level:
    """Rows of sketches and their keys (rows x parts) where sets are divided into so many parts."""

    rows: NDArray[np.intp]
    keys: NDArray[Any]


class _IndexedLevel:
    def __init__(self, level: _Level) -> None:
        self.rows = level.rows
        self.indexes = [_KeyIndex(keys) for keys in level.keys.T]


def _levels(sketches: Sketches, most: int, rows: NDArray[np.intp]) -> Iterator[_Level]:
    """Keys of some rows: of blocks, of halves of blocks, so on to buckets, and at last none at all.

    Who agrees only where nobody is has so many parts without anybody; the next level has these.
    """
    width = sketches.shape.buckets // sketches.shape.blocks
    keys = sketches.keys[rows]
    while True:
        yield _Level(rows, keys)
        on = (keys == 0).sum(axis=1) >= keys.shape[1] - most
        rows = rows[on]
        if width == 1 or not len(rows):
            break
        width //= 2
        keys = np.ascontiguousarray(sketches.fine[rows]).view(_OF_WIDTH[width])
    yield _Level(rows, keys[:0, :0])


class _KeyIndex:
    """The keys of one part, sorted, and which first bits occur in them. Nobody's key, 0, matches
    nothing.
    """

    def __init__(self, keys: NDArray[Any]) -> None:
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._ordered = keys[self._order]
        bits = 8 * keys.itemsize
        filtered = min(bits, suppression_limits.FILTER_BITS, 5 + len(keys).bit_length())
        self._unused = bits - filtered
        self._present = np.zeros(1 << filtered, dtype=bool)
        self._present[self._ordered >> self._unused] = True

    def equal(self, keys: NDArray[Any]) -> Iterator[Positions]:
        """Positions here and there with the same key."""
        if not len(self._ordered):
            return
        candidates = np.flatnonzero(self._present[keys >> self._unused] & (keys != 0))
        first = np.searchsorted(self._ordered, keys[candidates])
        equal = self._ordered.take(first, mode="clip") == keys[candidates]
        candidates, first = candidates[equal], first[equal]
        runs = np.searchsorted(self._ordered, keys[candidates], "right") - first
        others = np.repeat(candidates, runs)
        positions = np.repeat(first - np.cumsum(runs) + runs, runs) + np.arange(runs.sum())
        for begin in range(0, len(others), suppression_limits.PAIRS_AT_ONCE):
            some = slice(begin, begin + suppression_limits.PAIRS_AT_ONCE)
            yield self._order[positions[some]], others[some]


def _close(
    left: Sketches,
    right: Sketches,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    most: int,
) -> NDArray[np.intp]:
    """As row * len(right) + column, those that differ by at most `most`."""
    near = np.abs(left.people[rows] - right.people[columns]) <= most
    rows, columns = rows[near], columns[near]
    near = _differing(left, right, rows, columns) <= most
    pairs: NDArray[np.intp] = rows[near] * max(len(right), 1) + columns[near]
    return pairs


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
