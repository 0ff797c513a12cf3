"""Whole-number tables that fit all figures of tables put together, one goal after the other.

Their figures leave little room: several first tables are tried, aimed at where there is room to
add people. What many attempts side by side do not find is looked for around the first table.
"""

from dataclasses import replace

import numpy as np

from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.departures import Departures, rows_of
from anonymizer.feasible.nearby import reach_nearby
from anonymizer.feasible.proportional import spread
from anonymizer.feasible.repair import Mending
from anonymizer.feasible.system import Flags, Integers

_AIMS = ((0, 10), (2, 10), (4, 10), (0, 0), (4, 4))  # kept off the lowest and the highest count
_MOST_FAILURES, _MOST_PROGRAMS = 20, 100  # small ones, around single classes
_MOST_MOVES = 60  # of one step
_FIRST_MOVES = 4  # for each figure, until the first table fits


def first_table(knowledge: Knowledge) -> Integers | None:
    """A table that fits all figures, if one is found without a solver."""
    if knowledge.exact:
        return None
    for low, high in _AIMS:
        middle = (knowledge.lowest + knowledge.highest) // 2
        aimed = replace(
            knowledge,
            lowest=np.minimum(knowledge.lowest + low, middle),
            highest=np.maximum(knowledge.highest - high, middle),
        )
        mending = Mending(knowledge, spread(aimed))
        if mending.mend(_FIRST_MOVES * len(knowledge.segments) + _MOST_MOVES):
            return mending.table.copy()
    return None


def solve_singly(
    knowledge: Knowledge, first: Integers, goals: Integers, waiting: Flags
) -> Departures:
    """Tables near the first in which waiting classes reach their goals, by small programs."""
    failures = 0
    steps: list[dict[int, int]] = []
    for chosen in np.flatnonzero(waiting & (first < goals)).tolist()[:_MOST_PROGRAMS]:
        step = _solved(knowledge, first, chosen, int(goals[chosen]))
        if step is not None:
            steps.append(step)
        elif (failures := failures + 1) == _MOST_FAILURES:
            break
    return Departures(first, rows_of(steps, knowledge.classes))


def depart_singly(
    knowledge: Knowledge, first: Integers, goals: Integers, waiting: Flags, closed: Flags
) -> Departures:
    """The same by moving people alone, none of them to classes that are closed."""
    mending = Mending(knowledge, first, closed)
    tried = np.flatnonzero(waiting & (first < goals)).tolist()
    found = (_mended(mending, chosen, int(goals[chosen] - first[chosen])) for chosen in tried)
    return Departures(first, rows_of([s for s in found if s is not None], knowledge.classes))


def _mended(mending: Mending, chosen: int, people: int) -> dict[int, int] | None:
    """How giving people to a class changes the table, which is left as it was."""
    mended = mending.give(chosen, people, _MOST_MOVES)
    step = mending.moved() if mended else None
    mending.take_back()
    return step


def _solved(
    knowledge: Knowledge, first: Integers, chosen: int, people: int
) -> dict[int, int] | None:
    found = reach_nearby(knowledge, first, chosen, people)
    if found is None:
        return None
    changed = np.flatnonzero(found != first)
    return dict(zip(changed.tolist(), (found - first)[changed].tolist(), strict=True))
