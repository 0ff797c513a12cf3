"""Several tables side by side: each read by itself, and the parts that none of them divides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.history.join import leaves_of, spread_over
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.audit.knowledge import Knowledge, read
from anonymizer.feasible.different_rows import different_rows
from anonymizer.feasible.system import Integers
from anonymizer.model.dimensions import Dimension
from anonymizer.model.tables import TableKey

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True)
class Refinement:
    """Groups of atoms that no figure of any of the tables tells apart.

    `of_atom` has the part of each atom over the joint `leaves`; `own` (tables x parts) says
    which class of each table's own knowledge a part is in, or IMPOSSIBLE.
    """

    keys: tuple[TableKey, ...]
    leaves: tuple[tuple[str, ...], ...]
    tables: tuple[Knowledge, ...]
    own: NDArray[np.intp]
    of_atom: NDArray[np.intp]

    def __len__(self) -> int:
        return int(self.own.shape[1])

    @cached_property
    def atoms(self) -> Integers:
        """How many atoms each part has."""
        return np.bincount(self.of_atom.ravel(), minlength=len(self)).astype(np.int64)

    def summed(self, table: int, people: NDArray[Number]) -> NDArray[Number]:
        """People by part as people by class of one table; those where it has none are left out."""
        there = self.own[table] >= 0
        total = np.zeros(self.tables[table].classes, dtype=people.dtype)
        np.add.at(total, self.own[table][there], people[there])
        return total

    def at(self, table: int, by_class: NDArray[Number], elsewhere: int) -> NDArray[Number]:
        """What is known of the classes of one table, part by part."""
        own = self.own[table]
        return np.where(own >= 0, by_class[own], elsewhere).astype(by_class.dtype)

    def members(self, table: int) -> sparse.csr_array:
        """(figures x parts): which part is in which figure of one table."""
        there = np.flatnonzero(self.own[table] >= 0)
        entries = np.ones(len(there), dtype=np.int64), (self.own[table][there], there)
        known = self.tables[table]
        in_class = sparse.csr_array(sparse.coo_array(entries, shape=(known.classes, len(self))))
        return sparse.csr_array(known.members @ in_class)


def refinement_of(tables: Sequence[PublicTable]) -> Refinement:
    """The tables over the same atoms."""
    leaves = leaves_of(tables)
    known = tuple(_alone(public, leaves) for public in tables)
    classes = np.stack([of.class_of.ravel() for of in known])
    own, of_atom = different_rows(classes.T)
    shape = tuple(len(axis) for axis in leaves)
    return Refinement(
        tuple(public.key for public in tables),
        tuple(leaves),
        known,
        np.ascontiguousarray(own.T),
        of_atom.reshape(shape),
    )


def _alone(public: PublicTable, leaves: Sequence[tuple[str, ...]]) -> Knowledge:
    """What one table tells of more atoms than its own."""
    own = public.catalogue.dimensions
    axes = tuple(_widened(dimension, more) for dimension, more in zip(own, leaves, strict=True))
    catalogue = replace(public.catalogue, dimensions=axes)
    return read(
        public.figures, catalogue, public.promise, spread_over(public.possible, own, leaves)
    )


def _widened(dimension: Dimension, leaves: tuple[str, ...]) -> Dimension:
    """The same groups among more leaves."""
    positions = {leaf: position for position, leaf in enumerate(leaves)}
    translated = [positions[leaf] for leaf in dimension.leaves]
    groups = (
        replace(group, leaves=tuple(sorted(translated[leaf] for leaf in group.leaves)))
        for group in dimension.groups
    )
    return Dimension(dimension.name, leaves, tuple(groups))
