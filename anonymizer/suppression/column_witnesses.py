"""Targets, and the column of the basis of the null space that shows each to be within reach: its
witness.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from anonymizer.suppression.null_space import Column, NullSpaceBasis, Reach


@dataclass(frozen=True)
class ExactTarget:
    """These classes together could have `more` people more; with 0, any other count."""

    classes: tuple[int, ...]
    more: int


class ColumnWitnesses:
    """The witness of each target: the number of a column, and what the column changes in the
    target.

    A basis on which nothing is published has every class for a column, so that the first class of
    a target is its first witness.
    """

    def __init__(self, basis: NullSpaceBasis, targets: Sequence[ExactTarget]) -> None:
        self._basis, self._targets = basis, targets
        self.column = [target.classes[0] for target in targets]
        self.value = [1] * len(targets)
        self.witnessed_by: dict[int, set[int]] = {}
        self._on: dict[int, list[int]] = {}
        for number, target in enumerate(targets):
            self.witnessed_by.setdefault(target.classes[0], set()).add(number)
            for index in target.classes:
                self._on.setdefault(index, []).append(number)

    def suffices(self, target: int, value: int, reach: Reach) -> bool:
        """Whether a column that changes a target by `value` and reaches so far would be a
        witness.
        """
        wanted = self._targets[target].more
        if not wanted:
            return value != 0 and (reach[0] > 0 or reach[1] > 0)
        return value * reach[0] >= wanted if value > 0 else -value * reach[1] >= wanted

    def vector(self, target: int) -> Column:
        """What each column changes in a target."""
        return self._basis.balance(self._targets[target].classes)

    def target(self, number: int) -> ExactTarget:
        """What is to be reached."""
        return self._targets[number]

    def change(self, target: int, witness: Column) -> int:
        """What a vector changes in a target."""
        return sum(witness.get(index, 0) for index in self._targets[target].classes)

    def changes_by(self, column: Column) -> Column:
        """What a column changes in each target that it touches."""
        changes: Column = {}
        for index, people in column.items():
            for target in self._on.get(index, ()):
                changes[target] = changes.get(target, 0) + people
        return changes

    def assign(self, target: int, column: int, value: int) -> None:
        """Give a target a witness."""
        self.witnessed_by[self.column[target]].discard(target)
        self.witnessed_by.setdefault(column, set()).add(target)
        self.column[target], self.value[target] = column, value

    def measure_again(self, column: int) -> None:
        """What a column changes in its targets, after it was divided by a number."""
        people = self._basis.columns[column]
        for target in self.witnessed_by.get(column, ()):
            self.value[target] = sum(
                people.get(index, 0) for index in self._targets[target].classes
            )

    def witness(self, target: int) -> Column:
        """The people to add to and take from each class so that the target is reached."""
        wanted, value, column = self._targets[target].more, self.value[target], self.column[target]
        forward, backward = self._basis.reach(column)
        times = max(1, -(-wanted // abs(value)))
        if forward >= times and (value > 0 or not wanted):
            signed = times
        elif backward >= times and (value < 0 or not wanted):
            signed = -times
        else:
            raise AssertionError("a witness does not reach its target")
        return {index: signed * people for index, people in self._basis.columns[column].items()}
