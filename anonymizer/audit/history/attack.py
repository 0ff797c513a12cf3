"""The attack on tables put together: what they tell of a group that none of them tells alone.

Pairs of figures come first: one subtraction. Whatever these do not show is safe only if a table
of whole people is at hand that fits the figures of all tables and has enough people in the
group; a walk comes past most of them, programs find the others or the figures to blame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy import sparse

from anonymizer.audit.bounds import Bounds, Proof, Reachable, Undecided, Verdict
from anonymizer.audit.differencing import Difference, nested_pairs
from anonymizer.audit.findings import Finding
from anonymizer.audit.history.join import Joint
from anonymizer.audit.history.steps import first_table, stroll, vary
from anonymizer.audit.reports import Reporter
from anonymizer.audit.witnesses import Witnesses, search
from anonymizer.feasible.system import Flags, Integers

_MOST_FIGURES_SEARCHED = 1_000  # programs over all figures take too long beyond
_MOST_FIGURES_SOLVED = 3_000  # no single program ends in a reasonable time beyond
_MOST_FOUND = 2_000  # at once; the rest can wait for the next round
_MOST_MOVES = 150_000  # of people, on one walk
_MOST_ITERATIONS = 50_000  # of one program


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

    No more than `most_programs` programs are made for single goals, and none goes on for ever.
    """
    return _Attack(joint, wanted, most_programs).outcome()


def subtract_joined(joint: Joint, wanted: Flags, most_programs: int = 0) -> Outcome:
    """What one figure less another shows of the wanted goals, and nothing else."""
    return _Attack(joint, wanted, most_programs).differences()


class _Attack:
    def __init__(self, joint: Joint, wanted: Flags, most_programs: int) -> None:
        self._joint, self._known = joint, joint.knowledge
        self._weights, self._floor = joint.goals.weights, joint.goals.people
        self._open = wanted & ~self._has_uncovered()
        self._solvable = len(joint.table) <= _MOST_FIGURES_SOLVED
        self._programs_left = self._most_programs = most_programs if self._solvable else 0
        self._reporter = Reporter(self._known)
        self._bounds = Bounds(self._known, _MOST_ITERATIONS)

    def differences(self) -> Outcome:
        """Pairs alone."""
        return Outcome(tuple(self._pairs()), self._open, 0)

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
        first = first_table(self._known)
        if first is None and self._solvable:
            verdict = self._some_table()
            if isinstance(verdict, JoinedFinding):
                yield verdict
                return
            first = verdict
        if first is not None:
            self._learn(first)
            self._approach(first)
        decided = (self._decided(goal) for goal in self._one_by_one())
        yield from islice((found for found in decided if found is not None), _MOST_FOUND)

    def _one_by_one(self) -> Iterator[int]:
        """Goals that are still open when it is their turn."""
        return (goal for goal in np.flatnonzero(self._open).tolist() if self._open[goal])

    def _approach(self, first: Integers) -> None:
        """Close open goals whose leading class has enough people in some table."""
        for look in () if self._known.exact else (stroll, vary):
            goals, leading = self._leading()
            tables = look(self._known, first, goals, leading, _MOST_MOVES)
            self._close(tables.most_people(self._known) >= self._floor)
        if self._open.any() and len(self._known.segments) <= _MOST_FIGURES_SEARCHED:
            self._search(first)

    def _leading(self) -> tuple[Integers, Flags]:
        """Of each class how many people it shall have, and whether it shall have any."""
        leading = np.zeros(self._known.classes, dtype=bool)
        leading[self._joint.goals.leads[self._open]] = True
        return np.where(leading, self._floor, 0), leading

    def _search(self, first: Integers) -> None:
        goals, leading = self._leading()
        witnesses = Witnesses(self._known, goals)
        witnesses.reached |= ~leading
        witnesses.learn(first)
        search(self._known, witnesses, self._floor)
        witnesses.recheck()
        self._close(witnesses.reached & leading)
        for table in witnesses.tables:
            self._learn(table)

    def _close(self, enough: Flags) -> None:
        """Close goals one of whose classes can have enough people."""
        self._open &= ~(self._weights @ enough.astype(np.int64) > 0)

    def _learn(self, table: Integers) -> None:
        self._open &= self._weights @ table < self._floor

    def _some_table(self) -> Integers | JoinedFinding:
        """A table that fits all figures, or why there is none at hand."""
        nothing = np.zeros(0, dtype=np.int64)
        verdict = self._bounds.some_table()
        if isinstance(verdict, Reachable):
            return verdict.table
        proof = self._bounds.contradiction()
        if proof is not None:
            return JoinedFinding(proof.figures, nothing, self._reporter.no_table(proof))
        undecided = isinstance(verdict, Undecided)
        found = self._reporter.no_table_found() if undecided else self._reporter.no_whole_table()
        return JoinedFinding(np.arange(len(self._known.segments)), nothing, found)

    def _nobody(self) -> Integers:
        return np.zeros(self._known.classes, dtype=np.int64)

    def _decided(self, goal: int) -> JoinedFinding | None:
        """None if the goal can be reached."""
        row = self._weights[[goal]]
        weights = self._nobody()
        weights[row.indices] = row.data
        verdict: Verdict = Undecided()
        if self._programs_left:
            self._programs_left -= 1
            verdict = self._bounds.decide(weights, self._floor)
        if isinstance(verdict, Reachable):
            self._learn(verdict.table)
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
