"""The figures without repetition: as few rows as say the same, each as short as possible.

Exact figures repeat each other (a total is the sum of its parts, in every table that has
both), and most of what they count is known from finest figures. What is left is a small
fraction of the rows and entries, and linear programs over it are quick.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.elimination import Row, reduced_rows

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
    exact = np.flatnonzero(lowest == highest)
    figures, classes = members.shape
    alone: list[Row] = [{figure: 1} for figure in np.flatnonzero(lowest != highest).tolist()]
    if not len(exact):
        return Essential(members, lowest, highest, _matrix(alone, figures))
    people = lowest[exact].tolist()
    kept = [
        row
        for row in reduced_rows(sparse.csr_array(members[exact]))
        if row.content or sum(times * people[place] for place, times in row.made_of.items())
    ]
    places = exact.tolist()
    made_of = [{places[place]: times for place, times in row.made_of.items()} for row in kept]
    origin = _matrix([*alone, *made_of], figures)
    loose = sparse.csr_array(members[lowest != highest])
    reduced = sparse.vstack([loose, _matrix([row.content for row in kept], classes)])
    return Essential(sparse.csr_array(reduced), origin @ lowest, origin @ highest, origin)


def _matrix(rows: Sequence[Row], width: int) -> sparse.csr_array:
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.array([place for row in rows for place in row], dtype=np.int64)
    values = np.array([value for row in rows for value in row.values()], dtype=np.int64)
    matrix = sparse.csr_array((values, columns, ends), shape=(len(rows), width))
    matrix.sort_indices()
    return matrix
