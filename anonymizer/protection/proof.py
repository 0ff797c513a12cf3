"""Promise 2: for every goal a whole-number table that fits all published figures.

A goal that has such a table is proved; the table is kept as the proof. Publishing fewer
figures breaks no proof, publishing one more breaks those whose table it does not fit.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.budget import Budget
from anonymizer.feasible.departures import moves_found
from anonymizer.feasible.goals import Moves, OutOfReach
from anonymizer.feasible.programs import Programs
from anonymizer.protection.goals import Target
from anonymizer.protection.problem import Problem

_MOVES_A_SEARCH = 5  # of one target, on average


class Prover:
    """Proofs of targets under the figures that are published; all are at first."""

    def __init__(self, problem: Problem, targets: Sequence[Target], budget: Budget) -> None:
        self._problem, self._targets, self._budget = problem, targets, budget
        self._counts = problem.system.members @ problem.start
        self._programs = Programs(problem.system, problem.start, budget)
        self._searches = 0
        self._holding = np.ones(problem.system.figures, dtype=bool)
        self._system = problem.system
        self.published = np.ones(problem.figures, dtype=bool)
        self.proofs: dict[int, Moves] = {}
        self._settle()

    def publish(self, row: int, *, published: bool) -> None:
        """Publish a figure or suppress it. Proofs that a new row breaks are forgotten."""
        self.published[row] = published
        self._settle()

    def adopt(self, published: NDArray[np.bool_], proofs: Mapping[int, Moves]) -> None:
        """Go on from what was published and proved by other means."""
        self.published = published.copy()
        self._settle()
        self.proofs = dict(proofs)

    def open_targets(self) -> list[int]:
        """Targets that need a proof and have none."""
        return [
            number
            for number, target in enumerate(self._targets)
            if number not in self.proofs and is_required(target, self.published)
        ]

    def search(self, targets: Sequence[int]) -> list[int]:
        """Prove targets by moving a few people; those for which that is not enough."""
        goals = [self._targets[target].goals for target in targets]
        for choice in range(max(map(len, goals), default=0)):
            tried = [
                (target, of_target[choice])
                for target, of_target in zip(targets, goals, strict=True)
                if target not in self.proofs and choice < len(of_target)
            ]
            self._searches += 1
            self._budget.spend(len(tried) * _MOVES_A_SEARCH)
            wanted = [goal for _, goal in tried]
            found = moves_found(self._system, self._problem.start, wanted, self._searches)
            for (target, _), table in zip(tried, found, strict=True):
                if table is not None:
                    self.proofs[target] = table
        return [target for target in targets if target not in self.proofs]

    def prove(self, target: int) -> OutOfReach | None:
        """Prove a target by a program; else the figures in the way.

        With the budget spent, every figure that counts the target's people is in the way.
        """
        rows = [np.empty(0, dtype=np.intp)]
        for goal in self._targets[target].goals:
            verdict = self._programs.decide(goal)
            if isinstance(verdict, Moves):
                self.proofs[target] = verdict
                return None
            rows.append(verdict.rows)
        blamed = self._problem.published_among(np.unique(np.concatenate(rows)), self.published)
        return OutOfReach(blamed)

    def _settle(self) -> None:
        """Make finders respect exactly the rows that hold now."""
        holding = self._problem.hold(self.published)
        for changed in np.flatnonzero(holding != self._holding).tolist():
            holds = bool(holding[changed])
            if holds:
                for target in self._broken_by(changed):
                    del self.proofs[target]
            self._programs.publish(changed, published=holds)
        self._holding = holding
        self._system = self._problem.as_published(self.published)

    def _broken_by(self, row: int) -> list[int]:
        system, total = self._problem.system, int(self._counts[row])
        members = np.zeros(system.classes, dtype=np.int64)
        start, end = system.members.indptr[row : row + 2]
        members[system.members.indices[start:end]] = 1
        lowest, highest = system.lowest[row] - total, system.highest[row] - total
        return [
            target
            for target, moves in self.proofs.items()
            if not lowest <= members[moves.classes] @ moves.people <= highest
        ]


def is_required(target: Target, published: NDArray[np.bool_]) -> bool:
    """Nobody needs to hide the count of a row that is published."""
    return target.row is None or not published[target.row]


def unproved(
    problem: Problem,
    published: NDArray[np.bool_],
    targets: Sequence[Target],
    proofs: Mapping[int, Moves],
) -> list[int]:
    """Targets whose proof is missing or wrong: judged from the tables alone, in exact integers."""
    required = [n for n, target in enumerate(targets) if is_required(target, published)]
    given = [number for number in required if number in proofs]
    tables = _tables(len(problem.start), [proofs[number] for number in given])
    wrong = _unfit(problem, published, tables) | ~_reached([targets[n] for n in given], tables)
    good = {number for number, bad in zip(given, wrong, strict=True) if not bad}
    return [number for number in required if number not in good]


def _tables(classes: int, proofs: Sequence[Moves]) -> sparse.csc_array:
    """Shape (classes, proofs): each table as its difference from the start."""
    ends = np.cumsum([0, *(len(moves.classes) for moves in proofs)])
    places = np.concatenate([np.empty(0, np.intp), *(moves.classes for moves in proofs)])
    people = np.concatenate([np.empty(0, np.int64), *(moves.people for moves in proofs)])
    return sparse.csc_array((people, places, ends), shape=(classes, len(proofs)))


def _unfit(
    problem: Problem, published: NDArray[np.bool_], tables: sparse.csc_array
) -> NDArray[np.bool_]:
    """For each table: does it break a row that holds or have fewer people than it must?"""
    unfit = np.zeros(tables.shape[1], dtype=bool)
    negative = tables.tocoo()
    unfit[negative.col[problem.start[negative.row] + negative.data < 0]] = True
    # Rows in which nobody moves keep the counts of the start, which fit.
    changes = (problem.system.members @ tables).tocoo()
    totals = (problem.system.members @ problem.start)[changes.row] + changes.data
    outside = (totals < problem.system.lowest[changes.row]) | (
        totals > problem.system.highest[changes.row]
    )
    unfit[changes.col[outside & problem.hold(published)[changes.row]]] = True
    return unfit


def _reached(targets: Sequence[Target], tables: sparse.csc_array) -> NDArray[np.bool_]:
    """For each target: does the table of the same number reach one of its goals?"""
    owners = [number for number, target in enumerate(targets) for _ in target.goals]
    goals = [goal for target in targets for goal in target.goals]
    ends = np.cumsum([0, *(len(goal.classes) for goal in goals)])
    places = np.concatenate([np.empty(0, np.intp), *(goal.classes for goal in goals)])
    members = sparse.csc_array(
        (np.ones(len(places), dtype=np.int64), places, ends), shape=(tables.shape[0], len(goals))
    )
    changes = (members * tables[:, owners]).sum(axis=0)
    wanted = np.array([goal.change for goal in goals], dtype=np.int64)
    good = np.where(wanted > 0, changes >= wanted, changes <= wanted)
    reached = np.zeros(len(targets), dtype=bool)
    reached[np.array(owners, dtype=np.intp)[good]] = True
    return reached
