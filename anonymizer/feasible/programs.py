"""Fitting tables by linear and integer programming (HiGHS), for what the search leaves open.

The program speaks of differences from the start, people added and people removed for each
class. It looks for the table that comes closest to the requirement, and among these for the one
with the fewest people moved, so that the dual simplex is soon done. An optimum below the
requirement shows that the requirement is out of reach, and its duals name the figures that make it
so. A vertex that is not whole is rounded and repaired, and in the end handed to branch and bound.
"""

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.repair import TableRepair
from anonymizer.feasible.requirements import Infeasible, Requirement, Witness
from anonymizer.feasible.solver import Solver, program_of, solve
from anonymizer.feasible.system import Integers, System
from anonymizer.feasible.work import Work

_TOLERANCE = 1e-6
_DUAL_SIMPLEX = 1
# A matrix of ones needs no scaling, and few of its rows change from one step to the next.
_OF_ONES = {"simplex_scale_strategy": 0, "simplex_price_strategy": 1}
_NO_LIMIT = 1 << 40
_REWARD = 10_000.0  # for each person moved the requirement's way, against 1 to 2 for any other
_BLAMED = (
    0.05 * _REWARD
)  # a dual beyond what moving others costs: the figure holds the requirement back
_MOST_ADDED = float(1 << 30)


class Programs:
    """Decides requirements one at a time, each from the same first table, so their order is no
    matter.
    """

    def __init__(self, system: System, start: Integers, budget: Work) -> None:
        self._system, self._start, self._budget = system, start, budget
        self._matrix = sparse.csc_array(system.members)
        totals = system.members @ start
        self._above = (system.highest - totals).astype(np.float64)
        self._below = (system.lowest - totals).astype(np.float64)
        self._published = np.ones(len(totals), dtype=bool)
        self._solver: Solver | None = None

    def publish(self, row: int, *, published: bool) -> None:
        """Whether tables have to fit this row."""
        self._published[row] = published
        if self._solver is not None:
            lower, upper = self._bounds()
            self._solver.changeRowBounds(row, lower[row], upper[row])

    def decide(self, requirement: Requirement) -> Witness | Infeasible:
        """A fitting table of whole numbers that reaches the requirement, or what is in the way.

        With the budget spent, and where only parts of people reach the requirement, every row that
        counts the requirement's people is in the way.
        """
        if self._budget.exhausted:
            return Infeasible(self._rows_of(requirement))
        for attempt in range(search_limits.REQUIREMENT_ATTEMPTS):
            nearest, duals = self._nearest(requirement, attempt)
            if (found := self._whole(requirement, nearest)) is not None:
                return found
            if self._reach(requirement, nearest) < abs(requirement.change) - _TOLERANCE:
                return self._in_the_way(requirement, duals)
            if (
                found := self._whole(requirement, self._repaired(requirement, nearest))
            ) is not None:
                return found
        if not self._budget.exhausted:
            found = self._whole(requirement, self._branch_and_bound(requirement))
            if found is not None:
                return found
        return Infeasible(self._rows_of(requirement))

    def _nearest(
        self, requirement: Requirement, attempt: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The table that reaches the requirement, or comes closest, with the fewest people moved;
        and the duals of the rows.

        Such a table touches few classes and is mostly whole; moving people costs a little more
        in some classes than in others, in each attempt in other ones, to find other vertices.
        """
        random = np.random.Generator(np.random.PCG64(attempt))
        width = len(self._start)
        costs = 1 + random.random(2 * width) * (attempt > 0)
        sense = self._sense(requirement)
        costs[requirement.classes] -= sense * _REWARD
        costs[requirement.classes + width] += sense * _REWARD
        return self._solve(costs, requirement)

    def _solve(
        self, costs: NDArray[np.float64], requirement: Requirement
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The cheapest difference from the start, no further than the requirement; duals of the
        rows.
        """
        solver = self._solver = self._solver or self._model()
        width, height = len(self._start), len(self._published)
        solver.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)
        self._add_requirement_row(
            solver,
            requirement,
            *sorted((-self._sense(requirement) * np.inf, float(requirement.change))),
        )
        solver.clearSolver()
        limit = max(1, min(self._budget.left, search_limits.REQUIREMENT_ITERATIONS))
        solver.setOptionValue("simplex_iteration_limit", limit)
        self._run(solver)
        solution = solver.getSolution()
        values = np.array(solution.col_value, dtype=np.float64)
        duals = np.array(solution.row_dual, dtype=np.float64)[:height]
        solver.deleteRows(1, np.array([height], dtype=np.int32))
        return values[:width] - values[width:], duals

    def _run(self, solver: Solver) -> None:
        iterations = max(1, solve(solver))
        self._budget.spend(iterations * (1 + len(self._published) // search_limits.ROWS_A_STEP))

    def _add_requirement_row(
        self, solver: Solver, requirement: Requirement, lower: float, upper: float
    ) -> None:
        columns = np.concatenate([requirement.classes, requirement.classes + len(self._start)])
        ones = np.ones(len(requirement.classes))
        coefficients = np.concatenate([ones, -ones])
        solver.addRow(lower, upper, len(columns), columns.astype(np.int32), coefficients)

    def _sense(self, requirement: Requirement) -> float:
        return 1.0 if requirement.change > 0 else -1.0

    def _reach(self, requirement: Requirement, solution: NDArray[np.float64]) -> float:
        """How many people the solution moves the requirement's way."""
        return float(self._sense(requirement) * solution[requirement.classes].sum())

    def _branch_and_bound(self, requirement: Requirement) -> NDArray[np.float64]:
        """The first whole table found that reaches the requirement; zeros if none was."""
        solver, width = self._model(integral=True), len(self._start)
        wanted = sorted((float(requirement.change), self._sense(requirement) * np.inf))
        self._add_requirement_row(solver, requirement, *wanted)
        solver.changeColsCost(2 * width, np.arange(2 * width, dtype=np.int32), np.ones(2 * width))
        solver.setOptionValue("mip_max_nodes", search_limits.REQUIREMENT_NODES)
        solver.setOptionValue("mip_max_improving_sols", 1)
        self._run(solver)
        if solver.getInfo().primal_solution_status != highspy.kSolutionStatusFeasible:
            return np.zeros(width)
        values = np.array(solver.getSolution().col_value, dtype=np.float64)
        difference: NDArray[np.float64] = values[:width] - values[width:]
        return difference

    def _repaired(
        self, requirement: Requirement, solution: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """The solution in whole people, with what that breaks repaired as far as a few moves do."""
        self._budget.spend(search_limits.REQUIREMENT_STEPS)
        system = System(
            np.where(self._published, self._system.lowest, -_NO_LIMIT),
            np.where(self._published, self._system.highest, _NO_LIMIT),
            self._system.members,
        )
        people = np.maximum(self._start + np.rint(solution).astype(np.int64), 0)
        repair = TableRepair(system, people)
        repair.make_fit_keeping(
            requirement.classes, search_limits.REQUIREMENT_STEPS, int(self._sense(requirement))
        )
        moved: NDArray[np.int64] = repair.table - self._start
        return moved

    def _whole(
        self, requirement: Requirement, solution: NDArray[np.float64] | NDArray[np.int64]
    ) -> Witness | None:
        """The solution as whole numbers, if these still fit and reach the requirement."""
        people = np.rint(solution).astype(np.int64)
        change = self._matrix @ people
        fits = (change <= self._above) & (change >= self._below)
        reached = int(people[requirement.classes].sum()) - requirement.change
        if (
            not fits[self._published].all()
            or (self._start + people < 0).any()
            or (reached < 0 if requirement.change > 0 else reached > 0)
        ):
            return None
        classes = np.flatnonzero(people)
        return Witness(classes, people[classes])

    def _in_the_way(self, requirement: Requirement, duals: NDArray[np.float64]) -> Infeasible:
        """Rows that bind the requirement; where duals name none, the rows that count it."""
        rows = np.flatnonzero((np.abs(duals) > _BLAMED) & self._published)
        return Infeasible(rows if len(rows) else self._rows_of(requirement))

    def _rows_of(self, requirement: Requirement) -> NDArray[np.intp]:
        touched = np.asarray(self._matrix[:, requirement.classes].sum(axis=1)).ravel()
        return np.flatnonzero((touched > 0) & self._published)

    def _bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return (
            np.where(self._published, self._below, -np.inf),
            np.where(self._published, self._above, np.inf),
        )

    def _model(self, *, integral: bool = False) -> Solver:
        """Columns: people added to each class, then people removed. Rows: the published ones."""
        matrix, spare = self._matrix, self._start
        both = sparse.hstack([matrix, -matrix], format="csc")
        limits = np.concatenate([np.full(len(spare), _MOST_ADDED), spare])
        solver = Solver(solver="simplex", simplex_strategy=_DUAL_SIMPLEX, **_OF_ONES)
        if not integral:
            solver.setOptionValue("presolve", "off")
        solver.passModel(program_of(both, *self._bounds(), limits, whole=integral))
        return solver
