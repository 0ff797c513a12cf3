"""Which rows follow from others, and what all rows leave free: exact, modulo a prime.

Fractions over whole numbers grow without limit, floating point cannot tell 0 from nearly 0.
Modulo a prime p every entry stays below p and every sum and product is exact, here in
double precision (p is below 2^23, so that what is added up between two reductions stays
below 2^53) and therefore at the speed of matrix products.

What is true of the whole numbers is true modulo p. The other way round it can fail only
where p divides a determinant of the matrix, or where a random vector hits zero by chance,
with probability 1/p for each vector; callers use several vectors and two primes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.int64]
Residues = NDArray[np.float64]  # whole numbers from 0 to p - 1

PRIMES = (8_388_593, 8_388_587)  # the two largest below 2^23
_ROWS_AT_ONCE = 32


@dataclass(frozen=True)
class Echelon:
    """A matrix in reduced row echelon form modulo `prime`.

    `rows` are independent rows that all others follow from. A vector that all rows take to
    zero may have anything in the columns `free`; in the columns `pivots` it then has
    minus `solved` times that.
    """

    prime: int
    rows: Integers
    pivots: Integers
    free: Integers
    solved: Residues

    def kernel(self, random: np.random.Generator, vectors: int) -> Integers:
        """(columns x vectors) drawn evenly from the vectors that all rows take to zero."""
        drawn = random.integers(0, self.prime, (len(self.free), vectors)).astype(float)
        found = np.zeros((len(self.free) + len(self.pivots), vectors), dtype=np.int64)
        found[self.free] = drawn
        found[self.pivots] = -_product(self.solved, drawn, self.prime)
        return found % self.prime


def eliminate(matrix: sparse.csr_array, prime: int) -> Echelon:
    """The echelon form of whole numbers of small size; earlier rows are kept before later ones.

    The last column is taken as a pivot only where nothing else is left of a row.
    """
    height, width = matrix.shape
    rows: list[int] = []
    pivots: list[int] = []
    solved = np.zeros((min(height, width), width))
    for start in range(0, height, _ROWS_AT_ONCE):
        block = sparse.csr_array(matrix[start : start + _ROWS_AT_ONCE])
        known = sparse.csr_array(block[:, pivots]) @ solved[: len(pivots)]
        rest = _residues(block.toarray() - known, prime)
        chosen, columns = _eliminate_block(rest, prime)
        if chosen:
            _substitute(solved[: len(pivots)], rest[chosen], columns, prime)
            solved[len(pivots) : len(pivots) + len(chosen)] = rest[chosen]
            rows += [start + row for row in chosen]
            pivots += columns
    free = np.setdiff1d(np.arange(width), pivots)
    return Echelon(
        prime,
        np.array(rows, dtype=np.int64),
        np.array(pivots, dtype=np.int64),
        free,
        solved[: len(pivots), free],
    )


def _substitute(solved: Residues, new: Residues, columns: list[int], prime: int) -> None:
    """Take the new pivots out of the earlier rows, in place, where there is something to do."""
    factors = solved[:, columns]
    touched = np.flatnonzero(factors.any(axis=1))
    filled = np.flatnonzero(new.any(axis=0))
    place = np.ix_(touched, filled)
    solved[place] = _residues(solved[place] - factors[touched] @ new[:, filled], prime)


def _eliminate_block(rest: Residues, prime: int) -> tuple[list[int], list[int]]:
    """Reduce a few rows among themselves, in place; the rows that are left and their pivots."""
    rows, columns = [], []
    for row, content in enumerate(rest):
        filled = np.flatnonzero(content)
        if not len(filled):
            continue
        column = int(filled[0])
        inverse = pow(int(content[column]), prime - 2, prime)
        content[filled] = _residues(content[filled] * inverse, prime)
        factors = rest[:, column].copy()
        factors[row] = 0
        others = np.flatnonzero(factors)
        if len(others):
            place = np.ix_(others, filled)
            rest[place] = _residues(rest[place] - np.outer(factors[others], content[filled]), prime)
        rows.append(row)
        columns.append(column)
    return rows, columns


def _product(left: Residues, right: Residues, prime: int) -> Residues:
    """A matrix product modulo the prime, in pieces that stay exact."""
    total = np.zeros((left.shape[0], right.shape[1]))
    for start in range(0, left.shape[1], _ROWS_AT_ONCE):
        piece = slice(start, start + _ROWS_AT_ONCE)
        total = _residues(total + left[:, piece] @ right[piece], prime)
    return total


def _residues(values: Residues, prime: int) -> Residues:
    """Whole numbers below 2^53 in size, modulo the prime."""
    quotient = np.floor(values / prime)
    values = values - quotient * prime
    # The quotient is rounded, up to the next whole number at times.
    values[values < 0] += prime
    return values
