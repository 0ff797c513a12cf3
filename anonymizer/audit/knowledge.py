"""What an outsider knows of one table: the published figures, the catalogue, the rules.

The rules are public: a figure p rounded to r stands for a count between p - r + 1 and
p + r - 1, and for k at least. Everything here is in whole numbers, so that what the
attack proves does not rest on floating point.

Atoms that the same figures contain cannot be told apart; they are merged into a class.
A class holds as many people as its atoms together, and an atom of it any part of them,
so the largest count that an atom may have is that of its class.

Where zeros are public, an atom that is not shown as zero has somebody in it. These certain
people, one an atom, are set aside: counts of classes and the bounds of figures are of
the people beyond them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.essential import Essential, essential_rows
from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.segments import Catalogue
from anonymizer.tables import Figures, TableKey

IMPOSSIBLE = -1
_MOST_FLAGS = 2**23  # held at once
Source = Literal[
    "published",
    "known",  # not from the table: background knowledge of the attacker
    "listed",  # withheld, and not zero, as zeros are public
    "guessed",  # withheld, and therefore taken to be below the floor
]


class PublicRules(Protocol):
    """What everybody knows of how figures are made: multiples of `rounding`, `k` or more."""

    @property
    def k(self) -> int:
        """The lowest count that is published."""

    @property
    def rounding(self) -> int:
        """The step of the figures; 1 is exact."""


@dataclass(frozen=True)
class Statements:
    """What is said of segments (rows of a catalogue): each has `lowest` to `highest` people.

    `people` is the figure as it stands, or whatever bound the source gives.
    """

    segments: NDArray[np.int32]
    people: Integers
    lowest: Integers
    highest: Integers
    sources: tuple[Source, ...]

    def __add__(self, other: "Statements") -> "Statements":
        return Statements(
            np.concatenate([self.segments, other.segments]),
            np.concatenate([self.people, other.people]),
            np.concatenate([self.lowest, other.lowest]),
            np.concatenate([self.highest, other.highest]),
            self.sources + other.sources,
        )


@dataclass(frozen=True)
class Knowledge(System):
    """Published figures as bounds on classes of atoms.

    `segments` are rows of the catalogue; the figure beside each counts between `lowest`
    and `highest` people. `members` (figures x classes) says which class is in which figure.
    Certain people, `certain` in each class, are counted neither here nor there.
    """

    table: TableKey | str
    catalogue: Catalogue
    possible: Flags
    segments: NDArray[np.int32]
    people: Integers
    sources: tuple[Source, ...]
    certain: Integers
    blocks: tuple[NDArray[np.intp], ...]  # of each dimension: leaf -> block of equal leaves
    grid: NDArray[np.intp]  # block x block x ... -> class, or IMPOSSIBLE

    @cached_property
    def sizes(self) -> Integers:
        """How many atoms each class has."""
        atoms = self.class_of[self.possible]
        return np.bincount(atoms, minlength=self.classes).astype(np.int64)

    @cached_property
    def caps(self) -> Integers:
        """The people of the smallest figure around each class; 0 where there is none."""
        entries, most = self.by_class.tocoo(), np.iinfo(np.int64).max
        caps = np.full(self.classes, most)
        np.minimum.at(caps, entries.row, self.highest[entries.col])
        return np.where(self.covered, caps, 0)

    @cached_property
    def certain_in_atom(self) -> Integers:
        """Of each class: people who are certain in any one of its atoms, 0 or 1."""
        return self.certain // np.maximum(self.sizes, 1)

    @cached_property
    def certain_in_figure(self) -> Integers:
        """People of each figure who are certain."""
        counted: Integers = self.members @ self.certain
        return counted

    @cached_property
    def counted(self) -> Flags:
        """Whether a statement tells a count, published or known, not a bound alone."""
        return np.array([source in ("published", "known") for source in self.sources], dtype=bool)

    @cached_property
    def essential(self) -> Essential:
        """The figures without repetition."""
        return essential_rows(self.members, self.lowest, self.highest)

    @cached_property
    def rigid(self) -> bool:
        """Whether most figures leave no room."""
        return bool(2 * np.count_nonzero(self.lowest == self.highest) > len(self.lowest))

    @cached_property
    def class_of(self) -> NDArray[np.intp]:
        """The class of each atom, or IMPOSSIBLE; of the catalogue's shape."""
        return self.grid[np.ix_(*self.blocks)]

    def atoms(self, classes: Iterable[int]) -> Flags:
        """The possible atoms of some classes; of the catalogue's shape."""
        return np.isin(self.class_of, list(classes))


def read(
    figures: Figures, catalogue: Catalogue, promise: PublicRules, possible: Flags
) -> Knowledge:
    """What the figures tell. Every figure must be of a segment of the catalogue."""
    statements = published(figures.segments, figures.people, promise)
    return understand(figures.key, catalogue, statements, possible, np.zeros_like(possible))


def published(segments: NDArray[np.int32], people: Integers, rules: PublicRules) -> Statements:
    """Figures as statements."""
    lowest, highest = true_counts(people, rules)
    return Statements(segments, people, lowest, highest, from_source("published", len(segments)))


def from_source(source: Source, statements: int) -> tuple[Source, ...]:
    """The same source for many statements."""
    return (source,) * statements


def understand(
    table: TableKey | str,
    catalogue: Catalogue,
    statements: Statements,
    possible: Flags,
    inhabited: Flags,
) -> Knowledge:
    """What statements tell of the possible atoms, of which the inhabited have somebody."""
    cells = catalogue.cells[statements.segments]
    blocks, in_block, marks = _merge_leaves(catalogue, cells, np.stack([possible, inhabited]))
    grid, members, certain = _merge_atoms(blocks, in_block, marks)
    set_aside = members @ certain
    return Knowledge(
        table=table,
        catalogue=catalogue,
        possible=possible,
        segments=statements.segments,
        people=statements.people,
        sources=statements.sources,
        lowest=statements.lowest - set_aside,
        highest=statements.highest - set_aside,
        certain=certain,
        blocks=blocks,
        grid=grid,
        members=members,
    )


def true_counts(people: Integers, promise: PublicRules) -> tuple[Integers, Integers]:
    """The lowest and the highest count that each figure can stand for."""
    if promise.rounding == 1:
        return people.copy(), people.copy()
    slack = promise.rounding - 1
    return np.maximum(people - slack, promise.k), people + slack


def _merge_leaves(
    catalogue: Catalogue, cells: NDArray[np.int32], marks: Flags
) -> tuple[tuple[NDArray[np.intp], ...], list[Flags], Flags]:
    """Leaves that no figure and no mark of an atom tells apart, merged into blocks.

    Returns the block of each leaf, (figures x blocks) membership of each dimension, and
    the marks of the blocks; `marks` has the kinds of marks before the dimensions.
    """
    blocks, in_block = [], []
    for axis, dimension in enumerate(catalogue.dimensions):
        of_leaf = dimension.membership[cells[:, axis]]
        slabs = np.moveaxis(marks, axis + 1, 0).reshape(len(dimension.leaves), -1)
        signature = np.packbits(np.vstack([of_leaf, slabs.T]), axis=0).T
        first, block = _equal_rows(signature)
        blocks.append(block)
        in_block.append(of_leaf[:, first])
        marks = np.take(marks, first, axis=axis + 1)
    return tuple(blocks), in_block, marks


def _merge_atoms(
    blocks: tuple[NDArray[np.intp], ...], in_block: list[Flags], marks: Flags
) -> tuple[NDArray[np.intp], sparse.csr_array, Integers]:
    """The class of each cell of the block grid, (figures x classes) membership, certain people."""
    possible, inhabited = marks
    cells = np.nonzero(possible)
    inside = _cells_of_figures(in_block, possible)
    first, of_cell = _equal_columns(inside, inhabited[cells])
    grid = np.full(possible.shape, IMPOSSIBLE, dtype=np.intp)
    grid[cells] = of_cell
    atoms = np.ones(len(cells[0]), dtype=np.int64)
    for block, position in zip(blocks, cells, strict=True):
        atoms *= np.bincount(block)[position]
    certain = np.zeros(len(first), dtype=np.int64)
    np.add.at(certain, of_cell, atoms * inhabited[cells])
    return grid, sparse.csr_array(inside[:, first]), certain


def _cells_of_figures(in_block: list[Flags], possible: Flags) -> sparse.csc_array:
    """(figures x possible cells) membership, built from a limited number of figures at once."""
    figures, cells = len(in_block[0]), int(np.count_nonzero(possible))
    at_once = max(1, _MOST_FLAGS // possible.size)
    rows, columns = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)]
    for start in range(0, figures, at_once):
        boxes = np.ones((min(at_once, figures - start), 1), dtype=bool)
        for membership in in_block:
            boxes = boxes[..., None] & membership[start : start + at_once, None, :]
            boxes = boxes.reshape(len(boxes), -1)
        row, column = np.nonzero(boxes[:, possible.ravel()])
        rows.append((row + start).astype(np.int32))
        columns.append(column.astype(np.int32))
    places = np.concatenate(rows), np.concatenate(columns)
    ones = np.ones(len(places[0]), dtype=np.int64)
    return sparse.csc_array(sparse.coo_array((ones, places), shape=(figures, cells)))


def _equal_columns(inside: sparse.csc_array, marks: Flags) -> tuple[NDArray[np.intp], Integers]:
    """Positions of the distinct columns, a mark with each, and for each which of these it equals.

    They are in the order of the columns read from the top, 0 before 1, and then of the mark.
    """
    figures = inside.shape[0]
    # Read as bytes, what comes further up is larger, and a column that goes on is larger still.
    downwards = (figures - inside.indices).astype(">u4").tobytes()
    ends = (inside.indptr * 4).tolist()
    last = [bytes(4) if mark else b"" for mark in marks.tolist()]
    keys = [downwards[s:e] + end for s, e, end in zip(ends[:-1], ends[1:], last, strict=True)]
    first: dict[bytes, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    numbers = {key: number for number, key in enumerate(sorted(first))}
    places = np.array([first[key] for key in numbers], dtype=np.intp)
    return places, np.array([numbers[key] for key in keys], dtype=np.intp)


def _equal_rows(signature: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the distinct rows, and for each row which of these it equals."""
    if signature.shape[1] == 0:
        return np.zeros(min(1, len(signature)), np.intp), np.zeros(len(signature), np.intp)
    whole = np.ascontiguousarray(signature).view(f"V{signature.shape[1]}").ravel()
    _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
    return first, inverse.astype(np.intp)
