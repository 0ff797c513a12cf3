"""A first table near the figures: people spread in proportion, then made whole.

Every class gets more people where its figures are above what is in them, and fewer where they
are below, until most figures hold (simultaneous proportional fitting). What the fractions
spoil is left to whoever mends the table; nothing here is evidence.
"""

import numpy as np
from scipy import sparse

from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Integers, System
from anonymizer.feasible.work import meter

_ROUNDS = 600
_PULL = 2.0  # above 2 the rounds swing out, below they take longer
_LARGEST_STEP = 3.0  # of a logarithm
_AWAY = 0.1  # of the room in a figure: how far inside its ends to aim
_ALMOST_NOBODY = 1e-3
_ENTRIES = 500  # of figures, that one unit of work passes over
_SEED = 20_261_125


def spread(system: System) -> Integers:
    """Whole people in each class, close to all figures where some table fits them."""
    enough = system.lowest, system.highest
    people = _fitted(system, system.covered.astype(np.float64), _AWAY, enough)
    chance = np.random.default_rng(_SEED).random(len(people))
    return np.floor(people + chance).astype(np.int64)


def _inside(system: System, away: float) -> tuple[Reals, Reals]:
    """The ends of the figures, a share of their room inwards."""
    inwards = away * (system.highest - system.lowest)
    return system.lowest + inwards, system.highest - inwards


def proportions(system: System, start: Reals, away: float, rounds: int = _ROUNDS) -> Reals:
    """Parts of people in proportion to those at the start, a share of their room inside all ends.

    Nobody comes to a class that has nobody at the start.
    """
    return _fitted(system, start, away, _inside(system, away), rounds)


def _fitted(
    system: System,
    start: Reals,
    away: float,
    enough: tuple[Integers | Reals, Integers | Reals],
    rounds: int = _ROUNDS,
) -> Reals:
    members = sparse.csr_array(system.members, dtype=np.float64)
    by_class = sparse.csr_array(members.T)
    pull = _PULL / np.maximum(np.diff(by_class.indptr), 1)
    lowest, highest = _inside(system, away)
    people, work = start.copy(), meter()
    for _ in range(rounds):
        if work.exhausted:
            break
        work.spend(1 + members.nnz // _ENTRIES)
        counts = members @ people
        if ((enough[0] <= counts) & (counts <= enough[1])).all():
            break
        aims = np.clip(counts, lowest, highest)
        ratios = np.maximum(aims, _ALMOST_NOBODY) / np.maximum(counts, _ALMOST_NOBODY)
        steps = pull * (by_class @ np.log(ratios))
        people *= np.exp(np.clip(steps, -_LARGEST_STEP, _LARGEST_STEP))
    return people
