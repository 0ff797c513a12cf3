"""Which groups lie in which, for many groups at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attacks.published import Group

Flags = NDArray[np.bool_]


def clipped(group: Group, whole: Group) -> Group:
    """The part of a group where people can be."""
    return Group(*(mine & possible for mine, possible in zip(group, whole, strict=True)))


def containment(outer: Sequence[Group], inner: Sequence[Group]) -> Flags:
    """For each outer group (row) the inner groups (columns) that lie in it."""
    found = np.ones((len(outer), len(inner)), dtype=bool)
    for axis in range(3):
        left, rows = _distinct([group[axis] for group in outer])
        right, columns = _distinct([group[axis] for group in inner])
        pairs = np.array([[theirs <= mine for theirs in right] for mine in left], dtype=bool)
        if pairs.size:
            found &= pairs[np.ix_(rows, columns)]
    return found


def lines(groups: Sequence[Group]) -> list[tuple[int, int, list[int]]]:
    """Parent, axis, children: groups that differ from the parent in that dimension alone."""
    found = []
    for axis in range(3):
        by_rest: dict[tuple[frozenset[str], ...], list[int]] = {}
        for position, group in enumerate(groups):
            by_rest.setdefault(tuple(s for n, s in enumerate(group) if n != axis), []).append(
                position
            )
        for members in by_rest.values():
            for parent in members:
                inside = [c for c in members if groups[c][axis] < groups[parent][axis]]
                if inside:
                    found.append((parent, axis, inside))
    return found


def _distinct(sets: Sequence[frozenset[str]]) -> tuple[list[frozenset[str]], NDArray[np.intp]]:
    positions = {member: position for position, member in enumerate(dict.fromkeys(sets))}
    return list(positions), np.array([positions[member] for member in sets], dtype=np.intp)
