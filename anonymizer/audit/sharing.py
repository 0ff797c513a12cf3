"""Which judged groups are near to one judged earlier, found out anew (promise 8)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.recount import Ints, spread
from anonymizer.policy import Promise
from anonymizer.proofs import NO_ONE, Representatives, Shape, Sketches

Draw = Callable[[str, str], int]
Pairs = tuple[Ints, Ints]

_AT_ONCE = 2**20  # pairs of groups, or of words, that are compared at once
_BLOCK_BITS = np.uint64(32)


@dataclass(frozen=True)
class Nearest:
    """For each group of a release: the outcome of an earlier representative, or its leader.

    Groups are numbered through all tables; `leader` is -1 where there is none. `rounding` is what
    an earlier outcome was rounded to, elsewhere what the release is.
    """

    earlier: Ints
    rounding: Ints
    leader: Ints


@dataclass(frozen=True)
class _Side:
    """Groups whose sketches are compared, and the table of each."""

    sketches: Sketches
    names: tuple[str, ...]
    table: NDArray[np.int32]


class _Ruler:
    """Says which pairs of groups are within the step of their pair of tables."""

    def __init__(self, promise: Promise, draw: Draw) -> None:
        self.promise = promise
        self._draw = draw
        self._drawn: dict[str, int] = {}

    def _jitters(self, sides: tuple[_Side, _Side], pairs: Pairs) -> Ints:
        """The keyed part of the step of the tables of each pair."""
        one, other = sides
        size = len(other.names)
        codes = one.table[pairs[0]].astype(np.int64) * size + other.table[pairs[1]]
        tables, places = np.unique(codes, return_inverse=True)
        drawn = [
            self._jitter(one.names[code // size], other.names[code % size])
            for code in tables.tolist()
        ]
        return np.array(drawn, dtype=np.int64)[places]

    def _jitter(self, *names: str) -> int:
        message = "|".join(sorted(names))
        if message not in self._drawn:
            self._drawn[message] = self._draw("near", message) % (self.promise.near_jitter + 1)
        return self._drawn[message]

    def worth(self, sides: "tuple[_Side, _Side]", pairs: Pairs) -> Pairs:
        """The pairs one of which at least has as many people as a figure needs."""
        one, other = (side.sketches.people[part] for side, part in zip(sides, pairs, strict=True))
        large = (one >= self.promise.k) | (other >= self.promise.k)
        return pairs[0][large], pairs[1][large]

    def within(self, sides: tuple[_Side, _Side], pairs: Pairs, step: int) -> Pairs:
        """The pairs that differ in fewer buckets, and in size by less, than `step` and a jitter."""
        pairs = self.worth(sides, pairs)
        shape = sides[0].sketches.shape
        distance = np.zeros(len(pairs[0]), dtype=np.int64)
        for first in range(0, len(distance), _AT_ONCE // shape.buckets):
            part = slice(first, first + _AT_ONCE // shape.buckets)
            some = [(s.sketches, p[part]) for s, p in zip(sides, pairs, strict=True)]
            one, other = (sketches.fine[rows] for sketches, rows in some)
            buckets = np.bitwise_count((one != other).view(np.uint64)).sum(axis=1)
            sizes = some[0][0].people[some[0][1]] - some[1][0].people[some[1][1]]
            distance[part] = np.maximum(buckets, np.abs(sizes))
        near = distance < min(step, shape.blocks)
        most = min(step + self.promise.near_jitter, shape.blocks)
        unsure = np.flatnonzero(~near & (distance < most))
        steps = step + self._jitters(sides, (pairs[0][unsure], pairs[1][unsure]))
        near[unsure] = distance[unsure] < steps
        return pairs[0][near], pairs[1][near]


def nearest(
    tables: Sequence[tuple[str, Sketches]],
    history: Iterable[Representatives],
    promise: Promise,
    draw: Draw,
) -> Nearest:
    """Whom each group follows: the tables of a release in order, each with its name."""
    ruler, side = _Ruler(promise, draw), _joined(tables)
    earlier = np.full(len(side.table), NO_ONE, dtype=np.int64)
    rounding = np.full(len(side.table), promise.rounding, dtype=np.int64)
    folded: dict[Shape, tuple[_Side, _Finder]] = {}
    for release in history:
        shape = min(
            side.sketches.shape, release.sketches.shape, key=lambda s: (s.blocks, s.buckets)
        )
        if shape not in folded:
            new = _Side(_folded(side.sketches, shape), side.names, side.table)
            folded[shape] = (new, _Finder(new.sketches, promise.step + promise.near_jitter))
        found = _follow_release(release, earlier, folded[shape], ruler)
        rounding[found] = release.rounding
    return Nearest(earlier, rounding, _leaders(side, earlier, ruler))


def _joined(tables: Sequence[tuple[str, Sketches]]) -> _Side:
    sketches = [sketch for _, sketch in tables]
    sizes = [len(sketch) for sketch in sketches]
    return _Side(
        Sketches(
            sketches[0].shape,
            np.concatenate([sketch.people for sketch in sketches]),
            np.concatenate([sketch.fine for sketch in sketches]),
            np.concatenate([sketch.keys for sketch in sketches]),
        ),
        tuple(name for name, _ in tables),
        np.repeat(np.arange(len(tables), dtype=np.int32), sizes),
    )


def _folded(sketches: Sketches, shape: Shape) -> Sketches:
    """The sketches as they are with fewer buckets and blocks."""
    old, size = sketches.shape, len(sketches)
    if old == shape:
        return sketches
    width, repeats = shape.buckets // shape.blocks, old.buckets // shape.buckets
    fine = sketches.fine.reshape(size, repeats, shape.buckets).sum(axis=1, dtype=np.uint8)
    joined = old.blocks * width // old.buckets
    parts = sketches.keys.reshape(size, repeats, shape.blocks, joined)
    occupied = parts.any(axis=(1, 3))
    keys = parts.sum(axis=(1, 3), dtype=np.uint32)
    keys[(keys == 0) & occupied] = 1
    return Sketches(shape, sketches.people, fine, keys)


def _codes(keys: NDArray[np.uint32]) -> tuple[NDArray[np.uint64], Ints]:
    """One number for each block with people and its key, and the group that has it."""
    groups, blocks = np.nonzero(keys)
    return (blocks.astype(np.uint64) << _BLOCK_BITS) | keys[groups, blocks], groups


class _Finder:
    """Finds the groups that can be near to others.

    Sets that differ by fewer people than there are blocks agree in a block. Where all blocks in
    which they agree are empty, both are sparse: nearly all of their blocks are empty.
    """

    def __init__(self, sketches: Sketches, reach: int) -> None:
        codes, groups = _codes(sketches.keys)
        order = np.argsort(codes, kind="stable")
        self.codes, self.groups = codes[order], groups[order]
        self.reach = min(reach, sketches.shape.blocks)
        self.sparse = self.sparse_of(sketches)
        self.words = self.words_of(sketches, self.sparse)
        bits = max(16, 3 + len(codes).bit_length())
        self._mask = np.uint64(2 ** min(bits, 27) - 1)
        self._seen = np.zeros(int(self._mask) + 1, dtype=bool)
        self._seen[self._slots(codes)] = True

    def sparse_of(self, sketches: Sketches) -> Ints:
        """Groups with so many empty blocks that they can agree in empty blocks alone."""
        empty = np.count_nonzero(sketches.keys == 0, axis=1)
        return np.flatnonzero(empty > sketches.shape.blocks - self.reach)

    @staticmethod
    def words_of(sketches: Sketches, groups: Ints) -> NDArray[np.uint64]:
        """Which buckets have a number other than 0, one bit each."""
        return np.packbits(sketches.fine[groups] != 0, axis=1).view(np.uint64)

    def _slots(self, codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        return (codes ^ (codes >> np.uint64(27))) & self._mask

    def agreeing(self, keys: NDArray[np.uint32]) -> Pairs:
        """Pairs of a row of keys and a group that agree in a block with people."""
        codes, rows = _codes(keys)
        known = self._seen[self._slots(codes)]
        codes, rows = codes[known], rows[known]
        first = np.searchsorted(self.codes, codes, side="left")
        last = np.searchsorted(self.codes, codes, side="right")
        items, copies = spread(last - first)
        return rows[items], self.groups[first[items] + copies]

    def repeated(self) -> Pairs:
        """Places of codes that later groups have too, by group, and how many these groups are."""
        first = np.flatnonzero(self.codes[1:] != self.codes[:-1]) + 1
        first = np.concatenate([[0], first])
        sizes = np.diff(np.append(first, len(self.codes)))
        first, sizes = first[sizes > 1], sizes[sizes > 1]
        runs, copies = spread(sizes)
        later = sizes[runs] - copies - 1
        places, later = (first[runs] + copies)[later > 0], later[later > 0]
        order = np.argsort(self.groups[places], kind="stable")
        return places[order], later[order]

    def sparse_pairs(self, words: NDArray[np.uint64], other: NDArray[np.uint64]) -> Iterator[Pairs]:
        """Pairs of rows of words that differ in fewer bits than near sets can."""
        together = max(1, _AT_ONCE // max(1, other.size))
        for first in range(0, len(words), together):
            differ = words[first : first + together, None, :] ^ other[None, :, :]
            rows, groups = np.nonzero(np.bitwise_count(differ).sum(axis=2) < self.reach)
            yield rows + first, groups


def _follow_release(
    release: Representatives, earlier: Ints, new: tuple[_Side, _Finder], ruler: _Ruler
) -> NDArray[np.bool_]:
    """Give groups without an outcome that of the first representative of a release near to them.

    Says which groups these are.
    """
    side, finder = new
    shape, free = side.sketches.shape, earlier == NO_ONE
    old = _Side(_folded(release.sketches, shape), release.tables, release.table)
    step = min(ruler.promise.step, release.step)
    best = np.full(len(earlier), len(old.table))
    for rows, groups in _possibly_near(old.sketches, side.sketches, free, finder, ruler.promise.k):
        pairs = _distinct(rows[free[groups]], groups[free[groups]], len(earlier))
        near = ruler.within((old, side), pairs, step)
        np.minimum.at(best, near[1], near[0])
    found = best < len(old.table)
    earlier[found] = release.figures[best[found]]
    return found


def _possibly_near(
    old: Sketches, new: Sketches, free: NDArray[np.bool_], finder: _Finder, least: int
) -> Iterator[Pairs]:
    """Pairs of an earlier representative and a group of `new` that may be near, part by part."""
    thin, loose = finder.sparse_of(old), finder.sparse[free[finder.sparse]]
    large = new.people[loose] >= least
    for wide, narrow in ((thin, loose[large]), (thin[old.people[thin] >= least], loose[~large])):
        words = finder.words_of(old, wide), finder.words_of(new, narrow)
        for rows, groups in finder.sparse_pairs(*words):
            yield wide[rows], narrow[groups]
    together = max(1, _AT_ONCE // old.shape.blocks)
    for first in range(0, len(old), together):
        rows, groups = finder.agreeing(old.keys[first : first + together])
        yield rows + first, groups


def _distinct(one: Ints, other: Ints, size: int) -> Pairs:
    """Each pair once, ascending; `size` is above every second member."""
    codes = np.sort(one.astype(np.int64) * size + other)
    codes = codes[np.diff(codes, prepend=-1) > 0]
    return codes // max(size, 1), codes % max(size, 1)


def _leaders(side: _Side, earlier: Ints, ruler: _Ruler) -> Ints:
    """Within a release: the first group judged on its own that each other group is near to.

    Groups are taken in order, many at once; what a leader is near to is taken out of the search.
    """
    size = len(earlier)
    leader = np.full(size, -1, dtype=np.int64)
    finder = _Finder(side.sketches, ruler.promise.step + ruler.promise.near_jitter)
    places, later = finder.repeated()
    owners = finder.groups[places]
    work = np.zeros(size, dtype=np.int64)
    np.add.at(work, owners, later)
    work[finder.sparse] += np.arange(len(finder.sparse))[::-1]
    done = np.cumsum(work)
    first = 0
    while first < size:
        limit = _AT_ONCE + (done[first - 1] if first else 0)
        last = max(first + 1, int(np.searchsorted(done, limit, side="right")))
        free = (earlier == NO_ONE) & (leader < 0)
        own = slice(*np.searchsorted(owners, [first, last]))
        items, copies = spread(np.where(free[owners[own]], later[own], 0))
        found = [(owners[own][items], finder.groups[places[own][items] + 1 + copies])]
        found += _sparse_later(finder, free, first, last, side.sketches.people, ruler.promise.k)
        one, other = (np.concatenate(parts) for parts in zip(*found, strict=True))
        pairs = _distinct(one[free[other]], other[free[other]], size)
        pairs = ruler.within((side, side), pairs, ruler.promise.step)
        _appoint(leader, pairs, last)
        first = last
    return leader


def _sparse_later(
    finder: _Finder, free: NDArray[np.bool_], first: int, last: int, people: Ints, least: int
) -> Iterator[Pairs]:
    """Sparse groups numbered from `first` to `last`, with sparse groups after them."""
    groups, large = finder.sparse, people[finder.sparse] >= least
    own = free[groups] & (groups >= first) & (groups < last)
    rest = free[groups] & (groups > first)
    for some, others in ((own & large, rest), (own & ~large, rest & large)):
        one, other = np.flatnonzero(some), np.flatnonzero(others)
        for rows, columns in finder.sparse_pairs(finder.words[one], finder.words[other]):
            early, late = groups[one[rows]], groups[other[columns]]
            yield early[early < late], late[early < late]


def _appoint(leader: Ints, pairs: Pairs, last: int) -> None:
    """Near pairs in order: the first becomes a leader unless it follows someone itself."""
    one, other = pairs
    inside = other < last
    for early, late in zip(one[inside].tolist(), other[inside].tolist(), strict=True):
        if leader[early] < 0 and leader[late] < 0:
            leader[late] = early
    ahead = ~inside & (leader[one] < 0)
    # Backwards, so that of several leaders the earliest is written last.
    leader[other[ahead][::-1]] = one[ahead][::-1]
