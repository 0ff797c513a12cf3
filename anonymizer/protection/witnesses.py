"""From the proofs of targets to the witnesses that a table is handed over with."""

from collections.abc import Mapping, Sequence

import numpy as np

from anonymizer.feasible.goals import Moves
from anonymizer.feasible.system import Integers
from anonymizer.proofs import Witnesses
from anonymizer.protection.constraints import Constraints
from anonymizer.protection.proof import changes_of


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
