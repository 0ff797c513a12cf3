"""The groups of one table that are judged, and sketches by which sets of people are compared.

Whether two sets of people are near (differ by few people) is decided from sums alone. Each person
is in one of several buckets; a sketch keeps of every bucket 8 bits of the sum of its people's
keyed numbers. Sets that differ by n people differ in at most n buckets, so "fewer than n buckets
differ" never misses a pair of sets that differ by fewer than n people.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.policy import MOST_STEP, Promise
from anonymizer.protection.constraints import membership
from anonymizer.protection.totals import segment_totals
from anonymizer.segments import Catalogue
from anonymizer.tables import BUCKETS, Counted

_SHARPNESS = 4  # buckets for each block: the more, the fewer sets are taken to be near by mistake


@dataclass(frozen=True)
class Shape:
    """How many buckets a sketch has, and how many blocks the buckets are joined into.

    Near sets differ in fewer buckets than there are blocks, so that one block at least is equal.
    """

    buckets: int
    blocks: int

    @classmethod
    def of(cls, promise: Promise) -> "Shape":
        """The smallest shape for the largest step of a promise."""
        blocks = 16
        while blocks < promise.step + promise.near_jitter:
            blocks *= 4
        blocks = min(blocks, MOST_STEP)
        return cls(min(_SHARPNESS * blocks, BUCKETS), blocks)


@dataclass(frozen=True)
class Sketches:
    """Sketches of groups, one a row: `fine` (groups x buckets) and `keys` (groups x blocks).

    A key is 0 exactly where nobody is in the block.
    """

    shape: Shape
    fine: NDArray[np.uint8]
    keys: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.fine)

    def take(self, rows: NDArray[np.intp]) -> "Sketches":
        """The sketches of some rows."""
        return Sketches(self.shape, self.fine[rows], self.keys[rows])

    def folded(self, shape: Shape) -> "Sketches":
        """The sketches in a smaller shape, to be compared with others of that shape."""
        if shape == self.shape:
            return self
        fine = self.fine.reshape(len(self), -1, shape.buckets).sum(axis=1, dtype=np.uint8)
        keys = self.keys.reshape(len(self), -1, shape.blocks).sum(axis=1, dtype=np.uint32)
        return Sketches(shape, fine, keys)


@dataclass(frozen=True)
class Groups:
    """Groups of one table in order of preference: `segments` (rows of the catalogue, ascending).

    `people` are true counts; `sums` (uint64) the keyed numbers of each group's people added up,
    which stands for the exact set.
    """

    segments: NDArray[np.int32]
    people: NDArray[np.int64]
    sums: NDArray[np.uint64]
    sketches: Sketches

    def __len__(self) -> int:
        return len(self.segments)


def judged_groups(counted: Counted, catalogue: Catalogue, promise: Promise) -> Groups:
    """All segments with so many people that they, or a group near to them, could be published."""
    people = segment_totals(catalogue, counted.people)
    fewest = max(promise.k - promise.step - promise.near_jitter + 1, 1)
    segments = np.flatnonzero(people >= fewest).astype(np.int32)
    sums = _sums_by_bucket(counted, catalogue, segments, Shape.of(promise))
    total = sums.sum(axis=1, dtype=np.uint64)
    return Groups(segments, people[segments], total, _sketches(sums, Shape.of(promise)))


def _sums_by_bucket(
    counted: Counted, catalogue: Catalogue, segments: NDArray[np.int32], shape: Shape
) -> NDArray[np.uint64]:
    """(segments x buckets): the sums of the set hashes, modulo 2^64."""
    hashes = counted.hashes
    cells, row = np.unique(hashes.cells, return_inverse=True)
    entries = (hashes.sums, (row, hashes.buckets % shape.buckets))
    by_cell = sparse.csr_array(entries, shape=(len(cells), shape.buckets), dtype=np.uint64)
    inside = membership(catalogue, segments, cells).astype(np.uint64)
    return np.asarray((sparse.csr_array(inside) @ by_cell).toarray(), dtype=np.uint64)


def _sketches(sums: NDArray[np.uint64], shape: Shape) -> Sketches:
    blocks = sums.reshape(len(sums), shape.blocks, -1).sum(axis=2, dtype=np.uint64)
    keys = blocks.astype(np.uint32)
    keys[(keys == 0) & (blocks != 0)] = 1
    return Sketches(shape, sums.astype(np.uint8), keys)
