"""Tables of whole people near tables of parts of people, checked in whole numbers."""

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.repair import Mending
from anonymizer.feasible.solver import Program, Reals
from anonymizer.feasible.system import Integers, System

_WHOLE = 1e-7


def make_whole(system: System, proposal: Reals) -> Integers | None:
    """A table of whole people near the proposal that fits every figure, or None."""
    table = np.floor(proposal + _WHOLE).astype(np.int64)
    broken = np.flatnonzero(proposal - table > _WHOLE)
    if len(broken):
        if not system.exact:  # without room one person cannot be added alone
            mending = Mending(system, table)
            mending.mend(search_limits.WHOLE_MOVES * len(broken))
            table = mending.table
        if system.exact or not system.allows(table):
            table = np.floor(proposal + _WHOLE).astype(np.int64)
            _solve_rest(system, table, broken)
    return table if system.allows(table) else None


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
