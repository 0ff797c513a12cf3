"""Whether one table reaches a large part of another, so that figures of the two can come close.

An audience has thousands of segments and many campaigns in it, nearly all of which reach a small
part of every segment. This is found out by comparing segments, without building a join.
"""

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.history.join import leaves_of
from anonymizer.audit.history.shown import Shown
from anonymizer.audit.knowledge import Flags, true_counts

_FAR = 2  # a segment of the outer table has so many times the people of any that lies in it


def is_near(inner: Shown, outer: Shown, floor: int) -> bool:
    """Whether some segment may be filled by half or more by the inner table.

    If not, no figure less another comes near `floor` either.
    """
    lowest, _ = true_counts(inner.figures.people, inner.promise)
    _, highest = true_counts(outer.figures.people, outer.promise)
    if not len(lowest) or not len(highest):
        return False
    close = lowest[:, None] * _FAR > highest[None, :] - floor
    return bool((close & segments_within(inner, outer)).any())


def segments_within(inner: Shown, outer: Shown) -> Flags:
    """(inner figures x outer figures): whether every atom of the one is one of the other."""
    within = np.ones((len(inner.figures.segments), len(outer.figures.segments)), dtype=bool)
    there = leaves_with_people(inner)
    for axis, leaves in enumerate(leaves_of((inner, outer))):
        small = _groups(inner, axis, leaves) & _among(there[axis], inner, axis, leaves)
        beyond = small.astype(np.float32) @ (~_groups(outer, axis, leaves)).T.astype(np.float32)
        of_inner = inner.catalogue.cells[inner.figures.segments, axis]
        of_outer = outer.catalogue.cells[outer.figures.segments, axis]
        within &= (beyond == 0)[of_inner[:, None], of_outer[None, :]]
    return within


def _groups(shown: Shown, axis: int, leaves: tuple[str, ...]) -> Flags:
    """(groups x leaves): which leaf is in which group of a dimension."""
    dimension = shown.catalogue.dimensions[axis]
    spread = np.zeros((len(dimension.groups), len(leaves)), dtype=bool)
    spread[:, _places(dimension.leaves, leaves)] = dimension.membership
    return spread


def _among(there: Flags, shown: Shown, axis: int, leaves: tuple[str, ...]) -> Flags:
    spread = np.zeros(len(leaves), dtype=bool)
    spread[_places(shown.catalogue.dimensions[axis].leaves, leaves)] = there
    return spread


def _places(own: tuple[str, ...], leaves: tuple[str, ...]) -> NDArray[np.intp]:
    places = {leaf: place for place, leaf in enumerate(leaves)}
    return np.array([places[leaf] for leaf in own], dtype=np.intp)


def leaves_with_people(shown: Shown) -> list[Flags]:
    """Of each dimension the leaves in which there can be people."""
    axes = range(shown.possible.ndim)
    others = [tuple(other for other in axes if other != axis) for axis in axes]
    return [np.asarray(shown.possible.any(axis=rest)) for rest in others]
