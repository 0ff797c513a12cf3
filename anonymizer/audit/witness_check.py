"""Adds up the witnesses of a table and compares them with what its figures say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit import checker_limits
from anonymizer.audit.recount import Flags, Ints
from anonymizer.model.proofs import Witnesses

_MOST_PEOPLE = 2**31  # of a class in a witness: sums of these cannot overflow


@dataclass(frozen=True)
class KnownFigures:
    """What a reader knows of a table and of each published group, in the order judged.

    `boxes` and `hidden` (segments x cells) are the possible cells of the published segments and of
    all others, which level 0 needs; `low` and `high` bound the people of a group. `alone` says
    which are judged on their own. Of the first groups, so many as `before` says, a group differs
    by `step` people at least from those that are alone and have another figure. `leader` is the
    group that it follows, -1 for none: at most `widest` people are in one of both only.
    """

    possible: Flags
    occupied: bool
    boxes: sparse.csr_array
    hidden: sparse.csr_array
    figures: Ints
    low: Ints
    high: Ints
    alone: Flags
    before: Ints
    leader: Ints
    level: int
    step: int
    widest: int


def broken_rules(witnesses: Witnesses, known: KnownFigures) -> list[str]:
    """Every way in which the witnesses do not prove the figures; empty if they do."""
    if not len(witnesses.starts):
        return ["there is no feasible table"]
    if fault := malformed(witnesses, known.possible):
        return [fault]
    lists = known.boxes.T.tocsr()  # the published groups of each cell
    first = first_cells(witnesses.class_of, witnesses.starts.shape[1])
    if (first < 0).any() or not consistent(witnesses.class_of, lists, first):
        return ["the classes do not match the published figures"]
    tables = WitnessTables(witnesses, lists[first], occupied=known.occupied)
    if faults := tables.misfits(known.low, known.high):
        return faults
    proved = tables.proved(known.level)
    if not known.level:  # a cell with a figure of its own may be known
        single = known.boxes[np.diff(known.boxes.indptr) == 1]
        proved[witnesses.class_of[single.indices]] = True
        if _is_exactly_disclosed(tables, known):
            faults.append("a segment without a figure has no two witnesses with different counts")
    if not proved[np.diff(tables.groups_of.indptr) > 0].all():
        faults.append("a cell has no witness with enough people")
    return [*faults, *_distances(tables, known)]


def malformed(witnesses: Witnesses, possible: Flags) -> str:
    """Why the parts of witnesses cannot belong to a grid of possible cells; empty if they can."""
    starts, changes, start_of = witnesses.starts, witnesses.changes, witnesses.start_of
    if any(part.dtype.kind != "i" for part in (witnesses.class_of, starts, start_of, changes)):
        return "the witnesses are not whole numbers"
    if (
        witnesses.class_of.shape != (possible.size,)
        or starts.shape != (len(starts), changes.shape[1])
        or changes.shape[0] != len(start_of)
        or not _between(changes.indices, 0, changes.shape[1] - 1)
        or not _between(start_of, 0, len(starts) - 1)
        or not _between(witnesses.class_of, -1, starts.shape[1] - 1)
    ):
        return "the parts of the witnesses do not fit together"
    if not (
        _between(starts, 0, _MOST_PEOPLE) and _between(changes.data, -_MOST_PEOPLE, _MOST_PEOPLE)
    ):
        return "a witness has an impossible number of people"
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
    return bool((_cells_in_classes(class_of, len(first)) @ lists[first] != lists).nnz == 0)


def _cells_in_classes(class_of: NDArray[np.int32], classes: int) -> sparse.csr_array:
    """(cells x classes): 1 in the class of each cell."""
    cells = np.flatnonzero(class_of >= 0)
    entries = np.ones(len(cells), dtype=np.int64), (cells, class_of[cells])
    return sparse.csr_array(sparse.coo_array(entries, shape=(len(class_of), classes)))


class WitnessTables:
    """The starts of a table and its witnesses, as counts of its published groups."""

    def __init__(
        self, witnesses: Witnesses, groups_of: sparse.csr_array, *, occupied: bool
    ) -> None:
        self.class_of, self.start_of = witnesses.class_of, witnesses.start_of
        self.starts = witnesses.starts.astype(np.int64)
        self.changes = sparse.csr_array(witnesses.changes, dtype=np.int64, copy=True)
        self.changes.sum_duplicates()
        self.groups_of, self.classes_of = groups_of, groups_of.T.tocsr()
        self.counts = self.starts @ groups_of  # starts x published groups
        rows = np.repeat(self.start_of, np.diff(self.changes.indptr))
        changed = self.starts[rows, self.changes.indices] + self.changes.data
        self.most, self.fewest = self.starts.max(axis=0), self.starts.min(axis=0)
        np.maximum.at(self.most, self.changes.indices, changed)
        np.minimum.at(self.fewest, self.changes.indices, changed)
        classes = groups_of.shape[0]
        self.sizes = np.bincount(self.class_of[self.class_of >= 0], minlength=classes)
        self.least = self.sizes if occupied else np.zeros(classes, dtype=np.int64)

    def misfits(self, lowest: Ints, highest: Ints) -> list[str]:
        """Counts in starts and witnesses that no reader would believe."""
        faults = []
        if (self.fewest < self.least).any():
            faults.append("a witness has too few people in a class")
        moved = (self.changes @ self.groups_of).tocoo()
        counts = self.counts[self.start_of[moved.row], moved.col] + moved.data
        low, high = lowest[moved.col], highest[moved.col]
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


def _is_exactly_disclosed(tables: WitnessTables, known: KnownFigures) -> bool:
    """Whether the count of a segment without figure could be the same in all feasible tables.

    Equal sets of cells are no secret, and where a cell is in no figure its people are free.
    """
    hidden = known.hidden
    sizes, public = np.diff(hidden.indptr), np.diff(known.boxes.indptr)
    unseen = known.boxes.sum(axis=0) == 0
    free = (sizes == 0) | (hidden @ unseen.astype(np.int64) > 0)
    parts = (hidden @ _cells_in_classes(tables.class_of, len(tables.sizes))).tocoo()
    whole = parts.data == tables.sizes[parts.col]
    free[parts.row[~whole & (tables.most > tables.least)[parts.col]]] = True
    entries = np.ones(whole.sum(), dtype=np.int64), (parts.row[whole], parts.col[whole])
    totals = sparse.csr_array(sparse.coo_array(entries, shape=parts.shape))
    moved = (tables.changes @ totals.T).tocoo()
    free[moved.col[moved.data != 0]] = True
    counts = totals @ tables.starts.T
    free |= counts.max(axis=1) > counts.min(axis=1)
    common = (hidden @ known.boxes.T).tocoo()
    equal = (common.data == sizes[common.row]) & (common.data == public[common.col])
    free[common.row[equal]] = True
    return not free.all()


def _distances(tables: WitnessTables, known: KnownFigures) -> list[str]:
    """Promise 8 in every start and witness: who is not near stays apart, who follows is near."""
    small = sparse.csr_array((known.low < known.step).astype(np.int64)[None])
    # A class of nobody: groups that share no other class are apart unless both are small.
    groups_of = sparse.csr_array(sparse.vstack([tables.groups_of, small]))
    touching = _common(groups_of, np.ones(groups_of.shape[0], dtype=np.int64))
    one, other = touching.row.astype(np.int64), touching.col.astype(np.int64)
    apart = (one < known.before[other]) & known.alone[one]
    apart &= known.figures[one] != known.figures[other]
    one, other = one[apart], other[apart]
    followers = np.flatnonzero(known.leader >= 0)
    near = np.stack([known.leader[followers], followers])
    faults = set()
    for start, (people, counts) in enumerate(zip(tables.starts, tables.counts, strict=True)):
        changes = tables.changes[np.flatnonzero(tables.start_of == start)]
        fall = int((-changes).maximum(0).sum(axis=1).max()) if changes.nnz else 0
        # With one person more in every class, as many pairs have people in common as classes.
        common = (_common(groups_of, np.append(people, 0) + 1).data - touching.data)[apart]
        close = counts[one] + counts[other] - 2 * common < known.step + fall
        parts = 1 + np.count_nonzero(close) // checker_limits.WITNESS_PAIRS_AT_ONCE
        for pairs in np.array_split(np.stack([one, other])[:, close], parts, axis=1):
            if (_extremes(tables, people, changes, pairs)[0] < known.step).any():
                faults.add("two groups with different figures are too near in a witness")
        if (_extremes(tables, people, changes, near)[1] > known.widest).any():
            faults.add("two groups that share a figure are too far apart in a witness")
    return sorted(faults)


def _common(groups_of: sparse.csr_array, people: Ints) -> sparse.coo_array:
    """(groups x groups): the people in both, where they share a class; `people` are above 0."""
    weighted = groups_of.multiply(people[:, None])
    common = sparse.csr_array(groups_of.T @ sparse.csr_array(weighted))
    common.sort_indices()
    return common.tocoo()


def _extremes(
    tables: WitnessTables, people: Ints, changes: sparse.csr_array, pairs: Ints
) -> tuple[Ints, Ints]:
    """The fewest and the most people in one group of a pair only, in a start and its changes."""
    if not pairs.size:
        return pairs[0], pairs[1]
    differ = abs(tables.classes_of[pairs[0]] - tables.classes_of[pairs[1]])
    apart = differ @ people
    moved = (changes @ differ.T).tocoo()
    low, high = apart.copy(), apart.copy()
    np.minimum.at(low, moved.col, apart[moved.col] + moved.data)
    np.maximum.at(high, moved.col, apart[moved.col] + moved.data)
    return low, high
