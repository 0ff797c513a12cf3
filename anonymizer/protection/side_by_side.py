"""Tables on their way from the truth to a goal, many side by side.

One move touches some dozens of numbers, so that NumPy would take longer to be called than to
compute: the same move is made in many tables at once.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.protection.constraints import Constraints
from anonymizer.protection.goals import Goal

_MOST_TABLES = 1_024
_MOST_NUMBERS = 1 << 22  # in all tables
_MOST_LOOKED_AT = 1 << 18  # at once
_UNLIMITED = 1 << 40  # room of a row that is not published
_NEVER = -(1 << 40)
_ONE_MENDED = 64  # one more figure mended counts more than any number of people to move
_ABOVE, _BELOW = 0, 1  # room for more people in a row, for fewer

Numbers = NDArray[np.int64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Moves:
    """A table as its difference from the true one; no class stands twice."""

    classes: NDArray[np.intp]
    people: NDArray[np.int64]


@dataclass(frozen=True)
class _Members:
    """The classes of a row, and the rows of each of them, one class after the other."""

    classes: Places
    rows: Places
    lengths: Places


@dataclass(frozen=True)
class _Step:
    """Which people of which tables were moved, and the room of which rows changed with that."""

    people: Places
    room: Places
    rows: Places


class Tables:
    """Tables that start at the truth, one for each goal, at most so many as `most`.

    After `start`, `mend` until nothing is broken, ask for the `moves`, then `take_back`; rows are
    published or withheld between, at the truth. Rows are numbered from the one with the fewest
    classes. What is said of table t and class c stands at t * classes + c of a flat array, what
    is said of row r at t * rows + r.
    """

    def __init__(self, known: Constraints) -> None:
        matrix = known.matrix.tocsr()
        by_size = np.argsort(np.diff(matrix.indptr), kind="stable")
        self._place_of = np.argsort(by_size)
        self._rows = matrix[by_size]
        self._columns = self._rows.tocsc()
        self._spare = known.spare
        totals = known.matrix @ known.truth
        self._true_room = np.stack([known.upper - totals, totals - known.lower])[:, by_size]
        self._start_room = self._true_room.copy()
        self.most = max(1, min(_MOST_TABLES, _MOST_NUMBERS // (1 + sum(matrix.shape))))
        self._members: dict[int, _Members] = {}
        self._steps: list[_Step] = []
        self._goals: Sequence[Goal] = ()
        self._make_room_for(0)

    def _make_room_for(self, tables: int) -> None:
        self._width = tables
        self._people = np.tile(self._spare, tables)
        self._direction = np.zeros(len(self._people), dtype=np.int8)
        self._room = np.tile(self._start_room, tables)
        self._worth = np.tile(_worth(self._start_room), tables)
        self._broken = np.zeros((tables, len(self._place_of)), dtype=bool)

    def publish(self, row: int, *, published: bool) -> None:
        """Whether tables have to fit this row."""
        place = self._place_of[row]
        self._start_room[:, place] = self._true_room[:, place] if published else _UNLIMITED
        rows = np.arange(self._width) * len(self._place_of) + place
        self._room[:, rows] = self._start_room[:, place, None]
        self._worth[:, rows] = _worth(self._start_room[:, place, None])

    def start(self, goals: Sequence[Goal]) -> None:
        """From the truth, with the people of each goal where most are already."""
        if len(goals) > self._width:
            self._make_room_for(len(goals))
        self._goals = goals
        changes = np.array([goal.change for goal in goals])
        for table, goal in enumerate(goals):
            self._direction[table * len(self._spare) + goal.classes] = np.sign(goal.change)
        fullest = [int(goal.classes[np.argmax(self._spare[goal.classes])]) for goal in goals]
        tables, classes = np.arange(len(goals)), np.array(fullest, dtype=np.intp)
        self._move(tables, classes, changes, *self._rows_of(classes))

    def smallest_broken(self, tables: Places) -> tuple[Flags, Places]:
        """Whether a table breaks any row, and the smallest row that it breaks."""
        broken = self._broken[tables]
        if not broken.size:
            return np.zeros(len(tables), dtype=bool), np.zeros(len(tables), dtype=np.intp)
        rows = broken.argmax(axis=1)
        return broken[np.arange(len(tables)), rows], rows

    def mend(self, tables: Places, rows: Places) -> Places:
        """In each table, move people out of a row with too many, or into one with too few. The
        tables in which there was a way.
        """
        side = np.where(self._room[_ABOVE, self._at_row(tables, rows)] < 0, _ABOVE, _BELOW)
        chosen = self._best_classes(tables, side, [self._members_of(row) for row in rows.tolist()])
        able = chosen >= 0
        tables, side, chosen = tables[able], side[able], chosen[able]
        if not len(tables):
            return tables
        of_class = self._rows_of(chosen)
        people = self._amounts(tables, side, chosen, *of_class)
        sense = np.where(side == _ABOVE, -1, 1)
        self._direction[self._at_class(tables, chosen)] = sense
        self._move(tables, chosen, sense * people, *of_class)
        return tables

    def moves(self) -> list[Moves | None]:
        """What is different from the truth in each table; None if a class has too few people."""
        classes = len(self._spare)
        moved = np.unique(np.concatenate([step.people for step in self._steps]))
        table, moved_class = moved // classes, moved % classes
        change = self._people[moved] - self._spare[moved_class]
        negative = set(table[self._people[moved] < 0].tolist())
        table, moved_class, change = (of[change != 0] for of in (table, moved_class, change))
        ends = np.searchsorted(table, np.arange(len(self._goals) + 1)).tolist()
        return [
            None if number in negative else Moves(moved_class[begin:end], change[begin:end])
            for number, (begin, end) in enumerate(itertools.pairwise(ends))
        ]

    def take_back(self) -> None:
        """Back to the truth, only where it was left: most tables leave it in a handful of rows."""
        classes = len(self._spare)
        for step in self._steps:
            self._people[step.people] = self._spare[step.people % classes]
            self._direction[step.people] = 0
            self._room[:, step.room] = self._start_room[:, step.rows]
            self._worth[:, step.room] = _worth(self._start_room[:, step.rows])
            self._broken.ravel()[step.room] = False
        for table, goal in enumerate(self._goals):
            self._direction[table * classes + goal.classes] = 0
        self._steps, self._goals = [], ()

    def _best_classes(self, tables: Places, side: Places, members: Sequence[_Members]) -> Places:
        """For each table the class of its row whose move mends the most, or -1 if there is none.

        Not too many at once: a row of thousands of classes has tens of thousands of members.
        """
        batch = np.cumsum([len(of_row.rows) for of_row in members]) // _MOST_LOOKED_AT
        cuts = [0, *(1 + np.flatnonzero(np.diff(batch))).tolist(), len(tables)]
        best = [
            self._best_class(tables[begin:end], side[begin:end], members[begin:end])
            for begin, end in itertools.pairwise(cuts)
            if begin < end
        ]
        return np.concatenate([np.empty(0, dtype=np.intp), *best])

    def _best_class(self, tables: Places, side: Places, members: Sequence[_Members]) -> Places:
        counts = np.array([len(of_row.classes) for of_row in members])
        classes = np.concatenate([of_row.classes for of_row in members])
        taken = np.repeat(side == _ABOVE, counts)
        at = self._at_class(np.repeat(tables, counts), classes)
        direction, people = self._direction[at], self._people[at]
        free = np.where(taken, (direction <= 0) & (people > 0), direction >= 0)
        score = self._gains(tables, side, members) * _ONE_MENDED
        score += np.where(taken, np.minimum(people, _ONE_MENDED - 1), 0)
        score[~free] = _NEVER
        starts = np.cumsum(counts) - counts
        highest = np.maximum.reduceat(score, starts)
        best = np.flatnonzero(score == np.repeat(highest, counts))
        firsts = best[np.searchsorted(best, starts)]
        return np.where(highest == _NEVER, -1, classes[firsts])

    def _gains(self, tables: Places, side: Places, members: Sequence[_Members]) -> Numbers:
        """For each class, how many rows its move mends, less those in which there is no room."""
        rows = np.concatenate([of_row.rows for of_row in members])
        lengths = np.concatenate([of_row.lengths for of_row in members])
        begin = side * self._worth.shape[1] + tables * len(self._place_of)
        rows = rows + np.repeat(begin, [len(of_row.rows) for of_row in members])
        worth = self._worth.ravel().take(rows)
        gains: Numbers = np.add.reduceat(worth, np.cumsum(lengths) - lengths, dtype=np.int64)
        return gains

    def _amounts(
        self, tables: Places, side: Places, chosen: Places, rows: Places, lengths: Places
    ) -> Numbers:
        """As many people as keep every row they touch from getting worse than it was."""
        at, starts = self._at_row(np.repeat(tables, lengths), rows), np.cumsum(lengths) - lengths
        side_of_row = np.repeat(side, lengths)
        missing, room = -self._room[side_of_row, at], self._room[1 - side_of_row, at]
        people = self._people[self._at_class(tables, chosen)]
        most = np.where(side == _ABOVE, people, _UNLIMITED)
        for limit in (missing, room):
            limit[limit <= 0] = _UNLIMITED
            most = np.minimum(most, np.minimum.reduceat(limit, starts))
        return most

    def _move(
        self, tables: Places, classes: Places, people: Numbers, rows: Places, lengths: Places
    ) -> None:
        moved, at = self._at_class(tables, classes), self._at_row(np.repeat(tables, lengths), rows)
        change = np.repeat(people, lengths)
        self._people[moved] += people
        room = self._room[:, at]
        room[_ABOVE] -= change
        room[_BELOW] += change
        self._room[:, at] = room
        self._worth[:, at] = _worth(room)
        self._broken.ravel()[at] = (room < 0).any(axis=0)
        self._steps.append(_Step(moved, at, rows))

    def _at_class(self, tables: Places, classes: Places) -> Places:
        return tables * len(self._spare) + classes

    def _at_row(self, tables: Places, rows: Places) -> Places:
        return tables * len(self._place_of) + rows

    def _rows_of(self, classes: Places) -> tuple[Places, Places]:
        """The rows of each class, one class after the other, and how many it has."""
        begins = self._columns.indptr[classes]
        lengths = self._columns.indptr[classes + 1] - begins
        starts = np.cumsum(lengths) - lengths
        places = np.repeat(begins - starts, lengths) + np.arange(lengths.sum())
        return self._columns.indices[places], lengths

    def _members_of(self, row: int) -> _Members:
        found = self._members.get(row)
        if found is None:
            classes = self._rows.indices[self._rows.indptr[row] : self._rows.indptr[row + 1]]
            found = self._members[row] = _Members(classes, *self._rows_of(classes))
        return found


def _worth(room: Numbers) -> NDArray[np.int8]:
    """Shape (2, rows): one if a move out of the row, or into it, mends it, minus one if the row
    has no room for the move.
    """
    worth: NDArray[np.int8] = np.subtract(room < 0, room[::-1] <= 0, dtype=np.int8)
    return worth
