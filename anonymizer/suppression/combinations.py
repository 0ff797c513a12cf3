"""Witnesses of several columns: sums of vectors that reach a target where no single vector does.

Found by small linear programs over the columns near a target. Vertices of such programs are mostly
whole; only whole ones count, and other costs lead to other vertices.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import highspy
import numpy as np
from numpy.typing import NDArray

from anonymizer.feasible.solver import Solver, solve
from anonymizer.feasible.work import Work
from anonymizer.suppression import suppression_limits
from anonymizer.suppression.column_witnesses import ExactTarget
from anonymizer.suppression.null_space import Column, NullSpaceBasis

_TOLERANCE = 1e-6  # small enough for rows of a hundred thousand classes to stay balanced


class Combinations:
    """Sums of columns of a basis. They take an eighth of the budget at most."""

    def __init__(self, basis: NullSpaceBasis, budget: Work) -> None:
        self._basis, self._budget = basis, budget
        self._left = budget.left // suppression_limits.SHARE_OF_COMBINATIONS

    def find(
        self, target: ExactTarget, vector: Column, balance: Column, shortest: Sequence[int]
    ) -> Column | None:
        """A sum that reaches a target and is balanced on a row, or None if none is found.

        `vector` says what each column changes in the target, `balance` in the row; `shortest` are
        short columns that are not balanced.
        """
        near = self._near(vector, shortest[: suppression_limits.UNBALANCED])
        program = _program(self._basis, near, vector, balance)
        for sense in (1,) if target.more else (1, -1):
            if found := self._integer_vertex(program, sense * max(1, target.more)):
                return found
        return None

    @cached_property
    def _solver(self) -> Solver:
        return Solver(solver="simplex", presolve="off")

    @property
    def exhausted(self) -> bool:
        """Nothing more is looked for."""
        return self._left <= 0

    def spend(self, steps: int) -> None:
        """Account for work done."""
        self._left -= steps
        self._budget.spend(steps)

    def _near(self, vector: Column, unbalanced: Sequence[int]) -> list[int]:
        """Columns that touch the target, short ones first; some that are not balanced on the row;
        then those that overlap the first ones most.
        """
        columns, through = self._basis.columns, self._basis.through
        touching = sorted(vector, key=lambda q: (len(columns[q]), q))[: suppression_limits.SEEDS]
        seeds = list(dict.fromkeys([*touching, *unbalanced]))
        indices = set(chain.from_iterable(columns[q] for q in seeds[: suppression_limits.EXPANDED]))
        shared = Counter(chain.from_iterable(map(through.__getitem__, indices)))
        for q in seeds:
            del shared[q]
        others = sorted(shared, key=lambda q: (-shared[q] / len(columns[q]), q))
        return seeds + others[: suppression_limits.NEARBY - len(seeds)]

    def _integer_vertex(self, program: "_ColumnProgram", change: int) -> Column | None:
        """The first whole vertex of the program with this change of the target."""
        solver, width = self._solver, len(program.costs)
        program.hand_to(solver, change)
        for attempt in range(suppression_limits.VERTICES):
            if self.exhausted:
                return None
            if attempt:
                random = np.random.Generator(np.random.PCG64(attempt))
                costs = program.costs * (1 + random.random(width))
                solver.changeColsCost(width, np.arange(width, dtype=np.int32), costs)
            self.spend(suppression_limits.STEPS_OF_A_PROGRAM + solve(solver))
            if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                return None
            people = np.array(solver.getSolution().row_value)[: len(program.indices)]
            whole = np.rint(people)
            if np.abs(people - whole).max() < _TOLERANCE:
                moved = zip(program.indices, whole.astype(np.int64).tolist(), strict=True)
                return {index: number for index, number in moved if number}
        return None


@dataclass(frozen=True)
class _ColumnProgram:
    """The cheapest sum of columns, each added so many times (first half) or taken away.

    Rows: people added to each of the `indices`, no fewer than `least`; the row; the target. The
    numbers stand column by column, those of each from its start in `starts`.
    """

    starts: NDArray[np.int32]
    rows: NDArray[np.int32]
    numbers: NDArray[np.float64]
    indices: list[int]
    least: NDArray[np.float64]
    costs: NDArray[np.float64]

    def hand_to(self, solver: Solver, change: int) -> None:
        """For a change of the target by so many people, or more of the same sign."""
        width = len(self.costs)
        lowest, highest = (change, np.inf) if change > 0 else (-np.inf, change)
        solver.passModel(  # as arrays: the attributes of a HighsLp are filled number by number
            width,
            len(self.least) + 2,
            len(self.numbers),
            int(highspy.MatrixFormat.kColwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            self.costs,
            np.zeros(width),
            np.full(width, suppression_limits.MOST_TIMES),
            np.concatenate([self.least, [0, lowest]]),
            np.concatenate([np.full(len(self.least), np.inf), [0, highest]]),
            self.starts,
            self.rows,
            self.numbers,
            np.zeros(width, dtype=np.int32),
        )


def _program(
    basis: NullSpaceBasis, near: list[int], vector: Column, balance: Column
) -> _ColumnProgram:
    columns = [basis.columns[q] for q in near]
    indices = list(dict.fromkeys(chain.from_iterable(columns)))
    row_of = {index: row for row, index in enumerate(indices)}
    rows, numbers, starts = [], [], [0]
    for q, column in zip(near, columns, strict=True):
        rows += [*map(row_of.__getitem__, column), len(indices), len(indices) + 1]
        numbers += [*column.values(), balance.get(q, 0), vector.get(q, 0)]
        starts.append(len(rows))
    added = np.array(numbers, dtype=np.float64)
    ends = np.array(starts, dtype=np.int32)
    return _ColumnProgram(
        np.concatenate([ends, len(rows) + ends[1:]]),
        np.tile(np.array(rows, dtype=np.int32), 2),
        np.concatenate([added, -added]),
        indices,
        -np.array([basis.spare[index] for index in indices], dtype=np.float64),
        np.tile([float(len(column)) for column in columns], 2),
    )
