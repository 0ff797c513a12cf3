"""Promise 3: keyed random rounding, and what a reader can conclude from a rounded figure."""

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.policy import Promise
from anonymizer.storage.secret import Secret


def rounded(
    people: NDArray[np.int64], totals: NDArray[np.uint64], promise: Promise, secret: Secret
) -> NDArray[np.int64]:
    """Each count as one of the two nearest multiples of `rounding`; a multiple stays as it is.

    Up with probability remainder / rounding, so a figure is right on average. The draw
    depends on the secret and the exact set of people alone: the same people give the same
    figure in every segment and on every day. No figure is below `k`: between `k` and the next
    multiple, where the lower neighbour would be, it always goes up.
    """
    step = promise.rounding
    remainders = people % step
    figures = people - remainders
    for index in np.flatnonzero(remainders):
        draw = secret.draw("rounding", f"{totals[index]}:{people[index]}")
        goes_up = draw * step < int(remainders[index]) << 64
        if goes_up or figures[index] < promise.k:
            figures[index] += step
    return figures


def possible_counts(
    figures: NDArray[np.int64], promise: Promise
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Smallest and largest true count that fits each published figure.

    A reader knows the step and that nothing below `k` is published.
    """
    reach = promise.rounding - 1
    return np.maximum(figures - reach, promise.k), figures + reach
