"""Adds up the witnesses of a table and compares them with what its figures say."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.recount import Ints, spread
from anonymizer.proofs import Witnesses

Flags = NDArray[np.bool_]

_MOST_PEOPLE = 2**31  # of a class in a witness: sums of these cannot overflow


@dataclass(frozen=True)
class Known:
    """What a reader knows of each published group of a table, and how promise 8 relates them.

    `low` and `high` bound its people. `order` numbers the groups in the order judged; `alone`
    says which are judged on their own; `after` is the number of the last group judged before it
    that it may be near to without a trace (see `apart`). `leader` is the published group of the
    table that a group follows, -1 for none.
    """

    boxes: sparse.csr_array
    figures: Ints
    low: Ints
    high: Ints
    order: Ints
    alone: Flags
    after: Ints
    leader: Ints


@dataclass(frozen=True)
class Limits:
    """The protection level; the step of a table with itself; the most that near sets differ."""

    level: int
    step: int
    widest: int
    occupied: bool


def broken_rules(witnesses: Witnesses, possible: Flags, known: Known, limits: Limits) -> list[str]:
    """Every way in which the witnesses do not prove the figures; empty if they do."""
    if fault := _malformed(witnesses, possible):
        return [fault]
    classes = witnesses.starts.shape[1]
    lists = known.boxes.T.tocsr()  # the published groups of each cell
    first = _first_cells(witnesses.class_of, classes)
    if not _consistent(witnesses.class_of, lists, first):
        return ["the classes do not belong to the published figures"]
    groups_of = lists[np.maximum(first, 0)]  # of each class
    covered = np.diff(groups_of.indptr) > 0
    sizes = np.bincount(witnesses.class_of[witnesses.class_of >= 0], minlength=classes)
    tables = _Tables(witnesses, groups_of)
    faults = tables.misfits(known, sizes if limits.occupied else np.zeros_like(sizes))
    if not faults:
        spare = sizes - 1 if limits.occupied else np.zeros_like(sizes)
        if not tables.proved(spare + limits.level, limits.level)[covered].all():
            faults.append("a cell has no witness with enough people")
        faults += _distances(tables, known, limits)
    return faults


def _malformed(witnesses: Witnesses, possible: Flags) -> str:
    starts, changes, start_of = witnesses.starts, witnesses.changes, witnesses.start_of
    if starts.ndim != 2 or not len(starts):  # noqa: PLR2004
        return "there is no feasible table"
    if any(part.dtype.kind != "i" for part in (witnesses.class_of, starts, start_of, changes)):
        return "the witnesses are not of whole numbers"
    if (
        witnesses.class_of.shape != (possible.size,)
        or changes.shape != (len(start_of), starts.shape[1])
        or not _between(start_of, 0, len(starts) - 1)
        or not _between(witnesses.class_of, -1, starts.shape[1] - 1)
    ):
        return "the parts of the witnesses do not belong together"
    if not (
        _between(starts, 0, _MOST_PEOPLE) and _between(changes.data, -_MOST_PEOPLE, _MOST_PEOPLE)
    ):
        return "a witness has a number of people that cannot be"
    if (witnesses.class_of[~possible.ravel()] >= 0).any():
        return "a structural zero is in a class"
    return ""


def _between(numbers: NDArray[np.signedinteger], low: int, high: int) -> bool:
    return not numbers.size or bool(numbers.min() >= low and numbers.max() <= high)


def _first_cells(class_of: NDArray[np.int32], classes: int) -> Ints:
    """The first cell of each class, -1 for a class without cells."""
    first = np.full(classes + 1, -1, dtype=np.int64)
    first[class_of[::-1]] = np.arange(len(class_of))[::-1]
    return first[:classes]


def _consistent(class_of: NDArray[np.int32], lists: sparse.csr_array, first: Ints) -> bool:
    """Whether all cells of a class are in the same published groups, and others in none."""
    lengths = np.diff(lists.indptr)
    if lengths[class_of < 0].any():
        return False
    cells = np.flatnonzero(class_of >= 0)
    like = first[class_of[cells]]
    if (lengths[cells] != lengths[like]).any():
        return False
    items, copies = spread(lengths[cells])
    own, other = (lists.indptr[side][items] + copies for side in (cells, like))
    return bool((lists.indices[own] == lists.indices[other]).all())


class _Tables:
    """The starts of a table and its witnesses, as counts of its published groups."""

    def __init__(self, witnesses: Witnesses, groups_of: sparse.csr_array) -> None:
        self.starts = witnesses.starts.astype(np.int64)
        self.start_of = witnesses.start_of
        self.changes = sparse.csr_array(witnesses.changes, dtype=np.int64, copy=True)
        self.changes.sum_duplicates()
        self.groups_of = groups_of
        self.classes_of = groups_of.T.tocsr()
        self.counts = self.starts @ groups_of  # starts x published groups
        sizes = np.diff(self.changes.indptr)
        self.rows = np.repeat(self.start_of, sizes)  # the start of each entry of the changes
        self.changed = self.starts[self.rows, self.changes.indices] + self.changes.data

    def misfits(self, known: Known, least: Ints) -> list[str]:
        """Counts in starts and witnesses that no reader would believe."""
        faults = []
        if (self.starts < least).any() or (self.changed < least[self.changes.indices]).any():
            faults.append("a witness has too few people in a class")
        moved = self.changes @ self.groups_of
        starts = np.repeat(self.start_of, np.diff(moved.indptr))
        counts = self.counts[starts, moved.indices] + moved.data
        low, high = known.low[moved.indices], known.high[moved.indices]
        if ((self.counts < known.low) | (self.counts > known.high)).any() or (
            (counts < low) | (counts > high)
        ).any():
            faults.append("a witness does not fit the figures")
        return faults

    def proved(self, enough: Ints, level: int) -> Flags:
        """Classes that have enough people in a start or witness; of level 0, two numbers."""
        most, fewest = self.starts.max(axis=0), self.starts.min(axis=0)
        np.maximum.at(most, self.changes.indices, self.changed)
        np.minimum.at(fewest, self.changes.indices, self.changed)
        proved: Flags = most >= enough if level else most > fewest
        return proved


def _distances(tables: _Tables, known: Known, limits: Limits) -> list[str]:
    """Promise 8 in every start and witness: who is not near stays apart, who follows is near."""
    faults = []
    followers = np.flatnonzero(known.leader >= 0)
    near = known.leader[followers], followers
    for start in range(len(tables.starts)):
        changes = tables.changes[np.flatnonzero(tables.start_of == start)]
        fall = int((-changes).maximum(0).sum(axis=1).max()) if changes.nnz else 0
        for pairs in _pairs_within(tables, known, start, limits.step + fall):
            least = _extremes(tables, start, changes, pairs)[0]
            if (least < limits.step).any():
                faults.append("two groups with different figures are too near in a witness")
        if (_extremes(tables, start, changes, near)[1] > limits.widest).any():
            faults.append("two groups that share a figure are too far apart in a witness")
    return list(dict.fromkeys(faults))


def _extremes(
    tables: _Tables, start: int, changes: sparse.csr_array, pairs: tuple[Ints, Ints]
) -> tuple[Ints, Ints]:
    """The fewest and the most people in one group of a pair only, in a start and its changes."""
    one, other = (tables.classes_of[side] for side in pairs)
    differ = abs(one - other)
    people = differ @ tables.starts[start]
    moved = (changes @ differ.T).tocoo()
    low, high = people.copy(), people.copy()
    np.minimum.at(low, moved.col, people[moved.col] + moved.data)
    np.maximum.at(high, moved.col, people[moved.col] + moved.data)
    return low, high


_PAIRS_AT_ONCE = 2**16


def _pairs_within(
    tables: _Tables, known: Known, start: int, reach: int
) -> Iterator[tuple[Ints, Ints]]:
    """Pairs that promise 8 keeps apart and that differ by fewer than `reach` people in a start.

    The other group of such a pair has one of any classes of the first with `reach` people.
    """
    people, counts = tables.starts[start], tables.counts[start]
    order = np.argsort(-people, kind="stable")[: np.count_nonzero(people)]
    largest = tables.groups_of[order].T.tocsr()  # each group's classes, the largest first
    values = people[order][largest.indices]
    before = np.cumsum(values) - values
    groups = np.repeat(np.arange(len(counts)), np.diff(largest.indptr))
    before -= before[largest.indptr[groups]]
    pivots = (before < reach) & known.alone[groups]
    classes = order[largest.indices[pivots]]
    indptr = tables.groups_of.indptr
    items, copies = spread(np.diff(indptr)[classes])
    one, other = groups[pivots][items], tables.groups_of.indices[indptr[classes][items] + copies]
    small = np.flatnonzero(counts < reach - counts.min())  # these may share no class
    alone = small[known.alone[small]]
    one = np.concatenate([one, np.repeat(alone, len(small))])
    other = np.concatenate([other, np.tile(small, len(alone))])
    kept = (
        (known.order[one] < known.order[other])
        & (known.after[other] > known.order[one])
        & (known.figures[one] != known.figures[other])
        & (abs(counts[one] - counts[other]) < reach)
    )
    codes = np.unique(one[kept] * np.int64(len(counts)) + other[kept])
    for first in range(0, len(codes), _PAIRS_AT_ONCE):
        one, other = np.divmod(codes[first : first + _PAIRS_AT_ONCE], len(counts))
        shared = tables.classes_of[one].multiply(tables.classes_of[other]) @ people
        close = counts[one] + counts[other] - 2 * shared < reach
        yield one[close], other[close]
