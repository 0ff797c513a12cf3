"""What finders of feasible tables are asked for, and what they answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class Requirement:
    """These classes together have `change` people more (or fewer, if negative) than in the
    start."""

    classes: NDArray[np.intp]
    change: int


@dataclass(frozen=True)
class Witness:
    """A table as its difference from a start, the first one or another; no class occurs twice."""

    classes: NDArray[np.intp]
    people: NDArray[np.int64]
    start: int = 0


@dataclass(frozen=True)
class Infeasible:
    """No table was found that reaches the requirement; these figures are in the way."""

    rows: NDArray[np.intp]


def changes_of(classes: int, tables: Sequence[Witness]) -> sparse.csr_array:
    """Shape (tables, classes): each table as its difference from its start."""
    ends = np.cumsum([0, *(len(witness.classes) for witness in tables)])
    positions = np.concatenate([np.empty(0, np.intp), *(witness.classes for witness in tables)])
    people = np.concatenate([np.empty(0, np.int64), *(witness.people for witness in tables)])
    return sparse.csr_array((people, positions, ends), shape=(len(tables), classes))
