"""The figures without repetition: as few rows as say the same, each as short as possible.

Exact figures repeat each other (a total is the sum of its parts, in every table that has
both), and most of what they count is known from finest figures. What is left is a small
fraction of the rows and entries, and linear programs over it are quick.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.modular import PRIMES, eliminate

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Essential:
    """Rows `lowest <= members x <= highest` that allow the same x as all figures.

    Row by row they are `origin` (rows x figures) times the figures.
    """

    members: sparse.csr_array
    lowest: Integers
    highest: Integers
    origin: sparse.csr_array


def essential_rows(members: sparse.csr_array, lowest: Integers, highest: Integers) -> Essential:
    """The figures less what repeats; all of them unless some are exact.

    Figures that contradict each other still do so.
    """
    exact = lowest == highest
    figures = len(exact)
    if not exact.any():
        return Essential(
            members, lowest, highest, sparse.csr_array(sparse.eye_array(figures, dtype=np.int64))
        )
    known = _known_classes(members, exact)
    rest = np.flatnonzero(exact & (np.diff(members.indptr) > 1))
    taken_off = sparse.csr_array(members[rest] * (known >= 0)[None, :])
    shortened = _shortened(members[rest], taken_off)
    people = lowest[rest] - taken_off @ np.where(known >= 0, lowest[known], 0)
    kept = _independent(shortened, people)
    origin = sparse.vstack(
        [
            _pick(np.flatnonzero(~exact | (np.diff(members.indptr) <= 1)), figures),
            _pick(rest[kept], figures) - _of_figures(taken_off[kept], known, figures),
        ]
    )
    origin = sparse.csr_array(origin.astype(np.int64))
    reduced = sparse.csr_array(origin @ members)
    reduced.eliminate_zeros()
    exact_rows = origin.shape[0] - len(kept)
    low, high = lowest.copy(), highest.copy()
    plain = origin[:exact_rows]
    low = np.concatenate([plain @ low, people[kept]])
    high = np.concatenate([plain @ high, people[kept]])
    return Essential(reduced, low, high, origin)


def _known_classes(members: sparse.csr_array, exact: NDArray[np.bool_]) -> Integers:
    """For each class an exact figure of it alone, or -1."""
    known = np.full(members.shape[1], -1, dtype=np.int64)
    alone = np.flatnonzero(exact & (np.diff(members.indptr) == 1))[::-1]
    known[members.indices[members.indptr[alone]]] = alone
    return known


def _shortened(members: sparse.csr_array, taken_off: sparse.csr_array) -> sparse.csr_array:
    shortened = sparse.csr_array(members - taken_off)
    shortened.eliminate_zeros()
    shortened.sort_indices()
    return shortened


def _independent(rows: sparse.csr_array, people: Integers) -> Integers:
    """Rows that all others follow from, the shortest first; people included."""
    lengths = np.diff(rows.indptr)
    order = np.argsort(lengths, kind="stable")
    order = order[_first_of_each(rows, people, order)]
    order = order[(lengths[order] > 0) | (people[order] != 0)]
    counts = sparse.csr_array(people[order, None] % PRIMES[0])
    system = sparse.csr_array(sparse.hstack([rows[order], counts]))
    independent: Integers = order[eliminate(system, PRIMES[0]).rows]
    return independent


def _first_of_each(rows: sparse.csr_array, people: Integers, order: Integers) -> Integers:
    """Places in `order` of rows unlike all before."""
    first: dict[tuple[bytes, int], int] = {}
    for place, row in enumerate(order.tolist()):
        content = rows.indices[rows.indptr[row] : rows.indptr[row + 1]]
        first.setdefault((content.tobytes(), int(people[row])), place)
    return np.array(list(first.values()), dtype=np.int64)


def _pick(figures: Integers, width: int) -> sparse.csr_array:
    ones = np.ones(len(figures), dtype=np.int64)
    return sparse.csr_array(
        (ones, figures, np.arange(len(figures) + 1)), shape=(len(figures), width)
    )


def _of_figures(classes: sparse.csr_array, known: Integers, width: int) -> sparse.csr_array:
    """Classes turned into the figures that show each alone."""
    return sparse.csr_array(
        (classes.data, known[classes.indices], classes.indptr), shape=(classes.shape[0], width)
    )
