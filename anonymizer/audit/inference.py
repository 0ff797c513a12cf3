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
from anonymizer.audit.solved import fit_some_table
from anonymizer.audit.walk import first_table, walk
from anonymizer.audit.witnesses import Witnesses, search
from anonymizer.feasible.departures import depart, reaching
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers

_MOST_UNDECIDED = 20


class Inference:
    """Shows for every class that it may have `floor` people, or that it may not.

    After `findings`, `disclosed` says of which classes it is shown that they may not. If `divided`
    tables are given, these count as evidence, and where most figures are exact whole ones are
    looked for only after them; `by_parts` says for which classes. Classes that are `excused` are
    passed over.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        reporter: Reporter,
        floor: int,
        *,
        divided: DividedTables | None = None,
        excused: Flags | None = None,
    ) -> None:
        self._knowledge, self._reporter, self._floor = knowledge, reporter, floor
        self._bounds, self._divided = Bounds(knowledge), divided
        goals = np.maximum(floor - knowledge.certain_in_atom, 0)
        self._witnesses = Witnesses(knowledge, goals)
        nothing = np.zeros(knowledge.classes, dtype=bool)
        self._excused = nothing if excused is None else excused
        self.disclosed, self.by_parts = nothing.copy(), nothing.copy()

    def findings(self) -> Iterator[Finding]:
        """What is disclosed: differences first, then what takes more figures."""
        beyond = self._floor - int(self._knowledge.certain_in_atom.max(initial=0))
        pairs = nested_pairs(self._knowledge, beyond)
        differences, shown = explain_all(pairs, self._excused)
        self.disclosed |= shown & ~self._excused
        self._witnesses.reached |= shown | self._excused | ~self._knowledge.covered
        self._move_people()
        self._move_parts_of_people()
        if not self.by_parts.any():
            search(self._knowledge, self._witnesses, self._floor)
        if not self._witnesses.tables and not self.by_parts.any():
            table = fit_some_table(self._bounds, self._reporter, whole=self._divided is None)
            if isinstance(table, Finding):
                yield table
                return
            if table is not None:
                self._witnesses.learn(table)
        for difference in differences:
            yield self._reporter.difference(difference, self._least(difference.classes))
        yield from self._decide_the_rest()

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
        undecided: list[int] = []
        while len(waiting := self._witnesses.waiting):
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
                yield self._reporter.inference(verdict, classes, self._least(classes))
            elif isinstance(verdict, Unreachable):
                self.disclosed[chosen] = True
                yield self._reporter.whole_people(chosen, self._floor)
            else:
                undecided.append(chosen)
            if len(undecided) > _MOST_UNDECIDED:
                break
        self._witnesses.recheck()
        unproved = sorted({*undecided, *self._witnesses.waiting.tolist()})
        if unproved:
            yield self._reporter.unproved(np.array(unproved), self._floor)

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
