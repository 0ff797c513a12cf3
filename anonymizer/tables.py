"""The two forms of a table: as counted (private) and as a reader will see it.

    Counted -> Protected (protection) -> Audited -> Release (release)

`Counted` never leaves private/; `Figures` is all that a release says of a table.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymizer.periods import Period

SubjectKind = Literal["campaign", "audience", "interest", "cells"]


@dataclass(frozen=True)
class TableKey:
    """Which table: what it is about, which one of these, and when."""

    kind: SubjectKind
    subject_id: str
    period: Period

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} {self.period.id}"


@dataclass(frozen=True)
class Counted:
    """True counts of one table on the grid of atoms (gender x age band x regency).

    `people` and `trusted` are int64 and `marks` uint64 (sum of the keyed person numbers
    modulo 2^64), all of the catalogue's shape. `possible` is False for structural zeros:
    atoms that everybody knows to be empty, such as regions a campaign does not target. If
    `occupied`, everybody knows too that each possible atom has at least one person.
    """

    key: TableKey
    people: NDArray[np.int64]
    trusted: NDArray[np.int64]
    marks: NDArray[np.uint64]
    possible: NDArray[np.bool_]
    occupied: bool = False

    def __post_init__(self) -> None:
        _freeze(self, "people", "trusted", "marks", "possible")
        if not (self.people.shape == self.trusted.shape == self.marks.shape == self.possible.shape):
            raise ValueError("the grids of a counted table differ in shape")
        if (self.trusted > self.people).any() or (self.trusted < 0).any():
            raise ValueError("more trusted people than people in an atom")
        if self.people[~self.possible].any():
            raise ValueError("people in an atom that is a structural zero")
        if self.occupied and not self.people[self.possible].all():
            raise ValueError("nobody in an atom that is known to be occupied")


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
            raise ValueError("segments are not ascending, or one stands twice")


def _freeze(table: object, *names: str) -> None:
    """Give a table its own copies of its arrays, read-only: what was checked cannot change."""
    for name in names:
        own = getattr(table, name).copy()
        own.flags.writeable = False
        object.__setattr__(table, name, own)
