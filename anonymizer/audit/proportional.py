"""A first table near the figures: people spread in proportion, then made whole.

Every class gets more people where its figures are above what is in them, and fewer where they
are below, until most figures hold (simultaneous proportional fitting). What the fractions
spoil is left to whoever mends the table; nothing here is evidence.
"""

import numpy as np
from scipy import sparse

from anonymizer.audit.knowledge import Integers, Knowledge

_ROUNDS = 600
_PULL = 2.0  # above 2 the rounds swing out, below they take longer
_LARGEST_STEP = 3.0  # of a logarithm
_AWAY = 0.1  # of the room in a figure: how far inside its ends to aim
_ALMOST_NOBODY = 1e-3
_SEED = 20_261_125


def spread(knowledge: Knowledge) -> Integers:
    """Whole people in each class, close to all figures where some table fits them."""
    members = sparse.csr_array(knowledge.members, dtype=np.float64)
    by_class = sparse.csr_array(members.T)
    pull = _PULL / np.maximum(np.diff(by_class.indptr), 1)
    away = _AWAY * (knowledge.highest - knowledge.lowest)
    lowest, highest = knowledge.lowest + away, knowledge.highest - away
    people = knowledge.covered.astype(np.float64)
    for _ in range(_ROUNDS):
        counts = members @ people
        if ((knowledge.lowest <= counts) & (counts <= knowledge.highest)).all():
            break
        aims = np.clip(counts, lowest, highest)
        ratios = np.maximum(aims, _ALMOST_NOBODY) / np.maximum(counts, _ALMOST_NOBODY)
        steps = pull * (by_class @ np.log(ratios))
        people *= np.exp(np.clip(steps, -_LARGEST_STEP, _LARGEST_STEP))
    chance = np.random.default_rng(_SEED).random(len(people))
    return np.floor(people + chance).astype(np.int64)
