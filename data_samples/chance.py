"""Seeded randomness: one independent stream for each thing that is drawn.

A stream depends on the seed and its name alone, so a new kind of thing leaves all others as
they were, and neither the order of work nor the number of threads bears on the outcome.
"""

import numpy as np
from numpy.typing import NDArray


def stream(seed: int, *name: str | int) -> np.random.Generator:
    """The generator of this name under this seed; the same on every call."""
    return np.random.default_rng([seed, *"/".join(map(str, name)).encode()])


def share_of(draw: np.random.Generator, size: int, share: float) -> NDArray[np.bool_]:
    """Marks `share` of `size` places: exactly the rounded number, at least one if any is asked."""
    marked = np.zeros(size, dtype=bool)
    wanted = min(size, max(round(size * share), 1)) if share > 0 else 0
    marked[draw.choice(size, wanted, replace=False)] = True
    return marked
