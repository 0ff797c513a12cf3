"""What the suppressor hands over with a table, so that the checker can verify it. Data only.

Sketches stand for sets of people. Each person is in one of several buckets; a sketch keeps of
every bucket 8 bits of the sum of its people's keyed numbers, and of every block of adjacent
buckets 32 bits. Sets that differ by n people differ in at most n buckets, and in size by at most n.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.model.tables import Counted, Figures, TableKey

SUPPRESSED = -1  # the outcome of a group without a figure
NO_ONE = -2  # the outcome of an earlier group where there is none


@dataclass(frozen=True)
class Shape:
    """How many buckets a sketch has, and how many blocks the buckets are joined into.

    A person's bucket is the bucket of the set hashes modulo `buckets`; block b holds the buckets
    from b * buckets / blocks on. Near sets differ in fewer buckets than there are blocks.
    """

    buckets: int
    blocks: int


@dataclass(frozen=True)
class Sketches:
    """Sketches of groups, one a row: `people` counts each, `fine` is (groups x buckets), `keys`
    (groups x blocks).

    A key is 0 where nobody is in the block, and never elsewhere: a sum of 0 is written as 1.
    """

    shape: Shape
    people: NDArray[np.int64]
    fine: NDArray[np.uint8]
    keys: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.fine)


@dataclass(frozen=True)
class Representatives:
    """Groups of the tables of one release that were judged on their own, in the order judged.

    `tables` names the tables, `table` says which one each group is of, `figures` has the outcomes:
    people as published, or SUPPRESSED. `step` is that of the promise, without the jitter;
    `rounding` is what the figures were rounded to.
    """

    tables: tuple[str, ...]
    step: int
    rounding: int
    sketches: Sketches
    table: NDArray[np.int32]
    figures: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True)
class Witnesses:
    """The proof of promise 2 for one table: for every cell a feasible table with enough people.

    `class_of` has the class of each cell of the flat grid; -1 for a cell in no candidate segment.
    `starts` (starts x classes) are tables of whole people. Row by row, `changes` (witnesses x
    classes) turns the start numbered in `start_of` into another table. Every class has enough
    people in a start or in one of these tables. All of it follows from published figures alone.
    """

    class_of: NDArray[np.int32]
    starts: NDArray[np.int64]
    start_of: NDArray[np.int32]
    changes: sparse.csr_array


@dataclass(frozen=True)
class Sharing:
    """Whose outcome each judged group of a table shares (promise 8).

    `segments` are the judged groups, rows of the catalogue, ascending. `earlier` is the outcome of
    the representative in an earlier release: people, SUPPRESSED, or NO_ONE; `rounding` is what
    that figure was rounded to, elsewhere what this release is rounded to. Without one,
    `leader_table` and `leader` say which group of this release it follows, by the number of the
    table and of the group among that table's judged groups; -1 for a group judged on its own.
    """

    segments: NDArray[np.int32]
    earlier: NDArray[np.int64]
    rounding: NDArray[np.int64]
    leader_table: NDArray[np.int32]
    leader: NDArray[np.int32]


@dataclass(frozen=True)
class Claim:
    """One table of a release: what was counted, what is to be published, and the proof."""

    counted: Counted
    figures: Figures
    sharing: Sharing
    witnesses: Witnesses


FigureId = tuple[int, str]  # the position of a table in a proof, and the id of the segment


@dataclass(frozen=True)
class Shortage:
    """Figures that already show something to be small: `multipliers / scale` times each, added up.

    Every sum of classes that is counted at least as often in it as it should be is at most as
    large as the bounds of the figures allow. A sum below 0 shows that the figures contradict each
    other.
    """

    figures: tuple[FigureId, ...]
    multipliers: tuple[int, ...]
    scale: int


@dataclass(frozen=True)
class LinkedProof:
    """Feasible families of tables that are linked: whole people by cell, and who is counted where.

    A kind is a set of tables (positions in `tables`): its people are counted in exactly these.
    `leaves` are the finest values that any of the tables knows, dimension by dimension.
    `witnesses` are about the flat grid (cells x kinds).
    Such a family can always be real: take so many people of each kind in each cell.

    The figures in `wide` are read as shared ones. Those in `aside`, of earlier releases alone, are
    left out, as earlier figures contradict each other (one of the `shortages`). All other
    shortages show sums that earlier figures make too small.
    """

    tables: tuple[TableKey, ...]
    leaves: tuple[tuple[str, ...], ...]
    kinds: tuple[frozenset[int], ...]
    witnesses: Witnesses
    wide: tuple[FigureId, ...] = ()
    aside: tuple[FigureId, ...] = ()
    shortages: tuple[Shortage, ...] = ()
