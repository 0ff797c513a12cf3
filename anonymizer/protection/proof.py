"""Promise 2: for every goal a whole-number table that fits all published figures.

A goal that has such a table is proved; the table is kept as the proof. Publishing fewer
figures breaks no proof, publishing one more breaks those whose table it does not fit.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.protection.budget import Budget
from anonymizer.protection.constraints import Constraints
from anonymizer.protection.goals import Target
from anonymizer.protection.programs import OutOfReach, Programs
from anonymizer.protection.search import MOST_MOVES, NearbyTables
from anonymizer.protection.side_by_side import Moves

_FEW_MOVES = 20  # of one attempt alone, while the budget lets programs go on from there


class Prover:
    """Proofs of targets under the rows that are published; all are at first."""

    def __init__(self, known: Constraints, targets: Sequence[Target], budget: Budget) -> None:
        self._known, self._targets, self._budget = known, targets, budget
        self._rows = known.matrix.tocsr()
        self._nearby = NearbyTables(known, budget)
        self._programs = Programs(known, budget)
        self.published = np.ones(len(known.lower), dtype=bool)
        self.proofs: dict[int, Moves] = {}

    def publish(self, row: int, *, published: bool) -> None:
        """Publish a row or withhold it. Proofs that a published row breaks are forgotten."""
        if published:
            for target in self._broken_by(row):
                del self.proofs[target]
        self.published[row] = published
        self._nearby.publish(row, published=published)
        self._programs.publish(row, published=published)

    def adopt(self, published: NDArray[np.bool_], proofs: Mapping[int, Moves]) -> None:
        """Go on from what was published and proved by other means."""
        self.proofs = dict(proofs)
        for row in np.flatnonzero(self.published & ~published).tolist():
            self.publish(row, published=False)

    def open_targets(self) -> list[int]:
        """Targets that need a proof and have none."""
        return [
            number
            for number, target in enumerate(self._targets)
            if number not in self.proofs and is_required(target, self.published)
        ]

    def search(self, targets: Sequence[int], moves: int = MOST_MOVES) -> list[int]:
        """Prove targets by a few moves from the truth; those for which that is not enough."""
        goals = [self._targets[target].goals for target in targets]
        for choice in range(max(map(len, goals), default=0)):
            tried = [
                (target, of_target[choice])
                for target, of_target in zip(targets, goals, strict=True)
                if target not in self.proofs and choice < len(of_target)
            ]
            found = self._nearby.find([goal for _, goal in tried], moves)
            for (target, _), table in zip(tried, found, strict=True):
                if table:
                    self.proofs[target] = table
        return [target for target in targets if target not in self.proofs]

    def prove(self, target: int) -> OutOfReach | None:
        """Prove a target by all means that the budget allows; else what is in the way.

        Programs find what a long search would, so while there is a budget for them it is short.
        """
        if not self.search([target], MOST_MOVES if self._budget.exhausted else _FEW_MOVES):
            return None
        rows = [np.empty(0, dtype=np.intp)]
        for goal in self._targets[target].goals:
            verdict = self._programs.decide(goal)
            if isinstance(verdict, Moves):
                self.proofs[target] = verdict
                return None
            rows.append(verdict.rows)
        return OutOfReach(np.unique(np.concatenate(rows)))

    def _broken_by(self, row: int) -> list[int]:
        members = np.zeros(len(self._known.truth), dtype=np.int64)
        members[self._rows.indices[self._rows.indptr[row] : self._rows.indptr[row + 1]]] = 1
        total = int(members @ self._known.truth)
        lowest, highest = self._known.lower[row] - total, self._known.upper[row] - total
        return [
            target
            for target, moves in self.proofs.items()
            if not lowest <= members[moves.classes] @ moves.people <= highest
        ]


def is_required(target: Target, published: NDArray[np.bool_]) -> bool:
    """Nobody needs to hide the count of a row that is published."""
    return target.row is None or not published[target.row]


def unproved(
    known: Constraints,
    published: NDArray[np.bool_],
    targets: Sequence[Target],
    proofs: Mapping[int, Moves],
) -> list[int]:
    """Targets whose proof is missing or wrong: judged from the tables alone, in exact integers.

    Shares nothing with the search or the solver, so that a mistake in either shows here.
    """
    required = [n for n, target in enumerate(targets) if is_required(target, published)]
    given = [number for number in required if number in proofs]
    tables = _tables(len(known.truth), [proofs[number] for number in given])
    wrong = _unfit(known, published, tables) | ~_reached([targets[n] for n in given], tables)
    good = {number for number, bad in zip(given, wrong, strict=True) if not bad}
    return [number for number in required if number not in good]


def _tables(classes: int, proofs: Sequence[Moves]) -> sparse.csc_array:
    """Shape (classes, proofs): each table as its difference from the true one."""
    ends = np.cumsum([0, *(len(moves.classes) for moves in proofs)])
    places = np.concatenate([np.empty(0, np.intp), *(moves.classes for moves in proofs)])
    people = np.concatenate([np.empty(0, np.int64), *(moves.people for moves in proofs)])
    return sparse.csc_array((people, places, ends), shape=(classes, len(proofs)))


def _unfit(
    known: Constraints, published: NDArray[np.bool_], tables: sparse.csc_array
) -> NDArray[np.bool_]:
    """For each table: does it break a published figure or have fewer people than it must?"""
    unfit = np.zeros(tables.shape[1], dtype=bool)
    negative = tables.tocoo()
    unfit[negative.col[known.spare[negative.row] + negative.data < 0]] = True
    # Rows in which nobody moves keep their true totals, which fit.
    changes = (known.matrix @ tables).tocoo()
    totals = (known.matrix @ known.truth)[changes.row] + changes.data
    outside = (totals < known.lower[changes.row]) | (totals > known.upper[changes.row])
    unfit[changes.col[outside & published[changes.row]]] = True
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
