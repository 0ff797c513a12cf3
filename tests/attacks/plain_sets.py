"""The people of each segment as plain sets, from the groups of the catalogue alone."""

from collections.abc import Mapping

import numpy as np
from population import catalogue
from worlds import Census


def sets_of(table: Census, smallest: int) -> Mapping[int, frozenset[int]]:
    """The people of each segment that has so many."""
    leaves = np.unravel_index(table.cells_of_members, catalogue().shape)
    inside = np.ones((len(catalogue()), len(table.members)), dtype=bool)
    for axis, groups, leaf in zip(catalogue().dimensions, catalogue().cells.T, leaves, strict=True):
        inside &= axis.membership[groups][:, leaf]
    large = np.flatnonzero(inside.sum(axis=1) >= smallest)
    return {int(s): frozenset(table.members[inside[s]].tolist()) for s in large}
