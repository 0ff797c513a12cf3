"""Sums of figures of linked tables that are too many to be proved as one, figure by figure.

The days of a period against the whole: did anybody come twice? A campaign less those inside of
it that share nobody: is anybody left? Figures that contradict each other are read as shared.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from anonymizer.audit.linked_tables import Ints, Linked, Links, contained, leaves_of

_TURNS = 10
_TWICE = "a sum of figures shows that too few people came more than once"
_COMPLEMENT = "a sum of figures leaves too few people outside the other tables"


class _FigureBound(NamedTuple):
    """The most people if it is not shared, its place, and the most if it is."""

    high: int
    position: int
    most: int


def too_short(links: Links, tables: Sequence[int], floor: int) -> Iterator[tuple[int, str]]:
    """The first table of a set, if figures of it show too few people, and what they show.

    What earlier figures show alone is left out.
    """
    for whole in tables:
        parts = links.parts(whole, tables)
        if len(parts) > 1 and _short_cover(links, whole, parts, floor):
            yield whole, _TWICE
    outer, *others = tables
    inner = [n for n in others if links.within(n, outer) and links.tables[n].ids]
    same = [n for n in inner if links.tables[n].key.period == links.tables[outer].key.period]
    if len(same) > 1 and _short_complement(links, outer, same, floor):
        yield outer, _COMPLEMENT


def _short_cover(links: Links, whole: int, parts: Sequence[int], floor: int) -> bool:
    leaves = leaves_of([links.tables[n] for n in (whole, *parts)])
    figures = [_by_box(links.tables[part].populated.over(leaves)) for part in parts]
    table = links.tables[whole].populated.over(leaves)
    ends = zip(_boxes(table), table.unshared[0].tolist(), table.shared[0].tolist(), strict=True)
    for box, low, fewest in ends:
        if any(box not in of for of in figures):
            continue
        found = [of[box] for of in figures]
        most = sum(figure.high for figure in found) - low
        if most < 0:
            most = sum(figure.most for figure in found) - fewest
        if most < floor and any(links.tables[n].new for n in (whole, *parts)):
            return True
    return False


def _by_box(table: Linked) -> dict[bytes, _FigureBound]:
    """Of each set of cells the figure with the fewest people."""
    found: dict[bytes, _FigureBound] = {}
    highs = zip(table.unshared[1].tolist(), table.shared[1].tolist(), strict=True)
    for position, (box, (high, most)) in enumerate(zip(_boxes(table), highs, strict=True)):
        figure = _FigureBound(high, position, most)
        found[box] = min(found.get(box, figure), figure)
    return found


def _boxes(table: Linked) -> list[bytes]:
    return [row.tobytes() for row in np.hstack(table.inside)]


def _short_complement(links: Links, outer: int, inner: Sequence[int], floor: int) -> bool:
    """Of each outer figure the largest figures within, of tables that share nobody."""
    table = links.tables[outer]
    every = np.arange(len(table.ids))
    people, fewest = np.zeros((2, len(inner), len(every)), dtype=np.int64)
    for row, number in enumerate(inner):
        one = links.tables[number]
        within = contained(one, table, np.arange(len(one.ids)), every)
        low = np.where(within, one.unshared[0][:, None], 0)
        best = low.argmax(axis=0)
        people[row] = low.max(axis=0)
        fewest[row] = np.where(people[row] > 0, one.shared[0][best], 0)
    highest, most = table.unshared[1], table.shared[1]
    for position in every.tolist():
        chosen = _chosen(links, inner, people[:, position])
        left = int(highest[position]) - int(people[chosen, position].sum())
        if left < 0:
            left = int(most[position]) - int(fewest[chosen, position].sum())
        if len(chosen) > 1 and left < floor:
            return True
    return False


def _chosen(links: Links, inner: Sequence[int], people: Ints) -> list[int]:
    """Tables that share nobody, with many people: largest first, from some of them in turn."""
    there = [int(row) for row in np.argsort(-people, kind="stable") if people[row]]

    def apart(one: int, other: int) -> bool:
        return links.are_disjoint(inner[one], inner[other])

    if all(apart(one, other) for one in there for other in there if one != other):
        return there
    best: list[int] = []
    for first in there[:_TURNS]:
        chosen = [first]
        for row in there:
            if all(apart(row, other) for other in chosen):
                chosen.append(row)
        if people[chosen].sum() > people[best].sum():
            best = chosen
    return best
