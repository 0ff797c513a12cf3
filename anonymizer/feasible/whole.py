"""Tables of whole people near tables of parts of people, checked in whole numbers."""

import numpy as np
from scipy import sparse

from anonymizer.feasible.solver import Program, Reals
from anonymizer.feasible.system import Integers, System

_WHOLE = 1e-7


def make_whole(system: System, proposal: Reals) -> Integers | None:
    """A table of whole people near the proposal that fits every figure, or None."""
    table = np.floor(proposal + _WHOLE).astype(np.int64)
    broken = np.flatnonzero(proposal - table > _WHOLE)
    if len(broken):
        if not system.exact:  # without room one person cannot be added alone
            _round_up(system, table, broken)
        if system.exact or not system.allows(table):
            table = np.floor(proposal + _WHOLE).astype(np.int64)
            _solve_rest(system, table, broken)
    return table if system.allows(table) else None


def _round_up(system: System, table: Integers, broken: Integers) -> None:
    """Add single people to broken classes, always where most figures are short."""
    inside = sparse.csr_array(system.by_class[broken])
    around = sparse.csc_array(inside)
    counts = system.members @ table
    short, full = counts < system.lowest, counts >= system.highest
    gains, obstacles = inside @ short.astype(np.int64), inside @ full.astype(np.int64)
    for _ in range(2 * len(broken)):
        best = int(np.argmax(np.where(obstacles > 0, 0, gains)))
        if obstacles[best] > 0 or gains[best] == 0:
            return
        table[broken[best]] += 1
        figures = inside.indices[inside.indptr[best] : inside.indptr[best + 1]]
        counts[figures] += 1
        for figure in figures[counts[figures] == system.lowest[figures]].tolist():
            gains[_column(around, figure)] -= 1
        for figure in figures[counts[figures] == system.highest[figures]].tolist():
            obstacles[_column(around, figure)] += 1


def _column(matrix: sparse.csc_array, column: int) -> Integers:
    """The rows that have an entry in a column."""
    rows: Integers = matrix.indices[matrix.indptr[column] : matrix.indptr[column + 1]]
    return rows


def _solve_rest(system: System, table: Integers, broken: Integers) -> None:
    """Decide by integer programming who is rounded up."""
    essential = system.essential
    part = essential.members[:, broken]
    rows = np.flatnonzero(np.diff(part.indptr))
    counts = (essential.members @ table)[rows]
    program = Program(
        sparse.csc_array(part[rows]),
        essential.lowest[rows] - counts,
        essential.highest[rows] - counts,
        np.ones(len(broken)),
        whole=True,
    )
    outcome = program.minimise(np.zeros(len(broken)))
    if outcome.found:
        table[broken] += np.rint(outcome.values).astype(np.int64)
