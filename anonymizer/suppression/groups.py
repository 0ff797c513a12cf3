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

from anonymizer.feasible.classes import membership
from anonymizer.feasible.totals import segment_totals
from anonymizer.model.policy import MOST_STEP, Promise
from anonymizer.model.proofs import Shape, Sketches
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import BUCKETS, Counted

_SHARPNESS = 4  # buckets for each block: the more, the fewer sets are taken to be near by mistake


@dataclass(frozen=True)
class Groups:
    """Groups of one table in order of preference: `segments` (rows of the catalogue, ascending).

    `people` are true counts; `totals` (uint64) the keyed numbers of each group's people added up,
    which stands for the exact set.
    """

    segments: NDArray[np.int32]
    people: NDArray[np.int64]
    totals: NDArray[np.uint64]
    sketches: Sketches

    def __len__(self) -> int:
        return len(self.segments)


def judged_groups(counted: Counted, catalogue: Catalogue, promise: Promise) -> Groups:
    """All segments with so many people that they, or a group near to them, could be published."""
    people = segment_totals(catalogue, counted.people)
    fewest = max(promise.k - promise.step - promise.near_jitter + 1, 1)
    segments = np.flatnonzero(people >= fewest).astype(np.int32)
    totals = _totals_by_bucket(counted, catalogue, segments, shape_of(promise))
    total = totals.sum(axis=1, dtype=np.uint64)
    return Groups(
        segments, people[segments], total, _sketches(people[segments], totals, shape_of(promise))
    )


def shape_of(promise: Promise) -> Shape:
    """The smallest shape of sketches for the largest step of a promise."""
    blocks = 16
    while blocks < promise.step + promise.near_jitter:
        blocks *= 4
    blocks = min(blocks, MOST_STEP)
    return Shape(min(_SHARPNESS * blocks, BUCKETS), blocks)


def taken(sketches: Sketches, rows: NDArray[np.intp]) -> Sketches:
    """The sketches of some rows."""
    return Sketches(sketches.shape, sketches.people[rows], sketches.fine[rows], sketches.keys[rows])


def folded(sketches: Sketches, shape: Shape) -> Sketches:
    """The sketches in a smaller shape, to be compared with others of that shape."""
    if shape == sketches.shape:
        return sketches
    count = len(sketches)
    parts = sketches.fine.reshape(count, sketches.shape.buckets // shape.buckets, shape.buckets)
    fine = parts.sum(axis=1, dtype=np.uint8)
    # A block goes where its buckets go; blocks of one bucket do not go where their number does.
    first_buckets = np.arange(0, sketches.shape.buckets, _buckets_a_block(sketches.shape))
    into = first_buckets % shape.buckets // _buckets_a_block(shape)
    keys = np.zeros((shape.blocks, count), dtype=np.uint32)
    np.add.at(keys, into, sketches.keys.T)
    return Sketches(shape, sketches.people, fine, np.ascontiguousarray(keys.T))


def _buckets_a_block(shape: Shape) -> int:
    return shape.buckets // shape.blocks


def _totals_by_bucket(
    counted: Counted, catalogue: Catalogue, segments: NDArray[np.int32], shape: Shape
) -> NDArray[np.uint64]:
    """(segments x buckets): the sums of the set hashes, modulo 2^64."""
    hashes = counted.hashes
    cells, row = np.unique(hashes.cells, return_inverse=True)
    entries = (hashes.totals, (row, hashes.buckets.astype(np.intp) % shape.buckets))
    by_cell = sparse.csr_array(entries, shape=(len(cells), shape.buckets), dtype=np.uint64)
    inside = membership(catalogue, segments, cells).astype(np.uint64)
    return np.asarray((sparse.csr_array(inside) @ by_cell).toarray(), dtype=np.uint64)


def _sketches(people: NDArray[np.int64], totals: NDArray[np.uint64], shape: Shape) -> Sketches:
    by_block = totals.reshape(len(totals), shape.blocks, _buckets_a_block(shape))
    blocks = by_block.sum(axis=2, dtype=np.uint64)
    keys = blocks.astype(np.uint32)
    keys[(keys == 0) & (blocks != 0)] = 1
    return Sketches(shape, people, totals.astype(np.uint8), keys)
