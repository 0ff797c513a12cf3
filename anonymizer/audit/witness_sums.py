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
    table that a group follows, -1 for none. `hidden` holds the cells of the other segments of the
    catalogue; protection level 0 needs it.
    """

    boxes: sparse.csr_array
    figures: Ints
    low: Ints
    high: Ints
    order: Ints
    alone: Flags
    after: Ints
    leader: Ints
    hidden: sparse.csr_array | None = None


@dataclass(frozen=True)
class Limits:
    """The protection level; the step of a table with itself; the most that near sets differ."""

    level: int
    step: int
    widest: int
    occupied: bool


def broken_rules(witnesses: Witnesses, possible: Flags, known: Known, limits: Limits) -> list[str]:
    """Every way in which the witnesses do not prove the figures; empty if they do."""
    if not len(witnesses.starts):
        return ["there is no feasible table"]
    if fault := malformed(witnesses, possible):
        return [fault]
    classes = witnesses.starts.shape[1]
    lists = known.boxes.T.tocsr()  # the published groups of each cell
    first = first_cells(witnesses.class_of, classes)
    if (first < 0).any() or not consistent(witnesses.class_of, lists, first):
        return ["the classes do not belong to the published figures"]
    groups_of = lists[first]  # of each class
    covered = np.diff(groups_of.indptr) > 0
    tables = WitnessTables(witnesses, groups_of, occupied=limits.occupied)
    faults = tables.misfits(known.low, known.high)
    if not faults:
        proved = tables.proved(limits.level)
        if not limits.level:
            proved |= _published_by_themselves(known.boxes, witnesses.class_of, classes)
        if not proved[covered].all():
            faults.append("a cell has no witness with enough people")
        if known.hidden is not None and _solved(tables, known, known.hidden):
            faults.append("a segment without figure is not shown to have two possible counts")
        faults += _distances(tables, known, limits)
    return faults


def malformed(witnesses: Witnesses, possible: Flags) -> str:
    """Why the parts of witnesses cannot belong to a grid of possible cells; empty if they can."""
    starts, changes, start_of = witnesses.starts, witnesses.changes, witnesses.start_of
    if any(part.dtype.kind != "i" for part in (witnesses.class_of, starts, start_of, changes)):
        return "the witnesses are not of whole numbers"
    if (
        witnesses.class_of.shape != (possible.size,)
        or starts.shape != (len(starts), changes.shape[1])
        or changes.shape[0] != len(start_of)
        or not _between(changes.indices, 0, changes.shape[1] - 1)
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


def first_cells(class_of: NDArray[np.int32], classes: int) -> Ints:
    """The first cell of each class, -1 for a class without cells."""
    first = np.full(classes + 1, -1, dtype=np.int64)
    first[class_of[::-1]] = np.arange(len(class_of))[::-1]
    return first[:classes]


def consistent(class_of: NDArray[np.int32], lists: sparse.csr_array, first: Ints) -> bool:
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


class WitnessTables:
    """The starts of a table and its witnesses, as counts of its published groups."""

    def __init__(
        self, witnesses: Witnesses, groups_of: sparse.csr_array, *, occupied: bool
    ) -> None:
        self.class_of = witnesses.class_of
        self.starts = witnesses.starts.astype(np.int64)
        self.start_of = witnesses.start_of
        self.changes = sparse.csr_array(witnesses.changes, dtype=np.int64, copy=True)
        self.changes.sum_duplicates()
        self.groups_of = groups_of
        self.classes_of = groups_of.T.tocsr()
        self.counts = self.starts @ groups_of  # starts x published groups
        rows = np.repeat(self.start_of, np.diff(self.changes.indptr))
        self.changed = self.starts[rows, self.changes.indices] + self.changes.data
        self.most, self.fewest = self.starts.max(axis=0), self.starts.min(axis=0)
        np.maximum.at(self.most, self.changes.indices, self.changed)
        np.minimum.at(self.fewest, self.changes.indices, self.changed)
        shape = groups_of.shape[0]
        self.sizes = np.bincount(self.class_of[self.class_of >= 0], minlength=shape)
        self.least = self.sizes if occupied else np.zeros(shape, dtype=np.int64)

    def misfits(self, lowest: Ints, highest: Ints) -> list[str]:
        """Counts in starts and witnesses that no reader would believe."""
        faults = []
        if (self.fewest < self.least).any():
            faults.append("a witness has too few people in a class")
        moved = self.changes @ self.groups_of
        starts = np.repeat(self.start_of, np.diff(moved.indptr))
        counts = self.counts[starts, moved.indices] + moved.data
        low, high = lowest[moved.indices], highest[moved.indices]
        if ((self.counts < lowest) | (self.counts > highest)).any() or (
            (counts < low) | (counts > high)
        ).any():
            faults.append("a witness does not fit the figures")
        return faults

    def proved(self, level: int) -> Flags:
        """Classes in whose cells enough people are possible; of level 0, two counts."""
        spare: Flags = self.most - np.maximum(self.least - 1, 0) >= level
        # A person of several cells can be in any of them, whatever else is known.
        two: Flags = (self.most > self.fewest) | ((self.sizes > 1) & (self.most > self.least))
        return spare if level else two


def _published_by_themselves(
    boxes: sparse.csr_array, class_of: NDArray[np.int32], classes: int
) -> Flags:
    """Classes of one cell that has a figure of its own: it may be known, as it is published."""
    published = np.zeros(classes, dtype=bool)
    cells = boxes.indices[boxes.indptr[:-1][np.diff(boxes.indptr) == 1]]
    published[class_of[cells]] = True
    return published


def _solved(tables: WitnessTables, known: Known, hidden: sparse.csr_array) -> bool:
    """Whether the count of a segment without figure could be the same in all feasible tables.

    Equal sets of cells are no secret, and where a cell is in no figure its people are free.
    """
    shown = np.zeros(hidden.shape[1], dtype=bool)
    shown[known.boxes.indices] = True
    rows = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))
    free = np.diff(hidden.indptr) == 0
    free[rows[~shown[hidden.indices]]] = True
    rows, classes = rows[~free[rows]], tables.class_of[hidden.indices[~free[rows]]]
    size = (hidden.shape[0], len(tables.sizes))
    parts = sparse.coo_array((np.ones(len(rows), np.int64), (rows, classes)), shape=size).tocsr()
    parts = parts.tocoo()
    whole = parts.data == tables.sizes[parts.col]
    free[parts.row[~whole & (tables.most > tables.least)[parts.col]]] = True
    unit = np.ones(np.count_nonzero(whole), dtype=np.int64)
    sums = sparse.csr_array((unit, (parts.row[whole], parts.col[whole])), shape=size)
    moved = (tables.changes @ sums.T).tocoo()
    free[moved.col[moved.data != 0]] = True
    counts = sums @ tables.starts.T
    free |= counts.max(axis=1) > counts.min(axis=1)
    fixed = hidden[np.flatnonzero(~free)]
    return not _cells_of_rows(fixed) <= _cells_of_rows(known.boxes)


def _cells_of_rows(boxes: sparse.csr_array) -> set[bytes]:
    cells = boxes.indices.astype(np.int64)
    return {part.tobytes() for part in np.split(cells, boxes.indptr[1:-1])} if cells.size else set()


def _distances(tables: WitnessTables, known: Known, limits: Limits) -> list[str]:
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
    tables: WitnessTables, start: int, changes: sparse.csr_array, pairs: tuple[Ints, Ints]
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
    tables: WitnessTables, known: Known, start: int, reach: int
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
