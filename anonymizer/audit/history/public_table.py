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
from anonymizer.model.added_dimensions import ADDED_DIMENSIONS
from anonymizer.model.dimensions import ALL, NO_TEXT, Dimension, Group, Text
from anonymizer.model.policy import Promise
from anonymizer.model.released import ReleasedTables
from anonymizer.model.segments import Catalogue, NamedSegment
from anonymizer.model.tables import Figures, TableKey

_PUBLISHED = "published"
_REGION = "region"


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
    counted. The atoms are those of the reference, and those of added dimensions of the release.
    """
    reference = with_added(reference, (release,))
    catalogue = _catalogue(release, reference)
    known_values = _known_values(catalogue, release)
    rows = release.figures.filter(pc.equal(release.figures["status"], _PUBLISHED))
    subject_of = rows.column(0)
    tables = []
    for subject, facts in subjects.items():
        own = rows.filter(pc.equal(subject_of, subject))
        key = TableKey(release.kind, subject, release.period, release.edition)
        known = dict(facts)
        possible = possible_atoms(catalogue, reference, known.pop("target_regions", None))
        possible &= known_values
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
        axis = [known.name for known in reference].index(_REGION)
        regions, inside = reference[axis], set[str]()
        for code in targets:
            group = regions.groups[regions.positions[code]]
            inside.update(regions.leaves[leaf] for leaf in group.leaves)
        targeted = np.isin(np.array(catalogue.dimensions[axis].leaves), list(inside))
        np.moveaxis(possible, axis, -1)[..., ~targeted] = False
    return possible


def with_added(
    reference: Sequence[Dimension], releases: Sequence[ReleasedTables]
) -> tuple[Dimension, ...]:
    """The dimensions, with the added ones of these releases and all of their values.

    A release without one takes all of its values in every segment.
    """
    values: dict[str, dict[str, None]] = {
        axis.name: dict.fromkeys(axis.leaves) for axis in reference if axis.name in ADDED_DIMENSIONS
    }
    for release in releases:
        for name in ADDED_DIMENSIONS:
            for leaves in release.groups.filter(pc.equal(release.groups["dimension"], name))[
                "leaves"
            ].to_pylist():
                values.setdefault(name, {}).update(dict.fromkeys(leaves))
    own = [replace(axis, leaves=tuple(values.pop(axis.name, axis.leaves))) for axis in reference]
    more = (
        Dimension(name, tuple(found), (Group(ALL, ALL, NO_TEXT, tuple(range(len(found)))),))
        for name, found in sorted(values.items())
    )
    return (*own, *more)


def over_reference(
    catalogue: Catalogue, possible: Flags, reference: Sequence[Dimension]
) -> tuple[Catalogue, Flags]:
    """A catalogue and the cells where people may be, over the dimensions of `with_added`.

    Nobody has a value that the catalogue's own dimension does not know.
    """
    own = catalogue.dimensions
    if tuple(reference) == own:
        return catalogue, possible
    more = reference[len(own) :]
    cells = np.pad(catalogue.cells, ((0, 0), (0, len(more))))
    whole = catalogue.whole or catalogue
    widths = [
        (0, len(axis.leaves) - size)
        for axis, size in zip(reference[: len(own)], possible.shape, strict=True)
    ]
    spread = np.pad(possible, widths)
    shape = (*spread.shape, *(len(axis.leaves) for axis in more))
    spread = np.broadcast_to(spread.reshape(*spread.shape, *(1 for _ in more)), shape)
    return replace(catalogue, dimensions=tuple(reference), cells=cells, whole=whole), spread.copy()


def _known_values(catalogue: Catalogue, release: ReleasedTables) -> Flags:
    """Where people may be for all that a release says of the values of its added dimensions."""
    possible = np.ones(catalogue.shape, dtype=bool)
    for axis, dimension in enumerate(catalogue.dimensions):
        rows = release.groups.filter(pc.equal(release.groups["dimension"], dimension.name))
        if dimension.name in ADDED_DIMENSIONS and rows.num_rows:
            known = {leaf for leaves in rows["leaves"].to_pylist() for leaf in leaves}
            unknown = [leaf not in known for leaf in dimension.leaves]
            np.moveaxis(possible, axis, -1)[..., unknown] = False
    return possible


def _catalogue(release: ReleasedTables, reference: Sequence[Dimension]) -> Catalogue:
    """The segments that the release explains, over the atoms of the reference."""
    rows = release.groups.to_pylist()
    axes = tuple(_dimension(axis, rows) for axis in reference)
    cells: list[list[int]] = []
    named: dict[int, NamedSegment] = {}
    for row, (code, segment) in enumerate(release.segments.items()):
        cells.append([axis.positions[segment.code(axis.name)] for axis in axes])
        named[row] = NamedSegment(code, segment.name)
    return Catalogue(axes, np.array(cells, dtype=np.int32).reshape(len(cells), len(axes)), named)


def _dimension(reference: Dimension, rows: Sequence[Mapping[str, Any]]) -> Dimension:
    own = [row for row in rows if row["dimension"] == reference.name]
    if not own and reference.name in ADDED_DIMENSIONS:
        return replace(reference, groups=reference.groups[:1])
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
