"""The two forms of a table: as counted (private) and as a reader will see it.

    Counted -> Suppressed (protection) -> Checked (gate) -> Release (release)

`Counted` never leaves private/; `Figures` is all that a release says of a table.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.periods import Period

SubjectKind = Literal["campaign", "audience", "interest", "cells"]


@dataclass(frozen=True)
class TableKey:
    """Which table: what it is about, which one of these, when, and in which edition.

    As text all editions are one: the step between two tables (promise 8) is drawn by that text, so
    the same people follow the same group in a correction as in the first release.
    """

    kind: SubjectKind
    subject_id: str
    period: Period
    edition: int = 1

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} {self.period.id}"

    @property
    def label(self) -> str:
        """The text with the edition, for places that hold more than one."""
        return str(self) if self.edition == 1 else f"{self} (edition {self.edition})"

    @property
    def first(self) -> "TableKey":
        """The table as first released."""
        return replace(self, edition=1)


BUCKETS = 256  # each person is in one of them, by a keyed hash


@dataclass(frozen=True)
class SetHashes:
    """Which people are in each cell, as sums of keyed numbers that name nobody.

    Row by row: a cell (flat position in the grid), a bucket, and the sum modulo 2^64 of the
    keyed numbers of the cell's people in that bucket; ascending by cell and bucket, no pair
    twice. Sums add up over cells as counts do, so two sets of cells hold the same people if
    their sums agree in every bucket, and sets that differ by n people differ in at most n buckets.
    """

    cells: NDArray[np.intp]
    buckets: NDArray[np.uint8]
    totals: NDArray[np.uint64]

    def __post_init__(self) -> None:
        _freeze(self, "cells", "buckets", "totals")
        if not (self.cells.shape == self.buckets.shape == self.totals.shape):
            raise ValueError("the columns of set hashes differ in length")
        if (np.diff(self.cells * BUCKETS + self.buckets) <= 0).any():
            raise ValueError("set hashes are not ascending, or a bucket of a cell occurs twice")


@dataclass(frozen=True)
class Counted:
    """True counts of one table on the grid of cells (gender x age band x regency).

    `people` (int64) and `possible` have the catalogue's shape. `possible` is False for structural
    zeros: cells that everybody knows to be empty, such as regions a campaign does not target. If
    `occupied`, everybody knows too that each possible cell has at least one person.
    """

    key: TableKey
    people: NDArray[np.int64]
    hashes: SetHashes
    possible: NDArray[np.bool_]
    occupied: bool = False

    def __post_init__(self) -> None:
        _freeze(self, "people", "possible")
        if self.people.shape != self.possible.shape:
            raise ValueError("the grids of a counted table differ in shape")
        if self.people[~self.possible].any():
            raise ValueError("people in a cell that is a structural zero")
        if self.occupied and not self.people[self.possible].all():
            raise ValueError("nobody in a cell that is known to be occupied")
        hashed = np.unique(self.hashes.cells)
        if not np.array_equal(hashed, np.flatnonzero(self.people)):
            raise ValueError("set hashes and people belong to different cells")


@dataclass(frozen=True)
class Figures:
    """What a reader sees of one table: segments (rows of `Catalogue.cells`) with a figure.

    `segments` is int32 and ascending, `people` int64 beside it. Every other segment of the
    catalogue is withheld, and nothing here says why.
    """

    key: TableKey
    segments: NDArray[np.int32]
    people: NDArray[np.int64]

    def __post_init__(self) -> None:
        _freeze(self, "segments", "people")
        if self.segments.shape != self.people.shape or self.segments.ndim != 1:
            raise ValueError("segments and people differ in shape")
        if (np.diff(self.segments) <= 0).any():
            raise ValueError("segments are not ascending, or one occurs twice")


def _freeze(table: object, *names: str) -> None:
    """Give a table its own copies of its arrays, read-only: what was checked cannot change."""
    for name in names:
        own = getattr(table, name).copy()
        own.flags.writeable = False
        object.__setattr__(table, name, own)
