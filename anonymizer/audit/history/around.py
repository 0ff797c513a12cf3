"""For each class a table in which it has enough people, a few people away from a first one."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.history.steps import depart_singly, solve_singly
from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.departures import Departures, depart, reaching
from anonymizer.feasible.system import Flags, Integers

NONE = -1


@dataclass(frozen=True)
class Around:
    """Tables that fit: the first one, and how each differs from it (tables x classes).

    The table numbered 0 is the first itself. `reaching` says for each class in which of them it
    has enough people; NONE where no such table is found.
    """

    first: Integers
    changes: sparse.csr_array
    reaching: Integers


def around(
    knowledge: Knowledge, first: Integers, enough: int, wanted: Flags, closed: Flags | None = None
) -> Around | None:
    """Tables for the wanted classes; None if not even the first one fits.

    Classes that are `closed` get people only for themselves.
    """
    if closed is None:
        closed = np.zeros(knowledge.classes, dtype=bool)
    if not knowledge.allows(first):
        return None
    goals = np.full(knowledge.classes, enough)
    missing = wanted & (first < enough)
    wanted_people = reaching(first, goals, np.flatnonzero(missing))
    side_by_side = depart(knowledge, first, wanted_people, closed=closed)
    missing &= side_by_side.most_people(knowledge) < enough
    singly = depart_singly(knowledge, first, goals, missing, closed)
    nobody_moves = sparse.csr_array((1, knowledge.classes), dtype=np.int64)
    changes = sparse.csr_array(sparse.vstack([nobody_moves, side_by_side.changes, singly.changes]))
    return Around(first, changes, reached_by(knowledge, Departures(first, changes), enough))


def solved_around(knowledge: Knowledge, first: Integers, enough: int, wanted: Flags) -> Around:
    """The same by small programs, for a first table that fits; as long as few of them fail."""
    goals = np.full(knowledge.classes, enough)
    nobody_moves = sparse.csr_array((1, knowledge.classes), dtype=np.int64)
    solved = solve_singly(knowledge, first, goals, wanted).changes
    changes = sparse.csr_array(sparse.vstack([nobody_moves, solved]))
    return Around(first, changes, reached_by(knowledge, Departures(first, changes), enough))


def reached_by(knowledge: Knowledge, tables: Departures, enough: int) -> Integers:
    """The earliest table that fits and has enough people, of each class."""
    none = tables.changes.shape[0]
    reaching = np.full(knowledge.classes, none)
    people = tables.changes.tocoo()
    large = tables.first[people.col] + people.data >= enough
    large &= tables.fitting(knowledge)[people.row]
    np.minimum.at(reaching, people.col[large], people.row[large])
    reaching[tables.first >= enough] = 0
    return np.where(reaching == none, NONE, reaching)
