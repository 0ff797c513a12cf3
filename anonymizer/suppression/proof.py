"""Promise 2: for every requirement a whole-number table that fits all published figures.

A requirement that has such a table is proved; the table is kept as the proof. Publishing fewer
figures breaks no proof, publishing one more breaks those whose table it does not fit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.neighbouring_tables import NeighbouringTables, find_witnesses
from anonymizer.feasible.programs import Programs
from anonymizer.feasible.requirements import Infeasible, Requirement, Witness, changes_of
from anonymizer.feasible.system import Integers
from anonymizer.feasible.work import Work
from anonymizer.model.proofs import Witnesses
from anonymizer.suppression import suppression_limits
from anonymizer.suppression.constraints import Constraints
from anonymizer.suppression.problem import Problem
from anonymizer.suppression.targets import Target


class Prover:
    """Proofs of targets under the figures that are published; all are at first."""

    def __init__(
        self,
        problem: Problem,
        targets: Sequence[Target],
        budget: Work,
        starts: Sequence[Integers] = (),
    ) -> None:
        self._problem, self._targets, self._budget = problem, targets, budget
        self._rows = np.array([-1 if of.row is None else of.row for of in targets], dtype=np.intp)
        self.starts = list(starts) or [problem.start]
        self._programs = Programs(problem.system, problem.start, budget)
        self._searches = 0
        self._holding = np.ones(problem.system.figures, dtype=bool)
        self._system = problem.system
        self.published = np.ones(problem.figures, dtype=bool)
        self.proofs: dict[int, Witness] = {}
        self._respect_published()

    def publish(self, row: int, *, published: bool) -> None:
        """Publish a figure or suppress it. Proofs that a new row breaks are forgotten."""
        self.published[row] = published
        self._respect_published()

    def adopt(self, published: NDArray[np.bool_], proofs: Mapping[int, Witness]) -> None:
        """Go on from what was published and proved by other means."""
        self.published = published.copy()
        self._respect_published()
        self.proofs = dict(proofs)

    def open_targets(self) -> list[int]:
        """Targets that need a proof and have none."""
        # Nobody needs to hide the count of a row that is published.
        missing = (self._rows < 0) | ~self.published[self._rows]
        missing[np.fromiter(self.proofs, np.intp, len(self.proofs))] = False
        found: list[int] = np.flatnonzero(missing).tolist()
        return found

    def search(self, targets: Sequence[int], start: int = 0) -> list[int]:
        """Prove targets by moving a few people from a start; those for which that is not enough."""
        return self._search_from(start, targets) if targets else []

    def start_from(self, target: int) -> int:
        """The number of a new start: the table that proves a target.

        Targets that are hard for the same reason are easy from there.
        """
        witness = self.proofs[target]
        table = self.starts[witness.start].copy()
        table[witness.classes] += witness.people
        self.starts.append(table)
        return len(self.starts) - 1

    def _search_from(self, number: int, targets: Sequence[int]) -> list[int]:
        start = self.starts[number]
        if not self._system.allows(start):
            return list(targets)
        for choice in range(max(len(self._targets[target].requirements) for target in targets)):
            tried = [
                (target, self._targets[target].requirements[choice])
                for target in targets
                if target not in self.proofs and choice < len(self._targets[target].requirements)
            ]
            self._searches += 1
            self._budget.spend(len(tried) * suppression_limits.STEPS_A_SEARCH)
            wanted = [requirement for _, requirement in tried]
            if number:
                wanted = self._from(start, wanted)
            found = find_witnesses(self._system, start, wanted, self._searches)
            for (target, _), table in zip(tried, found, strict=True):
                if table is not None:
                    self.proofs[target] = replace(table, start=number) if number else table
        return [target for target in targets if target not in self.proofs]

    def _from(self, start: Integers, requirements: Sequence[Requirement]) -> list[Requirement]:
        """Requirements, which are told from the first start, as told from another one."""
        more = start - self._problem.start
        there = [int(more[requirement.classes].sum()) for requirement in requirements]
        return [
            replace(requirement, change=requirement.change - people) if people else requirement
            for requirement, people in zip(requirements, there, strict=True)
        ]

    def prove(self, target: int) -> Infeasible | None:
        """Prove a target by a program; else the figures in the way.

        With the budget spent, every figure that counts the target's people is in the way.
        """
        rows = [np.empty(0, dtype=np.intp)]
        for requirement in self._targets[target].requirements:
            verdict = self._programs.decide(requirement)
            if isinstance(verdict, Witness):
                self.proofs[target] = verdict
                return None
            rows.append(verdict.rows)
        blamed = self._problem.published_among(np.unique(np.concatenate(rows)), self.published)
        return Infeasible(blamed)

    def _respect_published(self) -> None:
        """Make finders respect exactly the rows that hold now."""
        holding = self._problem.hold(self.published)
        for changed in np.flatnonzero(holding != self._holding).tolist():
            self._programs.publish(changed, published=bool(holding[changed]))
        for target in self._broken_by(np.flatnonzero(holding & ~self._holding)):
            del self.proofs[target]
        self._holding = holding
        self._system = self._problem.as_published(self.published)
        lost = {n for n, start in enumerate(self.starts) if not self._system.allows(start)}
        for target, witness in self.proofs.items():
            if witness.start in lost:
                self.proofs[target] = self._from_first(witness)

    def _from_first(self, witness: Witness) -> Witness:
        """The same table as its difference from the first start, which fits whatever is published.

        A start that is not the first may no longer fit where tables that set out from it do.
        """
        change = self.starts[witness.start] - self._problem.start
        change[witness.classes] += witness.people
        classes = np.flatnonzero(change)
        return Witness(classes, change[classes])

    def _broken_by(self, rows: NDArray[np.intp]) -> list[int]:
        """The targets whose proof does not fit all of these rows."""
        if not len(rows) or not self.proofs:
            return []
        system, targets, given = self._problem.system, [*self.proofs], [*self.proofs.values()]
        members = sparse.csr_array(system.members[rows])
        counts = np.stack([members @ start for start in self.starts])
        people = (changes_of(system.classes, given) @ members.T).toarray()
        people += counts[[witness.start for witness in given]]
        broken = (people < system.lowest[rows]) | (people > system.highest[rows])
        return [targets[position] for position in np.flatnonzero(broken.any(axis=1)).tolist()]


def is_required(target: Target, published: NDArray[np.bool_]) -> bool:
    """Nobody needs to hide the count of a row that is published."""
    return target.row is None or not published[target.row]


def unproved(
    problem: Problem,
    published: NDArray[np.bool_],
    targets: Sequence[Target],
    starts: Sequence[Integers],
    proofs: Mapping[int, Witness],
) -> list[int]:
    """Targets whose proof is missing or wrong: judged from the tables alone, in exact integers."""
    required = [n for n, target in enumerate(targets) if is_required(target, published)]
    system, good = problem.as_published(published), set[int]()
    for number, start in enumerate(starts):
        given = [n for n in required if n in proofs and proofs[n].start == number]
        if not given or not system.allows(start):
            continue
        changes = changes_of(problem.system.classes, [proofs[n] for n in given])
        tables = NeighbouringTables(start, changes, np.array(given))
        reached = _reached(changes, problem.start - start, [targets[n].requirements for n in given])
        good.update(np.array(given)[tables.fitting(system) & reached].tolist())
    return [number for number in required if number not in good]


def _reached(
    changes: sparse.csr_array, there: Integers, requirements: Sequence[Sequence[Requirement]]
) -> NDArray[np.bool_]:
    """Whether each table, from a start with `there` fewer people than the first, reaches one of its
    requirements.
    """
    reached = np.zeros(len(requirements), dtype=bool)
    for choice in range(max(map(len, requirements))):
        tables = np.array([n for n, given in enumerate(requirements) if choice < len(given)])
        wanted = [requirements[table][choice] for table in tables.tolist()]
        classes = np.concatenate([one.classes for one in wanted])
        table = np.repeat(tables, [len(one.classes) for one in wanted])
        shape = len(requirements), len(there)
        inside = sparse.coo_array((np.ones(len(table), dtype=np.int64), (table, classes)), shape)
        people = changes.multiply(sparse.csr_array(inside)).sum(axis=1)[tables]
        people -= (sparse.csr_array(inside) @ there)[tables]
        change = np.array([one.change for one in wanted])
        reached[tables] |= np.where(change > 0, people >= change, people <= change)
    return reached


def witnesses_of(
    known: Constraints, starts: Sequence[Integers], proofs: Mapping[int, Witness]
) -> Witnesses:
    """The proofs of all targets; starts that no proof needs, but for the first, are left out."""
    class_of = np.full(known.grid_size, -1, dtype=np.int32)
    class_of[known.atoms] = known.class_of
    given = [proofs[number] for number in sorted(proofs)]
    used = sorted({0, *(one.start for one in given)})
    start_of = np.array([used.index(one.start) for one in given], dtype=np.int32)
    tables = np.stack([starts[number] + known.certain for number in used])
    return Witnesses(class_of, tables, start_of, changes_of(tables.shape[1], given))
