"""What finders of feasible tables are asked for, and what they answer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
