"""The people of a world: keyed marks and buckets, one cell of the grid each, age of the account.

Drawn from the shipped reference data: regency and sex by population, age by the national pyramid.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.tables import BUCKETS
from data_samples.people import YOUNGEST, age_weights

Positions = NDArray[np.intp]
OLD_ACCOUNT, NEW_ACCOUNT = 1_000, 3  # days since it was opened
_UNSTATED = 0.02  # share of people whose gender or region is not stated
_BAND_STARTS = (18, 21, *range(25, 76, 5))


@cache
def catalogue() -> Catalogue:
    """The catalogue that the product ships."""
    return load_catalogue(Path(str(files("anonymizer") / "defaults/segments.yaml")))


@cache
def cell_weights() -> NDArray[np.float64]:
    """The share of each cell of the grid among all adults, by flat position."""
    regencies = _regency_weights()
    bands = np.stack([_band_weights(sex) for sex in ("M", "F")])
    stated = np.einsum("sr,sa->sar", regencies, bands)
    grid = np.zeros(catalogue().shape)
    grid[:2, :, :-1] = stated * (1 - _UNSTATED) ** 2
    grid[2, :, :-1] = stated.sum(axis=0) * _UNSTATED * (1 - _UNSTATED)
    grid[:2, :, -1] = stated.sum(axis=2) * _UNSTATED * (1 - _UNSTATED)
    grid[2, :, -1] = stated.sum(axis=(0, 2)) * _UNSTATED**2
    weights: NDArray[np.float64] = grid.ravel() / grid.sum()
    return weights


def region_of(cells: Positions) -> Positions:
    """The position of each cell's regency among the leaves of the region dimension."""
    regions: Positions = cells % catalogue().shape[2]
    return regions


@cache
def leaves_of(region: str) -> NDArray[np.bool_]:
    """Which leaves of the region dimension are in a region, by its code."""
    dimension = catalogue().dimensions[2]
    inside: NDArray[np.bool_] = dimension.membership[dimension.positions[region]]
    return inside


@cache
def regions_by_size(level: str) -> tuple[str, ...]:
    """The codes of all provinces or regencies, the one with the fewest people first."""
    shares = cell_weights().reshape(catalogue().shape).sum(axis=(0, 1))
    groups = [group for group in catalogue().dimensions[2].groups if group.level == level]
    return tuple(g.code for g in sorted(groups, key=lambda g: shares[list(g.leaves)].sum()))


@dataclass(frozen=True)
class Population:
    """One entry in each array for each person."""

    marks: NDArray[np.uint64]
    buckets: NDArray[np.uint8]
    cells: Positions
    account_days: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cells)


class Crowd:
    """Collects the people of a world; each draw returns the positions of those it adds."""

    def __init__(self, draw: np.random.Generator) -> None:
        self._draw = draw
        self._cells: list[Positions] = []
        self._account_days: list[NDArray[np.int64]] = []
        self._size = 0

    def strangers(self, number: int, regions: NDArray[np.bool_] | None = None) -> Positions:
        """People of the country, or of some regions only, with old accounts."""
        weights = cell_weights()
        if regions is not None:
            weights = np.where(regions[region_of(np.arange(len(weights)))], weights, 0.0)
        steps = np.cumsum(weights)
        cells = np.searchsorted(steps, self._draw.random(number) * steps[-1], side="right")
        return self._added(np.minimum(cells, len(weights) - 1), OLD_ACCOUNT)

    def in_cell(self, cell: int, number: int, account_days: int = OLD_ACCOUNT) -> Positions:
        """People of one gender, age band and regency."""
        return self._added(np.full(number, cell, dtype=np.intp), account_days)

    def in_cells(self, cells: Sequence[int]) -> Positions:
        """One person with an old account in each of these cells."""
        return self._added(np.array(cells, dtype=np.intp), OLD_ACCOUNT)

    def cell_of(self, person: int) -> int:
        """The cell of a person that was added."""
        return int(self.cells()[person])

    def cells(self) -> Positions:
        """The cells of everybody so far."""
        return np.concatenate(self._cells)

    def population(self) -> Population:
        """Everybody that was added, with marks and buckets."""
        marks = self._draw.integers(0, 2**64, self._size, dtype=np.uint64)
        buckets = self._draw.integers(0, BUCKETS, self._size).astype(np.uint8)
        return Population(
            marks, buckets, np.concatenate(self._cells), np.concatenate(self._account_days)
        )

    def _added(self, cells: Positions, account_days: int) -> Positions:
        first, self._size = self._size, self._size + len(cells)
        self._cells.append(cells.astype(np.intp))
        self._account_days.append(np.full(len(cells), account_days, dtype=np.int64))
        return np.arange(first, self._size)


def _regency_weights() -> NDArray[np.float64]:
    """Men and women of each regency, in the order of the region dimension's leaves."""
    with (files("data_samples") / "reference/regions.csv").open(encoding="utf-8") as file:
        rows = {row["code"]: row for row in csv.DictReader(file)}
    leaves = catalogue().dimensions[2].leaves[:-1]
    return np.array([[float(rows[code][sex]) for code in leaves] for sex in ("male", "female")])


def _band_weights(sex: str) -> NDArray[np.float64]:
    """The share of each age band among the adults of one sex."""
    years = age_weights(sex)[_BAND_STARTS[0] - YOUNGEST :]
    starts = np.array(_BAND_STARTS) - _BAND_STARTS[0]
    bands = np.add.reduceat(years, starts)
    shares: NDArray[np.float64] = bands / bands.sum()
    return shares
