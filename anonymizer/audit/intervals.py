"""The tightest interval of every segment that is not published.

Each end is proved: a sum of published figures shows that nobody can be beyond it, checked in
whole numbers. An end is reached if a table of whole people that fits every figure has it;
then it is the tightest there is. Ends that no table was found for are proved all the same,
and may be a little wide.

Segments that exact figures tie together (two siblings whose parent is published) share one
pair of linear programs, and every table found narrows what is left to do for all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from anonymizer.audit.blocks import blocks
from anonymizer.audit.bounds import Bounds, Reachable, Unreachable
from anonymizer.audit.divided import NEARLY, DividedTables, Wishes
from anonymizer.audit.freedom import (
    Freedom,
    atoms_in_classes,
    freedom,
    together,
    whole_classes,
)
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.ranges import proved_ranges
from anonymizer.audit.witnesses import make_whole
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

UNBOUNDED = -1
_SMALL_COMPONENT = 60  # classes; up to here integer programming looks for what rounding missed
_MOST_STEPS = 20
_MOST_FAILURES = 300  # to make a table whole, one after the other


@dataclass(frozen=True)
class Intervals:
    """Of each segment (a row of the catalogue) the fewest and the most people that fit.

    `highest` is UNBOUNDED where no figure covers a part of the segment. An end that is not
    reached is proved, but a tighter one might be.
    """

    segments: Integers
    lowest: Integers
    highest: Integers
    lowest_reached: Flags
    highest_reached: Flags


def tightest(
    knowledge: Knowledge, segments: Integers, divided: DividedTables | None = None
) -> Intervals:
    """Intervals of segments that have possible atoms, of figures that some table fits.

    `divided` tables are a help in large tables: an end that one of these has is the best that sums
    of figures can show. Where the work ends early, ends are proved all the same, but wide.
    """
    inside = atoms_in_classes(knowledge, segments)
    return _tightest(_Tools(knowledge), segments, inside, divided)


class Settled:
    """Answers for one table whether the figures leave one count only to a set of atoms."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    @cached_property
    def _tools(self) -> "_Tools":
        return _Tools(self._knowledge)

    def has(self, atoms: Flags) -> bool:
        """Whether a set of atoms (of the catalogue's shape) can have one count only."""
        known = self._knowledge
        classes, counts = np.unique(known.class_of[atoms & known.possible], return_counts=True)
        inside = sparse.csr_array((counts, classes, [0, len(classes)]), shape=(1, known.classes))
        ends = _tightest(self._tools, np.zeros(1, dtype=np.int64), inside)
        return bool(ends.lowest[0] == ends.highest[0])


class _Tools:
    """What every interval of one table needs."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge, self.bounds = knowledge, Bounds(knowledge)

    @cached_property
    def free(self) -> Freedom:
        """What exact figures leave free."""
        return freedom(self.knowledge)

    @cached_property
    def base(self) -> Reals | None:
        """A table of parts of people that fits; None if none was found."""
        return self.bounds.corner(np.ones(self.knowledge.classes))

    @cached_property
    def components(self) -> tuple[Integers, Integers]:
        """The component of each class that figures tie together, and the classes of each."""
        _, of_class = blocks(self.knowledge.essential.members)
        return of_class.astype(np.int64), np.bincount(of_class).astype(np.int64)


def _tightest(
    tools: _Tools,
    segments: Integers,
    inside: sparse.csr_array,
    divided: DividedTables | None = None,
) -> Intervals:
    knowledge = tools.knowledge
    certain = inside @ knowledge.certain_in_atom
    whole = whole_classes(knowledge, inside)
    touched = inside.copy()
    touched.data = np.ones_like(inside.data)
    covered = knowledge.covered.astype(np.int64)
    bounded = touched @ (1 - covered) == 0
    # What cuts a class may have all of its people, or none but the certain.
    floors = _multiplied(whole, covered)
    ceilings = _multiplied(touched, covered)
    sums = sparse.csr_array(sparse.vstack([floors, ceilings]))
    ends = _Ends(tools, sums, divided)
    (low, _), (_, high) = np.split(ends.least, 2), np.split(ends.most, 2)
    (low_reached, _), (_, high_reached) = (
        np.split(ends.least_reached, 2),
        np.split(ends.most_reached, 2),
    )
    return Intervals(
        segments,
        low + certain,
        np.where(bounded, high + certain, UNBOUNDED),
        low_reached,
        high_reached & bounded,
    )


def _multiplied(weights: sparse.csr_array, classes: Integers) -> sparse.csr_array:
    product = sparse.csr_array(weights * classes[None, :])
    product.eliminate_zeros()
    return product


class _Ends:
    """Proved ends of weighted sums of covered classes; beyond the certain people."""

    def __init__(
        self, tools: _Tools, sums: sparse.csr_array, divided: DividedTables | None
    ) -> None:
        sums.sort_indices()
        self.least, self.most = np.zeros(sums.shape[0], dtype=np.int64), sums @ tools.knowledge.caps
        self.least_reached, self.most_reached = np.zeros((2, sums.shape[0]), dtype=bool)
        base = tools.base
        if base is None:
            return
        shared = together(sums, tools.free)
        programs = _Extremes(tools, sums[shared.first])
        if divided is not None:
            programs.learn_parts(divided)
        programs.solve()
        # What sums that move together differ by is the same in every table, and whole.
        apart = sums @ base - shared.sign * (sums[shared.first] @ base)[shared.of]
        offset = np.rint(apart).astype(np.int64)
        ends = [programs.ends(sense) for sense in (-1, 1)]
        up = shared.sign > 0
        (least, least_reached), (most, most_reached) = ends
        self.least = offset + np.where(up, least[shared.of], -most[shared.of])
        self.most = offset + np.where(up, most[shared.of], -least[shared.of])
        self.least_reached = np.where(up, least_reached[shared.of], most_reached[shared.of])
        self.most_reached = np.where(up, most_reached[shared.of], least_reached[shared.of])


class _Extremes:
    """The least and the most of several sums, by linear programs that share what they find."""

    def __init__(self, tools: _Tools, sums: sparse.csr_array) -> None:
        self._knowledge, self._sums = tools.knowledge, sums
        self._bounds, self._components = tools.bounds, tools.components
        self._seen = {
            -1: np.full(sums.shape[0], np.iinfo(np.int64).max),
            1: np.full(sums.shape[0], np.iinfo(np.int64).min),
        }
        # Nobody counts below zero.
        self._proved = {-1: np.zeros(sums.shape[0], np.int64), 1: self._plain_most()}
        self._had_by_parts = {sense: np.zeros(sums.shape[0], dtype=bool) for sense in (-1, 1)}
        self._failures = 0

    def learn_parts(self, divided: DividedTables) -> None:
        """Prove ends by single figures, and see which of them divided tables have."""
        fewest, greatest = proved_ranges(self._knowledge)
        if (fewest > greatest).any():
            return
        for sense, ends in ((-1, self._sums @ fewest), (1, self._sums @ greatest)):
            self._proved[sense] = sense * np.minimum(sense * self._proved[sense], sense * ends)
        if divided.middle is None:
            return
        seen, had = divided.seen(self._sums), self._had_by_parts

        def at_the_ends() -> Wishes:
            had[-1] = seen.fewest <= self._proved[-1] + NEARLY
            had[1] = seen.most >= self._proved[1] - NEARLY
            rows = {sense: np.flatnonzero(~had[sense]) for sense in (-1, 1)}
            both = np.concatenate([rows[-1], rows[1]])
            goals = [self._proved[sense][rows[sense]] for sense in (-1, 1)]
            up = np.arange(len(both)) >= len(rows[-1])
            return Wishes(self._sums[both], np.concatenate(goals).astype(float), up)

        for table in divided.towards(at_the_ends):
            seen.learn(table)

    def solve(self) -> None:
        """Prove every end and look for a table that reaches it, as far as the work goes."""
        work = meter()
        for sense in (-1, 1):
            for row in self._open(sense):
                if work.exhausted:
                    return
                self._narrow(row, sense)

    def ends(self, sense: int) -> tuple[Integers, Flags]:
        """The proved ends, and which of them a table is known to reach."""
        return self._proved[sense], self._proved[sense] == self._seen[sense]

    def _plain_most(self) -> Integers:
        """No class has more people than the smallest figure that contains it."""
        most: Integers = self._sums @ self._knowledge.caps
        return most

    def _open(self, sense: int) -> Iterator[int]:
        for row in range(self._sums.shape[0]):
            if self._proved[sense][row] != self._seen[sense][row] and not self._is_left(row, sense):
                yield row

    def _is_left(self, row: int, sense: int) -> bool:
        """Whether divided tables have to do: whole ones are not found here."""
        by_parts = self._had_by_parts[sense][row] and self._failures == _MOST_FAILURES
        return bool(by_parts and not self._is_small(row))

    def _narrow(self, row: int, sense: int) -> None:
        weights = self._sums[[row]].toarray()[0] * sense
        most, values = self._bounds.most(weights)
        self._prove(row, sense, most)
        if values is not None and self._proved[sense][row] != self._seen[sense][row]:
            self._learn_near(values)
        if self._is_small(row):
            self._search(row, sense, weights)

    def _learn_near(self, values: Reals) -> None:
        if self._failures == _MOST_FAILURES:
            return
        table = make_whole(self._knowledge, values)
        if table is None:
            self._failures += 1
            return
        self._failures = 0
        self._learn(table)

    def _prove(self, row: int, sense: int, most: int) -> None:
        proved = self._proved[sense]
        proved[row] = min(sense * proved[row], most) * sense

    def _learn(self, table: Integers) -> None:
        values = self._sums @ table
        np.minimum(self._seen[-1], values, out=self._seen[-1])
        np.maximum(self._seen[1], values, out=self._seen[1])

    def _is_small(self, row: int) -> bool:
        labels, sizes = self._components
        touched = np.unique(labels[self._sums[[row]].indices])
        return bool(sizes[touched].max(initial=0) <= _SMALL_COMPONENT)

    def _search(self, row: int, sense: int, weights: Integers) -> None:
        """Integer programming between the best table and the proof."""
        for _ in range(_MOST_STEPS):
            most = sense * int(self._proved[sense][row])
            if most == sense * self._seen[sense][row]:
                return
            verdict = self._bounds.decide(weights, most)
            if isinstance(verdict, Reachable):
                self._learn(verdict.table)
            elif isinstance(verdict, Unreachable):
                self._prove(row, sense, most - 1)
            else:
                return
