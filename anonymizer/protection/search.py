"""Fitting tables near the true one, found by moving a few people: no solver needed.

To show that a class may have more people than it has, add them there, then take the surplus
of each published segment away elsewhere, smallest segment first, always from the class that
mends the most figures at once. Rounding leaves room of up to nearly two steps, so a handful of
moves does it for nearly every class. What is found is proved by itself; what is not found is
left to the solver.
"""

from collections.abc import Sequence

import numpy as np

from anonymizer.protection.budget import Budget
from anonymizer.protection.constraints import Constraints
from anonymizer.protection.goals import Goal
from anonymizer.protection.side_by_side import Moves, Tables

MOST_MOVES = 40


class NearbyTables:
    """Searches fitting tables near the truth. Deterministic; its findings want checking."""

    def __init__(self, known: Constraints, budget: Budget) -> None:
        self._tables, self._budget = Tables(known), budget

    def publish(self, row: int, *, published: bool) -> None:
        """Whether tables have to fit this row."""
        self._tables.publish(row, published=published)

    def find(self, goals: Sequence[Goal], moves: int = MOST_MOVES) -> list[Moves | None]:
        """For each goal a fitting table that reaches it, if so many moves lead to one."""
        found: list[Moves | None] = []
        while len(found) < len(goals):
            found += self._found(goals[len(found) :][: self._tables.most], moves)
        return found

    def _found(self, goals: Sequence[Goal], most_moves: int) -> list[Moves | None]:
        tables = self._tables
        tables.start(goals)
        fits = np.zeros(len(goals), dtype=bool)
        going = np.arange(len(goals))
        for _ in range(most_moves):
            self._budget.spend(len(going))
            broken, rows = tables.smallest_broken(going)
            fits[going[~broken]] = True
            going = tables.mend(going[broken], rows[broken])
            if not len(going):
                break
        moves = tables.moves()
        tables.take_back()
        return [found if fit else None for found, fit in zip(moves, fits.tolist(), strict=True)]
