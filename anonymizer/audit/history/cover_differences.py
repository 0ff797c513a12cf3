"""Sums of figures of joins that are too large to be attacked as one, figure by figure.

The sum of the parts against the whole: did anybody come twice? And what is left of a campaign's
people beside those of campaigns inside of it that share nobody: these may be taken away at once,
as the children of a segment are within one table. Segments are compared by their atoms.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from anonymizer.audit.findings import Finding
from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.join import Cover, Join, apart_from
from anonymizer.audit.history.nearness import leaves_with_people, segments_within
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.feasible.system import Flags, Integers
from anonymizer.model.tables import TableKey

Box = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class ShortDifference:
    """Figures (table, row of its catalogue) that leave the parts too little beyond the whole."""

    figures: tuple[tuple[TableKey, int], ...]
    finding: Finding


def cover_differences(join: Join, floor: int) -> Iterator[ShortDifference]:
    """Segments of the whole that all parts have too, and that few people can be in twice."""
    tables = {table.key: table for table in join.tables}
    for cover in join.covers:
        if len(cover.parts) > 1:
            yield from _of_cover(join, cover, tables, floor)


def _of_cover(
    join: Join, cover: Cover, tables: dict[TableKey, PublicTable], floor: int
) -> Iterator[ShortDifference]:
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
                f"the parts of {whole.key} count {name} at most {ends} times, and {whole.key} has "
                f"at least {low} of them: {ends} - {low} = {most}, so at most {most} of them came "
                "more than once"
            )
            rows = zip(cover.parts, (part.row for part in found), strict=True)
            figures = ((whole.key, row), *rows)
            names = tuple(f"{key}/{tables[key].catalogue.id(of)}" for key, of in figures)
            yield ShortDifference(figures, Finding(join.name, "inference", names, text))


class _PartBound(NamedTuple):
    """The most people of a published segment if its figure is not shared, its row, and if it is."""

    high: int
    row: int
    most: int


def _highest(public: PublicTable) -> dict[Box, _PartBound]:
    """Of each set of atoms the published segment that leaves it fewest people."""
    found: dict[Box, _PartBound] = {}
    highs = zip(*(highest.tolist() for _, highest in (public.unshared, public.shared)), strict=True)
    for (box, row), (high, most) in zip(_boxes(public), highs, strict=True):
        part = _PartBound(high, row, most)
        found[box] = min(found.get(box, part), part)
    return found


def _boxes(public: PublicTable) -> Iterator[tuple[Box, int]]:
    """The possible atoms of each published segment, by dimension."""
    axes = public.catalogue.dimensions
    there = leaves_with_people(public)
    leaves = [
        [
            frozenset(axis.leaves[leaf] for leaf in group.leaves if inside[leaf])
            for group in axis.groups
        ]
        for axis, inside in zip(axes, there, strict=True)
    ]
    for row in public.figures.segments.tolist():
        cell = public.catalogue.cells[row].tolist()
        yield tuple(of_axis[group] for of_axis, group in zip(leaves, cell, strict=True)), row


def complement_differences(join: Join, floor: int) -> Iterator[ShortDifference]:
    """Segments of the outer table, the first, of which few people can be beside the inner ones."""
    outer, *others = join.tables
    inner = [table for table in others if len(table.figures.segments)]
    if not len(outer.figures.segments) or len(inner) <= 1:
        return
    complement = _Complement.of(join, outer, inner)
    highest, greatest = outer.unshared[1], outer.shared[1]
    for position in np.flatnonzero(highest - complement.people.sum(axis=0) < floor).tolist():
        chosen = complement.most(position)
        high, parts = int(highest[position]), complement.people[chosen, position]
        if high < parts.sum():  # at odds: some of these figures are shared
            high, parts = int(greatest[position]), complement.fewest[chosen, position]
        if len(chosen) > 1 and high - parts.sum() < floor:
            yield complement.found(position, chosen, high, parts)


@dataclass(frozen=True)
class _Complement:
    """For each inner table (row) and figure of the outer one (column) the most people surely in it.

    `fewest` are so many if the inner figure is shared, `segment` is its row in the catalogue.
    """

    join: Join
    inner: Sequence[PublicTable]
    apart: Flags
    people: Integers
    fewest: Integers
    segment: Integers

    @classmethod
    def of(cls, join: Join, outer: PublicTable, inner: Sequence[PublicTable]) -> "_Complement":
        shape = (len(inner), len(outer.figures.segments))
        people, fewest, segment = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        for row, public in enumerate(inner):
            within = np.where(segments_within(public, outer), public.unshared[0][:, None], 0)
            there, best = within.max(axis=0) > 0, within.argmax(axis=0)
            people[row] = within.max(axis=0)
            fewest[row, there] = public.shared[0][best[there]]
            segment[row, there] = public.figures.segments[best[there]]
        return cls(join, inner, apart_from(inner), people, fewest, segment)

    def most(self, position: int) -> list[int]:
        """Tables that share nobody, with many people: largest first, from some in turn."""
        of_table = self.people[:, position]
        there = [int(row) for row in np.argsort(-of_table, kind="stable") if of_table[row]]
        if (self.apart[np.ix_(there, there)] | np.eye(len(there), dtype=bool)).all():
            return there
        best: list[int] = []
        for first in there[: linking_limits.TURNS]:
            chosen = [first]
            for row in there:
                if self.apart[row, chosen].all():
                    chosen.append(row)
            if of_table[chosen].sum() > of_table[best].sum():
                best = chosen
        return best

    def found(
        self, position: int, chosen: Sequence[int], high: int, parts: Integers
    ) -> ShortDifference:
        """The figures, the least preferred first and of equal ones the inner, and what they say."""
        outer = self.join.tables[0]
        own = int(outer.figures.segments[position])
        figures = [(self.inner[row], int(self.segment[row, position])) for row in chosen]
        figures = sorted([*figures, (outer, own)], key=lambda figure: -figure[1])
        ends = " - ".join(str(number) for number in (high, *parts.tolist()))
        rest = high - int(parts.sum())
        text = (
            f"of at most {high} {outer.catalogue.name(own).english} in {outer.key}, the campaigns "
            "inside it, which have no person in common, contain at least the numbers subtracted "
            f"here: {ends} = {rest}, so at most {rest} of them are in none of these campaigns"
        )
        names = tuple(f"{public.key}/{public.catalogue.id(row)}" for public, row in figures)
        finding = Finding(self.join.name, "inference", names, text)
        return ShortDifference(tuple((public.key, row) for public, row in figures), finding)
