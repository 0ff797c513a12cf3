"""Withholds from new tables what they would tell together with others; old ones stay as they are.

Figures that one subtraction shows to be too close go first. Then families of feasible tables are
looked for; where there is none, or none is found, the least preferred new figure that bears on it
goes, and the search goes on with what is left. A figure that is taken away breaks no family, so
that what is proved stays proved; as each round takes at least one figure away or is the last, it
ends. Joins are cleared independently of each other, side by side.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

import numpy as np

from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers
from anonymizer.parallel import ALONE, Workers
from anonymizer.proofs import FigureId, LinkedProof, Shortage
from anonymizer.protection.linked.bounds import Bounds, contradiction
from anonymizer.protection.linked.bounds import Shown as Sum
from anonymizer.protection.linked.families import Families, Search
from anonymizer.protection.linked.join import Join
from anonymizer.protection.linked.nearness import is_near
from anonymizer.protection.linked.shown import Shown
from anonymizer.protection.linked.stack import Stack, stacked
from anonymizer.protection.linked.subtraction import differences
from anonymizer.tables import TableKey

_MOST_SIZE = 20_000  # rows and columns of a program
_MOST_PROGRAMS, _FEWEST_PROGRAMS, _MOST_ROWS_SOLVED = 300, 15, 100_000
_MOST_ROUNDS = 20  # in which one figure of a finding goes; then all of them
_PAIR = 2
Kind = Literal["contradiction", "inference", "unproved"]


@dataclass(frozen=True)
class Reason:
    """Why a figure is withheld: what figures of linked tables show, or that nothing was proved."""

    tables: str
    kind: Kind
    segments: tuple[str, ...]
    explanation: str


@dataclass(frozen=True)
class Withheld:
    """New tables without what had to go, and why; `beyond_help` rests on old figures alone.

    `proofs` show what is left to be safe together with linked tables.
    """

    tables: tuple[Shown, ...]
    figures: int
    findings: tuple[Reason, ...]
    beyond_help: tuple[Reason, ...]
    proofs: tuple[LinkedProof, ...]


def withhold_joined(
    joins: Sequence[Join], new: Sequence[Shown], floor: int, workers: Workers = ALONE
) -> Withheld:
    """The new tables with nothing left that a join shows to be below `floor` people.

    What could not be shown to be safe within the effort is withheld as well.
    """
    terms = _Terms(frozenset(shown.key for shown in new), floor)
    costs = [sum(1 + len(table.figures.segments) for table in join.tables) for join in joins]
    cleared = workers.results(_cleared, terms, joins, costs)
    gone: dict[TableKey, set[int]] = {}
    for outcome in cleared:
        for key, segment in outcome.withheld:
            gone.setdefault(key, set()).add(segment)
    return Withheld(
        tuple(shown.without(_rows(gone.get(shown.key, ()))) for shown in new),
        sum(map(len, gone.values())),
        tuple(found for outcome in cleared for found in outcome.findings),
        # What old figures tell is found again in every round.
        tuple(dict.fromkeys(found for outcome in cleared for found in outcome.beyond_help)),
        tuple(proof for outcome in cleared for proof in outcome.proofs),
    )


def _rows(segments: Collection[int]) -> Integers:
    return np.array(sorted(segments), dtype=np.int64)


@dataclass(frozen=True)
class _Terms:
    """Which tables may change, and how many people every group must be able to have."""

    new: frozenset[TableKey]
    floor: int


@dataclass
class _Cleared:
    """Of one join: what to withhold (table, row of its catalogue), what was found, and proofs."""

    withheld: list[tuple[TableKey, int]] = field(default_factory=list)
    findings: list[Reason] = field(default_factory=list)
    beyond_help: list[Reason] = field(default_factory=list)
    proofs: list[LinkedProof] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """What is too small, and the figures that show it or are around it.

    `goals` (margins x classes) is empty where the figures contradict each other.
    """

    figures: Integers
    goals: Flags | None
    reason: Reason
    sum: Sum | None = None


def _cleared(terms: _Terms, join: Join) -> _Cleared:
    if not any(len(table.figures.segments) for table in join.tables):
        return _Cleared()  # nothing is published, so nothing is told
    if len(join.tables) == _PAIR:
        inner, outer = join.tables
        if outer.key.kind == "audience" and not is_near(inner, outer, terms.floor):
            return _Cleared()
    return _Clearing(terms, join).run()


class _Clearing:
    """One join, round by round."""

    def __init__(self, terms: _Terms, join: Join) -> None:
        self._terms, self._join = terms, join
        self._stack = stacked(join)
        self._families = Families.of(self._stack, terms.floor)
        self._new = np.array([table.key in terms.new for table in join.tables], dtype=bool)
        self._cleared = _Cleared()
        self._aside: list[FigureId] = []
        self._wide: set[FigureId] = set()
        self._shortages: list[Shortage] = []
        self._forbidden = np.zeros_like(self._families.open)
        self._programs: int | None = None
        self._checked = False  # whether figures of one layer contradict each other

    def run(self) -> _Cleared:
        """What has to go, and the proof of the rest."""
        for number in count():
            found = self._small() or self._unproved()
            if not found:
                break
            # What is not found in one place is often found once a figure elsewhere is gone.
            shown = [one for one in found if one.reason.kind != "unproved"]
            everything = number >= _MOST_ROUNDS
            self._withhold(found if everything else shown or found[:1], everything=everything)
        if self._new[self._stack.table].any():
            wide = sorted(self._wide)
            proof = self._families.proof(self._aside, wide, self._shortages)
            self._cleared.proofs.append(proof)
        return self._cleared

    def _small(self) -> list[_Found]:
        """What single subtractions show, as soon as none is explained by shared figures."""
        while True:
            shown = list(differences(self._stack, self._terms.floor))
            at_odds = [found.figures for found, _, _ in shown if found.bound < 0]
            if not self._widen(at_odds):
                break
        margins = self._stack.margins
        found = []
        for of, margin, classes in shown:
            goals = np.zeros_like(self._forbidden)
            goals[next(n for n, other in enumerate(margins) if other is margin)] = classes
            if of.bound < 0:
                found.append(self._because(of, None))
            elif (goals & ~self._forbidden).any():
                found.append(self._because(of, goals))
        return found

    def _widen(self, at_odds: Sequence[Integers]) -> bool:
        """Read figures that contradict each other as shared ones; whether that changes any."""
        wider = [self._stack.shareable(figures) for figures in at_odds]
        if not any(map(len, wider)):
            return False
        chosen = np.unique(np.concatenate(wider))
        names = self._stack.names
        self._wide.update(names[figure] for figure in chosen.tolist())
        self._change(self._stack.sharing(chosen))
        return True

    def _change(self, stack: Stack) -> None:
        self._stack = self._families.stack = stack

    def _unproved(self) -> list[_Found]:
        """What families are not found for, and what shows that there are none."""
        families = self._families
        while True:
            families.open &= ~self._forbidden & self._told()
            if not families.open.any():
                return []
            search = Search(families)
            search.run()
            if families.starts:
                return list(self._one_by_one(search))
            found = self._at_odds()
            if found is None:
                found = self._begin(search)
            if found:
                return found

    def _at_odds(self) -> list[_Found] | None:
        """Figures of one layer that contradict each other; None if there are none.

        Nothing is found if some of them may be shared: these are read so from now on.
        """
        stack, shown = self._stack, list[Sum]()
        for number, system in enumerate(stack.systems if not self._checked else ()):
            if (of := contradiction(system)) is not None:
                rows = np.flatnonzero(stack.layer_of[stack.table] == number)
                shown.append(replace(of, figures=rows[of.figures]))
        if self._widen([of.figures for of in shown]):
            return []
        self._checked = True
        return [self._because(of, None) for of in shown] or None

    def _begin(self, search: Search) -> list[_Found]:
        """A first family by programs over all layers, or the figures that contradict each other."""
        bounds = Bounds(self._stack)
        family = bounds.some_family() if bounds.size <= _MOST_SIZE else None
        if isinstance(family, Sum):
            return [] if self._widen([family.figures]) else [self._because(family, None)]
        every = np.arange(self._stack.figures)
        if (family is not None and self._learn(search, family)) or self._widen([every]):
            return []
        text = "no whole people were found that fit all figures"
        return [_Found(every, None, self._reason("contradiction", every, text))]

    def _learn(self, search: Search, family: Reals) -> bool:
        """Whether parts of people can be made whole; then what is around them is learned, too."""
        whole = np.rint(family).astype(np.int64)
        found = whole if (family == whole).all() else search.start(0.0, expected=list(family))
        if found is None or not self._families.begin(found):
            return False
        search.depart(len(self._families.starts))
        return True

    def _one_by_one(self, search: Search) -> Iterator[_Found]:
        """Each open goal by a program, as long as there are some left."""
        families = self._families
        if not families.open.any():
            return
        bounds = Bounds(self._stack)
        if self._programs is None:
            few = min(_MOST_PROGRAMS, max(_FEWEST_PROGRAMS, _MOST_ROWS_SOLVED // bounds.size))
            self._programs = few if bounds.size <= _MOST_SIZE else 0
        for row, place in np.argwhere(families.open).tolist():
            if families.open[row, place]:
                found = self._decided(search, bounds, row, place)
                if families.open[row, place]:
                    yield found

    def _decided(self, search: Search, bounds: Bounds, row: int, place: int) -> _Found:
        """What makes a margin small in a class, unless a family is found and learned."""
        margin, outcome = self._stack.margins[row], None
        if self._programs:
            self._programs -= 1
            outcome = bounds.decide(margin, place, self._terms.floor)
        if isinstance(outcome, np.ndarray):
            self._learn(search, outcome)
        goals = np.zeros_like(self._forbidden)
        goals[row, place] = True
        if isinstance(outcome, Sum):
            return self._because(outcome, goals)
        figures = self._around(margin.plus, place)
        text = f"no family of tables was found with {self._terms.floor} people in a cell"
        return _Found(figures, goals, self._reason("unproved", figures, text))

    def _told(self) -> Flags:
        """The classes that a new figure counts."""
        new = self._stack.members[np.flatnonzero(self._new[self._stack.table])]
        told: Flags = np.bincount(new.indices, minlength=self._stack.classes) > 0
        return told

    def _around(self, tables: Sequence[int], place: int) -> Integers:
        """Figures of these tables that count a class; if none of them is new, all new ones."""
        stack = self._stack
        counts = np.asarray(stack.members[:, [place]].todense()).ravel() > 0
        own = counts & np.isin(stack.table, tables)
        new = counts & self._new[stack.table]
        return np.flatnonzero(own if (own & new).any() else own | new)

    def _withhold(self, found: Sequence[_Found], *, everything: bool) -> None:
        """Of each finding the least preferred new figure, unless one has gone already."""
        stack, chosen, aside = self._stack, set[int](), set[int]()
        for one in found:
            own = one.figures[self._new[stack.table[one.figures]]]
            if not len(own):
                self._cleared.beyond_help.append(one.reason)
                self._note(one)
                if one.goals is None:
                    aside.add(self._least_preferred(one.figures)[0])
                else:
                    self._forbidden |= one.goals
                    self._families.open &= ~one.goals
            elif chosen.isdisjoint(own.tolist()):
                order = self._least_preferred(own)
                blamed = one.goals is not None or len(one.figures) < len(stack.table)
                few = 1 if blamed else (len(order) + 1) // 2
                chosen.update(order if everything else order[:few])
                self._cleared.findings.append(one.reason)
        names = stack.names
        self._aside += [names[figure] for figure in sorted(aside)]
        keys = [self._join.tables[table].key for table in stack.table.tolist()]
        gone = sorted(chosen)
        self._cleared.withheld += [(keys[n], int(stack.segment[n])) for n in gone]
        if chosen or aside:
            self._change(stack.without(np.array(sorted(chosen | aside), dtype=np.int64)))

    def _least_preferred(self, figures: Integers) -> list[int]:
        order: list[int] = figures[
            np.argsort(-self._stack.segment[figures], kind="stable")
        ].tolist()
        return order

    def _note(self, found: _Found) -> None:
        """Old figures alone show something, by a sum of them."""
        if found.sum is not None and found.sum.exact:
            names = self._stack.names
            figures = tuple(names[figure] for figure in found.sum.figures.tolist())
            multipliers = tuple(found.sum.multipliers.tolist())
            self._shortages.append(Shortage(figures, multipliers, found.sum.scale))

    def _because(self, shown: Sum, goals: Flags | None) -> _Found:
        """A finding with its arithmetic."""
        stack, words, ends = self._stack, list[str](), list[str]()
        for figure, times in zip(shown.figures.tolist(), shown.multipliers.tolist(), strict=True):
            table = self._join.tables[int(stack.table[figure])]
            most = times > 0
            people = int((stack.highest if most else stack.lowest)[figure])
            name = table.catalogue.name(int(stack.segment[figure])).english
            words.append(f"{name} in {table.key.label}, at {'most' if most else 'least'} {people}")
            sign = ("+ " if ends else "") if most else "- "
            ends.append(sign + (f"{abs(times)} x " if abs(times) > 1 else "") + str(people))
        total = f"({' '.join(ends)}) / {shown.scale}" if shown.scale > 1 else " ".join(ends)
        text = f"{'; '.join(words)}: {total} = {shown.bound // shown.scale}"
        kind: Kind = "contradiction" if goals is None else "inference"
        text += ", which no people can be" if goals is None else " people at most"
        return _Found(shown.figures, goals, self._reason(kind, shown.figures, text), shown)

    def _reason(self, kind: Kind, figures: Integers, text: str) -> Reason:
        names = self._stack.names
        tables = self._join.tables
        chosen = [names[figure] for figure in figures.tolist()]
        segments = tuple(f"{tables[of].key}/{name}" for of, name in chosen)
        return Reason(self._join.name, kind, segments, text)
