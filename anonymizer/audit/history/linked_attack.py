"""The attack on tables put together: what they tell of a group that none of them tells alone.

Pairs of figures come first: one subtraction. Whatever these do not show is safe only if a table
of whole people is at hand that fits the figures of all tables and has enough people in the
group; a few people moved make most of them, programs find the others or the figures to blame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from scipy import sparse

from anonymizer.audit.differencing import Difference, nested_pairs
from anonymizer.audit.findings import Finding
from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.families import Families
from anonymizer.audit.history.join import Joint
from anonymizer.audit.reports import Reporter
from anonymizer.feasible import search_limits
from anonymizer.feasible.bounds import Bounds, Proof, Reachable, Undecided, Verdict
from anonymizer.feasible.class_witnesses import NONE, ClassWitnesses, witnesses_near
from anonymizer.feasible.start import first_tables
from anonymizer.feasible.system import Flags, Integers

_LESS = np.array([1, -1])  # one figure less another


@dataclass(frozen=True)
class JoinedFinding:
    """Something that figures (positions in the joint knowledge) tell together.

    To withhold one of the `figures` breaks the arithmetic; where there is none, one of those
    around the group may. `requirements` are the sums that are shown to be too small, or not shown
    to be large enough; a contradiction has none. `multipliers / scale` times the figures show it,
    where a sum of figures does.
    """

    figures: Integers
    requirements: Integers
    finding: Finding
    multipliers: Integers | None = None
    scale: int = 1


@dataclass(frozen=True)
class LinkedOutcome:
    """What an attack found, the requirements that are still not proved and the work that it took.

    `families` are the tables that prove the others.
    """

    findings: tuple[JoinedFinding, ...]
    open: Flags
    programs: int
    families: Families


def attack_joined(joint: Joint, wanted: Flags, most_programs: int) -> LinkedOutcome:
    """Whether every wanted requirement can be reached; what cannot be decided is a finding as well.

    No more than `most_programs` programs are made for single requirements, and none goes on for
    ever.
    """
    return _LinkedAttack(joint, wanted, most_programs).outcome()


def prove_joined(joint: Joint) -> Families | None:
    """The tables that prove every requirement, if they are found without programs; else None.

    What speaks against the others is not asked.
    """
    wanted = np.ones(joint.requirements.weights.shape[0], dtype=bool)
    return _LinkedAttack(joint, wanted, 0).proof()


def subtract_joined(joint: Joint, wanted: Flags, most_programs: int = 0) -> LinkedOutcome:
    """What one figure less another shows of the wanted requirements, and nothing else."""
    return _LinkedAttack(joint, wanted, most_programs).differences()


class _LinkedAttack:
    def __init__(self, joint: Joint, wanted: Flags, most_programs: int) -> None:
        self._joint, self._known = joint, joint.knowledge
        self._weights, self._floor = joint.requirements.weights, joint.requirements.people
        self._open = wanted & ~self._has_uncovered()
        self._solvable = len(joint.table) <= linking_limits.PROGRAM_FIGURES
        self._programs_left = self._most_programs = most_programs if self._solvable else 0
        self._reporter = Reporter(self._known)
        self._bounds = Bounds(self._known, linking_limits.ITERATIONS)
        self._families, self._tables = Families(self._known.classes), 0
        self._contradiction: Proof | None = None

    def differences(self) -> LinkedOutcome:
        """Pairs alone."""
        return LinkedOutcome(tuple(self._pairs()), self._open, 0, self._families)

    def outcome(self) -> LinkedOutcome:
        findings = list(self._pairs())
        if not findings:
            findings = list(self._beyond_pairs())
        used = self._most_programs - self._programs_left
        return LinkedOutcome(tuple(findings), self._open, used, self._families)

    def proof(self) -> Families | None:
        """The families, unless there is a finding: the first one ends the search."""
        found = next(chain(self._pairs(), self._beyond_pairs()), None)
        return None if found else self._families

    def _has_uncovered(self) -> Flags:
        """Requirements to which people can be added without any figure noticing."""
        found: Flags = self._weights @ (~self._known.covered).astype(np.int64) > 0
        return found

    def _pairs(self) -> Iterator[JoinedFinding]:
        """What one figure less another shows."""
        for pair in nested_pairs(self._known, self._floor):
            if pair.most < 0 or not len(pair.classes):
                yield self._contradicting(pair)
                continue
            requirements = self._too_small(pair.classes, pair.most)
            if len(requirements):
                found = self._reporter.difference(pair, 0)
                yield JoinedFinding(np.array([pair.outer, pair.inner]), requirements, found, _LESS)

    def _contradicting(self, pair: Difference) -> JoinedFinding:
        found = self._reporter.larger_inside(pair)
        nothing = np.zeros(0, dtype=np.int64)
        return JoinedFinding(np.array([pair.outer, pair.inner]), nothing, found, _LESS)

    def _too_small(self, classes: Integers, most: int) -> Integers:
        """Open requirements whose people are all in these classes, `most` of them together."""
        inside = np.zeros(self._known.classes, dtype=np.int64)
        inside[classes] = 1
        support = (self._weights > 0).astype(np.int64)
        largest = np.asarray(self._weights.max(axis=1).todense()).ravel()
        within = support @ inside == np.diff(self._weights.indptr)
        return np.flatnonzero(self._open & within & (largest * most < self._floor))

    def _beyond_pairs(self) -> Iterator[JoinedFinding]:
        for first in self._first_tables():
            self._learn(first)
            if not self._open.any():
                return
        if not self._tables and self._solvable:
            verdict = self._some_table()
            if isinstance(verdict, JoinedFinding):
                yield verdict
                return
            self._learn(verdict)
        decided = (self._decided(requirement) for requirement in self._one_by_one())
        yield from islice(
            (found for found in decided if found is not None), linking_limits.FOUND_AT_ONCE
        )

    def _one_by_one(self) -> Iterator[int]:
        """Requirements that are still open when it is their turn."""
        return (
            requirement
            for requirement in np.flatnonzero(self._open).tolist()
            if self._open[requirement]
        )

    def _first_tables(self) -> Iterator[Integers]:
        """Tables that fit all figures, if some are found; exact ones leave that to programs."""
        known = self._known
        guess = known.sizes.astype(float)
        found = () if known.exact else first_tables(known, guess, hopeless=self._is_hopeless)
        return islice(found, linking_limits.FIRST_TABLES)

    def _is_hopeless(self) -> bool:
        """Whether the figures are shown to contradict each other: no table is ever found then."""
        if self._solvable:
            self._contradiction = self._bounds.contradiction()
        return self._contradiction is not None

    def _learn(self, table: Integers) -> None:
        """Close open requirements that a table reaches, or if it is one of the first few, one near
        it.
        """
        closed = self._open & (self._weights @ table >= self._floor)
        if closed.any():
            self._open &= ~closed
            self._families.learn(table)
        self._tables += 1
        first = self._tables <= linking_limits.FIRST_TABLES
        if (first or self._tables in search_limits.STARTS) and not self._known.exact:
            requirements = np.full(self._known.classes, self._floor)
            found = witnesses_near(self._known, table, requirements, self._leading(), patient=first)
            if found is not None:
                self._close(found)

    def _leading(self) -> Flags:
        """The classes in which people close open requirements."""
        leading = np.zeros(self._known.classes, dtype=bool)
        leading[self._joint.requirements.leads[self._open]] = True
        return leading

    def _close(self, found: ClassWitnesses) -> None:
        """Close requirements one of whose classes can have enough people."""
        requirements = np.flatnonzero(self._open)
        entries = sparse.coo_array(self._weights[requirements])
        there = found.reaching[entries.col] != NONE
        closed, positions = np.unique(entries.row[there], return_index=True)
        if not len(closed):
            return
        tables = np.unique(found.reaching[entries.col[there][positions]])
        self._open[requirements[closed]] = False
        self._families.add_neighbours(found.first, sparse.csr_array(found.changes[tables]))

    def _some_table(self) -> Integers | JoinedFinding:
        """A table that fits all figures, or why there is none at hand."""
        nothing = np.zeros(0, dtype=np.int64)
        verdict: Verdict = Undecided()
        if self._contradiction is None:
            verdict = self._bounds.some_table()
        if isinstance(verdict, Reachable):
            return verdict.table
        proof = self._contradiction or self._bounds.contradiction()
        if proof is not None:
            found = self._reporter.no_table(proof)
            return JoinedFinding(proof.figures, nothing, found, *_weights_of(proof))
        undecided = isinstance(verdict, Undecided)
        found = self._reporter.no_table_found() if undecided else self._reporter.no_whole_table()
        return JoinedFinding(np.arange(len(self._known.segments)), nothing, found)

    def _zeros(self) -> Integers:
        return np.zeros(self._known.classes, dtype=np.int64)

    def _decided(self, requirement: int) -> JoinedFinding | None:
        """None if the requirement can be reached."""
        row = self._weights[[requirement]]
        weights = self._zeros()
        weights[row.indices] = row.data
        verdict: Verdict = Undecided()
        if self._programs_left:
            self._programs_left -= 1
            verdict = self._bounds.decide(weights, self._floor)
        if isinstance(verdict, Reachable):
            self._learn(verdict.table)
            return None
        if isinstance(verdict, Proof):
            requirements = self._covered_by(verdict)
            text = self._reporter.inference(verdict, row.indices, 0)
            return JoinedFinding(verdict.figures, requirements, text, *_weights_of(verdict))
        figures = np.unique(self._known.by_class[row.indices].indices)
        if isinstance(verdict, Undecided):
            text = self._reporter.unproved(row.indices[:1].astype(np.int64), self._floor)
        else:
            text = self._reporter.whole_people(int(row.indices[0]), self._floor)
        return JoinedFinding(figures, np.array([requirement]), text)

    def _covered_by(self, proof: Proof) -> Integers:
        """Open requirements that the sum of figures covers as well."""
        if proof.bound >= self._floor:
            return np.zeros(0, dtype=np.int64)
        entries = sparse.coo_array(self._weights)
        short = proof.covers[entries.col] < entries.data * proof.scale
        covered = np.ones(self._weights.shape[0], dtype=bool)
        covered[entries.row[short]] = False
        return np.flatnonzero(self._open & covered)


def _weights_of(proof: Proof) -> tuple[Integers, int]:
    """How often its figures count in a sum, and the scale."""
    return proof.multipliers[proof.figures], proof.scale
