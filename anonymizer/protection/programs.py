"""Fitting tables by linear and integer programming (HiGHS), for what the search leaves open.

The program speaks of differences from the true table, people added and people removed for
each class, so that the all-slack basis is the truth and the primal simplex starts feasible.
An optimum below the goal shows that the goal is out of reach, and its duals name the figures
that make it so. A vertex that is not whole is handed to branch and bound.
"""

from dataclasses import dataclass

import highspy
import numpy as np
from highspy._core import _Highs
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.protection.budget import Budget
from anonymizer.protection.constraints import Constraints
from anonymizer.protection.goals import Goal
from anonymizer.protection.search import Moves

_TOLERANCE = 1e-6
_PRIMAL_SIMPLEX = 4
_MOST_ITERATIONS = 50_000
_MOST_NODES = 500
_MOST_ADDED = float(1 << 30)
_OPTIONS: dict[str, bool | int | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
    "solver": "simplex",
    "simplex_strategy": _PRIMAL_SIMPLEX,
}


@dataclass(frozen=True)
class OutOfReach:
    """No fitting table was found that reaches the goal; these rows are in the way."""

    rows: NDArray[np.intp]


class Programs:
    """Decides goals one at a time. Each starts from the truth, so their order is of no account."""

    def __init__(self, known: Constraints, budget: Budget) -> None:
        self._known, self._budget = known, budget
        totals = known.matrix @ known.truth
        self._above = (known.upper - totals).astype(np.float64)
        self._below = (known.lower - totals).astype(np.float64)
        self._published = np.ones(len(totals), dtype=bool)
        self._solver: _Highs | None = None

    def publish(self, row: int, *, published: bool) -> None:
        """Whether tables have to fit this row."""
        self._published[row] = published
        if self._solver is not None:
            lower, upper = self._bounds()
            self._solver.changeRowBounds(row, lower[row], upper[row])

    def decide(self, goal: Goal) -> Moves | OutOfReach:
        """A fitting table of whole numbers that reaches the goal, or what is in the way."""
        most, solution, duals = self._furthest(goal)
        if most < abs(goal.change) - _TOLERANCE:
            return self._in_the_way(goal, duals)
        found = self._whole(goal, solution)
        if found is None and not self._budget.exhausted:
            found = self._whole(goal, self._branch_and_bound(goal))
        if found is None:
            return self._in_the_way(goal, duals)
        return found

    def _furthest(self, goal: Goal) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """How far the goal's classes can go its way, the vertex, the duals of the rows."""
        solver = self._solver = self._solver or self._model()
        width = len(self._known.truth)
        sense = 1.0 if goal.change > 0 else -1.0
        columns = np.concatenate([goal.classes, goal.classes + width]).astype(np.int32)
        half = np.full(len(goal.classes), -sense)
        solver.changeColsCost(len(columns), columns, np.concatenate([half, -half]))
        solver.clearSolver()
        limit = max(1, min(self._budget.left, _MOST_ITERATIONS))
        solver.setOptionValue("simplex_iteration_limit", limit)
        solver.run()
        self._budget.spend(max(1, int(solver.getInfo().simplex_iteration_count)))
        solution = solver.getSolution()
        solver.changeColsCost(len(columns), columns, np.zeros(len(columns)))
        values = np.array(solution.col_value)
        difference = values[:width] - values[width:]
        return (
            float(sense * difference[goal.classes].sum()),
            difference,
            np.array(solution.row_dual),
        )

    def _branch_and_bound(self, goal: Goal) -> NDArray[np.float64]:
        """The first whole table found that reaches the goal; zeros if none was."""
        solver, width = self._model(integral=True), len(self._known.truth)
        columns = np.concatenate([goal.classes, goal.classes + width]).astype(np.int32)
        ones = np.ones(len(goal.classes))
        wanted = (float(goal.change), np.inf) if goal.change > 0 else (-np.inf, float(goal.change))
        solver.addRow(*wanted, len(columns), columns, np.concatenate([ones, -ones]))
        solver.changeColsCost(2 * width, np.arange(2 * width, dtype=np.int32), np.ones(2 * width))
        solver.setOptionValue("mip_max_nodes", _MOST_NODES)
        solver.setOptionValue("mip_max_improving_sols", 1)
        solver.run()
        self._budget.spend(max(1, int(solver.getInfo().simplex_iteration_count)))
        if solver.getInfo().primal_solution_status != highspy.kSolutionStatusFeasible:
            return np.zeros(width)
        values = np.array(solver.getSolution().col_value, dtype=np.float64)
        difference: NDArray[np.float64] = values[:width] - values[width:]
        return difference

    def _whole(self, goal: Goal, solution: NDArray[np.float64]) -> Moves | None:
        """The solution as whole numbers, if these still fit and reach the goal."""
        people = np.rint(solution).astype(np.int64)
        change = self._known.matrix @ people
        fits = (change <= self._above) & (change >= self._below)
        reached = int(people[goal.classes].sum()) - goal.change
        if (
            not fits[self._published].all()
            or (self._known.truth + people < 0).any()
            or (reached < 0 if goal.change > 0 else reached > 0)
        ):
            return None
        classes = np.flatnonzero(people)
        return Moves(classes, people[classes])

    def _in_the_way(self, goal: Goal, duals: NDArray[np.float64]) -> OutOfReach:
        """Rows that bind the goal; where duals are silent, the rows that it stands in."""
        rows = np.flatnonzero((np.abs(duals) > _TOLERANCE) & self._published)
        if not len(rows):
            touched = np.asarray(self._known.matrix[:, goal.classes].sum(axis=1)).ravel()
            rows = np.flatnonzero((touched > 0) & self._published)
        return OutOfReach(rows)

    def _bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return (
            np.where(self._published, self._below, -np.inf),
            np.where(self._published, self._above, np.inf),
        )

    def _model(self, *, integral: bool = False) -> _Highs:
        """Columns: people added to each class, then people removed. Rows: the published ones."""
        matrix, truth = self._known.matrix, self._known.truth
        both = sparse.hstack([matrix, -matrix], format="csc")
        program = highspy.HighsLp()
        program.num_row_, program.num_col_ = both.shape
        program.sense_ = highspy.ObjSense.kMinimize
        program.col_cost_ = np.zeros(both.shape[1])
        program.col_lower_ = np.zeros(both.shape[1])
        program.col_upper_ = np.concatenate([np.full(len(truth), _MOST_ADDED), truth])
        program.row_lower_, program.row_upper_ = self._bounds()
        program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        program.a_matrix_.start_ = both.indptr
        program.a_matrix_.index_ = both.indices
        program.a_matrix_.value_ = both.data.astype(np.float64)
        if integral:
            program.integrality_ = [highspy.HighsVarType.kInteger] * both.shape[1]
        solver = _Highs()  # the wrapper around it prints a banner when it is built
        for option, value in _OPTIONS.items():
            solver.setOptionValue(option, value)
        if not integral:
            solver.setOptionValue("presolve", "off")
        solver.passModel(program)
        return solver
