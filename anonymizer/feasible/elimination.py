"""Exact elimination: which figures repeat others, and what exact figures leave free.

Tables are full of totals: most rows are a few others and little more. The shortest row is taken
first and cleared of one of its columns, the one that the fewest others have, in all of these;
what a total repeats of its parts falls away so, and rows stay short however large the table is.

In whole numbers this gives the independent rows, over which linear programs are quick. Fractions
over whole numbers grow without limit and floating point cannot tell 0 from nearly 0, so what the
rows leave free is decided modulo two primes: every entry stays below the prime, every sum and
product is exact. What is true of the whole numbers is true modulo a prime; the other way round it
fails only where the prime divides a determinant of the matrix or a random vector hits zero by
chance. With two vectors for each prime that is below 1 in 2^80 for each comparison.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.work import Work, meter

Integers = NDArray[np.int64]
Row = dict[int, int]  # what is not 0, by its place
NO_PIVOT = -1
PRIMES = (8_388_593, 8_388_587)  # the two largest below 2^23: products fit 64 bits many times
_VECTORS = 2  # for each prime
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
        holding = sorted(self.holders.pop(pivot))
        self.work.spend(1 + len(holding) * len(rest) // search_limits.ENTRIES_SUBTRACTED)
        for number in holding:
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
    for position, value in other.items():
        left = row.get(position, 0) - times * value
        if left:
            row[position] = left
        else:
            del row[position]


def _content(matrix: sparse.csr_array, number: int, prime: int | None = None) -> Row:
    start, end = matrix.indptr[number : number + 2]
    values = matrix.data[start:end] if prime is None else matrix.data[start:end] % prime
    entries = zip(matrix.indices[start:end].tolist(), values.tolist(), strict=True)
    return {column: value for column, value in entries if value}


def _too_large(row: Row) -> bool:
    return any(abs(value) > _LARGEST for value in row.values())


@dataclass(frozen=True)
class IndependentRows:
    """Rows `lowest <= members x <= highest` that allow the same x as all figures.

    Row by row they are `origin` (rows x figures) times the figures.
    """

    members: sparse.csr_array
    lowest: Integers
    highest: Integers
    origin: sparse.csr_array


def independent_rows(
    members: sparse.csr_array, lowest: Integers, highest: Integers
) -> IndependentRows:
    """The figures less what repeats; all of them unless some are exact.

    Figures that contradict each other still do so.
    """
    exact = np.flatnonzero(lowest == highest)
    figures, classes = members.shape
    alone: list[Row] = [{figure: 1} for figure in np.flatnonzero(lowest != highest).tolist()]
    if not len(exact):
        return IndependentRows(members, lowest, highest, _matrix(alone, figures))
    people = lowest[exact].tolist()
    kept = [
        row
        for row in reduced_rows(sparse.csr_array(members[exact]))
        if row.content or sum(times * people[position] for position, times in row.made_of.items())
    ]
    positions = exact.tolist()
    made_of = [
        {positions[position]: times for position, times in row.made_of.items()} for row in kept
    ]
    origin = _matrix([*alone, *made_of], figures)
    loose = sparse.csr_array(members[lowest != highest])
    reduced = sparse.vstack([loose, _matrix([row.content for row in kept], classes)])
    return IndependentRows(sparse.csr_array(reduced), origin @ lowest, origin @ highest, origin)


def _matrix(rows: Sequence[Row], width: int) -> sparse.csr_array:
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.array([position for row in rows for position in row], dtype=np.int64)
    values = np.array([value for row in rows for value in row.values()], dtype=np.int64)
    matrix = sparse.csr_array((values, columns, ends), shape=(len(rows), width))
    matrix.sort_indices()
    return matrix


@dataclass(frozen=True)
class Echelon:
    """A matrix in triangular form modulo `prime`.

    `rows` are independent rows that all others follow from. A vector that all rows take to
    zero may have anything in the columns `free`; that settles what it has in `pivots`.
    """

    prime: int
    rows: Integers
    pivots: Integers
    free: Integers
    reduced: tuple[Reduced, ...]

    def kernel(self, random: np.random.Generator, vectors: int) -> Integers:
        """(columns x vectors) drawn evenly from the vectors that all rows take to zero."""
        drawn = random.integers(0, self.prime, (len(self.free), vectors))
        found = np.zeros((len(self.free) + len(self.pivots), vectors), dtype=np.int64)
        found[self.free] = drawn
        for vector in found.T:
            vector[:] = self._completed(vector.tolist())
        return found

    def _completed(self, vector: list[int]) -> list[int]:
        """A vector with what the pivots must have; no row has pivots of those before it."""
        for row in reversed(self.reduced):
            rest = sum(times * vector[column] for column, times in row.content.items())
            vector[row.pivot] = -rest * pow(row.content[row.pivot], -1, self.prime) % self.prime
        return vector


def eliminate(matrix: sparse.csr_array, prime: int) -> Echelon:
    """The triangular form of whole numbers; short rows are kept before long ones."""
    reduced = tuple(row for row in reduced_rows(matrix, prime) if row.content)
    pivots = np.array([row.pivot for row in reduced], dtype=np.int64)
    return Echelon(
        prime,
        np.array([row.number for row in reduced], dtype=np.int64),
        pivots,
        np.setdiff1d(np.arange(matrix.shape[1]), pivots),
        reduced,
    )


@dataclass(frozen=True)
class NullSpaceSample:
    """How random vectors that no exact figure notices change each class (classes x vectors).

    `primes` holds the prime of each vector.
    """

    changes: Integers
    primes: Integers

    def of(self, weights: sparse.csr_array) -> Integers:
        """How the vectors change weighted sums of classes, one a row; all 0 where settled."""
        changed: Integers = (weights @ self.changes) % self.primes
        return changed


def sample_null_space(exact: sparse.csr_array) -> NullSpaceSample:
    """What exact figures (figures x classes) leave free."""
    random = np.random.default_rng(search_limits.ELIMINATION_SEED)
    drawn = [eliminate(exact, prime).kernel(random, _VECTORS) for prime in PRIMES]
    return NullSpaceSample(np.hstack(drawn), np.repeat(np.array(PRIMES), _VECTORS))


@dataclass(frozen=True)
class DependentTotals:
    """Sums that move together: each is `sign` times the sum `first[of]`, and a constant."""

    first: Integers
    of: Integers
    sign: Integers

    def offset(self, totals: sparse.csr_array, table: Integers | NDArray[np.float64]) -> Integers:
        """The constant of each sum, from any table that fits; in whole people."""
        apart = totals @ table - self.sign * (totals[self.first] @ table)[self.of]
        whole: Integers = np.rint(apart).astype(np.int64)
        return whole


def group_dependent_totals(totals: sparse.csr_array, free: NullSpaceSample) -> DependentTotals:
    """Group sums that exact figures tie together; the shortest of a group stands for it."""
    changes = free.of(totals)
    opposite = (-changes) % free.primes
    first: dict[bytes, int] = {}
    lengths = np.diff(totals.indptr)
    order = np.argsort(lengths, kind="stable")
    of, sign = np.zeros(len(order), dtype=np.int64), np.ones(len(order), dtype=np.int64)
    chosen: list[int] = []
    for row in order.tolist():
        key, mirrored = changes[row].tobytes(), opposite[row].tobytes()
        if key not in first and mirrored in first:
            key, sign[row] = mirrored, -1
        of[row] = first.setdefault(key, len(chosen))
        if of[row] == len(chosen):
            chosen.append(row)
    return DependentTotals(np.array(chosen, dtype=np.int64), of, sign)
