"""Linear programs whose rows fall into blocks that have no column in common.

Exact figures without repetition tie few classes to each other. What concerns some blocks is
decided by these alone: whatever happens there, the others fit as they did.
"""

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from anonymizer.feasible import search_limits
from anonymizer.feasible.solver import Program, Reals, SolverResult, Status


class BlockProgram:
    """Rows `lower <= matrix x <= upper` over columns `0 <= x <= limits`, solved by blocks.

    Answers as a `Program` does. Where a block has no costs its columns may have any values that
    fit, those of the `solution` if there is one. With a limit on the `iterations` of one solution
    the outcome may be unknown.
    """

    def __init__(
        self,
        matrix: sparse.csc_array,
        lower: NDArray[np.int64],
        upper: NDArray[np.int64],
        limits: Reals,
        iterations: int | None = None,
        solution: Reals | None = None,
    ) -> None:
        self._matrix, self._iterations = matrix, iterations
        self._lower, self._upper, self._limits = lower, upper, limits
        self._block_of_row, self._block_of_column = blocks(matrix)
        self._sizes = np.bincount(self._block_of_column)
        self._of_block = lru_cache(search_limits.PROGRAMS_AT_HAND)(self._block)
        self._first = None
        if solution is not None:
            self._first = SolverResult("feasible", solution, np.zeros(len(lower)))

    def minimise(self, cost: Reals) -> SolverResult:
        """The columns with the lowest cost."""
        touched = np.unique(self._block_of_column[cost != 0])
        if self._sizes[touched].sum() > search_limits.BLOCK_SHARE * len(cost):
            return self._everything.minimise(cost)
        if self._first is None:
            self._first = self._everything.minimise(np.zeros(len(cost)))
        return self._from(self._first, cost, touched) if self._first.found else self._first

    @cached_property
    def _everything(self) -> Program:
        return self._program(np.arange(len(self._lower)), np.arange(len(self._limits)))

    def _from(self, first: SolverResult, cost: Reals, touched: NDArray[np.intp]) -> SolverResult:
        """A solution with the lowest cost of some blocks, elsewhere as before."""
        status: Status = "optimal"
        values, multipliers = first.values.copy(), np.zeros(len(self._lower))
        for block in touched.tolist():
            rows, columns, program = self._of_block(block)
            outcome = program.minimise(cost[columns])
            if outcome.status != "optimal":
                status = outcome.status
            if not outcome.found:
                break
            values[columns], multipliers[rows] = outcome.values, outcome.multipliers
        return SolverResult(status, values, multipliers)

    def _block(self, block: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Program]:
        rows = np.flatnonzero(self._block_of_row == block)
        columns = np.flatnonzero(self._block_of_column == block)
        return rows, columns, self._program(rows, columns)

    def _program(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Program:
        matrix = sparse.csc_array(self._matrix[:, columns][rows])
        program = Program(matrix, self._lower[rows], self._upper[rows], self._limits[columns])
        if self._iterations is not None:
            program.limit_iterations(self._iterations)
        elif len(columns) > search_limits.LARGE_PROGRAM:
            program.start_with_interior_point()
        return program


def blocks(
    matrix: sparse.csc_array | sparse.csr_array,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The block of each row and of each column; blocks have neither in common."""
    rows, columns = matrix.shape
    of_entry = matrix.tocoo()
    positions = (of_entry.row, rows + of_entry.col)
    ties = sparse.coo_array((np.ones(of_entry.nnz), positions), shape=(rows + columns,) * 2)
    _, block = connected_components(ties, directed=False)
    return block[:rows].astype(np.intp), block[rows:].astype(np.intp)
