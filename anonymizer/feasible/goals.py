"""What finders of feasible tables are asked for, and what they answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class Goal:
    """These classes together have `change` people more (or fewer, if negative) than in the
    start."""

    classes: NDArray[np.intp]
    change: int


@dataclass(frozen=True)
class Moves:
    """A table as its difference from a start, the first one or another; no class occurs twice."""

    classes: NDArray[np.intp]
    people: NDArray[np.int64]
    start: int = 0


@dataclass(frozen=True)
class OutOfReach:
    """No table was found that reaches the goal; these figures are in the way."""

    rows: NDArray[np.intp]


def changes_of(classes: int, tables: Sequence[Moves]) -> sparse.csr_array:
    """Shape (tables, classes): each table as its difference from its start."""
    ends = np.cumsum([0, *(len(moves.classes) for moves in tables)])
    places = np.concatenate([np.empty(0, np.intp), *(moves.classes for moves in tables)])
    people = np.concatenate([np.empty(0, np.int64), *(moves.people for moves in tables)])
    return sparse.csr_array((people, places, ends), shape=(len(tables), classes))
