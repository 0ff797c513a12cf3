"""What is left of a campaign's people beside those of campaigns inside of it, figure by figure.

Campaigns that are aimed at different regions have nobody in common. So the people of several may
be taken away at once from those of a campaign that all of them lie in, as the children of a
segment are within one table. For joins that are too large to be attacked as one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.findings import Finding
from anonymizer.audit.history.join import Containment, Join
from anonymizer.audit.history.nearness import segments_within
from anonymizer.audit.history.shown import Shown
from anonymizer.audit.history.sums import ShortSum
from anonymizer.audit.knowledge import true_counts
from anonymizer.feasible.system import Flags, Integers

_TURNS = 10


def apart_from(tables: Sequence[Shown]) -> Flags:
    """(tables x tables): which of them share nobody."""
    ids = [table.key.subject_id for table in tables]
    return np.array([[other in table.apart for other in ids] for table in tables], dtype=bool)


def short_rests(join: Join, floor: int) -> Iterator[ShortSum]:
    """Segments of the outer table, the first, of which few people can be beside the inner ones."""
    outer, *others = join.tables
    inner = [table for table in others if len(table.figures.segments)]
    if not len(outer.figures.segments) or len(inner) <= 1:
        return
    beside = _Beside.of(join, outer, inner)
    _, highest = true_counts(outer.figures.people, outer.promise)
    for place in np.flatnonzero(highest - beside.people.sum(axis=0) < floor).tolist():
        chosen = beside.most(place)
        rest = int(highest[place] - beside.people[chosen, place].sum())
        if len(chosen) > 1 and rest < floor and beside.may_be_elsewhere(place, chosen):
            yield beside.found(place, chosen, int(highest[place]))


@dataclass(frozen=True)
class _Beside:
    """For each aim (row) and figure of the outer table (column) the most people surely in it.

    `table` is the inner table that says so, `segment` its row in the catalogue; `same` are the
    inner tables whose links are equal to the outer one's.
    """

    join: Join
    inner: Sequence[Shown]
    apart: Flags
    people: Integers
    table: NDArray[np.intp]
    segment: Integers
    same: Flags

    @classmethod
    def of(cls, join: Join, outer: Shown, inner: Sequence[Shown]) -> "_Beside":
        apart = apart_from(inner)
        shape = (len(apart), len(outer.figures.segments))
        people, segment = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        table = np.zeros(shape, dtype=np.intp)
        for place, shown in enumerate(inner):
            lowest, _ = true_counts(shown.figures.people, shown.promise)
            within = np.where(segments_within(shown, outer), lowest[:, None], 0)
            more = within.max(axis=0) > people[place]
            people[place, more] = within.max(axis=0)[more]
            segment[place, more] = shown.figures.segments[within.argmax(axis=0)][more]
            table[place, more] = place
        same = [Containment(outer.key, shown.key) in join.containments for shown in inner]
        return cls(join, inner, apart, people, table, segment, np.array(same))

    def most(self, place: int) -> list[int]:
        """Aims that have nobody in common, with many people: largest first, from some in turn."""
        of_aim = self.people[:, place]
        there = [int(aim) for aim in np.argsort(-of_aim, kind="stable") if of_aim[aim]]
        if (self.apart[np.ix_(there, there)] | np.eye(len(there), dtype=bool)).all():
            return there
        best: list[int] = []
        for first in there[:_TURNS]:
            chosen = [first]
            for aim in there:
                if self.apart[aim, chosen].all():
                    chosen.append(aim)
            if of_aim[chosen].sum() > of_aim[best].sum():
                best = chosen
        return best

    def may_be_elsewhere(self, place: int, chosen: Sequence[int]) -> bool:
        """Whether it is not known anyway that all people of the segment are in the parts."""
        outer = self.join.tables[0]
        tables = self.table[chosen, place]
        groups = outer.catalogue.groups(int(outer.figures.segments[place]))
        box = np.ix_(*(np.array(group.leaves, dtype=np.intp) for group in groups))
        covered = np.logical_or.reduce([self.inner[table].possible[box] for table in tables])
        return not self.same[tables].all() or bool((outer.possible[box] & ~covered).any())

    def found(self, place: int, chosen: Sequence[int], high: int) -> ShortSum:
        """The figures, the least preferred first and of equal ones the inner, and what they say."""
        outer = self.join.tables[0]
        own = int(outer.figures.segments[place])
        figures = [
            (self.inner[self.table[aim, place]], int(self.segment[aim, place])) for aim in chosen
        ]
        figures = sorted([*figures, (outer, own)], key=lambda figure: -figure[1])
        parts = self.people[chosen, place]
        ends = " - ".join(str(number) for number in (high, *parts.tolist()))
        rest = high - int(parts.sum())
        text = (
            f"{outer.catalogue.name(own).english} are at most {high} in {outer.key}, and campaigns "
            f"inside of it, aimed at different regions, have so many of them at least: {ends} = "
            f"{rest}, so at most {rest} of them are in none of these"
        )
        names = tuple(f"{shown.key}/{shown.catalogue.id(row)}" for shown, row in figures)
        finding = Finding(self.join.name, "inference", names, text)
        return ShortSum(tuple((shown.key, row) for shown, row in figures), finding)
