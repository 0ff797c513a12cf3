"""A table as everybody can read it: what was released, or what is about to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.audit.knowledge import true_counts
from anonymizer.feasible.system import Flags, Integers
from anonymizer.model.dimensions import Dimension, Group, Text
from anonymizer.model.policy import Promise
from anonymizer.model.released import ReleasedTables
from anonymizer.model.segments import Catalogue, NamedSegment
from anonymizer.model.tables import Figures, TableKey

_PUBLISHED = "published"
_DIMENSIONS = ("gender", "age", "region")


@dataclass(frozen=True)
class PublicTable:
    """One table with the catalogue and the promise that it was made under.

    A figure is up to `error` away from the true count if it is shared with a near group (promise
    8), and less than a rounding step otherwise; nobody is told which it is.

    `possible` is False for structural zeros. Everybody of the table, but for a few people, is also
    in the tables of the subjects that it is `inside` of, in the same period, and nobody in those of
    the subjects that it is `apart` from. A campaign `runs` from one day to another, both included;
    other subjects are there on every day.
    """

    figures: Figures
    catalogue: Catalogue
    promise: Promise
    possible: Flags
    error: int
    inside: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    runs: tuple[date, date] = (date.min, date.max)

    @property
    def key(self) -> TableKey:
        """Which table it is."""
        return self.figures.key

    @property
    def unshared(self) -> tuple[Integers, Integers]:
        """The fewest and the most people that each figure stands for if it is not shared."""
        return true_counts(self.figures.people, self.promise)

    @property
    def shared(self) -> tuple[Integers, Integers]:
        """The same if it may be shared."""
        fewest, most = self.unshared
        people = self.figures.people
        return (
            np.minimum(fewest, np.maximum(people - self.error, self.promise.k)),
            np.maximum(most, people + self.error),
        )

    def without(self, segments: Integers) -> "PublicTable":
        """The table with these segments (rows of the catalogue) suppressed."""
        kept = ~np.isin(self.figures.segments, segments)
        figures = Figures(self.key, self.figures.segments[kept], self.figures.people[kept])
        return replace(self, figures=figures)

    @property
    def days(self) -> frozenset[date]:
        """The days of the period on which the subject is there."""
        first, last = self.runs
        return frozenset(day for day in self.key.period.days if first <= day <= last)


def read_public_tables(
    release: ReleasedTables,
    subjects: Mapping[str, Mapping[str, Any]],
    reference: Sequence[Dimension],
) -> tuple[PublicTable, ...]:
    """The tables of a release; of each subject what else is known (`PublicTable`'s fields).

    `target_regions` among these are codes of the reference dimensions; everywhere else nobody is
    counted. The atoms are those of the reference.
    """
    catalogue = _catalogue(release, reference)
    rows = release.figures.filter(pc.equal(release.figures["status"], _PUBLISHED))
    subject_of = rows.column(0)
    tables = []
    for subject, facts in subjects.items():
        own = rows.filter(pc.equal(subject_of, subject))
        key = TableKey(release.kind, subject, release.period, release.edition)
        known = dict(facts)
        possible = possible_atoms(catalogue, reference, known.pop("target_regions", None))
        figures = _figures(key, own, catalogue)
        tables.append(
            PublicTable(figures, catalogue, release.promise, possible, release.error, **known)
        )
    return tuple(tables)


def possible_atoms(
    catalogue: Catalogue, reference: Sequence[Dimension], targets: Sequence[str] | None
) -> Flags:
    """Where people may be counted: everywhere, or in the target regions alone."""
    possible = np.ones(catalogue.shape, dtype=bool)
    if targets:
        axis = _DIMENSIONS.index("region")
        regions, inside = reference[axis], set[str]()
        for code in targets:
            group = regions.groups[regions.positions[code]]
            inside.update(regions.leaves[leaf] for leaf in group.leaves)
        targeted = np.isin(np.array(catalogue.dimensions[axis].leaves), list(inside))
        np.moveaxis(possible, axis, -1)[..., ~targeted] = False
    return possible


def _catalogue(release: ReleasedTables, reference: Sequence[Dimension]) -> Catalogue:
    """The segments that the release explains, over the atoms of the reference."""
    rows = release.groups.to_pylist()
    axes = tuple(_dimension(axis, rows) for axis in reference)
    cells: list[list[int]] = []
    named: dict[int, NamedSegment] = {}
    for row, (code, segment) in enumerate(release.segments.items()):
        codes = (segment.gender, segment.age, segment.region)
        cells.append([axis.positions[of] for axis, of in zip(axes, codes, strict=True)])
        named[row] = NamedSegment(code, segment.name)
    return Catalogue(axes, np.array(cells, dtype=np.int32).reshape(len(cells), len(axes)), named)


def _dimension(reference: Dimension, rows: Sequence[Mapping[str, Any]]) -> Dimension:
    own = [row for row in rows if row["dimension"] == reference.name]
    named = (leaf for row in own for leaf in row["leaves"])
    leaves = tuple(dict.fromkeys([*reference.leaves, *named]))
    positions = {leaf: position for position, leaf in enumerate(leaves)}
    groups = tuple(
        Group(
            row["code"],
            row["level"],
            Text(row["english"], row["indonesian"]),
            tuple(sorted(positions[leaf] for leaf in row["leaves"])),
        )
        for row in own
    )
    return Dimension(reference.name, leaves, groups)


def _figures(key: TableKey, rows: pa.Table, catalogue: Catalogue) -> Figures:
    segments = np.array(
        [catalogue.positions[code] for code in rows["segment_id"].to_pylist()], dtype=np.int32
    )
    people: NDArray[np.int64] = np.array(rows["people"].to_pylist(), dtype=np.int64)
    order = np.argsort(segments)
    return Figures(key, segments[order], people[order])
