"""Aims, and the column of the basis of moves that shows each to be within reach: its witness."""

from collections.abc import Sequence
from dataclasses import dataclass

from anonymizer.suppression.moves import Column, MoveBasis, Reach


@dataclass(frozen=True)
class Aim:
    """These classes together could have `more` people more; with 0, any other count."""

    classes: tuple[int, ...]
    more: int


class Witnesses:
    """The witness of each aim: the number of a column, and what the column changes in the aim.

    A basis on which nothing is published has every class for a column, so that the first class of
    an aim is its first witness.
    """

    def __init__(self, basis: MoveBasis, aims: Sequence[Aim]) -> None:
        self._basis, self._aims = basis, aims
        self.column = [aim.classes[0] for aim in aims]
        self.value = [1] * len(aims)
        self.held_by: dict[int, set[int]] = {}
        self._on: dict[int, list[int]] = {}
        for number, aim in enumerate(aims):
            self.held_by.setdefault(aim.classes[0], set()).add(number)
            for place in aim.classes:
                self._on.setdefault(place, []).append(number)

    def suffices(self, aim: int, value: int, reach: Reach) -> bool:
        """Whether a column that changes an aim by `value` and reaches so far would be a witness."""
        wanted = self._aims[aim].more
        if not wanted:
            return value != 0 and (reach[0] > 0 or reach[1] > 0)
        return value * reach[0] >= wanted if value > 0 else -value * reach[1] >= wanted

    def vector(self, aim: int) -> Column:
        """What each column changes in an aim."""
        return self._basis.balance(self._aims[aim].classes)

    def aim(self, number: int) -> Aim:
        """What is to be reached."""
        return self._aims[number]

    def change(self, aim: int, move: Column) -> int:
        """What a move changes in an aim."""
        return sum(move.get(place, 0) for place in self._aims[aim].classes)

    def changes_by(self, column: Column) -> Column:
        """What a column changes in each aim that it touches."""
        changes: Column = {}
        for place, people in column.items():
            for aim in self._on.get(place, ()):
                changes[aim] = changes.get(aim, 0) + people
        return changes

    def assign(self, aim: int, column: int, value: int) -> None:
        """Give an aim a witness."""
        self.held_by[self.column[aim]].discard(aim)
        self.held_by.setdefault(column, set()).add(aim)
        self.column[aim], self.value[aim] = column, value

    def measure_again(self, column: int) -> None:
        """What a column changes in its aims, after it was divided by a number."""
        people = self._basis.columns[column]
        for aim in self.held_by.get(column, ()):
            self.value[aim] = sum(people.get(place, 0) for place in self._aims[aim].classes)

    def move(self, aim: int) -> Column:
        """The people to add to and take from each class so that the aim is reached."""
        wanted, value, column = self._aims[aim].more, self.value[aim], self.column[aim]
        forward, backward = self._basis.reach(column)
        times = max(1, -(-wanted // abs(value)))
        if forward >= times and (value > 0 or not wanted):
            signed = times
        elif backward >= times and (value < 0 or not wanted):
            signed = -times
        else:
            raise AssertionError("a witness does not reach its aim")
        return {place: signed * people for place, people in self._basis.columns[column].items()}
