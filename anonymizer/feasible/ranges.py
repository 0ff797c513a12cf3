"""Ranges of whole people that single figures prove, class by class, until nothing changes."""

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.system import Integers, System


def proved_ranges(system: System) -> tuple[Integers, Integers]:
    """The fewest and the most people of each class that single figures prove.

    What a figure leaves to a class is its people less what the others in it have at least, and at
    most. Far from always the best that figures can show together, but no program is needed. A most
    that is below its fewest proves that no table of whole people fits.
    """
    rows = system.independent
    members = sparse.csr_array(sparse.vstack([rows.members, system.members]))
    lowest = np.concatenate([rows.lowest, system.lowest])
    highest = np.concatenate([rows.highest, system.highest])
    fewest, most = np.zeros(system.classes, dtype=np.int64), system.caps
    plus, minus = members.maximum(0), -members.minimum(0)
    entries = members.tocoo()
    row, column, times = entries.row, entries.col, entries.data
    adds, size = times > 0, np.abs(times)
    for _ in range(search_limits.RANGE_ROUNDS):
        # What a row has at most and at least, the column itself with its own end: that end is
        # taken off again below. Where the column takes away, the row is read with its sign turned.
        up, down = plus @ most - minus @ fewest, plus @ fewest - minus @ most
        above = np.where(adds, highest[row] - down[row], up[row] - lowest[row])
        below = np.where(adds, lowest[row] - up[row], down[row] - highest[row])
        least, greatest = fewest.copy(), most.copy()
        np.minimum.at(greatest, column, fewest[column] + above // size)
        np.maximum.at(least, column, most[column] + -(-below // size))
        same = np.array_equal(least, fewest) and np.array_equal(greatest, most)
        fewest, most = least, greatest
        if same or (fewest > most).any():
            break
    return fewest, most
