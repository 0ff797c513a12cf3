"""The attack on tables put together: what they tell of a group that none of them tells alone.

Pairs of figures come first: one subtraction. Whatever these do not show is safe only if a table
of whole people is at hand that fits the figures of all tables and has enough people in the
group; a walk comes past most of them, programs find the others or the figures to blame.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.bounds import Bounds, Proof, Reachable, Undecided, Verdict
from anonymizer.audit.differencing import Difference, nested_pairs
from anonymizer.audit.findings import Finding
from anonymizer.audit.history.join import Joint
from anonymizer.audit.knowledge import Flags, Integers
from anonymizer.audit.reports import Reporter
from anonymizer.audit.walk import walk
from anonymizer.audit.witnesses import Witnesses, search

_MOST_FIGURES_SEARCHED = 3_000  # programs over all figures take too long beyond


@dataclass(frozen=True)
class JoinedFinding:
    """Something that figures (positions in the joint knowledge) tell together.

    To withhold one of the `figures` breaks the arithmetic; where there is none, one of those
    around the group may. `goals` are the sums that are shown to be too small, or not shown to be
    large enough; a contradiction has none.
    """

    figures: Integers
    goals: Integers
    finding: Finding


@dataclass(frozen=True)
class Outcome:
    """What an attack found, the goals that are still not proved and the work that it took."""

    findings: tuple[JoinedFinding, ...]
    open: Flags
    programs: int


def attack_joined(joint: Joint, wanted: Flags, most_programs: int) -> Outcome:
    """Whether every wanted goal can be reached; what cannot be decided is a finding as well.

    No more than `most_programs` linear or integer programs are made for single goals.
    """
    return _Attack(joint, wanted, most_programs).outcome()


class _Attack:
    def __init__(self, joint: Joint, wanted: Flags, most_programs: int) -> None:
        self._joint, self._known = joint, joint.knowledge
        self._weights, self._floor = joint.goals.weights, joint.goals.people
        self._open = wanted & ~self._has_uncovered()
        self._programs_left = self._most_programs = most_programs
        self._reporter = Reporter(self._known)
        self._bounds = Bounds(self._known)

    def outcome(self) -> Outcome:
        findings = list(self._pairs())
        if not findings:
            findings = list(self._beyond_pairs())
        used = self._most_programs - self._programs_left
        return Outcome(tuple(findings), self._open, used)

    def _has_uncovered(self) -> Flags:
        """Goals to which people can be added without any figure noticing."""
        found: Flags = self._weights @ (~self._known.covered).astype(np.int64) > 0
        return found

    def _pairs(self) -> Iterator[JoinedFinding]:
        """What one figure less another shows."""
        for pair in nested_pairs(self._known, self._floor):
            if pair.most < 0 or not len(pair.classes):
                yield self._contradicting(pair)
                continue
            goals = self._too_small(pair.classes, pair.most)
            if len(goals):
                found = self._reporter.difference(pair, 0)
                yield JoinedFinding(np.array([pair.outer, pair.inner]), goals, found)

    def _contradicting(self, pair: Difference) -> JoinedFinding:
        found = self._reporter.larger_inside(pair)
        nothing = np.zeros(0, dtype=np.int64)
        return JoinedFinding(np.array([pair.outer, pair.inner]), nothing, found)

    def _too_small(self, classes: Integers, most: int) -> Integers:
        """Open goals whose people are all in these classes, `most` of them together."""
        inside = np.zeros(self._known.classes, dtype=np.int64)
        inside[classes] = 1
        support = (self._weights > 0).astype(np.int64)
        largest = np.asarray(self._weights.max(axis=1).todense()).ravel()
        within = support @ inside == np.diff(self._weights.indptr)
        return np.flatnonzero(self._open & within & (largest * most < self._floor))

    def _beyond_pairs(self) -> Iterator[JoinedFinding]:
        if not self._open.any():
            if (broken := self._first_table()) is not None:
                yield broken
            return
        witnesses = self._walked()
        started = bool(witnesses.tables) or witnesses.walk is not None
        if not started and (broken := self._first_table(witnesses)) is not None:
            yield broken
            return
        self._settle(witnesses)
        for goal in np.flatnonzero(self._open).tolist():
            if self._open[goal] and (found := self._decided(goal, witnesses)) is not None:
                yield found

    def _walked(self) -> Witnesses:
        """Tables in which the easiest class of each open goal has enough people."""
        leading = np.zeros(self._known.classes, dtype=bool)
        leading[self._leads()] = True
        goals = np.where(leading, self._floor, 0)
        witnesses = Witnesses(self._known, goals)
        witnesses.reached |= ~leading
        path = walk(self._known, goals, leading)
        if path is not None:
            witnesses.follow(path)
        if len(self._known.segments) <= _MOST_FIGURES_SEARCHED or path is None:
            search(self._known, witnesses, self._floor)
        witnesses.recheck()
        return witnesses

    def _leads(self) -> Integers:
        """Of each open goal the class that the fewest figures contain."""
        load = np.diff(self._known.by_class.indptr)
        weights = self._weights[np.flatnonzero(self._open)]
        starts = weights.indptr[:-1]
        return np.array(
            [
                weights.indices[start:end][load[weights.indices[start:end]].argmin()]
                for start, end in zip(starts.tolist(), weights.indptr[1:].tolist(), strict=True)
            ],
            dtype=np.int64,
        )

    def _settle(self, witnesses: Witnesses) -> None:
        """Close goals one of whose classes has enough people in some table."""
        reached = witnesses.reached & (witnesses.goals >= self._floor)
        self._open &= ~(self._weights @ reached.astype(np.int64) > 0)
        for table in witnesses.tables:
            self._learn(table)

    def _learn(self, table: Integers) -> None:
        self._open &= self._weights @ table < self._floor

    def _first_table(self, witnesses: Witnesses | None = None) -> JoinedFinding | None:
        """None if some table fits all figures."""
        if witnesses is None and walk(self._known, self._nobody(), self._nobody() > 0) is not None:
            return None
        proof = self._bounds.contradiction()
        nothing = np.zeros(0, dtype=np.int64)
        if proof is not None:
            return JoinedFinding(proof.figures, nothing, self._reporter.no_table(proof))
        verdict = self._bounds.some_table()
        if isinstance(verdict, Reachable):
            if witnesses is not None:
                witnesses.learn(verdict.table)
            return None
        undecided = isinstance(verdict, Undecided)
        found = self._reporter.no_table_found() if undecided else self._reporter.no_whole_table()
        return JoinedFinding(np.arange(len(self._known.segments)), nothing, found)

    def _nobody(self) -> Integers:
        return np.zeros(self._known.classes, dtype=np.int64)

    def _decided(self, goal: int, witnesses: Witnesses) -> JoinedFinding | None:
        """None if the goal can be reached."""
        row = self._weights[[goal]]
        weights = self._nobody()
        weights[row.indices] = row.data
        verdict: Verdict = Undecided()
        if self._programs_left:
            self._programs_left -= 1
            verdict = self._bounds.decide(weights, self._floor)
        if isinstance(verdict, Reachable):
            witnesses.learn(verdict.table)
            self._settle(witnesses)
            return None
        if isinstance(verdict, Proof):
            goals = self._shown_by(verdict)
            text = self._reporter.inference(verdict, row.indices, 0)
            return JoinedFinding(verdict.figures, goals, text)
        around = np.unique(self._known.by_class[row.indices].indices)
        if isinstance(verdict, Undecided):
            text = self._reporter.unproved(row.indices[:1].astype(np.int64), self._floor)
        else:
            text = self._reporter.whole_people(int(row.indices[0]), self._floor)
        return JoinedFinding(around, np.array([goal]), text)

    def _shown_by(self, proof: Proof) -> Integers:
        """Open goals that the sum of figures covers as well."""
        if proof.bound >= self._floor:
            return np.zeros(0, dtype=np.int64)
        entries = sparse.coo_array(self._weights)
        short = proof.covers[entries.col] < entries.data * proof.scale
        covered = np.ones(self._weights.shape[0], dtype=bool)
        covered[entries.row[short]] = False
        return np.flatnonzero(self._open & covered)
