"""A walk from table to table: in one or another of them nearly every class has enough people.

Each step gives one class what it is missing and mends the figures around it, people by people
or, for the few that this does not do for, by a small program. A walk is kept as its first
table and the changes, so that thousands of tables take little room, and it is checked from
these alone, in whole numbers.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.nearby import fit_nearby, reach_nearby
from anonymizer.feasible.proportional import spread, spread_in_the_middle
from anonymizer.feasible.repair import Mending, nearly_made_to_fit
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

_MOST_PASSES = 3
_MOST_FAILURES = 10  # of programs
_MOST_MOVES = 60  # of one step
_NO_TABLE = -1


@dataclass(frozen=True)
class Walk:
    """The first table, and how each further one differs from that before (tables x classes)."""

    first: Integers
    changes: sparse.csr_array

    @property
    def last(self) -> Integers:
        """The table that the walk ends with."""
        table: Integers = self.first + self.changes.sum(axis=0)
        return table

    def most_people(self, knowledge: Knowledge) -> Integers:
        """Of each class the most people that it has in one of the tables; -1 without a table.

        Counts the tables up to the first that does not fit the figures.
        """
        if not knowledge.allows(self.first):
            return np.full(knowledge.classes, _NO_TABLE)
        people = _running(self.first, self.changes)
        counts = _running(
            knowledge.members @ self.first, sparse.csr_array(self.changes @ knowledge.members.T)
        )
        figures, numbers = counts.of, counts.values
        fit = (knowledge.lowest[figures] <= numbers) & (numbers <= knowledge.highest[figures])
        missing = self.changes.shape[0]
        wrong = min(
            counts.tables[~fit].min(initial=missing),
            people.tables[people.values < 0].min(initial=missing),
        )
        most = self.first.copy()
        proved = people.tables < wrong
        np.maximum.at(most, people.of[proved], people.values[proved])
        return most


def first_table(knowledge: Knowledge) -> Integers | None:
    """A table that fits, most figures far from their ends if it can be.

    None if none is found, as where figures leave no room for single people.
    """
    if knowledge.exact:
        return None
    for spread_people in (spread_in_the_middle, spread):
        table = fit_nearby(knowledge, nearly_made_to_fit(knowledge, spread_people(knowledge)))
        if table is not None:
            return table
    return None


def walk(knowledge: Knowledge, first: Integers, goals: Integers, waiting: Flags) -> Walk:
    """Tables in which the waiting classes reach their goals, as many as a walk comes past.

    `first` must fit every figure.
    """
    waiting = waiting & (first < goals)
    mending = Mending(knowledge, first)
    steps = _mended_steps(mending, goals, waiting)
    steps += _solved_steps(knowledge, mending.table, goals, waiting)
    return Walk(first, rows_of(steps, knowledge.classes))


def _mended_steps(mending: Mending, goals: Integers, waiting: Flags) -> list[dict[int, int]]:
    """How each table differs from that before; takes off `waiting` what reaches its goal."""
    steps: list[dict[int, int]] = []
    work = meter()
    for _ in range(_MOST_PASSES):
        before = len(steps)
        for chosen in np.flatnonzero(waiting).tolist():
            if work.exhausted:
                return steps
            if not waiting[chosen]:
                continue
            if not mending.give(chosen, int(goals[chosen] - mending.table[chosen]), _MOST_MOVES):
                mending.take_back()
                continue
            steps.append(mending.changes())
            changed = list(steps[-1])
            waiting[changed] &= mending.table[changed] < goals[changed]
        if len(steps) == before:
            break
    return steps


def _solved_steps(
    knowledge: Knowledge, table: Integers, goals: Integers, waiting: Flags
) -> list[dict[int, int]]:
    """The same from a table on, by programs, until too many of them fail."""
    steps: list[dict[int, int]] = []
    failures, work = 0, meter()
    for chosen in np.flatnonzero(waiting).tolist():
        if failures == _MOST_FAILURES or work.exhausted:
            break
        if not waiting[chosen]:
            continue
        found = reach_nearby(knowledge, table, chosen, int(goals[chosen]))
        if found is None:
            failures += 1
            continue
        changed = np.flatnonzero(found != table)
        steps.append(dict(zip(changed.tolist(), (found - table)[changed].tolist(), strict=True)))
        waiting &= found < goals
        table = found
    return steps


def rows_of(steps: list[dict[int, int]], classes: int) -> sparse.csr_array:
    """Changes by class, step after step, as a matrix (steps x classes)."""
    ends = np.cumsum([0, *map(len, steps)])
    columns = np.array([chosen for step in steps for chosen in step], dtype=np.int64)
    people = np.array([moved for step in steps for moved in step.values()], dtype=np.int64)
    return sparse.csr_array((people, columns, ends), shape=(len(steps), classes))


@dataclass(frozen=True)
class _Running:
    """After which tables a number of what it is `of` has changed, and to which value."""

    tables: Integers
    of: Integers
    values: Integers


def _running(first: Integers, changes: sparse.csr_array) -> _Running:
    columns = sparse.csc_array(changes)
    columns.sort_indices()
    lengths = np.diff(columns.indptr)
    of = np.repeat(np.arange(len(first)), lengths)
    total = np.concatenate([[0], np.cumsum(columns.data)])
    values = first[of] + total[1:] - np.repeat(total[columns.indptr[:-1]], lengths)
    return _Running(columns.indices, of, values)
