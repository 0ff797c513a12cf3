"""The null space: the ways to change a table without changing any published figure (Diaconis &
Sturmfels, Algebraic algorithms for sampling from conditional distributions, 1998).

A vector is a whole number of people to add to or take from each class. All vectors are sums of the
columns of a basis. Nothing published, every class alone is a vector; publishing a row takes one
dimension away: one column, the pivot, is added to the others so that they leave the row as it is,
and goes. Columns stay short, since a row touches few of them, and whole, so that everything here
is exact.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import gcd

Column = dict[int, int]  # class -> people
Reach = tuple[int, int]  # how many times a column can be added, and taken away
UNLIMITED = 1 << 40


class NullSpaceBasis:
    """Columns that span all vectors, and how far each can be gone before a class has too few.

    `spare` says how many people each class may lose. A column keeps its number for good;
    `through` has the columns of each class, `entries` counts the numbers in all columns. Beside
    the columns that span, there may be sums of them, added by others and dropped again.
    """

    def __init__(self, spare: Sequence[int]) -> None:
        self.spare = spare
        self.columns: dict[int, Column] = {number: {number: 1} for number in range(len(spare))}
        self.through: list[set[int]] = [{number} for number in range(len(spare))]
        self.entries = len(spare)
        # At least this far; a column not looked at since it changed is missing.
        self.reaches: dict[int, Reach] = {n: (UNLIMITED, left) for n, left in enumerate(spare)}
        self._next = len(spare)

    def add(self, vector: Column) -> int:
        """Add a sum of columns as one more; its number."""
        number = self._next
        self._next += 1
        self.columns[number] = vector
        self.entries += len(vector)
        for index in vector:
            self.through[index].add(number)
        return number

    def drop(self, number: int) -> None:
        """Drop a column that was added, unless it was a pivot since.

        The columns that were there from the start span without it: when it is a pivot, they span
        what is left with the multiples of it that they take up.
        """
        column = self.columns.pop(number, None)
        if column is None:
            return
        self.reaches.pop(number, None)
        self.entries -= len(column)
        for index in column:
            self.through[index].discard(number)

    def balance(self, classes: Sequence[int]) -> Column:
        """What each column changes in the sum over some classes; columns that change nothing
        are left out.
        """
        columns = self.columns
        if len(classes) == 1:
            return {q: columns[q][classes[0]] for q in self.through[classes[0]]}
        total: Column = {}
        for index in classes:
            for q in self.through[index]:
                total[q] = total.get(q, 0) + columns[q][index]
        return {q: change for q, change in total.items() if change}

    def reach(self, q: int) -> Reach:
        """How many times a column can be added and taken away, or a little less."""
        found = self.reaches.get(q)
        if found is None:
            found = self.reaches[q] = _reach(self.columns[q].items(), self.spare)
        return found


class Elimination:
    """The basis as it would be if a row were published, with the pivot chosen.

    `balance` is what each column changes in the row. `enough` is how far a column has to reach
    to be of use: beyond that its reach need not be exact.
    """

    def __init__(self, basis: NullSpaceBasis, balance: Column, pivot: int, enough: int) -> None:
        self.pivot, self.column = pivot, basis.columns[pivot]
        self._basis, self._balance, self._enough = basis, balance, enough
        self._divisor = balance[pivot]
        self._reach: dict[int, Reach] = {}

    def factors(self, q: int) -> tuple[int, int]:
        """The new column is the first times the old one less the second times the pivot."""
        change, divisor = self._balance[q], self._divisor
        if change == divisor:
            return 1, 1
        if change == -divisor:
            return 1, -1
        common = gcd(change, divisor)
        first, second = divisor // common, change // common
        return (first, second) if first > 0 else (-first, -second)

    def reach(self, q: int) -> Reach:
        """The reach of the new column, or a little less."""
        found = self._reach.get(q)
        if found is None:
            found = self._reach[q] = self._measured(q)
        return found

    def commit(self) -> list[int]:
        """Change the basis so; the columns whose numbers were divided by a common divisor."""
        basis, pivot = self._basis, self.column
        columns, through = basis.columns, basis.through
        del columns[self.pivot]
        basis.reaches.pop(self.pivot, None)
        basis.entries -= len(pivot)
        for index in pivot:
            through[index].discard(self.pivot)
        reduced = []
        for q in self._balance:
            if q == self.pivot:
                continue
            first, second = self.factors(q)
            self._combine(q, columns[q], first, second)
            if q in self._reach:
                basis.reaches[q] = self._reach[q]
            else:
                basis.reaches.pop(q, None)
            if first != 1 and _divide(columns[q]):
                basis.reaches.pop(q, None)
                reduced.append(q)
        return reduced

    def _combine(self, q: int, column: Column, first: int, second: int) -> None:
        through, before_all = self._basis.through, len(column)
        if first != 1:
            for index in column:
                column[index] *= first
        for index, people in self.column.items():
            before = column.get(index)
            if before is None:
                column[index] = -second * people
                through[index].add(q)
            elif after := before - second * people:
                column[index] = after
            else:
                del column[index]
                through[index].discard(q)
        self._basis.entries += len(column) - before_all

    def _measured(self, q: int) -> Reach:
        """The reach of the new column, or less where the old one says enough.

        The pivot's classes first: most columns without a reach have none there, and for most of
        the others the old reach is enough to know of the other classes.
        """
        first, second = self.factors(q)
        column = self._basis.columns[q]
        forward, backward = self._reach_at_pivot(column, first, second)
        if not forward and not backward:
            return 0, 0
        known = self._basis.reaches.get(q)
        if first == 1 and known is not None:
            ahead, behind = min(forward, known[0]), min(backward, known[1])
            if ahead >= self._enough or behind >= self._enough:
                return ahead, behind
        pivot = self.column
        others = ((p, first * people) for p, people in column.items() if p not in pivot)
        return _reach(others, self._basis.spare, (forward, backward))

    def _reach_at_pivot(self, column: Column, first: int, second: int) -> Reach:
        """How far the new column can be gone if only the pivot's classes count."""
        forward = backward = UNLIMITED
        before = column.get
        for index, people, left in self._tightest:
            change = first * before(index, 0) - second * people
            if change < 0:
                if left < -change * forward:
                    forward = left // -change
                    if not forward and not backward:
                        break
            elif change and left < change * backward:
                backward = left // change
                if not backward and not forward:
                    break
        return forward, backward

    @cached_property
    def _tightest(self) -> list[tuple[int, int, int]]:
        """The pivot's classes, what it changes and how many people each may lose, few first."""
        spare, column = self._basis.spare, self.column
        indices = sorted(column, key=spare.__getitem__)
        return [(index, column[index], spare[index]) for index in indices]


def _reach(
    moved: Iterable[tuple[int, int]], spare: Sequence[int], most: Reach = (UNLIMITED, UNLIMITED)
) -> Reach:
    """How far one can go forwards and backwards, if that moves so many people in these classes."""
    forward, backward = most
    for index, people in moved:
        if people < 0:
            if spare[index] < -people * forward:
                forward = spare[index] // -people
                if not forward and not backward:
                    break
        elif spare[index] < people * backward:
            backward = spare[index] // people
            if not backward and not forward:
                break
    return forward, backward


def _divide(column: Column) -> bool:
    """Divide by the greatest common divisor; whether there was one."""
    common = 0
    for people in column.values():
        common = gcd(common, people)
        if common == 1:
            return False
    for index in column:
        column[index] //= common
    return True


def proportional(one: Mapping[int, int], other: Mapping[int, int]) -> bool:
    """Whether one is a multiple of the other; neither is empty."""
    if len(one) != len(other):
        return False
    first = next(iter(one))
    if first not in other:
        return False
    scale, divisor = one[first], other[first]
    return all(q in other and value * divisor == other[q] * scale for q, value in one.items())
