"""Rows of whole numbers brought to triangular form, as short as they can be made on the way.

Tables are full of totals: most rows are a few others and little more. The shortest row is taken
first and cleared of one of its columns, the one that the fewest others have, in all of these;
what a total repeats of its parts falls away so, and rows stay short however large the table is.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from scipy import sparse

from anonymizer.feasible.work import Work, meter

Row = dict[int, int]  # what is not 0, by its place
NO_PIVOT = -1
_ENTRIES = 60  # that one unit of work subtracts
_LARGEST = 2**10  # rows with larger numbers are left as they were


@dataclass(frozen=True)
class Reduced:
    """A row as reduced: `content` by column, and the rows it is made of by number.

    No row after it has anything in the column `pivot`, if it has one.
    """

    number: int
    content: Row
    pivot: int
    made_of: Row


def reduced_rows(matrix: sparse.csr_array, prime: int | None = None) -> Iterator[Reduced]:
    """Each row, reduced by those before it, in the order in which they come out.

    Modulo a prime, or in whole numbers if there is none: then rows that no single column with 1
    or -1 can be cleared of are left without pivot, and `made_of` is kept.
    """
    active = _Active.of(matrix, prime)
    while active.waiting:
        length, number = heappop(active.waiting)
        if number not in active.rows or length != len(active.rows[number]):
            continue
        row = active.rows.pop(number)
        pivot = active.pivot(row)
        for column in row:
            active.holders[column].discard(number)
        made_of = active.made_of.pop(number)
        if prime is None and (_too_large(row) or _too_large(made_of)):
            yield Reduced(number, _content(matrix, number), NO_PIVOT, {number: 1})
            continue
        if pivot != NO_PIVOT:
            active.clear(row, pivot, made_of)
        yield Reduced(number, row, pivot, made_of)


@dataclass(frozen=True)
class _Active:
    """Rows that are still to come, which of them have something in each column, and how long."""

    prime: int | None
    rows: dict[int, Row]
    made_of: dict[int, Row]
    holders: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    waiting: list[tuple[int, int]] = field(default_factory=list)
    work: Work = field(default_factory=meter)

    @classmethod
    def of(cls, matrix: sparse.csr_array, prime: int | None) -> "_Active":
        rows = {number: _content(matrix, number, prime) for number in range(matrix.shape[0])}
        active = cls(prime, rows, {number: {number: 1} for number in rows})
        for number, row in rows.items():
            for column in row:
                active.holders[column].add(number)
            active.waiting.append((len(row), number))
        heapify(active.waiting)
        return active

    def pivot(self, row: Row) -> int:
        """The column that the fewest rows have; in whole numbers only where a 1 or -1 stands."""
        if self.prime is None:
            able = [column for column, value in row.items() if value in (1, -1)]
        else:
            able = list(row)
        return min(able, key=lambda column: (len(self.holders[column]), column), default=NO_PIVOT)

    def clear(self, row: Row, pivot: int, made_of: Row) -> None:
        """Take a column out of all rows by means of one."""
        inverse = row[pivot] if self.prime is None else pow(row[pivot], -1, self.prime)
        rest = [(column, value) for column, value in row.items() if column != pivot]
        held = sorted(self.holders.pop(pivot))
        self.work.spend(1 + len(held) * len(rest) // _ENTRIES)
        for number in held:
            other = self.rows[number]
            times = other.pop(pivot) * inverse
            self._subtract(number, other, times, rest)
            if self.prime is None:
                _take_away(self.made_of[number], times, made_of)
            heappush(self.waiting, (len(other), number))

    def _subtract(self, number: int, other: Row, times: int, rest: list[tuple[int, int]]) -> None:
        for column, value in rest:
            left = other.get(column, 0) - times * value
            if self.prime is not None:
                left %= self.prime
            if not left:
                del other[column]
                self.holders[column].discard(number)
                continue
            if column not in other:
                self.holders[column].add(number)
            other[column] = left


def _take_away(row: Row, times: int, other: Row) -> None:
    for place, value in other.items():
        left = row.get(place, 0) - times * value
        if left:
            row[place] = left
        else:
            del row[place]


def _content(matrix: sparse.csr_array, number: int, prime: int | None = None) -> Row:
    start, end = matrix.indptr[number : number + 2]
    values = matrix.data[start:end] if prime is None else matrix.data[start:end] % prime
    entries = zip(matrix.indices[start:end].tolist(), values.tolist(), strict=True)
    return {column: value for column, value in entries if value}


def _too_large(row: Row) -> bool:
    return any(abs(value) > _LARGEST for value in row.values())
