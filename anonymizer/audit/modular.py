"""Which rows follow from others, and what all rows leave free: exact, modulo a prime.

Fractions over whole numbers grow without limit, floating point cannot tell 0 from nearly 0.
Modulo a prime p every entry stays below p and every sum and product is exact.

What is true of the whole numbers is true modulo p. The other way round it can fail only
where p divides a determinant of the matrix, or where a random vector hits zero by chance,
with probability 1/p for each vector; callers use several vectors and two primes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.elimination import Reduced, reduced_rows

Integers = NDArray[np.int64]

PRIMES = (8_388_593, 8_388_587)  # the two largest below 2^23: products fit 64 bits many times


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
