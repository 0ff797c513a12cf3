"""Promise 1: which segments count enough trusted people to be published at all."""

import hashlib

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

    The offset, 0 to `k_jitter`, is keyed by the atoms that the segment can have people in,
    so two names for one set of atoms stand or fall together.
    """
    trusted = segment_totals(catalogue, counted.trusted)
    reached = trusted >= promise.k
    in_doubt = np.flatnonzero(reached & (trusted < promise.k + promise.k_jitter))
    for segment in in_doubt:
        offset = _offset(counted, catalogue, int(segment), promise.k_jitter, secret)
        reached[segment] = trusted[segment] >= promise.k + offset
    return reached


def _offset(
    counted: Counted, catalogue: Catalogue, segment: int, k_jitter: int, secret: Secret
) -> int:
    leaves = [np.array(group.leaves, dtype=np.intp) for group in catalogue.groups(segment)]
    box = np.ix_(*leaves)
    atoms = np.arange(counted.possible.size).reshape(counted.possible.shape)[box]
    digest = hashlib.sha256(atoms[counted.possible[box]].astype("<i8").tobytes()).hexdigest()
    return secret.draw("floor", f"{counted.key}:{digest}") % (k_jitter + 1)
