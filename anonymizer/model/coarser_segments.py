"""For a segment that is withheld: the nearest coarser one that is published.

It depends on what is published alone, so anybody may be told.
"""

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.dimensions import Dimension
from anonymizer.model.segments import Catalogue

NONE = -1


def nearest_coarser(catalogue: Catalogue, published: NDArray[np.integer]) -> NDArray[np.int64]:
    """For each segment the published one, by row, that contains it with the fewest atoms.

    `published` holds rows of the catalogue. Of several with as few atoms the first in the
    catalogue is taken; `NONE` where none contains the segment. A published segment contains
    itself.
    """
    axes = catalogue.dimensions
    sizes = np.ones(len(published), dtype=np.int64)
    for axis, positions in zip(axes, catalogue.cells[published].T, strict=True):
        sizes *= axis.membership.sum(axis=1)[positions]
    # One number in which fewer atoms count before an earlier row.
    beyond = np.iinfo(np.int64).max
    best = np.full([len(axis.groups) for axis in axes], beyond)
    best[tuple(catalogue.cells[published].T)] = sizes * len(catalogue) + published
    for along, axis in enumerate(axes):
        best = _least_containing(best, along, axis)
    found = best[tuple(catalogue.cells.T)]
    return np.where(found == beyond, NONE, found % max(1, len(catalogue)))


def _least_containing(values: NDArray[np.int64], along: int, axis: Dimension) -> NDArray[np.int64]:
    """Along one axis: the least value of each group and the groups that contain it."""
    turned = np.moveaxis(values, along, 0)
    least = np.empty_like(turned)
    for position, group in enumerate(axis.groups):
        containing = axis.membership[:, list(group.leaves)].all(axis=1)
        least[position] = turned[containing].min(axis=0)
    return np.moveaxis(least, 0, along)
