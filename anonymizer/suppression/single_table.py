"""One table by itself, as anyone may have one: promises 1 to 3 without a history of releases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.feasible.totals import segment_totals
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.proofs import Witnesses
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Counted, Figures
from anonymizer.storage.processes import ALONE, Workers
from anonymizer.storage.secret import Secret
from anonymizer.suppression.constraints import Candidates, Ground
from anonymizer.suppression.rounding import possible_counts, rounded
from anonymizer.suppression.suppression import SuppressionRules, suppress
from anonymizer.suppression.threshold import reaches_threshold


@dataclass(frozen=True)
class SuppressedAlone:
    """What may be published of a table, its proof, and what was suppressed for inference.

    `candidates` counts the segments that reach the threshold; those of them without a figure are
    in `for_inference` (rows of the catalogue, ascending).
    """

    figures: Figures
    witnesses: Witnesses
    candidates: int
    for_inference: tuple[int, ...]


def suppress_alone(
    counted: Counted,
    catalogue: Catalogue,
    promise: Promise,
    secret: Secret,
    effort: Effort,
    workers: Workers = ALONE,
) -> SuppressedAlone:
    """The figures of a table that keep the threshold, the rounding and the inference promise.

    Segments of the same people have the same figure. Raises Held if a proof turns out wrong.
    """
    people = segment_totals(catalogue, counted.people)
    totals = segment_totals(catalogue, _totals_by_cell(counted))
    segments = np.flatnonzero(reaches_threshold(people, totals, promise, secret)).astype(np.int32)
    figures = rounded(people[segments], totals[segments], promise, secret)
    lower, upper = possible_counts(figures, promise)
    alone = np.zeros(len(segments), dtype=bool), np.full(len(segments), -1)
    candidates = Candidates(segments, figures, lower, upper, *alone)
    ground = Ground(catalogue, counted.possible, counted.occupied)
    proved = suppress(
        ground, candidates, SuppressionRules(promise, effort), counted.people, workers
    )
    kept = proved.published
    return SuppressedAlone(
        Figures(counted.key, segments[kept], figures[kept]),
        proved.witnesses,
        candidates=len(segments),
        for_inference=tuple(segments[~kept].tolist()),
    )


def _totals_by_cell(counted: Counted) -> NDArray[np.uint64]:
    hashes = counted.hashes
    totals = np.zeros(counted.people.size, dtype=np.uint64)
    np.add.at(totals, hashes.cells, hashes.totals)
    return totals.reshape(counted.people.shape)
