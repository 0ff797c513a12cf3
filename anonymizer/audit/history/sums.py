"""The sum of the parts against the whole, figure by figure: did anybody come twice?

For joins that are too large to be attacked as one. Segments are compared by their atoms.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from anonymizer.audit.findings import Finding
from anonymizer.audit.history.join import Cover, Join
from anonymizer.audit.history.nearness import leaves_with_people
from anonymizer.audit.history.shown import Shown
from anonymizer.model.tables import TableKey

Box = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class ShortSum:
    """Figures (table, row of its catalogue) that leave the parts too little beyond the whole."""

    figures: tuple[tuple[TableKey, int], ...]
    finding: Finding


def short_sums(join: Join, floor: int) -> Iterator[ShortSum]:
    """Segments of the whole that all parts have too, and that few people can be in twice."""
    tables = {table.key: table for table in join.tables}
    for cover in join.covers:
        if len(cover.parts) > 1:
            yield from _of_cover(join, cover, tables, floor)


def _of_cover(
    join: Join, cover: Cover, tables: dict[TableKey, Shown], floor: int
) -> Iterator[ShortSum]:
    whole = tables[cover.whole]
    lows = zip(*(lowest.tolist() for lowest, _ in (whole.unshared, whole.shared)), strict=True)
    parts = [_highest(tables[part]) for part in cover.parts]
    for (box, row), (lowest, fewest) in zip(_boxes(whole), lows, strict=True):
        if any(box not in part for part in parts):
            continue
        found = [part[box] for part in parts]
        highs = [part.high for part in found]
        at_odds = sum(highs) < lowest  # then some of these figures are shared
        low, highs = (fewest, [part.most for part in found]) if at_odds else (lowest, highs)
        most = sum(highs) - low
        if most < floor:
            name = whole.catalogue.name(row).english
            ends = " + ".join(map(str, highs))
            text = (
                f"{name} were counted at most {ends} times in the parts of {whole.key} and are at "
                f"least {low}: {ends} - {low} = {most}, so at most {most} of them came more than "
                "once"
            )
            rows = zip(cover.parts, (part.row for part in found), strict=True)
            figures = ((whole.key, row), *rows)
            names = tuple(f"{key}/{tables[key].catalogue.id(of)}" for key, of in figures)
            yield ShortSum(figures, Finding(join.name, "inference", names, text))


class _Part(NamedTuple):
    """The most people of a published segment if its figure is not shared, its row, and if it is."""

    high: int
    row: int
    most: int


def _highest(shown: Shown) -> dict[Box, _Part]:
    """Of each set of atoms the published segment that leaves it fewest people."""
    found: dict[Box, _Part] = {}
    highs = zip(*(highest.tolist() for _, highest in (shown.unshared, shown.shared)), strict=True)
    for (box, row), (high, most) in zip(_boxes(shown), highs, strict=True):
        part = _Part(high, row, most)
        found[box] = min(found.get(box, part), part)
    return found


def _boxes(shown: Shown) -> Iterator[tuple[Box, int]]:
    """The possible atoms of each published segment, by dimension."""
    axes = shown.catalogue.dimensions
    there = leaves_with_people(shown)
    leaves = [
        [
            frozenset(axis.leaves[leaf] for leaf in group.leaves if inside[leaf])
            for group in axis.groups
        ]
        for axis, inside in zip(axes, there, strict=True)
    ]
    for row in shown.figures.segments.tolist():
        cell = shown.catalogue.cells[row].tolist()
        yield tuple(of_axis[group] for of_axis, group in zip(leaves, cell, strict=True)), row
