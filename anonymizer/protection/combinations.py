"""Witnesses of several columns: sums of moves that reach an aim where no single move does.

Found by small linear programs over the columns near an aim. Vertices of such programs are mostly
whole; only whole ones count, and other costs lead to other vertices.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import chain

import highspy
import numpy as np
from highspy._core import _Highs
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.protection.aims import Aim
from anonymizer.protection.budget import Budget
from anonymizer.protection.moves import Column, MoveBasis

_SEEDS = 20
_NEARBY = 40
_MOST_TIMES = 50.0
_TOLERANCE = 1e-6
_VERTICES = 3
_STEPS = 10  # what it takes to set a program up
_OPTIONS: dict[str, bool | int | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
    "solver": "simplex",
    "presolve": "off",
}


class Combinations:
    """Sums of columns of a basis. They take half of the budget at most."""

    def __init__(self, basis: MoveBasis, budget: Budget) -> None:
        self._basis, self._budget = basis, budget
        self._reserve = budget.left // 2
        self._solver = _Highs()  # the wrapper around it prints a banner when it is built
        for option, value in _OPTIONS.items():
            self._solver.setOptionValue(option, value)

    def find(self, aim: Aim, vector: Column, balance: Column) -> Column | None:
        """A sum that reaches an aim and is balanced on a row, or None if none is found.

        `vector` says what each column changes in the aim, `balance` in the row.
        """
        near = self._near(vector)
        program = _program(self._basis, near, vector, balance)
        for sense in (1,) if aim.more else (1, -1):
            if found := self._solved(program, sense * max(1, aim.more)):
                return found
        return None

    def _near(self, vector: Column) -> list[int]:
        """Columns that touch the aim, short ones first; then those that overlap them most."""
        columns, through = self._basis.columns, self._basis.through
        seeds = sorted(vector, key=lambda q: (len(columns[q]), q))[:_SEEDS]
        shared = Counter(chain.from_iterable(through[place] for q in seeds for place in columns[q]))
        for q in seeds:
            del shared[q]
        others = sorted(shared, key=lambda q: (-shared[q] / len(columns[q]), q))
        return seeds + others[: _NEARBY - len(seeds)]

    def _solved(self, program: "_Program", change: int) -> Column | None:
        """The first whole vertex of the program with this change of the aim."""
        solver, width = self._solver, program.matrix.shape[1]
        solver.passModel(program.model(change))
        for attempt in range(_VERTICES):
            if self._budget.left <= self._reserve:
                return None
            if attempt:
                random = np.random.Generator(np.random.PCG64(attempt))
                costs = program.costs * (1 + random.random(width))
                solver.changeColsCost(width, np.arange(width, dtype=np.int32), costs)
            solver.run()
            self._budget.spend(_STEPS + max(0, int(solver.getInfo().simplex_iteration_count)))
            if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                return None
            people = np.array(solver.getSolution().row_value)[: len(program.places)]
            whole = np.rint(people)
            if np.abs(people - whole).max() < _TOLERANCE:
                moved = zip(program.places, whole.astype(np.int64).tolist(), strict=True)
                return {place: number for place, number in moved if number}
        return None


@dataclass(frozen=True)
class _Program:
    """The cheapest sum of columns, each added or taken away so many times.

    Rows: people added to each of the `places`, no fewer than `least`; the row; the aim.
    """

    matrix: sparse.csc_array
    places: list[int]
    least: NDArray[np.float64]
    costs: NDArray[np.float64]

    def model(self, change: int) -> highspy.HighsLp:
        """For a change of the aim by so many people, or more of the same sign."""
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = self.matrix.shape
        model.col_cost_ = self.costs
        model.col_lower_ = np.zeros(len(self.costs))
        model.col_upper_ = np.full(len(self.costs), _MOST_TIMES)
        lowest, highest = (change, np.inf) if change > 0 else (-np.inf, change)
        model.row_lower_ = np.concatenate([self.least, [0, lowest]])
        model.row_upper_ = np.concatenate([np.full(len(self.places), np.inf), [0, highest]])
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = self.matrix.indptr
        model.a_matrix_.index_ = self.matrix.indices
        model.a_matrix_.value_ = self.matrix.data
        return model


def _program(basis: MoveBasis, near: list[int], vector: Column, balance: Column) -> _Program:
    columns = [basis.columns[q] for q in near]
    places = list(dict.fromkeys(chain.from_iterable(columns)))
    row_of = {place: row for row, place in enumerate(places)}
    rows, data, ends = [], [], [0]
    for q, column in zip(near, columns, strict=True):
        rows += [*map(row_of.__getitem__, column), len(places), len(places) + 1]
        data += [*column.values(), balance.get(q, 0), vector.get(q, 0)]
        ends.append(len(rows))
    shape = (len(places) + 2, len(near))
    matrix = sparse.csc_array((np.array(data, dtype=np.float64), rows, ends), shape=shape)
    both = sparse.csc_array(sparse.hstack([matrix, -matrix]))
    costs = np.tile([float(len(column)) for column in columns], 2)
    least = -np.array([basis.spare[place] for place in places], dtype=np.float64)
    return _Program(both, places, least, costs)
