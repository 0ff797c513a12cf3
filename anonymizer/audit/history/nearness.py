"""Whether one table reaches a large part of another, so that figures of the two can come close.

An audience has thousands of segments and many campaigns in it, nearly all of which reach a small
part of every group. This is found out without building a join, by comparing figures, and then the
people that the figures let expect in each group: what several figures tell of a group together
bounds these too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.join import leaves_of
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.audit.knowledge import IMPOSSIBLE, read
from anonymizer.feasible.proportional_fitting import proportions
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags
from anonymizer.model.dimensions import Dimension
from anonymizer.model.policy import Promise

_FAR = 2  # a segment of the outer table has so many times the people of any that lies in it
_ANYBODY = 1  # people; of a group with fewer nobody can be shown to be there
_NO_LIMIT = 1e12  # people where no figure says anything


def is_near(inner: PublicTable, outer: PublicTable, floor: int) -> bool:
    """Whether some group may be filled by half or more by the inner table.

    If not, no figures less others come near `floor` either.
    """
    lowest, _ = inner.unshared
    _, highest = outer.unshared
    if not len(lowest) or not len(highest):
        return False
    far = lowest * _FAR <= highest.min() - floor, highest - floor >= lowest.max() * _FAR
    large, small = (
        public.without(public.figures.segments[out].astype(np.int64))
        for public, out in zip((inner, outer), far, strict=True)
    )
    return _is_close(large, small, floor) or _is_expected(inner, outer, floor)


def _is_close(inner: PublicTable, outer: PublicTable, floor: int) -> bool:
    """Whether a figure may be filled by half or more by one that lies in it."""
    lowest, _ = inner.unshared
    _, highest = outer.unshared
    close = lowest[:, None] * _FAR > highest[None, :] - floor
    return bool(close.any() and (close & segments_within(inner, outer)).any())


def _is_expected(inner: PublicTable, outer: PublicTable, floor: int) -> bool:
    """The same for each group of the inner table's catalogue, by the people that the outer table's
    figures let expect there, and the fewest that the inner one's may show.
    """
    dimensions = inner.catalogue.dimensions
    there = _expected(outer, dimensions)
    people = _expected(inner, dimensions)
    people = np.where(people < _NO_LIMIT, people, 0)
    # What no figure says by itself takes two of them, each as wide as its rounding.
    people -= 2 * linking_limits.IN_THE_MIDDLE * _width(inner.promise)
    known = tuple(inner.catalogue.cells[inner.figures.segments].T)
    people[known], _ = inner.unshared
    return bool(((people >= _ANYBODY) & (people * _FAR > there - floor)).any())


def _width(promise: Promise) -> int:
    """How many people lie between the ends of what a figure may mean."""
    return 2 * (promise.rounding - 1)


@dataclass(frozen=True)
class _Question:
    """Which table is asked, by the groups of which dimensions; equal questions have equal facts."""

    facts: tuple[object, ...]
    dimensions: tuple[Dimension, ...]
    public: PublicTable = field(compare=False)


def _expected(public: PublicTable, dimensions: Sequence[Dimension]) -> Reals:
    """People in proportion to the figures, for all combinations of groups of the dimensions.

    The audience is asked about for each campaign in it: the last answers are remembered.
    """
    figures, catalogue = public.figures, public.catalogue
    arrays = figures.segments, figures.people, public.possible, catalogue.cells
    known = public.key, public.promise, catalogue.dimensions, *(array.tobytes() for array in arrays)
    return _answer(_Question(known, tuple(dimensions), public))


@lru_cache(maxsize=8)
def _answer(asked: _Question) -> Reals:
    public = asked.public
    known = read(public.figures, public.catalogue, public.promise, public.possible)
    start = known.covered.astype(np.float64)
    people = proportions(known, start, linking_limits.IN_THE_MIDDLE, linking_limits.NEARNESS_ROUNDS)
    there = known.class_of != IMPOSSIBLE
    atoms = np.bincount(known.class_of[there], minlength=known.classes)
    each = np.where(known.covered, people / np.maximum(atoms, 1), _NO_LIMIT)
    by_atom = np.where(there, each[known.class_of], 0)
    return _by_group(
        _moved(by_atom, public.catalogue.dimensions, asked.dimensions), asked.dimensions
    )


def _moved(people: Reals, own: Sequence[Dimension], other: Sequence[Dimension]) -> Reals:
    """People by atom of other dimensions; what the own ones do not know has no limit."""
    moved = np.full([len(axis.leaves) for axis in other], _NO_LIMIT)
    from_, to = [], []
    for mine, axis in zip(own, other, strict=True):
        positions = {leaf: position for position, leaf in enumerate(axis.leaves)}
        both = [(at, positions[leaf]) for at, leaf in enumerate(mine.leaves) if leaf in positions]
        from_.append([at for at, _ in both])
        to.append([position for _, position in both])
    moved[np.ix_(*to)] = people[np.ix_(*from_)]
    return moved


def _by_group(people: Reals, dimensions: Sequence[Dimension]) -> Reals:
    """Sums over one group of each dimension, for all combinations of groups."""
    for axis, dimension in enumerate(dimensions):
        summed = np.tensordot(dimension.membership.astype(np.float64), people, axes=(1, axis))
        people = np.moveaxis(summed, 0, axis)
    return people


def segments_within(inner: PublicTable, outer: PublicTable) -> Flags:
    """(inner figures x outer figures): whether every atom of the one is one of the other."""
    within = np.ones((len(inner.figures.segments), len(outer.figures.segments)), dtype=bool)
    there = leaves_with_people(inner)
    for axis, leaves in enumerate(leaves_of((inner, outer))):
        small = _groups(inner, axis, leaves) & _among(there[axis], inner, axis, leaves)
        of_inner, row = _used(inner, axis)
        of_outer, column = _used(outer, axis)
        elsewhere = ~_groups(outer, axis, leaves)[of_outer]
        beyond = small[of_inner].astype(np.float32) @ elsewhere.T.astype(np.float32)
        within &= (beyond == 0)[row[:, None], column[None, :]]
    return within


def _used(public: PublicTable, axis: int) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """The groups of a dimension that figures have, and where in these the group of each is."""
    of_figures = public.catalogue.cells[public.figures.segments, axis]
    used, position = np.unique(of_figures, return_inverse=True)
    return used, position


def _groups(public: PublicTable, axis: int, leaves: tuple[str, ...]) -> Flags:
    """(groups x leaves): which leaf is in which group of a dimension."""
    dimension = public.catalogue.dimensions[axis]
    spread = np.zeros((len(dimension.groups), len(leaves)), dtype=bool)
    spread[:, _positions(dimension.leaves, leaves)] = dimension.membership
    return spread


def _among(there: Flags, public: PublicTable, axis: int, leaves: tuple[str, ...]) -> Flags:
    spread = np.zeros(len(leaves), dtype=bool)
    spread[_positions(public.catalogue.dimensions[axis].leaves, leaves)] = there
    return spread


def _positions(own: tuple[str, ...], leaves: tuple[str, ...]) -> NDArray[np.intp]:
    positions = {leaf: position for position, leaf in enumerate(leaves)}
    return np.array([positions[leaf] for leaf in own], dtype=np.intp)


def leaves_with_people(public: PublicTable) -> list[Flags]:
    """Of each dimension the leaves in which there can be people."""
    axes = range(public.possible.ndim)
    others = [tuple(other for other in axes if other != axis) for axis in axes]
    return [np.asarray(public.possible.any(axis=rest)) for rest in others]
