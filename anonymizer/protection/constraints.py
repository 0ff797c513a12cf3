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

from anonymizer.protection.totals import atom_totals, segment_totals
from anonymizer.segments import Catalogue

# The signatures of two different sets of segments are equal with probability 2^-128: for any
# two of 10^5 cells, below 10^-28. Fixed, so that equal input gives equal bytes.
_SIGNATURE_SEED = 20_261_122


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
        place = np.where(kept, np.cumsum(kept) - 1, -1)
        leader = np.where(self.leader >= 0, place[self.leader], -1)[kept]
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
    class_of, representatives = _classes(_signatures(catalogue, segments, atoms))
    firsts, row_of = _distinct_rows(ground.possible, catalogue, segments)
    matrix = membership(catalogue, segments[firsts], atoms[representatives])
    lower, upper = candidates.lower[firsts], candidates.upper[firsts]
    return Constraints(
        matrix, row_of, firsts, lower, upper, atoms, class_of, ground.possible.size, ground.occupied
    )


def _distinct_rows(
    possible: NDArray[np.bool_], catalogue: Catalogue, segments: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One segment (a position in `segments`) for each set of possible atoms; each one's row."""
    random = np.random.Generator(np.random.PCG64(_SIGNATURE_SEED))
    numbers = random.integers(1, 2**64, size=(2, *catalogue.shape), dtype=np.uint64)
    halves = [segment_totals(catalogue, half * possible)[segments] for half in numbers]
    return _first_of_each(np.stack(halves))


def _signatures(
    catalogue: Catalogue, segments: NDArray[np.int32], atoms: NDArray[np.intp]
) -> NDArray[np.uint64]:
    """Shape (2, atoms): a number that tells apart the sets of segments that atoms lie in."""
    random = np.random.Generator(np.random.PCG64(_SIGNATURE_SEED))
    numbers = random.integers(1, 2**64, size=(2, len(catalogue)), dtype=np.uint64)
    grids = [atom_totals(catalogue, segments, half[segments]) for half in numbers]
    return np.stack([grid.ravel()[atoms] for grid in grids])


def _classes(signatures: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Class of each atom (-1: in no segment) and the first atom of each class."""
    firsts, class_of = _first_of_each(signatures)
    constrained = signatures[:, firsts].any(axis=0)
    number = np.where(constrained, np.cumsum(constrained) - 1, -1)
    return number[class_of], firsts[constrained]


def _first_of_each(signatures: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions where each signature stands first, ascending; which of these each one equals."""
    order = np.lexsort(signatures)  # stable: the first of a run of equals is the smallest
    ordered = signatures[:, order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    firsts = order[starts]
    rank = np.empty(len(firsts), dtype=np.intp)
    rank[np.argsort(firsts)] = np.arange(len(firsts))
    equals = np.empty(len(order), dtype=np.intp)
    equals[order] = rank[np.cumsum(starts) - 1]
    return np.sort(firsts), equals


def membership(
    catalogue: Catalogue, segments: NDArray[np.int32], atoms: NDArray[np.intp]
) -> sparse.csc_array:
    """Shape (segments, atoms): which of these segments contains which of these atoms."""
    published = np.full([len(axis.groups) for axis in catalogue.dimensions], -1, dtype=np.int64)
    published[tuple(catalogue.cells[segments].T)] = np.arange(len(segments))
    flat, width = published.ravel(), len(atoms)
    cubes = np.zeros((width, 1), dtype=np.int64)
    exists = np.ones((width, 1), dtype=bool)
    for axis, leaf in zip(
        catalogue.dimensions, np.unravel_index(atoms, catalogue.shape), strict=True
    ):
        groups = _groups_by_leaf(axis.membership)[leaf]
        # A table of which nothing is published has no atoms: reshape could not infer the length.
        shape = (width, cubes.shape[1] * groups.shape[1])
        cubes = (cubes[:, :, None] * len(axis.groups) + groups[:, None, :]).reshape(shape)
        exists = (exists[:, :, None] & (groups >= 0)[:, None, :]).reshape(shape)
    rows = np.where(exists, flat[np.where(exists, cubes, 0)], -1)
    columns, positions = np.nonzero(rows >= 0)
    ones = np.ones(len(columns), dtype=np.int64)
    shape = (len(segments), width)
    return sparse.csc_array((ones, (rows[columns, positions], columns)), shape=shape)


def _groups_by_leaf(membership: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Shape (leaves, most groups of a leaf): the groups of each leaf, padded with -1."""
    leaves, groups = np.nonzero(membership.T)
    counts = np.bincount(leaves, minlength=membership.shape[1])
    padded = np.full((membership.shape[1], max(1, int(counts.max(initial=0)))), -1, dtype=np.int64)
    within = np.arange(len(leaves)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded[leaves, within] = groups
    return padded
