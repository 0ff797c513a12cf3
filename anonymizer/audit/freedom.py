"""What exact figures leave free, and what they settle: no floating point, no bounds.

A vector that every exact figure takes to zero can be added to any table without a figure
noticing. A sum of classes is settled by the figures if no such vector changes it, and two
sums move together if each vector changes both alike. Both are decided by random vectors
modulo two primes: if two sums are said to be settled or to move together, the chance that
they are not is below 1 in 2^80 for each comparison.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.essential import essential_rows
from anonymizer.audit.knowledge import Knowledge, Statements, from_source, understand
from anonymizer.audit.modular import PRIMES, eliminate
from anonymizer.feasible.system import Flags, Integers
from anonymizer.segments import Catalogue
from anonymizer.tables import Figures

_VECTORS = 2  # for each prime
_SEED = 20_261_122


@dataclass(frozen=True)
class Freedom:
    """How random vectors that no exact figure notices change each class (classes x vectors).

    `primes` holds the prime of each vector.
    """

    changes: Integers
    primes: Integers

    def of(self, weights: sparse.csr_array) -> Integers:
        """How the vectors change weighted sums of classes, one a row; all 0 where settled."""
        changed: Integers = (weights @ self.changes) % self.primes
        return changed


def freedom(knowledge: Knowledge) -> Freedom:
    """What the figures that leave no room leave free."""
    rows = knowledge.essential
    return _freedom(rows.members[rows.lowest == rows.highest])


def _freedom(exact: sparse.csr_array) -> Freedom:
    random = np.random.default_rng(_SEED)
    drawn = [eliminate(exact, prime).kernel(random, _VECTORS) for prime in PRIMES]
    return Freedom(np.hstack(drawn), np.repeat(np.array(PRIMES), _VECTORS))


@dataclass(frozen=True)
class Together:
    """Sums that move together: each is `sign` times the sum `first[of]`, and a constant."""

    first: Integers
    of: Integers
    sign: Integers


def together(sums: sparse.csr_array, free: Freedom) -> Together:
    """Group sums that exact figures tie together; the shortest of a group stands for it."""
    changes = free.of(sums)
    opposite = (-changes) % free.primes
    first: dict[bytes, int] = {}
    lengths = np.diff(sums.indptr)
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
    return Together(np.array(chosen, dtype=np.int64), of, sign)


def linearly_solvable(figures: Figures, catalogue: Catalogue, possible: Flags) -> Flags:
    """Of each segment whether it is a sum of published segments, each times some number.

    Published segments are. The figures themselves do not matter: they are taken as exact.
    Segments without possible atoms are left out (False).
    """
    nothing = np.zeros_like(figures.people)
    source = from_source("published", len(nothing))
    said = Statements(figures.segments, nothing, nothing, nothing, source)
    knowledge = understand(figures.key, catalogue, said, possible, np.zeros_like(possible))
    rows = essential_rows(knowledge.members, nothing, nothing).members
    inside = atoms_in_classes(knowledge, np.arange(len(catalogue)))
    whole = whole_classes(knowledge, inside)
    settled = (_freedom(rows).of(whole) == 0).all(axis=1)
    uncut = np.diff(whole.indptr) == np.diff(inside.indptr)
    solvable: Flags = settled & uncut & (np.diff(inside.indptr) > 0)
    return solvable


def atoms_in_classes(knowledge: Knowledge, segments: NDArray[np.int64]) -> sparse.csr_array:
    """(segments x classes): how many possible atoms of each class a segment has."""
    axes = knowledge.catalogue.dimensions
    leaves = [[np.array(group.leaves) for group in axis.groups] for axis in axes]
    columns, counts, ends = [], [], [0]
    for cell in knowledge.catalogue.cells[segments].tolist():
        places = [of_axis[group] for of_axis, group in zip(leaves, cell, strict=True)]
        inside = knowledge.class_of[np.ix_(*places)].ravel()
        found, times = np.unique(inside[inside >= 0], return_counts=True)
        columns.append(found)
        counts.append(times)
        ends.append(ends[-1] + len(found))
    empty = [np.zeros(0, dtype=np.int64)]
    return sparse.csr_array(
        (np.concatenate(counts or empty), np.concatenate(columns or empty), ends),
        shape=(len(segments), knowledge.classes),
    )


def whole_classes(knowledge: Knowledge, inside: sparse.csr_array) -> sparse.csr_array:
    """The classes that lie in a segment with all their atoms, in 0 and 1."""
    whole = inside.copy()
    whole.data = (inside.data == knowledge.sizes[inside.indices]).astype(np.int64)
    whole.eliminate_zeros()
    return whole
