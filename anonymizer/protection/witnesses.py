"""The proof of promise 2 for one table: for every cell a feasible table with enough people.

Kept as one table of whole people and, for each class of cells that has too few there, the people
to move. It is derived from published figures alone and says nothing that they do not say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.goals import Moves
from anonymizer.feasible.system import Integers
from anonymizer.protection.constraints import Constraints
from anonymizer.protection.proof import changes_of


@dataclass(frozen=True)
class Witnesses:
    """`class_of` has the class of each cell of the flat grid, -1 for a cell in no candidate.

    `starts` (starts x classes) are tables of whole people. Row by row, `changes` (witnesses x
    classes) turns the start numbered in `start_of` into another table. Every class has enough
    people in a start or in one of these tables.
    """

    class_of: NDArray[np.int32]
    starts: NDArray[np.int64]
    start_of: NDArray[np.int32]
    changes: sparse.csr_array


def witnesses_of(
    known: Constraints, starts: Sequence[Integers], proofs: Mapping[int, Moves]
) -> Witnesses:
    """The proofs of all targets; starts that no proof needs, but for the first, are left out."""
    class_of = np.full(known.grid_size, -1, dtype=np.int32)
    class_of[known.atoms] = known.class_of
    moves = [proofs[number] for number in sorted(proofs)]
    used = sorted({0, *(one.start for one in moves)})
    start_of = np.array([used.index(one.start) for one in moves], dtype=np.int32)
    tables = np.stack([starts[number] + known.certain for number in used])
    return Witnesses(class_of, tables, start_of, changes_of(tables.shape[1], moves))
