"""What a reader of the published figures knows, as linear constraints on whole numbers.

Cells that lie in the same published segments cannot be told apart by anybody, so they are merged
into one class. A table fits if every class has at least 0 people and every published segment has
a count that its figure allows. People may be in any cell of their class, so the most people that
fit in a cell are the most that fit in its class. Where every possible cell is known to be
occupied, a class has at least as many people as cells.

Nothing here depends on true counts: what is suppressed follows from figures, the catalogue and
structural zeros alone, so that one person cannot change it but through a figure.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.classes import classes_of, equal_segments, membership
from anonymizer.model.segments import Catalogue


@dataclass(frozen=True)
class Ground:
    """What everybody knows of a table before it is published: the catalogue, structural zeros.

    If `occupied`, everybody knows too that each possible cell has at least one person.
    """

    catalogue: Catalogue
    possible: NDArray[np.bool_]
    occupied: bool = False


@dataclass(frozen=True)
class Candidates:
    """Segments (rows of the catalogue, ascending) with the figures they would have.

    A reader knows that each counts between `lower` and `upper` people. A figure may be `shared`,
    taken from a near group; `leader` is the candidate of this table that it is taken from, or -1.
    """

    segments: NDArray[np.int32]
    people: NDArray[np.int64]
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    shared: NDArray[np.bool_]
    leader: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.segments)

    def take(self, kept: NDArray[np.bool_]) -> "Candidates":
        """Some of the candidates, without those whose leader is left out."""
        kept = kept & ((self.leader < 0) | kept[self.leader])
        position = np.where(kept, np.cumsum(kept) - 1, -1)
        leader = np.where(self.leader >= 0, position[self.leader], -1)[kept]
        return Candidates(
            self.segments[kept],
            self.people[kept],
            self.lower[kept],
            self.upper[kept],
            self.shared[kept],
            leader,
        )


@dataclass(frozen=True)
class Constraints:
    """Candidate figures as `lower <= matrix @ classes <= upper`, `classes >= certain`.

    `matrix` has shape (rows, classes) and holds 0 and 1; segments with the same possible cells
    share a row, given by `row_of`, and `firsts` has the first candidate of each row. `class_of`
    gives the class of each of the possible cells `atoms` (flat positions, ascending); cells in no
    segment have none: -1.
    """

    matrix: sparse.csc_array
    row_of: NDArray[np.intp]
    firsts: NDArray[np.intp]
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    atoms: NDArray[np.intp]
    class_of: NDArray[np.intp]
    grid_size: int
    occupied: bool

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Cells of each class."""
        counts = np.bincount(self.class_of[self.class_of >= 0], minlength=self.matrix.shape[1])
        return counts.astype(np.int64)

    @cached_property
    def certain(self) -> NDArray[np.int64]:
        """People that everybody knows to be in each class."""
        return self.sizes if self.occupied else np.zeros_like(self.sizes)


def constraints(ground: Ground, candidates: Candidates) -> Constraints:
    """What a reader of these figures knows."""
    catalogue, segments = ground.catalogue, candidates.segments
    atoms = np.flatnonzero(ground.possible)
    representatives, class_of = classes_of(catalogue, segments, atoms)
    firsts, row_of = equal_segments(catalogue, segments, ground.possible)
    matrix = membership(catalogue, segments[firsts], atoms[representatives])
    counted = np.diff(matrix.indptr) > 0
    number = np.where(counted, np.cumsum(counted) - 1, -1)
    return Constraints(
        sparse.csc_array(matrix[:, counted]),
        row_of,
        firsts,
        candidates.lower[firsts],
        candidates.upper[firsts],
        atoms,
        number[class_of],
        ground.possible.size,
        ground.occupied,
    )
