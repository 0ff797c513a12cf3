"""Figures as bounds on whole numbers: which tables fit what is published.

A class is a set of cells that no figure tells apart. A table gives each class a number of people,
0 or more; it fits (is feasible) if every figure counts between `lowest` and `highest` people.
Nothing here knows where the figures come from: a table about to be published, tables linked to
each other, or anyone's table under attack.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.elimination import (
    IndependentRows,
    NullSpaceSample,
    independent_rows,
    sample_null_space,
)
from anonymizer.feasible.figure_lists import FigureLists

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class System:
    """`lowest <= members @ table <= highest`, `table >= 0`.

    `members` (figures x classes) holds 0 and 1: which class is counted in which figure.
    """

    lowest: Integers
    highest: Integers
    members: sparse.csr_array

    @property
    def figures(self) -> int:
        """How many figures there are."""
        return len(self.lowest)

    @cached_property
    def classes(self) -> int:
        """How many classes of cells there are."""
        return int(self.members.shape[1])

    @cached_property
    def by_class(self) -> sparse.csr_array:
        """`members` turned round: the figures that count each class."""
        return sparse.csr_array(self.members.T)

    @cached_property
    def covered(self) -> Flags:
        """Classes that some figure counts; any number of people may be in the others."""
        figures_of_class: Integers = np.diff(self.by_class.indptr)
        return figures_of_class > 0

    @cached_property
    def figure_lists(self) -> FigureLists:
        """The figures that count each class, for searches."""
        return FigureLists(self.members)

    @cached_property
    def exact(self) -> bool:
        """Whether no figure leaves any room."""
        return bool((self.lowest == self.highest).all())

    @cached_property
    def rigid(self) -> bool:
        """Whether most figures leave no room."""
        return bool(2 * np.count_nonzero(self.lowest == self.highest) > len(self.lowest))

    @cached_property
    def caps(self) -> Integers:
        """The people of the smallest figure around each class; 0 where there is none."""
        entries, most = self.by_class.tocoo(), np.iinfo(np.int64).max
        caps = np.full(self.classes, most)
        np.minimum.at(caps, entries.row, self.highest[entries.col])
        return np.where(self.covered, caps, 0)

    @cached_property
    def independent(self) -> IndependentRows:
        """The figures without repetition."""
        return independent_rows(self.members, self.lowest, self.highest)

    @cached_property
    def null_space(self) -> NullSpaceSample:
        """What the figures that leave no room leave free."""
        rows = self.independent
        return sample_null_space(rows.members[rows.lowest == rows.highest])

    def allows(self, table: Integers) -> bool:
        """Whether the table fits every figure; in whole numbers."""
        return not len(self.broken(table)) and bool((table >= 0).all())

    def broken(self, table: Integers) -> Integers:
        """The figures that the table does not fit."""
        counts = self.members @ table
        return np.flatnonzero((counts < self.lowest) | (self.highest < counts))
