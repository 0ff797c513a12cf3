"""Inference: groups that the figures together show to have fewer people than promised."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from anonymizer.audit.bounds import Bounds, Divisible, Proof, Reachable, Unreachable
from anonymizer.audit.differencing import explain_all, nested_pairs
from anonymizer.audit.divided import NEARLY, DividedTables, Wishes
from anonymizer.audit.findings import Finding
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.reports import Reporter
from anonymizer.audit.smallness import Evidence
from anonymizer.audit.solved import fit_some_table
from anonymizer.audit.walk import first_table, walk
from anonymizer.audit.witnesses import Witnesses, search
from anonymizer.feasible.departures import depart, reaching
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

_MOST_UNDECIDED = 20  # where no limit of work says when to give up


class Inference:
    """Shows for every class that it may have `floor` people, or that it may not.

    `differences` take a subtraction each, `combinations` after them take programs. Then `disclosed`
    says of which classes it is shown that they may not, and `undecided` of which neither is. If
    divided tables are given, these count as evidence, and where most figures are exact whole ones
    are looked for only after them; `by_parts` says for which classes. Classes that are `excused`
    are passed over.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        reporter: Reporter,
        floor: int,
        *,
        excused: Flags | None = None,
    ) -> None:
        self._knowledge, self._reporter, self._floor = knowledge, reporter, floor
        self._divided: DividedTables | None = None
        goals = np.maximum(floor - knowledge.certain_in_atom, 0)
        self._witnesses = Witnesses(knowledge, goals)
        nothing = np.zeros(knowledge.classes, dtype=bool)
        self._excused = nothing if excused is None else excused
        self.disclosed, self.by_parts, self.undecided = np.zeros((3, knowledge.classes), dtype=bool)
        self._bounded: list[tuple[Integers, int]] = []  # classes, and their people at most

    @property
    def evidence(self) -> Evidence:
        """What was come by about groups of classes: limits that are proved, tables that fit."""
        return Evidence(tuple(self._bounded), tuple(self._witnesses.tables))

    def differences(self) -> Iterator[Finding]:
        """What one figure less another discloses."""
        known = self._knowledge
        beyond = self._floor - int(known.certain_in_atom.max(initial=0))
        pairs = nested_pairs(known, beyond)
        self._bounded += [(pair.classes, pair.most) for pair in pairs]
        differences, shown = explain_all(pairs, self._excused)
        self.disclosed |= shown & ~self._excused
        self._witnesses.reached |= shown | self._excused | ~known.covered | self._shown_large()
        for pair in differences:
            least = int(known.lowest[pair.outer] - known.highest[pair.inner])
            yield self._reporter.difference(pair, max(least, 0))

    def _shown_large(self) -> Flags:
        """Classes with a figure of their own that is large enough, in every table that fits."""
        members = self._knowledge.members
        own = np.flatnonzero(np.diff(members.indptr) == 1)
        classes, large = members.indices[members.indptr[own]], np.zeros_like(self.disclosed)
        large[classes] = self._knowledge.lowest[own] >= self._witnesses.goals[classes]
        return large

    def combinations(self, divided: DividedTables | None = None) -> Iterator[Finding]:
        """What takes more figures than two; or that the figures contradict each other."""
        self._divided, self._bounds = divided, Bounds(self._knowledge)
        self._look_for_tables()
        problem = self._problem()
        if problem is None:
            yield from self._decide_the_rest()
            self._witnesses.recheck()
        elif problem.kind != "unproved":
            yield problem
            return
        self.undecided |= ~self._witnesses.reached

    def _look_for_tables(self) -> None:
        """Tables of people, in which most classes have enough."""
        self._move_people()
        self._move_parts_of_people()
        if not self.by_parts.any():
            search(self._knowledge, self._witnesses, self._floor)

    def _problem(self) -> Finding | None:
        """Why no table is at hand, if none is: a contradiction, or that none was found."""
        if self._witnesses.tables or self.by_parts.any():
            return None
        table = fit_some_table(self._bounds, self._reporter, whole=self._divided is None)
        if isinstance(table, Finding):
            return table
        if table is not None:
            self._witnesses.learn(table)
        return None

    def _move_people(self) -> None:
        """Tables a few people away from one that fits: enough for nearly every class."""
        known, witnesses = self._knowledge, self._witnesses
        first = first_table(known)
        if first is None:
            return
        goals = reaching(first, witnesses.goals, witnesses.waiting)
        witnesses.follow(depart(known, first, goals))
        if len(witnesses.waiting):
            witnesses.follow(walk(known, first, witnesses.goals, ~witnesses.reached))

    def _move_parts_of_people(self) -> None:
        """Divided tables, where exact figures leave no room for single people."""
        if self._divided is None or not self._knowledge.rigid or self._divided.middle is None:
            return
        self._learn_parts(self._divided.middle)
        self._bounds = Bounds(self._knowledge, start=self._divided.middle)
        for table in self._divided.towards(self._waiting):
            self._learn_parts(table)

    def _waiting(self) -> Wishes:
        waiting, classes = self._witnesses.waiting, self._knowledge.classes
        each = sparse.csr_array(sparse.eye_array(classes, dtype=np.int64))[waiting]
        goals = self._witnesses.goals[waiting].astype(float)
        return Wishes(each, goals, np.ones(len(waiting), dtype=bool))

    def _decide_the_rest(self) -> Iterator[Finding]:
        """One class after the other; what is learned of one often settles many."""
        undecided, work = 0, meter()
        while len(waiting := self._witnesses.waiting):
            if work.exhausted or (undecided > _MOST_UNDECIDED and not work.limited):
                return
            chosen = int(waiting[0])
            goal = int(self._witnesses.goals[chosen])
            verdict = self._bounds.decide(self._one(chosen), goal, whole=self._divided is None)
            if isinstance(verdict, Reachable):
                self._witnesses.learn(verdict.table)
                continue
            if isinstance(verdict, Divisible):
                self._learn_parts(verdict.table)
                continue
            self._witnesses.reached[chosen] = True
            if isinstance(verdict, Proof):
                small = verdict.bound < self._witnesses.goals
                classes = np.flatnonzero(small & (verdict.covers >= verdict.scale))
                self._witnesses.reached[classes] = True
                self.disclosed[classes] = ~self._excused[classes]
                self._bounded.append(
                    (np.flatnonzero(verdict.covers >= verdict.scale), verdict.bound)
                )
                yield self._reporter.inference(verdict, classes, self._least(classes))
            elif isinstance(verdict, Unreachable):
                self.disclosed[chosen] = True
                self._bounded.append((np.array([chosen]), goal - 1))
                yield self._reporter.whole_people(chosen, self._floor)
            else:
                self.undecided[chosen] = True
                undecided += 1

    def _learn_parts(self, table: Reals) -> None:
        enough = (table >= self._witnesses.goals - NEARLY) & ~self._witnesses.reached
        self.by_parts |= enough
        self._witnesses.reached |= enough

    def _least(self, classes: Integers) -> int:
        """The fewest people who may be in these classes together, as far as proved."""
        weights = np.zeros(self._knowledge.classes, dtype=np.int64)
        weights[classes] = 1
        return self._bounds.least(weights)

    def _one(self, chosen: int) -> Integers:
        weights = np.zeros(self._knowledge.classes, dtype=np.int64)
        weights[chosen] = 1
        return weights
