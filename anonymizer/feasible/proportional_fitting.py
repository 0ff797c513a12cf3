"""Parts of people near the figures, spread in proportion.

Every class gets more people where its figures are above what is in them, and fewer where they
are below, until most figures hold (simultaneous proportional fitting). Nothing here is evidence.
"""

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import System
from anonymizer.feasible.work import meter

_PULL = 2.0  # above 2 the rounds swing out, below they take longer
_LARGEST_STEP = 3.0  # of a logarithm
_ALMOST_ZERO = 1e-3


def proportions(
    system: System, start: Reals, away: float, rounds: int = search_limits.PROPORTIONAL_ROUNDS
) -> Reals:
    """Parts of people in proportion to those at the start, a share of their room inside all ends.

    Nobody comes to a class that has nobody at the start.
    """
    members = sparse.csr_array(system.members, dtype=np.float64)
    by_class = sparse.csr_array(members.T)
    pull = _PULL / np.maximum(np.diff(by_class.indptr), 1)
    inwards = away * (system.highest - system.lowest)
    lowest, highest = system.lowest + inwards, system.highest - inwards
    people, work = start.copy(), meter()
    for _ in range(rounds):
        if work.exhausted:
            break
        work.spend(1 + members.nnz // search_limits.ENTRIES_FITTED)
        counts = members @ people
        if ((lowest <= counts) & (counts <= highest)).all():
            break
        clipped = np.clip(counts, lowest, highest)
        ratios = np.maximum(clipped, _ALMOST_ZERO) / np.maximum(counts, _ALMOST_ZERO)
        steps = pull * (by_class @ np.log(ratios))
        people *= np.exp(np.clip(steps, -_LARGEST_STEP, _LARGEST_STEP))
    return people
