"""The one place that speaks to HiGHS: linear and integer programs over the classes.

HiGHS computes in floating point, so nothing here is a proof: callers check what comes
back in whole numbers. One thread and limits on work, not on time, keep every outcome the
same on every machine.
"""

from dataclasses import dataclass
from typing import Literal

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.work import meter
from anonymizer.model.errors import Held

Reals = NDArray[np.float64]
Status = Literal["optimal", "feasible", "infeasible", "unknown"]
_OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
}
_FEASIBLE = 2  # HiGHS: kSolutionStatusFeasible
_PRIMAL_SIMPLEX = 4  # HiGHS: kSimplexStrategyPrimal
_NO_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class SolverResult:
    """`values` of the columns; `multipliers` of the rows say which rows hold the optimum down."""

    status: Status
    values: Reals
    multipliers: Reals

    @property
    def found(self) -> bool:
        """Whether `values` satisfies every row."""
        return self.status in ("optimal", "feasible")


class Program:
    """Rows `lower <= matrix x <= upper` over columns `0 <= x <= limits`."""

    def __init__(
        self,
        matrix: sparse.csc_array,
        lower: NDArray[np.int64] | Reals,
        upper: NDArray[np.int64] | Reals,
        limits: Reals,
        *,
        whole: bool = False,
    ) -> None:
        rows, columns = matrix.shape
        self._whole, self._entries, self._size = whole, matrix.nnz, max(rows + columns, 1)
        self._most_steps = _NO_LIMIT
        self._node = (
            1 + self._size * search_limits.STEPS_OF_A_NODE // search_limits.SIZE_STEPPED_WHOLE
        )
        self._least_units = self._node if whole else 1
        self._columns = np.arange(columns, dtype=np.int32)
        self._rows = rows
        self._highs = Solver(
            mip_max_nodes=search_limits.PROGRAM_NODES, mip_feasibility_tolerance=1e-7
        )
        self._highs.passModel(program_of(matrix, lower, upper, limits, whole=whole))
        self._inside = False

    def minimise(self, cost: Reals) -> SolverResult:
        """The columns with the lowest cost; unknown where too little work is left."""
        work = meter()
        if work.left < self._least_units:
            return SolverResult("unknown", np.zeros(len(self._columns)), np.zeros(self._rows))
        self._allow(work.left)
        self._highs.changeColsCost(len(self._columns), self._columns, cost)
        self._highs.run()
        work.spend(self._units())
        status = self._status()
        # Once a feasible basis is at hand, a new cost leaves it feasible for primal simplex.
        if status in ("optimal", "feasible") and not self._inside:
            self._highs.setOptionValue("solver", "choose")
            self._highs.setOptionValue("simplex_strategy", _PRIMAL_SIMPLEX)
        solution = self._highs.getSolution()
        return SolverResult(status, np.array(solution.col_value), -np.array(solution.row_dual))

    def use_interior_point(self, *, presolve: bool = True) -> None:
        """From now on solve so that the columns are in the middle of all that is best.

        Presolving is quicker, but leaves the columns that it decides at their ends.
        """
        self._inside = True
        self._highs.setOptionValue("solver", "ipm")
        self._highs.setOptionValue("run_crossover", "off")
        self._highs.setOptionValue("presolve", "choose" if presolve else "off")

    def start_with_interior_point(self) -> None:
        """Come to the first corner through the middle, which large programs are quicker with."""
        self._highs.setOptionValue("solver", "ipm")

    def limit_iterations(self, iterations: int) -> None:
        """From now on stop after so many steps, at a feasible table on the way."""
        self._most_steps = iterations

    def _allow(self, units: int) -> None:
        """Take no more steps than so many units of work are for, nor than are allowed anyway."""
        simplex = units * search_limits.SIZE_STEPPED // self._size
        inside = units * search_limits.ENTRIES_INSIDE // max(self._entries, 1)
        nodes = units // self._node
        for option, steps in (
            ("simplex_iteration_limit", min(self._most_steps, simplex)),
            ("ipm_iteration_limit", min(_NO_LIMIT, inside)),
            ("mip_max_nodes", min(search_limits.PROGRAM_NODES, nodes)),
        ):
            self._highs.setOptionValue(option, steps)

    def _units(self) -> int:
        """What the last run took."""
        done = self._highs.getInfo()
        steps = max(done.simplex_iteration_count, 0) + max(done.crossover_iteration_count, 0)
        inside = max(done.ipm_iteration_count, 0) * self._entries // search_limits.ENTRIES_INSIDE
        stepped = search_limits.SIZE_STEPPED_WHOLE if self._whole else search_limits.SIZE_STEPPED
        return int(
            search_limits.UNITS_OF_A_RUN
            + self._entries // search_limits.ENTRIES_STARTED
            + inside
            + steps * self._size // stepped
        )

    def _status(self) -> Status:
        known: dict[highspy.HighsModelStatus, Status] = {
            highspy.HighsModelStatus.kOptimal: "optimal",
            highspy.HighsModelStatus.kInfeasible: "infeasible",
        }
        status = known.get(self._highs.getModelStatus())
        if status is None and self._highs.getInfo().primal_solution_status == _FEASIBLE:
            return "feasible"
        return status or "unknown"


class Solver(highspy.Highs):
    """HiGHS without its banner, set up so that equal programs have equal answers everywhere."""

    def __init__(self, **options: bool | int | float | str) -> None:
        super(highspy.Highs, self).__init__()  # the wrapper's own constructor prints
        for option, value in (_OPTIONS | options).items():
            self.setOptionValue(option, value)


def program_of(
    matrix: sparse.csc_array,
    lower: NDArray[np.int64] | Reals,
    upper: NDArray[np.int64] | Reals,
    limits: Reals,
    *,
    whole: bool,
) -> highspy.HighsLp:
    """Rows `lower <= matrix x <= upper` over columns `0 <= x <= limits`, none of which costs."""
    rows, columns = matrix.shape
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = rows, columns
    model.col_cost_ = np.zeros(columns)
    model.col_lower_, model.col_upper_ = np.zeros(columns), limits
    model.row_lower_, model.row_upper_ = lower.astype(float), upper.astype(float)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data.astype(float)
    if whole:
        model.integrality_ = [highspy.HighsVarType.kInteger] * columns
    return model


def solve(solver: Solver) -> int:
    """Solve; the iterations it took. Raises Held if the solver refuses to work: no answer."""
    if solver.run() == highspy.HighsStatus.kError:
        raise Held(
            "solver",
            "HiGHS refused to run; in one process it takes one number of threads for all of "
            "its users, and suppression needs 1: run suppression in a process of its own",
        )
    return max(0, int(solver.getInfo().simplex_iteration_count))
