"""Exact figures: rows are published one after the other, each if every target stays within reach.

Every target has a witness, a column of the basis of the null space: gone along it, forwards or
backwards, one arrives at a table of whole people that fits all figures published so far and in
which the target's group has another count, or enough people. Where no column is left, a sum of
several becomes one more column. A row that would leave a target without a witness is withheld. So
every state on the way is safe, and stopping early only withholds more. What comes first has the
least to fear: the order of the rows is the order of preference.

Publishing greedily in order of preference is the rule of GaussSuppression (Langsrud, Secondary
Cell Suppression by Gaussian Elimination, 2024). There a row is refused only if a small figure
would become a linear combination of what is published; that people are whole and not below zero
is not considered.
"""

import heapq
from collections.abc import Sequence

from anonymizer.feasible.work import Work
from anonymizer.suppression import suppression_limits
from anonymizer.suppression.column_witnesses import ColumnWitnesses, ExactTarget
from anonymizer.suppression.combinations import Combinations
from anonymizer.suppression.null_space import Column, Elimination, NullSpaceBasis, proportional

Change = tuple[int, int, int]  # a target, the column that is its witness now, and its value there


class StepwisePublication:
    """A table of which rows are published one by one.

    `spare` says how many people each class may lose, `classes_of_row` what each row counts. The
    basis of the null space takes so many `megabytes` at most.
    """

    def __init__(
        self,
        spare: Sequence[int],
        classes_of_row: Sequence[Sequence[int]],
        targets: Sequence[ExactTarget],
        budget: Work,
        megabytes: float = suppression_limits.MEGABYTES,
    ) -> None:
        self._rows, self._budget = classes_of_row, budget
        self._basis = NullSpaceBasis(spare)
        self._most_entries = int(megabytes * 1_000_000 / suppression_limits.BYTES_AN_ENTRY)
        self._witnesses = ColumnWitnesses(self._basis, targets)
        self._enough = max([1, *(target.more for target in targets)])
        self._combinations = Combinations(self._basis, budget)
        self._added: list[int] = []

    def publish(self, row: int) -> bool:
        """Publish a row if every target can still be reached; whether it was published."""
        if self._budget.exhausted or self._basis.entries > self._most_entries:
            return False
        balance = self._basis.balance(self._rows[row])
        if not balance:
            return True
        columns = self._basis.columns
        shortest = heapq.nsmallest(
            suppression_limits.SHORTEST, balance, key=lambda q: (len(columns[q]), q)
        )
        attempt = _Attempt(self._basis, self._witnesses, self._combinations, balance, shortest)
        eliminations = self._eliminations(balance, self._pivots(shortest))
        done = self._by_columns(attempt, eliminations) or (
            not attempt.hopeless and self._by_combinations(attempt, eliminations)
        )
        self._added += attempt.added
        self._drop_unused()
        return done

    def _eliminations(self, balance: Column, pivots: Sequence[int]) -> list[Elimination]:
        return [Elimination(self._basis, balance, pivot, self._enough) for pivot in pivots]

    def _by_columns(self, attempt: "_Attempt", eliminations: Sequence[Elimination]) -> bool:
        """Publish the row with the first pivot that leaves every target a column for a witness."""
        for elimination in eliminations:
            self._budget.spend(attempt.steps)
            changes, missing = attempt.outcome(elimination, 0)
            if not missing:
                self._commit(elimination, changes)
                return True
            if attempt.hopeless:
                return False
        return False

    def _by_combinations(self, attempt: "_Attempt", eliminations: Sequence[Elimination]) -> bool:
        """Publish the row with the pivot that leaves the fewest targets without a column, if sums
        of columns can be their witnesses.
        """
        if self._combinations.exhausted or not attempt.combine_hardest():
            return False
        best = self._best(attempt, eliminations)
        if best is None or not all(map(attempt.combine, best[1])):
            return False
        changes, missing = attempt.outcome(best[0], 0)
        if not missing:
            self._commit(best[0], changes)
        return not missing

    def _best(
        self, attempt: "_Attempt", eliminations: Sequence[Elimination]
    ) -> tuple[Elimination, list[int]] | None:
        """The elimination that leaves the fewest targets without a column, and these targets."""
        best, most = None, suppression_limits.MOST_COMBINED
        for elimination in eliminations:
            self._combinations.spend(attempt.steps)
            _, missing = attempt.outcome(elimination, most)
            if attempt.hopeless:
                return None
            if len(missing) <= most:
                best, most = (elimination, missing), len(missing) - 1
            if not missing:
                break
        return best

    def _drop_unused(self) -> None:
        witnessed_by = self._witnesses.witnessed_by
        for column in self._added:
            if not witnessed_by.get(column):
                self._basis.drop(column)
        self._added = [column for column in self._added if column in self._basis.columns]

    def witness(self, target: int) -> Column:
        """A fitting table in which the target is reached, as its difference from the true one."""
        return self._witnesses.witness(target)

    def _pivots(self, shortest: Sequence[int]) -> list[int]:
        """Short columns with room first: they leave room in the columns that they are added to."""
        columns, reach, enough = self._basis.columns, self._basis.reach, self._enough

        def preference(q: int) -> tuple[bool, int, int, int]:
            room = min(reach(q))
            return room < enough, len(columns[q]), -room, q

        return sorted(shortest, key=preference)[: suppression_limits.PIVOTS_TRIED]

    def _commit(self, elimination: Elimination, changes: Sequence[Change]) -> None:
        reduced = elimination.commit()
        for target, column, value in changes:
            self._witnesses.assign(target, column, value)
        for column in reduced:
            self._witnesses.measure_again(column)


class _Attempt:
    """The attempt to publish a row: who witnesses what afterwards, for one pivot after another.

    After a failure it is `hopeless` if no pivot can help: the row would give away a target. Sums of
    columns that were found are `added` to the basis.
    """

    def __init__(
        self,
        basis: NullSpaceBasis,
        witnesses: ColumnWitnesses,
        combinations: Combinations,
        balance: Column,
        shortest: Sequence[int],
    ) -> None:
        self._basis, self._witnesses, self.balance = basis, witnesses, balance
        self._combinations, self.added = combinations, list[int]()
        self._holding = [q for q in balance if witnesses.witnessed_by.get(q)]
        self._shortest = shortest
        self._vectors: dict[int, Column] = {}
        self._untouched: dict[int, tuple[int, int] | None] = {}
        self._hardest: int | None = None
        self.hopeless = False

    @property
    def steps(self) -> int:
        """What it takes to look at one pivot."""
        return 1 + len(self.balance) // suppression_limits.COLUMNS_A_STEP

    def outcome(self, elimination: Elimination, most: int) -> tuple[list[Change], list[int]]:
        """New witnesses and values where the elimination changes them, and the targets that have no
        column for a witness then; not all of them if they are more than `most`.

        A target that had none before is looked at first.
        """
        changes: list[Change] = []
        missing: list[int] = []
        if self._hardest is not None and not self._stays(self._hardest, elimination):
            missing.append(self._hardest)
            if not most:
                return changes, missing
        moved = self._witnesses.changes_by(elimination.column)
        for q in self._holding:
            for target in self._lost(q, elimination, moved, changes):
                found = self._other(target, elimination)
                if found is not None:
                    changes.append((target, *found))
                    continue
                if target not in missing:
                    missing.append(target)
                self._hardest = target
                self.hopeless |= proportional(self._vectors[target], self.balance)
                if self.hopeless or len(missing) > most:
                    return changes, missing
        return changes, missing

    def combine_hardest(self) -> bool:
        """Find a sum of columns for the target that no pivot left a witness."""
        return self._hardest is not None and self.combine(self._hardest)

    def combine(self, target: int) -> bool:
        """Whether a sum of columns is balanced on the row and witnesses a target; if so, it is
        added to the basis, for all targets that it serves.
        """
        if self._untouched[target]:
            return True
        wanted = self._witnesses.target(target)
        if wanted.more > 1:
            return False
        witness = self._combinations.find(
            wanted, self._vectors[target], self.balance, self._shortest
        )
        if witness is None:
            return False
        column = self._basis.add(witness)
        self.added.append(column)
        for other, vector in self._vectors.items():
            if value := self._witnesses.change(other, witness):
                vector[column] = value
                self._untouched[other] = self._left_alone(other)
        return self._untouched[target] is not None

    def _lost(
        self, q: int, elimination: Elimination, moved: Column, changes: list[Change]
    ) -> list[int]:
        """Aims that a column does not witness any more; of the others, the new values."""
        witnessed, value_of = self._witnesses.witnessed_by[q], self._witnesses.value
        if q == elimination.pivot:
            return list(witnessed)
        reach = elimination.reach(q)
        first, second = elimination.factors(q)
        suffices = self._witnesses.suffices
        lost = []
        for target in witnessed:
            before = value_of[target]
            value = first * before - second * moved.get(target, 0)
            if not suffices(target, value, reach):
                lost.append(target)
            elif value != before:
                changes.append((target, q, value))
        return lost

    def _stays(self, target: int, elimination: Elimination) -> bool:
        """Whether a target that failed before has any witness after the elimination."""
        q = self._witnesses.column[target]
        if q != elimination.pivot:
            first, second = elimination.factors(q)
            by_pivot = self._vectors[target].get(elimination.pivot, 0)
            value = first * self._witnesses.value[target] - second * by_pivot
            if self._witnesses.suffices(target, value, elimination.reach(q)):
                return True
        return self._other(target, elimination) is not None

    def _other(self, target: int, elimination: Elimination) -> tuple[int, int] | None:
        """A column that witnesses a target after the elimination, and its value there.

        Best one that the elimination leaves alone; else one that touches the target; else, if the
        pivot touches it, a short one that the pivot is added to.
        """
        if target not in self._vectors:
            self._vectors[target] = self._witnesses.vector(target)
            self._untouched[target] = self._left_alone(target)
        if found := self._untouched[target]:
            return found
        vector, balance, pivot = self._vectors[target], self.balance, elimination.pivot
        suffices = self._witnesses.suffices
        by_pivot = vector.get(pivot, 0)
        candidates = [q for q in vector if q in balance]
        if by_pivot:
            candidates += [q for q in self._shortest if q not in vector]
        for q in candidates:
            if q == pivot:
                continue
            first, second = elimination.factors(q)
            value = first * vector.get(q, 0) - second * by_pivot
            if value and suffices(target, value, elimination.reach(q)):
                return q, value
        return None

    def _left_alone(self, target: int) -> tuple[int, int] | None:
        """A column that witnesses a target and is balanced on the row, and its value."""
        for q, value in self._vectors[target].items():
            if q not in self.balance and self._witnesses.suffices(
                target, value, self._basis.reach(q)
            ):
                return q, value
        return None
