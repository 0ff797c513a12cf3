"""The least and the most people of sums of classes: what is proved, and what tables that fit have.

An end is proved if a sum of figures shows that nobody can be beyond it, checked in whole numbers.
It is reached if a table of whole people that fits every figure has it; then it is the tightest
there is. Whatever is asked of a group of people (can it be large enough, is there one count only,
between which ends is it) is answered from its ends, and only as far as the answer needs.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.blocks import blocks
from anonymizer.feasible.bounds import Bounds, Reachable, Unreachable
from anonymizer.feasible.fractional_tables import NEARLY, FractionalTables, SoughtBounds
from anonymizer.feasible.integer_tables import make_whole
from anonymizer.feasible.ranges import proved_ranges
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.feasible.work import meter

SENSES = (-1, 1)  # the least, the most


class Finders:
    """The finders of one table, each made when it is first needed.

    Where figures tie more than `most_whole` classes together, tables in which people are divided
    count as evidence; otherwise, and without a number, only tables of `whole` people do.
    """

    def __init__(self, system: System, most_whole: int | None = None) -> None:
        self.system, self._most_whole = system, most_whole

    @cached_property
    def whole(self) -> bool:
        """Whether every proof of safety has to rest on tables of whole people."""
        most = self._most_whole
        return most is None or int(self.components[1].max(initial=0)) <= most

    @cached_property
    def fractional(self) -> FractionalTables:
        """Tables in which people are divided."""
        return FractionalTables(self.system)

    @cached_property
    def bounds(self) -> Bounds:
        """Linear programs; where figures leave no room they start from a fractional table."""
        divides = self.system.rigid and not self.whole
        return Bounds(self.system, start=self.fractional.middle if divides else None)

    @cached_property
    def components(self) -> tuple[Integers, Integers]:
        """The component of each class that figures tie together, and the classes of each."""
        _, of_class = blocks(self.system.independent.members)
        return of_class.astype(np.int64), np.bincount(of_class).astype(np.int64)


class Ends:
    """Ends of sums of covered classes (sums x classes), beyond the certain people.

    By sense (-1 for the least, 1 for the most) `proved` has what no table is beyond and `seen` what
    tables of whole people have; `parted` is the same of all tables at hand, fractional ones
    included.
    """

    def __init__(self, finders: Finders, totals: sparse.csr_array) -> None:
        totals.sort_indices()
        self.totals, self._finders, self._failures = totals, finders, 0
        rows, limits = totals.shape[0], np.iinfo(np.int64)
        # No class has more people than the smallest figure around it, and none fewer than nobody.
        self.proved = {-1: np.zeros(rows, np.int64), 1: totals @ finders.system.caps}
        self.seen = {-1: np.full(rows, limits.max), 1: np.full(rows, limits.min)}
        self.parted = {-1: np.full(rows, np.inf), 1: np.full(rows, -np.inf)}

    def weights(self, row: int) -> Integers:
        """One of the sums, of all classes."""
        found: Integers = self.totals[[row]].toarray()[0]
        return found

    def learn(self, table: Integers) -> None:
        """Take a table of whole people that fits."""
        people = self.totals @ table
        np.minimum(self.seen[-1], people, out=self.seen[-1])
        np.maximum(self.seen[1], people, out=self.seen[1])
        self.learn_parts(table.astype(float))

    def learn_changes(self, first: Integers, changes: sparse.csr_array) -> None:
        """Take tables that fit, told by how they differ from a first one (tables x classes)."""
        self.learn(first)
        if not changes.shape[0]:
            return
        people, shifts = self.totals @ first, sparse.csr_array(self.totals @ changes.T)
        least, most = (ends.toarray().ravel() for ends in (shifts.min(axis=1), shifts.max(axis=1)))
        for ends in (self.seen, self.parted):
            np.minimum(ends[-1], people + least, out=ends[-1])
            np.maximum(ends[1], people + most, out=ends[1])

    def learn_parts(self, table: Reals) -> None:
        """Take a table in which people may be divided."""
        people = self.totals @ table
        np.minimum(self.parted[-1], people, out=self.parted[-1])
        np.maximum(self.parted[1], people, out=self.parted[1])

    def approach(self, sought: Callable[[], SoughtBounds]) -> None:
        """Learn fractional tables towards what is still sought; one must be at hand."""
        middle = self._finders.fractional.middle
        if middle is None:
            raise ValueError("no table is at hand: ask for the middle first")
        self.learn_parts(middle)
        for table in self._finders.fractional.towards(sought):
            self.learn_parts(table)

    def prove_ranges(self) -> None:
        """Prove what single figures show, class by class."""
        fewest, most = proved_ranges(self._finders.system)
        if (fewest > most).any():
            return
        np.maximum(self.proved[-1], self.totals @ fewest, out=self.proved[-1])
        np.minimum(self.proved[1], self.totals @ most, out=self.proved[1])

    def between(self) -> tuple[Reals, Reals]:
        """The least and greatest whole number that the tables at hand have between them.

        They are crossed where there is none.
        """
        return np.ceil(self.parted[-1] - NEARLY), np.floor(self.parted[1] + NEARLY)

    def apart(self) -> Flags:
        """Sums that are shown to have two counts at least."""
        least, greatest = self.between()
        return np.asarray(greatest > least)

    def narrow(self, row: int, sense: int) -> None:
        """Prove an end by a program; what comes close to it may be one more table that fits."""
        weights = self.weights(row) * sense
        most, values = self._finders.bounds.most(weights)
        self._prove(row, sense, most)
        if values is None:
            return
        if not self._finders.whole:
            self.learn_parts(values)
        if (
            self.proved[sense][row] != self.seen[sense][row]
            and self._failures < search_limits.END_FAILURES
        ):
            table = make_whole(self._finders.system, values)
            self._failures = self._failures + 1 if table is None else 0
            if table is not None:
                self.learn(table)

    def tighten(self) -> None:
        """Narrow every end until it is reached, as far as programs and the work go."""
        work = meter()
        for sense in SENSES:
            for row in range(self.totals.shape[0]):
                if work.exhausted:
                    return
                if not self.reached(sense)[row] and not self._is_left(row, sense):
                    self.narrow(row, sense)
                    if self._is_small(row):
                        self._search(row, sense)

    def reached(self, sense: int) -> Flags:
        """Ends that a table of whole people has."""
        return np.asarray(self.proved[sense] == self.seen[sense])

    def approach_ends(self) -> None:
        """Prove what single figures show, and look for fractional tables that have the ends."""
        self.prove_ranges()
        if self._finders.fractional.middle is not None:
            self.approach(self._at_the_ends)

    def _at_the_ends(self) -> SoughtBounds:
        rows = {sense: np.flatnonzero(~self._had_by_parts(sense)) for sense in SENSES}
        both = np.concatenate([rows[-1], rows[1]])
        bounds = np.concatenate([self.proved[sense][rows[sense]] for sense in SENSES])
        return SoughtBounds(
            self.totals[both], bounds.astype(float), np.arange(len(both)) >= len(rows[-1])
        )

    def _had_by_parts(self, sense: int) -> Flags:
        """Ends that a table of fractional people has: the best that sums of figures can show."""
        return np.asarray(sense * (self.parted[sense] - self.proved[sense]) >= -NEARLY)

    def _is_left(self, row: int, sense: int) -> bool:
        """Whether fractional tables have to do: whole ones are not found here."""
        given_up = self._failures >= search_limits.END_FAILURES and not self._is_small(row)
        return bool(given_up and self._had_by_parts(sense)[row])

    def _prove(self, row: int, sense: int, most: int) -> None:
        self.proved[sense][row] = min(sense * self.proved[sense][row], most) * sense

    def _is_small(self, row: int) -> bool:
        labels, sizes = self._finders.components
        touched = np.unique(labels[self.totals[[row]].indices])
        return bool(sizes[touched].max(initial=0) <= search_limits.SMALL_COMPONENT)

    def _search(self, row: int, sense: int) -> None:
        """Integer programming between the best table and the proof."""
        for _ in range(search_limits.END_STEPS):
            if self.reached(sense)[row]:
                return
            most = sense * int(self.proved[sense][row])
            verdict = self._finders.bounds.decide(self.weights(row) * sense, most)
            if isinstance(verdict, Reachable):
                self.learn(verdict.table)
            elif isinstance(verdict, Unreachable):
                self._prove(row, sense, most - 1)
            else:
                return
