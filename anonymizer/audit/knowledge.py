"""What an outsider knows of one table: the published figures, the catalogue, the rules.

The rules are public: a figure p rounded to r stands for a count between p - r + 1 and
p + r - 1, and for k at least. Everything here is in whole numbers, so that what the
attack proves does not rest on floating point.

Atoms that the same figures contain cannot be told apart; they are merged into a class.
A class holds as many people as its atoms together, and an atom of it any part of them,
so the largest count that an atom may have is that of its class.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.policy import Promise
from anonymizer.segments import Catalogue
from anonymizer.tables import Figures, TableKey

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
IMPOSSIBLE = -1


@dataclass(frozen=True)
class Knowledge:
    """Published figures as bounds on classes of atoms.

    `segments` are rows of the catalogue; the figure beside each counts between `lowest`
    and `highest` people. `members` (figures x classes) says which class is in which figure.
    """

    table: TableKey
    catalogue: Catalogue
    possible: Flags
    segments: NDArray[np.int32]
    people: Integers
    lowest: Integers
    highest: Integers
    blocks: tuple[NDArray[np.intp], ...]  # of each dimension: leaf -> block of equal leaves
    grid: NDArray[np.intp]  # block x block x ... -> class, or IMPOSSIBLE
    members: sparse.csr_array

    @cached_property
    def classes(self) -> int:
        """How many classes of atoms there are."""
        return int(self.members.shape[1])

    @cached_property
    def by_class(self) -> sparse.csr_array:
        """`members` turned round: the figures that contain each class."""
        return sparse.csr_array(self.members.T)

    @cached_property
    def covered(self) -> Flags:
        """Classes that some figure contains; any number of people may be in the others."""
        figures_of_class: Integers = np.diff(self.by_class.indptr)
        return figures_of_class > 0

    @cached_property
    def class_of(self) -> NDArray[np.intp]:
        """The class of each atom, or IMPOSSIBLE; of the catalogue's shape."""
        return self.grid[np.ix_(*self.blocks)]

    def atoms(self, classes: Iterable[int]) -> Flags:
        """The possible atoms of some classes; of the catalogue's shape."""
        return np.isin(self.class_of, list(classes))

    def allows(self, table: Integers) -> bool:
        """Whether this many people in each class fits every figure; in whole numbers."""
        counts = self.members @ table
        fits = (self.lowest <= counts) & (counts <= self.highest)
        return bool(fits.all()) and bool((table >= 0).all())


def read(figures: Figures, catalogue: Catalogue, promise: Promise, possible: Flags) -> Knowledge:
    """What the figures tell. Every figure must be of a segment of the catalogue."""
    lowest, highest = true_counts(figures.people, promise)
    cells = catalogue.cells[figures.segments]
    blocks, in_block, block_possible = _merge_leaves(catalogue, cells, possible)
    grid, members = _merge_atoms(in_block, block_possible)
    return Knowledge(
        table=figures.key,
        catalogue=catalogue,
        possible=possible,
        segments=figures.segments,
        people=figures.people,
        lowest=lowest,
        highest=highest,
        blocks=blocks,
        grid=grid,
        members=members,
    )


def true_counts(people: Integers, promise: Promise) -> tuple[Integers, Integers]:
    """The lowest and the highest count that each figure can stand for."""
    if promise.rounding == 1:
        return people.copy(), people.copy()
    slack = promise.rounding - 1
    return np.maximum(people - slack, promise.k), people + slack


def _merge_leaves(
    catalogue: Catalogue, cells: NDArray[np.int32], possible: Flags
) -> tuple[tuple[NDArray[np.intp], ...], list[Flags], Flags]:
    """Leaves that no figure and no structural zero tells apart, merged into blocks.

    Returns the block of each leaf, (figures x blocks) membership of each dimension, and
    the possible blocks.
    """
    blocks, in_block = [], []
    for axis, dimension in enumerate(catalogue.dimensions):
        of_leaf = dimension.membership[cells[:, axis]]
        slabs = np.moveaxis(possible, axis, 0).reshape(len(dimension.leaves), -1)
        signature = np.packbits(np.vstack([of_leaf, slabs.T]), axis=0).T
        first, block = _equal_rows(signature)
        blocks.append(block)
        in_block.append(of_leaf[:, first])
        possible = np.take(possible, first, axis=axis)
    return tuple(blocks), in_block, possible


def _merge_atoms(
    in_block: list[Flags], possible: Flags
) -> tuple[NDArray[np.intp], sparse.csr_array]:
    """The class of each cell of the block grid, and (figures x classes) membership."""
    cells = np.nonzero(possible)
    figures = len(in_block[0])
    inside = np.ones((figures, len(cells[0])), dtype=bool)
    for membership, position in zip(in_block, cells, strict=True):
        inside &= membership[:, position]
    signature = np.packbits(inside, axis=0).T
    first, of_cell = _equal_rows(signature)
    grid = np.full(possible.shape, IMPOSSIBLE, dtype=np.intp)
    grid[cells] = of_cell
    return grid, sparse.csr_array(inside[:, first].astype(np.int64))


def _equal_rows(signature: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the distinct rows, and for each row which of these it equals."""
    if signature.shape[1] == 0:
        return np.zeros(min(1, len(signature)), np.intp), np.zeros(len(signature), np.intp)
    whole = np.ascontiguousarray(signature).view(f"V{signature.shape[1]}").ravel()
    _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
    return first, inverse.astype(np.intp)
