"""For each class a table in which it has enough people, a few people away from a first one."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.history import linking_limits
from anonymizer.feasible.departures import Departures, depart, reaching
from anonymizer.feasible.system import Flags, Integers, System

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
    system: System, first: Integers, enough: int, wanted: Flags, closed: Flags | None = None
) -> Around | None:
    """Tables for the wanted classes; None if not even the first one fits.

    Classes that are `closed` get people only for themselves.
    """
    if not system.allows(first):
        return None
    goals = np.full(system.classes, enough)
    missing = wanted & (first < enough)
    changes = [sparse.csr_array((1, system.classes), dtype=np.int64)]  # nobody moves
    for seed in range(linking_limits.TRIES):
        if not missing.any() or (seed and np.count_nonzero(missing) > linking_limits.FEW):
            break
        asked = reaching(first, goals, np.flatnonzero(missing))
        found = depart(system, first, asked, closed=closed, seed=seed)
        missing &= found.most_people(system) < enough
        changes.append(found.changes)
    tables = Departures(first, sparse.csr_array(sparse.vstack(changes)))
    return Around(first, tables.changes, _reached_by(system, tables, enough))


def _reached_by(system: System, tables: Departures, enough: int) -> Integers:
    """The earliest table that fits and has enough people, of each class."""
    none = tables.changes.shape[0]
    reaching = np.full(system.classes, none)
    people = tables.changes.tocoo()
    large = tables.first[people.col] + people.data >= enough
    large &= tables.fitting(system)[people.row]
    np.minimum.at(reaching, people.col[large], people.row[large])
    reaching[tables.first >= enough] = 0
    return np.where(reaching == none, NONE, reaching)
