"""For each class a table in which it has enough people, a few people away from a first one."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.neighbouring_tables import NeighbouringTables, find_neighbours, reaching
from anonymizer.feasible.system import Flags, Integers, System

NONE = -1


@dataclass(frozen=True)
class ClassWitnesses:
    """Tables that fit: the first one, and how each differs from it (tables x classes).

    The table numbered 0 is the first itself. `reaching` says for each class in which of them it
    has enough people; NONE where no such table is found.
    """

    first: Integers
    changes: sparse.csr_array
    reaching: Integers


def witnesses_near(
    system: System,
    first: Integers,
    requirements: Integers,
    wanted: Flags,
    *,
    closed: Flags | None = None,
    patient: bool = False,
) -> ClassWitnesses | None:
    """Tables in which wanted classes reach their requirements, as far as some are found.

    None if not even the first one fits.
    Classes that are `closed` get people only for themselves. The search is `patient` where no
    program looks for what it leaves.
    """
    if not system.allows(first):
        return None
    missing = wanted & (first < requirements)
    changes = [sparse.csr_array((1, system.classes), dtype=np.int64)]  # nobody moves
    before = math.inf
    for seed in range(search_limits.PATIENT_TRIES if patient else search_limits.SEARCH_TRIES):
        left = int(np.count_nonzero(missing))
        if not left or (seed and not _is_worthwhile(left, before, patient=patient)):
            break
        asked = reaching(first, requirements, np.flatnonzero(missing))
        found = find_neighbours(system, first, asked, closed=closed, seed=seed)
        missing &= found.most_people(system) < requirements
        changes.append(found.changes)
        before = left
    tables = NeighbouringTables(first, sparse.csr_array(sparse.vstack(changes)))
    return ClassWitnesses(first, tables.changes, _reached_by(system, tables, requirements))


def _is_worthwhile(left: int, before: float, *, patient: bool) -> bool:
    """Whether to try again for so many classes, of which there were more before the last try."""
    if patient:
        return left <= (1 - search_limits.PATIENT_SHARE) * before
    return left <= search_limits.SEARCH_FEW


def _reached_by(system: System, tables: NeighbouringTables, requirements: Integers) -> Integers:
    """The earliest table that fits and has enough people, of each class."""
    none = tables.changes.shape[0]
    reaching = np.full(system.classes, none)
    people = tables.changes.tocoo()
    large = tables.first[people.col] + people.data >= requirements[people.col]
    large &= tables.fitting(system)[people.row]
    np.minimum.at(reaching, people.col[large], people.row[large])
    reaching[tables.first >= requirements] = 0
    return np.where(reaching == none, NONE, reaching)
