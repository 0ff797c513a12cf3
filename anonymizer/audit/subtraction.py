"""What follows from the figures of a table by adding and subtracting alone.

Where a group is the sum of others, one of them follows from the rest: people of unstated gender
from everyone, men and women; a suppressed regency from its province and the other regencies. This
needs no solver and no knowledge of the rules, so it is the least that a reader can do.
"""

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit import attack_limits
from anonymizer.model.dimensions import Dimension
from anonymizer.model.segments import Catalogue

_UNKNOWN = 2**40  # more people than there are; sums of these cannot overflow

Numbers = NDArray[np.int64]


class Subtraction:
    """Adds and subtracts the figures of tables of one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._totals = [_partitions_of(axis) for axis in catalogue.dimensions]

    def bounds(
        self, segments: NDArray[np.integer], lowest: Numbers, highest: Numbers
    ) -> tuple[Numbers, Numbers]:
        """The fewest and the most people of every segment of the catalogue.

        `lowest` and `highest` are what the figures of the published `segments` (rows of the
        catalogue) can stand for; of the others nothing is known at first.
        """
        catalogue = self._catalogue
        shape = [len(axis.groups) for axis in catalogue.dimensions]
        low, high = np.zeros(shape, np.int64), np.full(shape, _UNKNOWN)
        positions = tuple(catalogue.cells[segments].T)
        low[positions], high[positions] = lowest, highest
        for _ in range(attack_limits.SUBTRACTION_ROUNDS):
            before = int(low.sum()), int(high.sum())
            for axis, totals in enumerate(self._totals):
                turned = np.moveaxis(low, axis, 0), np.moveaxis(high, axis, 0)
                for whole, parts in totals:
                    _tighten(*turned, whole, parts)
            if before == (int(low.sum()), int(high.sum())):
                break
        return low[tuple(catalogue.cells.T)], high[tuple(catalogue.cells.T)]


def _partitions_of(axis: Dimension) -> list[tuple[int, list[int]]]:
    """Every group that groups of one level make up without overlap, and these, by position."""
    levels: dict[str, list[int]] = {}
    for position, group in enumerate(axis.groups):
        levels.setdefault(group.level, []).append(position)
    found = []
    for parent, group in enumerate(axis.groups):
        for level in levels.values():
            parts = [n for n in level if set(axis.groups[n].leaves) <= set(group.leaves)]
            leaves = sorted(leaf for n in parts for leaf in axis.groups[n].leaves)
            if parts != [parent] and leaves == list(group.leaves):
                found.append((parent, parts))
    return found


def _tighten(low: Numbers, high: Numbers, whole: int, parts: list[int]) -> None:
    """Take a sum into account in both directions, in place; its dimension comes first."""
    least, most = low[parts].sum(axis=0), high[parts].sum(axis=0)
    np.maximum(low[whole], least, out=low[whole])
    np.minimum(high[whole], most, out=high[whole])
    fewest, largest = low[parts], high[parts]
    high[parts] = np.minimum(largest, high[whole] - (least - fewest))
    low[parts] = np.maximum(fewest, low[whole] - (most - largest))
