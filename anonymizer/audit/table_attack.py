"""The intruder's attack on one table: what its figures disclose, and what is left undecided.

With a protection level, differences of two figures come first and combinations of more after them;
without one, counts that can be solved. The search for combinations is the suppressor's: a first
table, tables a few people away from it, programs for what these leave open. How far it goes is up
to the work of the context.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from anonymizer.audit import attack_limits
from anonymizer.audit.differencing import explain_all, nested_pairs
from anonymizer.audit.exact_disclosure import find_exact_disclosures, fit_some_table
from anonymizer.audit.findings import Finding
from anonymizer.audit.intervals import Evidence, has_one_count
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.reports import Reporter
from anonymizer.feasible import search_limits
from anonymizer.feasible.bounds import Divisible, Proof, Reachable, Unreachable
from anonymizer.feasible.class_witnesses import NONE, witnesses_near
from anonymizer.feasible.ends import Finders
from anonymizer.feasible.fractional_tables import NEARLY, SoughtBounds
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.start import first_table
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter


class TableAttack:
    """The attack on what is known of one table; no class may be shown to have fewer than `floor`.

    Where figures tie more than `most_whole` classes together, tables of fractional people count as
    evidence of safety; `by_parts` are the classes that rest on them. What an `earlier` attack that
    has ended shows on less knowledge is passed over. After `findings`, `open_groups` are the groups
    of classes that are undecided.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        floor: int,
        *,
        most_whole: int | None = None,
        earlier: "TableAttack | None" = None,
    ) -> None:
        self.knowledge, self.floor = knowledge, floor
        self.finders = Finders(knowledge, most_whole)
        self.open_groups: tuple[Integers, ...] = ()
        self._earlier, self._reporter = earlier, Reporter(knowledge)
        self._requirements = np.maximum(floor - knowledge.certain_in_atom, 0)
        self._small, self._by_parts, self._undecided = np.zeros((3, knowledge.classes), dtype=bool)
        self._excused = self._disclosed_before()
        self._decided = self._excused.copy()
        self._tables: list[Integers] = []  # of whole people, that fit
        self._bounded: list[tuple[Integers, int]] = []  # classes, and their people at most

    @property
    def disclosed(self) -> Flags | None:
        """Atoms that are shown to have too few people; None where only solutions are looked for."""
        return self.knowledge.atoms(np.flatnonzero(self._small)) if self.floor else None

    @property
    def evidence(self) -> Evidence:
        """What was come by about groups of classes: limits that are proved, tables that fit."""
        return Evidence(tuple(self._bounded), tuple(self._tables))

    @property
    def by_parts(self) -> int:
        """Classes that are safe because of tables of fractional people."""
        return int(self._by_parts.sum())

    def findings(self) -> tuple[Finding, ...]:
        """Everything; of figures that contradict each other, only that they do."""
        if not self.floor:
            return self.solutions()
        found = (*self.differences(), *self.combinations())
        return only_contradictions(found) or found

    def solutions(self) -> tuple[Finding, ...]:
        """Suppressed counts, and those of cells, with one possible value."""
        result = find_exact_disclosures(
            self.knowledge, self.finders, self._reporter, self._is_known
        )
        self.open_groups = result.undecided
        return result.findings

    def differences(self) -> tuple[Finding, ...]:
        """What one figure less another shows."""
        known = self.knowledge
        beyond = self.floor - int(known.certain_in_atom.max(initial=0))
        pairs = nested_pairs(known, beyond)
        self._bounded += [(pair.classes, pair.most) for pair in pairs]
        chosen, public = explain_all(pairs, self._excused)
        self._small |= public & ~self._excused
        self._decided |= public | ~known.covered | self._known_large()
        least = (int(known.lowest[pair.outer] - known.highest[pair.inner]) for pair in chosen)
        return tuple(
            self._reporter.difference(pair, max(people, 0))
            for pair, people in zip(chosen, least, strict=True)
        )

    def combinations(self) -> tuple[Finding, ...]:
        """What more than two figures show, after the differences; or that they contradict."""
        self._look_for_tables()
        problem = self._problem()
        if problem is None:
            found = tuple(self._decide_the_rest())
        elif problem.kind != "unproved":
            return (problem,)
        else:
            found = ()
        open_ = self._undecided | ~self._decided
        self.open_groups = tuple(np.flatnonzero(open_)[:, None])
        return found

    def _look_for_tables(self) -> None:
        """Tables in which most classes have enough people.

        Exact figures leave no room for single people; there tables of fractional people are
        evidence, if they may be.
        """
        if not self.knowledge.rigid:
            start = first_table(self.knowledge, self.knowledge.sizes.astype(float))
            if start is not None:
                self._learn(start)
        elif not self.finders.whole and self.finders.fractional.middle is not None:
            self._learn_parts(self.finders.fractional.middle)
            for table in self.finders.fractional.towards(self._waiting):
                self._learn_parts(table)

    def _problem(self) -> Finding | None:
        """Why no table is at hand, if none is: a contradiction, or that none was found."""
        if self._tables or self._by_parts.any():
            return None
        table = fit_some_table(self.finders.bounds, self._reporter, whole=self.finders.whole)
        if table is None or isinstance(table, Finding):
            return table
        self._learn(table)
        return None

    def _decide_the_rest(self) -> Iterator[Finding]:
        """One class after the other; what is learned of one often settles many."""
        undecided, work, bounds = 0, meter(), self.finders.bounds
        while len(waiting := np.flatnonzero(~self._decided)):
            if work.exhausted or (undecided > attack_limits.UNDECIDED_CLASSES and not work.limited):
                return
            chosen = int(waiting[0])
            requirement = int(self._requirements[chosen])
            verdict = bounds.decide(self._weights([chosen]), requirement, whole=self.finders.whole)
            if isinstance(verdict, Reachable):
                self._learn(verdict.table)
            elif isinstance(verdict, Divisible):
                self._learn_parts(verdict.table)
            elif isinstance(verdict, Proof):
                yield self._inferred(verdict)
            elif isinstance(verdict, Unreachable):
                self._disclose(np.array([chosen]))
                self._bounded.append((np.array([chosen]), requirement - 1))
                yield self._reporter.whole_people(chosen, self.floor)
            if not self._decided[chosen]:
                self._undecided[chosen] = self._decided[chosen] = True
                undecided += 1

    def _inferred(self, proof: Proof) -> Finding:
        """A sum of figures shows all classes that it covers to be too small."""
        covered = proof.covers >= proof.scale
        classes = np.flatnonzero(covered & (proof.bound < self._requirements))
        self._disclose(classes)
        self._bounded.append((np.flatnonzero(covered), proof.bound))
        least = self.finders.bounds.least(self._weights(classes))
        return self._reporter.inference(proof, classes, least)

    def _disclose(self, classes: Integers) -> None:
        """Classes that are shown to have too few people."""
        self._decided[classes] = True
        self._small[classes] = ~self._excused[classes]

    def _learn(self, table: Integers) -> None:
        """Take a table if it fits, and if it is of the first few, those a few people away."""
        if not self.knowledge.allows(table):
            return
        self._tables.append(table)
        self._decided |= table >= self._requirements
        if len(self._tables) not in search_limits.STARTS or self.knowledge.exact:
            return
        found = witnesses_near(self.knowledge, table, self._requirements, ~self._decided)
        if found is not None:
            self._decided |= found.reaching != NONE

    def _learn_parts(self, table: Reals) -> None:
        enough = (table >= self._requirements - NEARLY) & ~self._decided
        self._by_parts |= enough
        self._decided |= enough

    def _waiting(self) -> SoughtBounds:
        waiting = np.flatnonzero(~self._decided)
        each = sparse.csr_array(sparse.eye_array(self.knowledge.classes, dtype=np.int64))[waiting]
        return SoughtBounds(
            each, self._requirements[waiting].astype(float), np.ones(len(waiting), dtype=bool)
        )

    def _weights(self, classes: Sequence[int] | Integers) -> Integers:
        weights = np.zeros(self.knowledge.classes, dtype=np.int64)
        weights[classes] = 1
        return weights

    def _known_large(self) -> Flags:
        """Classes with a figure of their own that is large enough, in every table that fits."""
        members = self.knowledge.members
        own = np.flatnonzero(np.diff(members.indptr) == 1)
        classes, large = members.indices[members.indptr[own]], np.zeros_like(self._small)
        large[classes] = self.knowledge.lowest[own] >= self._requirements[classes]
        return large

    def _is_known(self, atoms: Flags) -> bool:
        earlier = self._earlier
        return earlier is not None and has_one_count(earlier.knowledge, earlier.finders, atoms)

    def _disclosed_before(self) -> Flags:
        """Classes whose atoms the earlier attack discloses."""
        known = self.knowledge
        excused = np.zeros(known.classes, dtype=bool)
        if self._earlier is not None and (atoms := self._earlier.disclosed) is not None:
            excused[np.unique(known.class_of[atoms & known.possible])] = True
        return excused


def only_contradictions(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those that say that no group of people has these figures."""
    return tuple(finding for finding in findings if finding.kind == "contradiction")
