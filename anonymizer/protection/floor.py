"""Promise 1: which segments count enough trusted people to be published at all."""

import numpy as np
from numpy.typing import NDArray

from anonymizer.policy import Promise
from anonymizer.protection.totals import segment_totals
from anonymizer.secret import Secret
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted


def reaches_floor(
    counted: Counted, catalogue: Catalogue, promise: Promise, secret: Secret
) -> NDArray[np.bool_]:
    """For each segment: are its trusted people at least `k` plus the segment's offset?

    The offset, 0 to `k_jitter`, is drawn as rounding is: from the secret and the exact set of
    people. So a set of people stands or falls under whatever name, in every campaign and period,
    and nobody draws twice.
    """
    trusted = segment_totals(catalogue, counted.trusted)
    reached = trusted >= promise.k
    in_doubt = np.flatnonzero(reached & (trusted < promise.k + promise.k_jitter))
    if len(in_doubt):
        people = segment_totals(catalogue, counted.people)
        marks = segment_totals(catalogue, counted.marks)
        for segment in in_doubt:
            draw = secret.draw("floor", f"{marks[segment]}:{people[segment]}")
            reached[segment] = trusted[segment] >= promise.k + draw % (promise.k_jitter + 1)
    return reached
