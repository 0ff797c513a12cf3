"""Promise 1: which groups count enough people to be published at all."""

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.policy import Promise
from anonymizer.storage.secret import Secret


def reaches_threshold(
    people: NDArray[np.int64], totals: NDArray[np.uint64], promise: Promise, secret: Secret
) -> NDArray[np.bool_]:
    """For each group judged on its own: are its people at least `k` plus the group's offset?

    The offset, 0 to `k_jitter`, is drawn as rounding is: from the secret and the exact set of
    people (`totals`), so that no one draws twice for the same people.
    """
    reached: NDArray[np.bool_] = people >= promise.k
    for group in np.flatnonzero(reached & (people < promise.k + promise.k_jitter)):
        draw = secret.draw("floor", f"{totals[group]}:{people[group]}")
        reached[group] = people[group] >= promise.k + draw % (promise.k_jitter + 1)
    return reached
