"""The checker's own reading of a table: the people and the set hashes of every judged group."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.policy import Promise
from anonymizer.proofs import Shape, Sketches
from anonymizer.segments import Catalogue
from anonymizer.tables import BUCKETS, Counted, SetHashes

Ints = NDArray[np.int64]

_FEWEST_BLOCKS, _GROWTH = 16, 4
_BUCKETS_OF_A_BLOCK = 4


@dataclass(frozen=True)
class Groups:
    """The judged groups of a table: `segments` are rows of the catalogue, ascending.

    `totals` are the sums modulo 2^64 of their people's keyed numbers.
    """

    segments: Ints
    people: Ints
    totals: NDArray[np.uint64]
    sketches: Sketches

    def __len__(self) -> int:
        return len(self.segments)


def recount(
    counted: Counted, catalogue: Catalogue, promise: Promise
) -> tuple[Groups, sparse.csr_array]:
    """Add up every group that is judged, from the people and set hashes of its cells.

    The matrix (groups x cells of the flat grid) holds 1 where a possible cell is in a group.
    """
    people = _people_of_segments(counted.people, catalogue)
    reach = promise.step + promise.near_jitter
    segments = np.flatnonzero(people >= max(promise.k - reach + 1, 1))
    boxes = boxes_of(segments, counted, catalogue)
    shape = shape_for(reach)
    sums = _sums(counted.hashes, boxes, shape)
    totals = sums.sum(axis=1, dtype=np.uint64)
    return Groups(
        segments, people[segments], totals, _sketches(people[segments], sums, shape)
    ), boxes


def shape_for(reach: int) -> Shape:
    """The smallest shape whose blocks are enough to tell sets apart by so many people."""
    blocks = _FEWEST_BLOCKS
    while blocks < reach and blocks < BUCKETS:
        blocks *= _GROWTH
    return Shape(min(_BUCKETS_OF_A_BLOCK * blocks, BUCKETS), blocks)


def boxes_of(segments: Ints, counted: Counted, catalogue: Catalogue) -> sparse.csr_array:
    """The possible cells of segments (segments x cells of the flat grid), in 0 and 1."""
    rows, cells = _boxes(catalogue, segments)
    possible = counted.possible.ravel()[cells]
    rows, cells = rows[possible], cells[possible]
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(segments)))])
    size = (len(segments), counted.people.size)
    return sparse.csr_array((np.ones(len(rows), dtype=np.int64), cells, ends), shape=size)


def spread(sizes: Ints) -> tuple[Ints, Ints]:
    """Each item as often as its size says, and the number of each copy among its copies."""
    items = np.repeat(np.arange(len(sizes)), sizes)
    return items, np.arange(len(items)) - (np.cumsum(sizes) - sizes)[items]


def _people_of_segments(people: Ints, catalogue: Catalogue) -> Ints:
    for number, axis in enumerate(catalogue.dimensions):
        sizes = axis.membership.sum(axis=1)
        leaves = people.take(np.nonzero(axis.membership)[1], axis=number)
        people = np.add.reduceat(leaves, np.cumsum(sizes) - sizes, axis=number)
    of_segments: Ints = people[tuple(catalogue.cells.T)]
    return of_segments


def _boxes(catalogue: Catalogue, segments: Ints) -> tuple[Ints, Ints]:
    """Every cell of every segment: which of the segments, and the cell; ascending."""
    rows, cells = np.arange(len(segments)), np.zeros(len(segments), dtype=np.int64)
    for axis, groups in zip(catalogue.dimensions, catalogue.cells[segments].T, strict=True):
        sizes = axis.membership.sum(axis=1)
        leaves = np.nonzero(axis.membership)[1]
        chosen = groups[rows]
        items, copies = spread(sizes[chosen])
        places = (np.cumsum(sizes) - sizes)[chosen][items] + copies
        rows, cells = rows[items], cells[items] * len(axis.leaves) + leaves[places]
    return rows, cells


def _sums(hashes: SetHashes, boxes: sparse.csr_array, shape: Shape) -> NDArray[np.uint64]:
    """The sum of the keyed numbers of each group (rows) in each bucket, modulo 2^64."""
    cells, places = np.unique(hashes.cells, return_inverse=True)
    of_cells = np.zeros(len(cells) * shape.buckets, dtype=np.uint64)
    np.add.at(
        of_cells,
        places * shape.buckets + hashes.buckets.astype(np.int64) % shape.buckets,
        hashes.sums,
    )
    inside = boxes[:, cells].astype(np.uint64)
    sums: NDArray[np.uint64] = inside @ of_cells.reshape(len(cells), shape.buckets)
    return sums


def _sketches(people: Ints, sums: NDArray[np.uint64], shape: Shape) -> Sketches:
    """The low 8 bits of each bucket and the low 32 of each block; a block of nobody has key 0."""
    blocks = sums.reshape(len(sums), shape.blocks, shape.buckets // shape.blocks)
    keys = blocks.sum(axis=2, dtype=np.uint64).astype(np.uint32)
    keys[(keys == 0) & (blocks != 0).any(axis=2)] = 1
    return Sketches(shape, people, sums.astype(np.uint8), keys)
