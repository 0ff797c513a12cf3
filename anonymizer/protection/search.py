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
        # Where an attempt is: people, which way each class may go, what it changed, rows broken.
        self._table = known.spare.copy()
        self._direction = np.zeros(len(known.spare), dtype=np.int8)
        self._touched: set[int] = set()
        self._broken: set[int] = set()
        self._members: dict[int, tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]] = {}

    def publish(self, row: int, *, published: bool) -> None:
        """Whether tables have to fit this row."""
        self._room_above[row] = self._above[row] if published else _UNLIMITED
        self._room_below[row] = self._below[row] if published else _UNLIMITED

    def find(self, goal: Goal) -> Moves | None:
        """A fitting table that reaches the goal, if a few moves lead to one."""
        found = self._moved(goal)
        self._take_back(goal)
        return found

    def _moved(self, goal: Goal) -> Moves | None:
        sense = 1 if goal.change > 0 else -1
        self._direction[goal.classes] = sense
        fullest = int(goal.classes[np.argmax(self._spare[goal.classes])])
        self._move(fullest, goal.change)
        for _ in range(_MOST_MOVES):
            self._budget.spend(1)
            if not self._broken:
                return self._found()
            if not self._mend(min(self._broken, key=lambda row: (self._row_sizes[row], row))):
                return None
        return None

    def _mend(self, row: int) -> bool:
        """Move people out of a row with too many, or into one with too few."""
        sense = -1 if self._room_above[row] < 0 else 1
        above, below = self._room_above, self._room_below
        wrong, tight = (above, below) if sense < 0 else (below, above)
        classes, member_rows, starts = self._classes_in(row)
        gain = (wrong[member_rows] < 0).astype(np.int64) - (tight[member_rows] <= 0)
        score = np.add.reduceat(gain, starts) * _WORTH
        free = self._direction[classes] != -sense
        if sense < 0:
            people = self._table[classes]
            score += np.minimum(people, _WORTH - 1)
            free &= people > 0
        score[~free] = _NEVER
        best = int(np.argmax(score))
        if score[best] == _NEVER:
            return False
        chosen = int(classes[best])
        self._direction[chosen] = sense
        self._move(chosen, sense * self._amount(chosen, wrong, tight, sense))
        return True

    def _amount(
        self,
        chosen: int,
        wrong: NDArray[np.int64],
        tight: NDArray[np.int64],
        sense: int,
    ) -> int:
        """As many people as keep every row they touch from getting worse than it was."""
        rows = self._rows_of(chosen)
        room, missing = tight[rows], -wrong[rows]
        most = int(self._table[chosen]) if sense < 0 else _UNLIMITED
        return min(
            most,
            int(missing[missing > 0].min()),
            int(room[room > 0].min(initial=_UNLIMITED)),
        )

    def _move(self, chosen: int, people: int) -> None:
        rows = self._rows_of(chosen)
        self._table[chosen] += people
        self._room_above[rows] -= people
        self._room_below[rows] += people
        self._touched.add(chosen)
        wrong = (self._room_above[rows] < 0) | (self._room_below[rows] < 0)
        self._broken.difference_update(rows[~wrong].tolist())
        self._broken.update(rows[wrong].tolist())

    def _found(self) -> Moves | None:
        classes = np.array(sorted(self._touched), dtype=np.intp)
        people = self._table[classes] - self._spare[classes]
        if (self._table[classes] < 0).any():
            return None
        return Moves(classes[people != 0], people[people != 0])

    def _take_back(self, goal: Goal) -> None:
        """Back to the truth, only where it was left: most attempts touch a handful of rows."""
        for chosen in self._touched:
            rows, people = self._rows_of(chosen), self._table[chosen] - self._spare[chosen]
            self._room_above[rows] += people
            self._room_below[rows] -= people
        touched = list(self._touched)
        self._table[touched] = self._spare[touched]
        self._direction[touched] = 0
        self._direction[goal.classes] = 0
        self._touched.clear()
        self._broken.clear()

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
