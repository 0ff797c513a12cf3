"""Whom each judged group has to follow: the first group judged before it that it is near to.

Two groups are near if they differ in fewer buckets, and in size by fewer people, than the step of
their tables, and one of them reaches the threshold (promise 8). Near groups differ in fewer buckets
than there are blocks, so they agree in a block: an equality join of the blocks' keys finds them
all, but for those that agree in empty blocks alone. The same join of pairs of buckets finds these,
but for those that agree in empty pairs alone, which have enough of them in common.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit import checker_limits
from anonymizer.audit.recount import Flags, Ints
from anonymizer.model.policy import Promise
from anonymizer.model.proofs import NO_ONE, Representatives, Shape, Sketches

Draw = Callable[[str, str], int]
Keys = NDArray[np.uint32]
Pairs = tuple[Ints, Ints]


@dataclass(frozen=True)
class Followed:
    """For each group the outcome of an earlier representative, or the group that it follows.

    `leader` is -1 where there is none. `rounding` is what an earlier outcome was rounded to,
    elsewhere what the release is.
    """

    earlier: Ints
    rounding: Ints
    leader: Ints


def followed(
    groups: Representatives,
    alone: Flags,
    history: Iterable[Representatives],
    promise: Promise,
    draw: Draw,
) -> Followed:
    """Which earlier group each group follows, if the groups in `alone` are judged on their own.

    A claim is valid if exactly the groups in `alone` follow none. Only one claim is: whether a
    group follows another depends on the groups before it.
    """
    jitter = cache(lambda one, other: draw("near", f"{one}|{other}") % (promise.near_jitter + 1))
    earlier = np.full(len(groups), NO_ONE, dtype=np.int64)
    rounding = np.full(len(groups), promise.rounding, dtype=np.int64)
    for release in history:
        before = np.where(earlier == NO_ONE, len(release), 0)
        first = _first_near(release, groups, before, promise, jitter)
        found = first < len(release)
        earlier[found], rounding[found] = release.figures[first[found]], release.rounding
    own = np.flatnonzero(alone)
    before = np.where(earlier == NO_ONE, np.searchsorted(own, np.arange(len(groups))), 0)
    first = _first_near(rows_of(groups, own), groups, before, promise, jitter)
    return Followed(earlier, rounding, np.append(own, -1)[first])


def rows_of(groups: Representatives, rows: Ints) -> Representatives:
    """Some of the groups, in order."""
    known = groups.sketches
    sketches = Sketches(known.shape, known.people[rows], known.fine[rows], known.keys[rows])
    table, figures = groups.table[rows], groups.figures[rows]
    return Representatives(groups.tables, groups.step, groups.rounding, sketches, table, figures)


def joined(parts: Sequence[Representatives]) -> Representatives:
    """The groups of several tables, one after the other; one part a table."""
    sketches = [part.sketches for part in parts]
    return Representatives(
        tuple(part.tables[0] for part in parts),
        parts[0].step,
        parts[0].rounding,
        Sketches(
            sketches[0].shape,
            np.concatenate([sketch.people for sketch in sketches]),
            np.concatenate([sketch.fine for sketch in sketches]),
            np.concatenate([sketch.keys for sketch in sketches]),
        ),
        np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts]),
        np.concatenate([part.figures for part in parts]),
    )


def _first_near(
    old: Representatives,
    new: Representatives,
    before: Ints,
    promise: Promise,
    jitter: Callable[[str, str], int],
) -> Ints:
    """For each new group the first near one of so many old ones; the number of all if none is."""
    shape = min(old.sketches.shape, new.sketches.shape, key=lambda s: (s.blocks, s.buckets))
    one, other = _folded(old.sketches, shape), _folded(new.sketches, shape)
    step = min(promise.step, old.step)
    most = min(step + promise.near_jitter, shape.blocks)
    first = np.full(len(new), len(old), dtype=np.int64)
    for candidates in _candidates(one, other, most, promise.k):
        sizes = one.people[candidates[0]], other.people[candidates[1]]
        kept = (abs(sizes[0] - sizes[1]) < most) & (np.maximum(*sizes) >= promise.k)
        kept &= candidates[0] < before[candidates[1]]
        rows, groups = (side[kept] for side in candidates)
        buckets = np.count_nonzero(one.fine[rows] != other.fine[groups], axis=1)
        differ = np.maximum(buckets, abs(sizes[0] - sizes[1])[kept])
        kept = differ < most
        rows, groups, differ = rows[kept], groups[kept], differ[kept]
        codes = old.table[rows].astype(np.int64) * len(new.tables) + new.table[groups]
        tables, positions = np.unique(codes, return_inverse=True)
        numbers = (divmod(code, len(new.tables)) for code in tables.tolist())
        names = [sorted((old.tables[a], new.tables[b])) for a, b in numbers]
        near = differ < step + np.array([jitter(*pair) for pair in names], np.int64)[positions]
        np.minimum.at(first, groups[near], rows[near])
    return first


def _candidates(one: Sketches, other: Sketches, most: int, least: int) -> Iterator[Pairs]:
    """Every pair that differs in fewer than `most` buckets, and more; some of them repeatedly.

    But for pairs of two groups of fewer than `least` people that agree in empty blocks alone.
    """
    rows, groups = np.arange(len(one)), np.arange(len(other))
    for keys, others in _parts(one, other):
        for part in range(keys.shape[1]):
            for row, group in _equal(keys[rows, part], others[groups, part]):
                yield rows[row], groups[group]
        fewest = keys.shape[1] - most + 1  # parts in which they agree
        rows = rows[(keys[rows] == 0).sum(axis=1) >= fewest]
        groups = groups[(others[groups] == 0).sum(axis=1) >= fewest]
    large, others_large = one.people[rows] >= least, other.people[groups] >= least
    yield from _both_empty(keys, rows[large], others, groups, fewest)
    yield from _both_empty(keys, rows[~large], others, groups[others_large], fewest)


def _parts(one: Sketches, other: Sketches) -> list[tuple[Keys, Keys]]:
    """What near groups agree in: blocks, and pairs of buckets where these are smaller."""
    parts = [(one.keys, other.keys)]
    if one.shape.buckets > 2 * one.shape.blocks:
        pairs = (np.ascontiguousarray(of.fine).view(np.uint16) for of in (one, other))
        keys, others = (fine.astype(np.uint32) for fine in pairs)
        parts.append((keys, others))
    return parts


def _both_empty(
    keys: Keys, rows: Ints, other_keys: Keys, groups: Ints, fewest: int
) -> Iterator[Pairs]:
    """Pairs of the rows and the groups that have so many empty blocks in common."""
    empty = np.packbits(keys[rows] == 0, axis=1).view(np.uint16)
    others = np.packbits(other_keys[groups] == 0, axis=1).view(np.uint16)
    together = max(1, checker_limits.OUTCOME_PAIRS_AT_ONCE // max(1, others.size))
    for start in range(0, len(rows), together):
        common = np.bitwise_count(empty[start : start + together, None] & others).sum(axis=2)
        row, group = np.nonzero(common >= fewest)
        yield rows[start + row], groups[group]


def _equal(one: Keys, other: Keys) -> Iterator[Pairs]:
    """Pairs of rows with the same key; 0, of an empty block, is none."""
    rows = np.flatnonzero(one)
    rows = rows[_seen(other, one[rows])]
    columns = np.flatnonzero(_seen(one[rows], other))
    columns = columns[np.argsort(other[columns], kind="stable")]
    first, last = (np.searchsorted(other[columns], one[rows], side) for side in ("left", "right"))
    ends = np.cumsum(last - first)
    for start in range(0, int(ends[-1:].sum()), checker_limits.OUTCOME_PAIRS_AT_ONCE):
        pairs = np.arange(start, min(start + checker_limits.OUTCOME_PAIRS_AT_ONCE, ends[-1]))
        row = np.searchsorted(ends, pairs, "right")
        yield rows[row], columns[last[row] - ends[row] + pairs]


def _seen(keys: Keys, others: Keys) -> Flags:
    """Which of the others may be among the keys; all that are."""
    slots = np.zeros(16 * len(keys) + 1, dtype=bool)
    slots[keys % len(slots)] = True
    return slots[others % len(slots)]


def _folded(sketches: Sketches, shape: Shape) -> Sketches:
    """The sketches as they are with fewer buckets and blocks."""
    old, size = sketches.shape, len(sketches)
    if old == shape:
        return sketches
    repeats = old.buckets // shape.buckets
    fine = sketches.fine.reshape(size, repeats, shape.buckets).sum(axis=1, dtype=np.uint8)
    joined = old.blocks // repeats // shape.blocks
    parts = sketches.keys.reshape(size, repeats, shape.blocks, joined)
    keys = parts.sum(axis=(1, 3), dtype=np.uint32)
    keys[(keys == 0) & parts.any(axis=(1, 3))] = 1
    return Sketches(shape, sketches.people, fine, keys)
