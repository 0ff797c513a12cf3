"""The checker's own reading of a table: the people and the set hashes of every judged group."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.model.policy import Promise
from anonymizer.model.proofs import Shape, Sketches
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import BUCKETS, Counted

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_FEWEST_BLOCKS, _GROWTH = 16, 4
_BUCKETS_OF_A_BLOCK = 4


@dataclass(frozen=True)
class RecountedGroups:
    """The judged groups of a table: `segments` are rows of the catalogue, ascending.

    `totals` are the sums modulo 2^64 of their people's keyed numbers.
    """

    segments: Ints
    people: Ints
    totals: NDArray[np.uint64]
    sketches: Sketches

    def __len__(self) -> int:
        return len(self.segments)


def membership(catalogue: Catalogue) -> sparse.csr_array:
    """(segments x cells of the flat grid): 1 where a cell is in a segment."""
    axes = [sparse.csr_array(axis.membership, dtype=np.int64) for axis in catalogue.dimensions]
    sizes = [len(axis.groups) for axis in catalogue.dimensions]
    every_box = sparse.csr_array(reduce(sparse.kron, axes))
    return every_box[np.ravel_multi_index(tuple(catalogue.cells.T), sizes)]


def possible_cells(
    inside: sparse.csr_array, segments: NDArray[np.signedinteger], possible: Flags
) -> sparse.csr_array:
    """The rows of some segments in a membership, without structural zeros."""
    cells = inside[segments]
    cells.data = np.where(possible.ravel()[cells.indices], cells.data, 0)
    cells.eliminate_zeros()
    return cells


def recount(counted: Counted, inside: sparse.csr_array, promise: Promise) -> RecountedGroups:
    """Add up every group that is judged, from the people and set hashes of its cells.

    `inside` is the membership of the catalogue.
    """
    people = inside @ counted.people.ravel()
    reach = promise.step + promise.near_jitter
    segments = np.flatnonzero(people >= max(promise.k - reach + 1, 1))
    shape, hashes = shape_for(reach), counted.hashes
    positions = hashes.cells, hashes.buckets.astype(np.int64) % shape.buckets
    size = inside.shape[1], shape.buckets
    of_cells = sparse.csr_array(sparse.coo_array((hashes.totals, positions), shape=size))
    # Unsigned numbers of 64 bits: every sum is taken modulo 2^64.
    bucket_totals = (inside[segments].astype(np.uint64) @ of_cells).toarray()
    totals = bucket_totals.sum(axis=1, dtype=np.uint64)
    return RecountedGroups(
        segments, people[segments], totals, _sketches(people[segments], bucket_totals, shape)
    )


def shape_for(reach: int) -> Shape:
    """The smallest shape whose blocks are enough to tell sets apart by so many people."""
    blocks = _FEWEST_BLOCKS
    while blocks < reach and blocks < BUCKETS:
        blocks *= _GROWTH
    return Shape(min(_BUCKETS_OF_A_BLOCK * blocks, BUCKETS), blocks)


def _sketches(people: Ints, bucket_totals: NDArray[np.uint64], shape: Shape) -> Sketches:
    """The low 8 bits of each bucket and the low 32 of each block; a block of nobody has key 0."""
    blocks = bucket_totals.reshape(len(bucket_totals), shape.blocks, shape.buckets // shape.blocks)
    keys = blocks.sum(axis=2, dtype=np.uint64).astype(np.uint32)
    keys[(keys == 0) & (blocks != 0).any(axis=2)] = 1
    return Sketches(shape, people, bucket_totals.astype(np.uint8), keys)
