"""What is left of a campaign's people beside those of campaigns inside of it, figure by figure.

The people of several campaigns that share nobody may be taken away at once from those of a
campaign that all of them lie in, as the children of a segment are within one table. For joins that
are too large to be attacked as one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anonymizer.audit.findings import Finding
from anonymizer.audit.history.join import Join, apart_from
from anonymizer.audit.history.nearness import segments_within
from anonymizer.audit.history.shown import Shown
from anonymizer.audit.history.sums import ShortSum
from anonymizer.feasible.system import Flags, Integers

_TURNS = 10


def short_rests(join: Join, floor: int) -> Iterator[ShortSum]:
    """Segments of the outer table, the first, of which few people can be beside the inner ones."""
    outer, *others = join.tables
    inner = [table for table in others if len(table.figures.segments)]
    if not len(outer.figures.segments) or len(inner) <= 1:
        return
    beside = _Beside.of(join, outer, inner)
    highest, greatest = outer.unshared[1], outer.shared[1]
    for place in np.flatnonzero(highest - beside.people.sum(axis=0) < floor).tolist():
        chosen = beside.most(place)
        high, parts = int(highest[place]), beside.people[chosen, place]
        if high < parts.sum():  # at odds: some of these figures are shared
            high, parts = int(greatest[place]), beside.fewest[chosen, place]
        if len(chosen) > 1 and high - parts.sum() < floor:
            yield beside.found(place, chosen, high, parts)


@dataclass(frozen=True)
class _Beside:
    """For each inner table (row) and figure of the outer one (column) the most people surely in it.

    `fewest` are so many if the inner figure is shared, `segment` is its row in the catalogue.
    """

    join: Join
    inner: Sequence[Shown]
    apart: Flags
    people: Integers
    fewest: Integers
    segment: Integers

    @classmethod
    def of(cls, join: Join, outer: Shown, inner: Sequence[Shown]) -> "_Beside":
        shape = (len(inner), len(outer.figures.segments))
        people, fewest, segment = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        for row, shown in enumerate(inner):
            within = np.where(segments_within(shown, outer), shown.unshared[0][:, None], 0)
            there, best = within.max(axis=0) > 0, within.argmax(axis=0)
            people[row] = within.max(axis=0)
            fewest[row, there] = shown.shared[0][best[there]]
            segment[row, there] = shown.figures.segments[best[there]]
        return cls(join, inner, apart_from(inner), people, fewest, segment)

    def most(self, place: int) -> list[int]:
        """Tables that share nobody, with many people: largest first, from some in turn."""
        of_table = self.people[:, place]
        there = [int(row) for row in np.argsort(-of_table, kind="stable") if of_table[row]]
        if (self.apart[np.ix_(there, there)] | np.eye(len(there), dtype=bool)).all():
            return there
        best: list[int] = []
        for first in there[:_TURNS]:
            chosen = [first]
            for row in there:
                if self.apart[row, chosen].all():
                    chosen.append(row)
            if of_table[chosen].sum() > of_table[best].sum():
                best = chosen
        return best

    def found(self, place: int, chosen: Sequence[int], high: int, parts: Integers) -> ShortSum:
        """The figures, the least preferred first and of equal ones the inner, and what they say."""
        outer = self.join.tables[0]
        own = int(outer.figures.segments[place])
        figures = [(self.inner[row], int(self.segment[row, place])) for row in chosen]
        figures = sorted([*figures, (outer, own)], key=lambda figure: -figure[1])
        ends = " - ".join(str(number) for number in (high, *parts.tolist()))
        rest = high - int(parts.sum())
        text = (
            f"{outer.catalogue.name(own).english} are at most {high} in {outer.key}, and campaigns "
            f"inside of it that share nobody have so many of them at least: {ends} = {rest}, so at "
            f"most {rest} of them are in none of these"
        )
        names = tuple(f"{shown.key}/{shown.catalogue.id(row)}" for shown, row in figures)
        finding = Finding(self.join.name, "inference", names, text)
        return ShortSum(tuple((shown.key, row) for shown, row in figures), finding)
