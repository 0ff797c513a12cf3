"""What an intruder knows of one table: the published figures, the catalogue, the rules.

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

from anonymizer.feasible.classes import classes_of, membership
from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Figures, TableKey

IMPOSSIBLE = -1
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
    class_of: NDArray[np.intp]  # the class of each atom, or IMPOSSIBLE; of the catalogue's shape

    @cached_property
    def sizes(self) -> Integers:
        """How many atoms each class has."""
        atoms = self.class_of[self.possible]
        return np.bincount(atoms, minlength=self.classes).astype(np.int64)

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

    def atoms_in_classes(self, segments: Integers) -> sparse.csr_array:
        """(segments x classes): how many possible atoms of each class a segment has."""
        axes = self.catalogue.dimensions
        leaves = [[np.array(group.leaves) for group in axis.groups] for axis in axes]
        columns, counts, ends = [], [], [0]
        for cell in self.catalogue.cells[segments].tolist():
            positions = [of_axis[group] for of_axis, group in zip(leaves, cell, strict=True)]
            inside = self.class_of[np.ix_(*positions)].ravel()
            found, times = np.unique(inside[inside >= 0], return_counts=True)
            columns.append(found)
            counts.append(times)
            ends.append(ends[-1] + len(found))
        empty = [np.zeros(0, dtype=np.int64)]
        return sparse.csr_array(
            (np.concatenate(counts or empty), np.concatenate(columns or empty), ends),
            shape=(len(segments), self.classes),
        )

    def whole_classes(self, inside: sparse.csr_array) -> sparse.csr_array:
        """The classes that lie in a segment with all their atoms, in 0 and 1."""
        whole = inside.copy()
        whole.data = (inside.data == self.sizes[inside.indices]).astype(np.int64)
        whole.eliminate_zeros()
        return whole

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
    segments, row = np.unique(statements.segments, return_inverse=True)  # several may be of one
    atoms, marked = np.flatnonzero(possible), inhabited[possible]
    firsts, of_atom = classes_of(catalogue, segments, atoms, marked)
    members = sparse.csr_array(membership(catalogue, segments, atoms[firsts]))[row]
    members.sort_indices()
    class_of = np.full(possible.shape, IMPOSSIBLE, dtype=np.intp)
    class_of[possible] = of_atom
    certain = np.bincount(of_atom[marked], minlength=len(firsts)).astype(np.int64)
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
        class_of=class_of,
        members=members,
    )


def true_counts(people: Integers, promise: PublicRules) -> tuple[Integers, Integers]:
    """The lowest and the highest count that each figure can stand for."""
    if promise.rounding == 1:
        return people.copy(), people.copy()
    slack = promise.rounding - 1
    return np.maximum(people - slack, promise.k), people + slack
