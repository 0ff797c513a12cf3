"""A table of whole people like a given one, but for the neighbourhood of what does not fit.

Where moving a few people at a time goes round in circles, a small linear program finds what
a program over the whole table would need much longer for: everything farther away keeps its
people, and what fits nearby fits altogether. The program may divide people; what making them
whole breaks is repaired.
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.repair import TableRepair
from anonymizer.feasible.solver import Program
from anonymizer.feasible.system import Integers, System


def fit_nearby(system: System, table: Integers) -> Integers | None:
    """A table that fits, near one in which few figures are broken; or None."""
    broken = system.broken(table)
    if len(broken) > search_limits.NEARBY_BROKEN:
        return None
    while len(broken):
        found = _with_fewer_broken(system, table, broken)
        if found is None:
            return None
        table, broken = found, system.broken(found)
    return table


def _with_fewer_broken(system: System, table: Integers, broken: Integers) -> Integers | None:
    """People moved in and around the smallest broken figure; None if it is large, or no help."""
    members = system.members
    smallest = broken[np.argmin(np.diff(members.indptr)[broken])]
    classes = members.indices[members.indptr[smallest] : members.indptr[smallest + 1]]
    if not 0 < len(classes) <= search_limits.NEIGHBOURS[0]:
        return None
    for near in _wider(system, int(classes[0])):
        for proposed in _solutions(system, table, np.union1d(near, classes)):
            repair = TableRepair(system, proposed)
            repair.make_fit(search_limits.NEIGHBOURHOOD_STEPS)
            if len(system.broken(repair.table)) < len(broken):
                return repair.table
    return None


def _wider(system: System, chosen: int) -> Iterator[Integers]:
    """Other classes around one, each time more of them."""
    before = 0
    for wanted in search_limits.NEIGHBOURS:
        free = _neighbours(system, chosen, wanted)
        if len(free) > before:  # one large figure can have more than is wanted next
            yield free
        before = len(free)


def _neighbours(system: System, chosen: int, wanted: int) -> Integers:
    """Other classes in the smallest figures around one, until there are enough."""
    members = system.members
    sizes = np.diff(members.indptr)
    figures = system.by_class[[chosen]].indices
    near = np.zeros(system.classes, dtype=bool)
    for figure in figures[np.argsort(sizes[figures], kind="stable")].tolist():
        near[members.indices[members.indptr[figure] : members.indptr[figure + 1]]] = True
        if np.count_nonzero(near) >= wanted:
            break
    near[chosen] = False
    return np.flatnonzero(near)


def _solutions(system: System, table: Integers, free: Integers) -> Iterator[Integers]:
    """The table with other people in the free classes, so that the figures around them fit.

    Rounded to whole people; other vertices of the program may break less when they are rounded.
    """
    start = table.copy()
    start[free] = 0
    figures = np.unique(system.by_class[free].indices)
    rest = (system.members @ start)[figures]
    program = Program(
        sparse.csc_array(system.members[figures][:, free]),
        system.lowest[figures] - rest,
        system.highest[figures] - rest,
        np.full(len(free), np.inf),
    )
    random, costs = np.random.default_rng(search_limits.NEIGHBOURHOOD_SEED), np.zeros(len(free))
    for _ in range(
        search_limits.NEARBY_VERTICES if len(free) <= search_limits.NEARBY_FEW_CLASSES else 1
    ):
        outcome = program.minimise(costs)
        if not outcome.found:
            return
        found = start.copy()
        found[free] = np.rint(outcome.values)
        yield found
        costs = random.standard_normal(len(free))
