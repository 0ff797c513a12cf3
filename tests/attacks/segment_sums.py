"""Which segments a cell is in, and what the cells of a table add up to in each segment."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from population import catalogue

from anonymizer.model.tables import Counted


@cache
def segments_by_cell() -> NDArray[np.intp]:
    """Cells (flat) x as many segments as a cell can be in; `len(catalogue())` fills the rest."""
    axes, rows = catalogue().dimensions, _rows()
    around = [[np.flatnonzero(leaf) for leaf in axis.membership.T] for axis in axes]
    found = []
    for cell in np.ndindex(catalogue().shape):
        groups = [groups[leaf] for groups, leaf in zip(around, cell, strict=True)]
        segments = rows[np.ix_(*groups)].ravel()
        found.append(segments[segments >= 0])
    table = np.full((len(found), max(map(len, found))), len(catalogue()))
    for cell_number, segments in enumerate(found):
        table[cell_number, : len(segments)] = segments
    return table


@cache
def segments_of_cell(cell: int) -> NDArray[np.bool_]:
    """Which segments hold the people of one cell."""
    inside = np.zeros(len(catalogue()) + 1, dtype=bool)
    inside[segments_by_cell()[cell]] = True
    return inside[:-1]


@cache
def segment_rows(region: str) -> NDArray[np.intp]:
    """The segments of one region, for every gender and age in a fixed order."""
    rows = _rows()[:, :, catalogue().dimensions[2].positions[region]].ravel()
    chosen: NDArray[np.intp] = rows[rows >= 0]
    return chosen


def people_by_segment(table: Counted) -> NDArray[np.int64]:
    """The number of people in each segment."""
    occupied = np.flatnonzero(table.people)
    totals = np.zeros(len(catalogue()) + 1, dtype=np.int64)
    np.add.at(totals, segments_by_cell()[occupied], table.people.ravel()[occupied, None])
    return totals[:-1]


def hashes_by_segment(table: Counted) -> NDArray[np.uint64]:
    """The sum of keyed numbers of each segment's people over all buckets, modulo 2^64."""
    totals = np.zeros(len(catalogue()) + 1, dtype=np.uint64)
    np.add.at(totals, segments_by_cell()[table.hashes.cells], table.hashes.totals[:, None])
    return totals[:-1]


@cache
def _rows() -> NDArray[np.intp]:
    """The row of the catalogue for each combination of groups; -1 where it is no segment."""
    rows = np.full([len(axis.groups) for axis in catalogue().dimensions], -1)
    rows[tuple(catalogue().cells.T)] = np.arange(len(catalogue()))
    return rows
