"""What a reader would guess of a table from its coarsest figures: shares that multiply.

Of each dimension the shares of its leaves follow from the figures that are about that dimension
alone; a cell's guess is the product of its shares. Only figures and structural zeros are used.
"""

import numpy as np
from numpy.typing import NDArray

from anonymizer.suppression.constraints import Candidates, Constraints, Ground

_HARDLY_ANYONE = 0.5  # in leaves for which the figures leave nobody


def guessed_people(
    ground: Ground, candidates: Candidates, known: Constraints
) -> NDArray[np.float64]:
    """People of each class, as far as the shares of single dimensions tell."""
    cells = ground.catalogue.cells[candidates.segments]
    grid = np.array(float(candidates.people.max(initial=1)))
    for axis in range(cells.shape[1]):
        grid = np.multiply.outer(grid, _shares(ground, candidates, cells, axis))
    inside = known.class_of >= 0
    people = grid.ravel()[known.atoms[inside]]
    classes = known.class_of[inside]
    return np.bincount(classes, people, known.matrix.shape[1]).astype(np.float64)


def _shares(
    ground: Ground, candidates: Candidates, cells: NDArray[np.int32], axis: int
) -> NDArray[np.float64]:
    """The share of each leaf: smallest groups first, the rest of a larger one spread evenly."""
    dimension = ground.catalogue.dimensions[axis]
    people = np.full(len(dimension.leaves), -1.0)
    alone = _about_this_alone(ground, cells, axis)
    rows = [(dimension.groups[cells[row, axis]].leaves, candidates.people[row]) for row in alone]
    for leaves, total in sorted(rows, key=lambda row: len(row[0])):
        inside = np.array(leaves)
        open_ = inside[people[inside] < 0]
        if len(open_):
            counted = people[inside][people[inside] >= 0].sum()
            people[open_] = max(float(total) - counted, _HARDLY_ANYONE) / len(open_)
    people[people < 0] = _HARDLY_ANYONE
    shares: NDArray[np.float64] = people / people.sum()
    return shares


def _about_this_alone(ground: Ground, cells: NDArray[np.int32], axis: int) -> list[int]:
    """Candidates that take everyone of all other dimensions."""
    everyone = np.ones(len(cells), dtype=bool)
    for other, dimension in enumerate(ground.catalogue.dimensions):
        if other != axis:
            widest = max(len(group.leaves) for group in dimension.groups)
            whole = np.array([len(group.leaves) == widest for group in dimension.groups])
            everyone &= whole[cells[:, other]]
    return np.flatnonzero(everyone).tolist()
