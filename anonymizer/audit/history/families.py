"""Feasible tables as they are found, kept to be handed over as witnesses."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.system import Integers
from anonymizer.model.proofs import Witnesses


@dataclass
class Families:
    """A few starts, and tables that each differ from one of them by a few people."""

    classes: int
    starts: list[Integers] = field(default_factory=list)
    start_of: list[int] = field(default_factory=list)
    changes: list[sparse.csr_array] = field(default_factory=list)

    def learn(self, table: Integers) -> None:
        """A table by itself."""
        if self.starts:
            self._add(0, sparse.csr_array((table - self.starts[0])[None, :]))
        else:
            self.starts.append(table.copy())

    def add_neighbours(self, first: Integers, changes: sparse.csr_array) -> None:
        """A table, and others as their differences from it (tables x classes)."""
        same = (n for n, start in enumerate(self.starts) if np.array_equal(start, first))
        number = next(same, len(self.starts))
        if number == len(self.starts):
            self.starts.append(first.copy())
        self._add(number, sparse.csr_array(changes))

    def extend(self, others: "Families") -> None:
        """All tables of others, about the same classes."""
        before = len(self.starts)
        self.starts += others.starts
        self.start_of += [before + number for number in others.start_of]
        self.changes += others.changes

    def witnesses(self, class_of: NDArray[np.intp]) -> Witnesses:
        """The tables as a proof; `class_of` has the class of each cell of a grid, or -1.

        Classes without a cell, which nobody is in, are left out.
        """
        used = np.unique(class_of[class_of >= 0])
        number = np.full(self.classes + 1, -1, dtype=np.int32)
        number[used] = np.arange(len(used))
        no_tables = sparse.csr_array((0, self.classes), dtype=np.int64)
        starts = np.array(self.starts, dtype=np.int64).reshape(len(self.starts), self.classes)
        changes = sparse.csc_array(sparse.vstack([no_tables, *self.changes]))
        return Witnesses(
            number[class_of.ravel()],
            starts[:, used],
            np.array(self.start_of, dtype=np.int32),
            sparse.csr_array(changes[:, used]),
        )

    def _add(self, start: int, changes: sparse.csr_array) -> None:
        self.start_of += [start] * changes.shape[0]
        self.changes.append(changes)
