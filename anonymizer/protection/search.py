"""Fitting tables near the true one, found by moving a few people: no solver needed.

To show that a class may have more people than it has, add them there, then take the surplus
of each published segment away elsewhere, smallest segment first, always from the class that
mends the most figures at once. Rounding leaves room of up to nearly two steps, so a handful of
moves does it for nearly every class. What is found is proved by itself; what is not found is
left to the solver.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.protection.budget import Budget
from anonymizer.protection.constraints import Constraints
from anonymizer.protection.goals import Goal

_MOST_MOVES = 40
_UNLIMITED = 1 << 40  # room of a row that is not published
_NEVER = -(1 << 40)
_WORTH = 64  # one more figure mended counts more than any number of people to move


@dataclass(frozen=True)
class Moves:
    """A table as its difference from the true one; no class stands twice."""

    classes: NDArray[np.intp]
    people: NDArray[np.int64]


class NearbyTables:
    """Searches fitting tables near the truth. Deterministic; its findings want checking."""

    def __init__(self, known: Constraints, budget: Budget) -> None:
        self._budget = budget
        self._columns = known.matrix
        self._rows = known.matrix.tocsr()
        self._row_sizes = np.diff(self._rows.indptr)
        self._spare = known.spare
        totals = known.matrix @ known.truth
        self._above, self._below = known.upper - totals, totals - known.lower
        self._room_above, self._room_below = self._above.copy(), self._below.copy()
        self._members: dict[int, tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]] = {}

    def publish(self, row: int, *, published: bool) -> None:
        """Whether tables have to fit this row."""
        self._room_above[row] = self._above[row] if published else _UNLIMITED
        self._room_below[row] = self._below[row] if published else _UNLIMITED

    def find(self, goal: Goal) -> Moves | None:
        """A fitting table that reaches the goal, if a few moves lead to one."""
        moves = _Attempt(self._spare, self._room_above.copy(), self._room_below.copy())
        sense = 1 if goal.change > 0 else -1
        moves.direction[goal.classes] = sense
        fullest = int(goal.classes[np.argmax(self._spare[goal.classes])])
        self._move(moves, fullest, goal.change)
        for _ in range(_MOST_MOVES):
            self._budget.spend(1)
            broken = np.flatnonzero((moves.above < 0) | (moves.below < 0))
            if not len(broken):
                return moves.found()
            row = int(broken[np.argmin(self._row_sizes[broken])])
            if not self._mend(moves, row):
                return None
        return None

    def _mend(self, moves: "_Attempt", row: int) -> bool:
        """Move people out of a row with too many, or into one with too few."""
        sense = -1 if moves.above[row] < 0 else 1
        wrong, tight = (moves.above, moves.below) if sense < 0 else (moves.below, moves.above)
        classes, member_rows, starts = self._classes_in(row)
        gain = (wrong < 0).astype(np.int64) - (tight <= 0)
        score = np.add.reduceat(gain[member_rows], starts) * _WORTH
        free = moves.direction[classes] != -sense
        if sense < 0:
            people = moves.table[classes]
            score += np.minimum(people, _WORTH - 1)
            free &= people > 0
        score[~free] = _NEVER
        best = int(np.argmax(score))
        if score[best] == _NEVER:
            return False
        chosen = int(classes[best])
        moves.direction[chosen] = sense
        self._move(moves, chosen, sense * self._amount(moves, chosen, wrong, tight, sense))
        return True

    def _amount(
        self,
        moves: "_Attempt",
        chosen: int,
        wrong: NDArray[np.int64],
        tight: NDArray[np.int64],
        sense: int,
    ) -> int:
        """As many people as keep every row they touch from getting worse than it was."""
        rows = self._rows_of(chosen)
        room, missing = tight[rows], -wrong[rows]
        most = int(moves.table[chosen]) if sense < 0 else _UNLIMITED
        return min(
            most,
            int(missing[missing > 0].min()),
            int(room[room > 0].min(initial=_UNLIMITED)),
        )

    def _move(self, moves: "_Attempt", chosen: int, people: int) -> None:
        rows = self._rows_of(chosen)
        moves.table[chosen] += people
        moves.above[rows] -= people
        moves.below[rows] += people
        moves.touched.add(chosen)

    def _rows_of(self, column: int) -> NDArray[np.int32]:
        start, end = self._columns.indptr[column : column + 2]
        rows: NDArray[np.int32] = self._columns.indices[start:end]
        return rows

    def _classes_in(self, row: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Classes of a row, the rows of each of them one after the other, where each begins."""
        if row not in self._members:
            classes = self._rows.indices[self._rows.indptr[row] : self._rows.indptr[row + 1]]
            begins = self._columns.indptr[classes]
            lengths = self._columns.indptr[classes + 1] - begins
            starts = np.cumsum(lengths) - lengths
            places = np.repeat(begins - starts, lengths) + np.arange(lengths.sum())
            self._members[row] = (classes, self._columns.indices[places], starts)
        return self._members[row]


class _Attempt:
    """A table under way: its spare people, the room left in each row, where each class may go."""

    def __init__(
        self, spare: NDArray[np.int64], above: NDArray[np.int64], below: NDArray[np.int64]
    ) -> None:
        self.spare, self.table = spare, spare.copy()
        self.above, self.below = above, below
        self.direction = np.zeros(len(spare), dtype=np.int8)
        self.touched: set[int] = set()

    def found(self) -> Moves | None:
        classes = np.array(sorted(self.touched), dtype=np.intp)
        people = self.table[classes] - self.spare[classes]
        if (self.table[classes] < 0).any():
            return None
        return Moves(classes[people != 0], people[people != 0])
