"""The proof of promise 2 for one table: for every cell a feasible table with enough people.

Kept as one table of whole people and, for each class of cells that has too few there, the people
to move. It is derived from published figures alone and says nothing that they do not say.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.goals import Moves
from anonymizer.protection.constraints import Constraints


@dataclass(frozen=True)
class Witnesses:
    """`class_of` (one a cell of the flat grid, -1 for none) and people of each class at the start.

    Row by row, `changes` (witnesses x classes) turns the start into another table. Every class
    has enough people in the start or in one of these tables.
    """

    class_of: NDArray[np.int32]
    start: NDArray[np.int64]
    changes: sparse.csr_array


def witnesses_of(
    known: Constraints, start: NDArray[np.int64], proofs: Mapping[int, Moves]
) -> Witnesses:
    """The proofs of all targets, once each."""
    class_of = np.full(known.grid_size, -1, dtype=np.int32)
    class_of[known.atoms] = known.class_of
    moves = [proofs[number] for number in sorted(proofs)]
    ends = np.cumsum([0, *(len(one.classes) for one in moves)])
    classes = np.concatenate([np.empty(0, np.intp), *(one.classes for one in moves)])
    people = np.concatenate([np.empty(0, np.int64), *(one.people for one in moves)])
    changes = sparse.csr_array((people, classes, ends), shape=(len(moves), len(start)))
    return Witnesses(class_of, start + known.certain, changes)
