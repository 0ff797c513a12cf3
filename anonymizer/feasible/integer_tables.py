"""Tables of whole people near tables of parts of people, checked in whole numbers."""

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.repair import TableRepair
from anonymizer.feasible.solver import Program, Reals
from anonymizer.feasible.system import Integers, System

_WHOLE = 1e-7


def make_whole(system: System, proposal: Reals) -> Integers | None:
    """A table of whole people near the proposal that fits every figure, or None."""
    table = np.floor(proposal + _WHOLE).astype(np.int64)
    broken = np.flatnonzero(proposal - table > _WHOLE)
    if len(broken):
        if not system.exact:  # without room one person cannot be added alone
            repair = TableRepair(system, table)
            repair.make_fit(search_limits.INTEGER_STEPS * len(broken))
            table = repair.table
        if system.exact or not system.allows(table):
            table = np.floor(proposal + _WHOLE).astype(np.int64)
            _solve_rest(system, table, broken)
    return table if system.allows(table) else None


def _solve_rest(system: System, table: Integers, broken: Integers) -> None:
    """Decide by integer programming who is rounded up."""
    independent = system.independent
    part = independent.members[:, broken]
    rows = np.flatnonzero(np.diff(part.indptr))
    counts = (independent.members @ table)[rows]
    program = Program(
        sparse.csc_array(part[rows]),
        independent.lowest[rows] - counts,
        independent.highest[rows] - counts,
        np.ones(len(broken)),
        whole=True,
    )
    outcome = program.minimise(np.zeros(len(broken)))
    if outcome.found:
        table[broken] += np.rint(outcome.values).astype(np.int64)
