"""A table of whole people like a given one, but for the neighbourhood of one class.

Where moving a few people at a time goes round in circles, a small linear program finds what
a program over the whole table would need much longer for: everything farther away keeps its
people, and what fits nearby fits altogether. The program may divide people; what making them
whole breaks is mended.
"""

import numpy as np
from scipy import sparse

from anonymizer.audit.knowledge import Integers, Knowledge
from anonymizer.audit.mending import Mending
from anonymizer.audit.solver import Program

_NEIGHBOURS = (150, 500, 1_500, 4_000)  # classes that may change, each time more
_MOST_MOVES = 200


def reach_nearby(
    knowledge: Knowledge, table: Integers, chosen: int, people: int
) -> Integers | None:
    """A table that fits, with this many people in one class, near a table that fits; or None."""
    before = 0
    for wanted in _NEIGHBOURS:
        free = _neighbours(knowledge, chosen, wanted)
        if len(free) == before:
            return None
        proposed = _solved(knowledge, table, (chosen, people), free)
        if proposed is not None:
            mending = Mending(knowledge, proposed)
            if mending.mend_around(chosen, _MOST_MOVES):
                return mending.table
        before = len(free)
    return None


def _neighbours(knowledge: Knowledge, chosen: int, wanted: int) -> Integers:
    """Other classes in the smallest figures around one, until there are enough."""
    members = knowledge.members
    sizes = np.diff(members.indptr)
    figures = knowledge.by_class[[chosen]].indices
    near = np.zeros(knowledge.classes, dtype=bool)
    for figure in figures[np.argsort(sizes[figures], kind="stable")].tolist():
        near[members.indices[members.indptr[figure] : members.indptr[figure + 1]]] = True
        if np.count_nonzero(near) >= wanted:
            break
    near[chosen] = False
    return np.flatnonzero(near)


def _solved(
    knowledge: Knowledge, table: Integers, goal: tuple[int, int], free: Integers
) -> Integers | None:
    chosen, people = goal
    found = table.copy()
    found[chosen], found[free] = people, 0
    figures = np.unique(knowledge.by_class[np.append(free, chosen)].indices)
    rest = (knowledge.members @ found)[figures]
    program = Program(
        sparse.csc_array(knowledge.members[figures][:, free]),
        knowledge.lowest[figures] - rest,
        knowledge.highest[figures] - rest,
        np.full(len(free), np.inf),
    )
    outcome = program.minimise(np.zeros(len(free)))
    if not outcome.found:
        return None
    found[free] = np.rint(outcome.values)
    return found
