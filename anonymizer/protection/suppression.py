"""From counts to figures that keep promises 1 to 3: what is published of one table.

    counts -> floor -> rounding -> withhold until promise 2 is proved -> put back what may be
    counts -> floor -> publish one after the other while promise 2 is proved (exact figures)

Deterministic: equal input, policy and secret give equal figures, whatever the machine.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import Held
from anonymizer.policy import Effort, Promise
from anonymizer.protection.budget import Budget
from anonymizer.protection.constraints import Constraints, constraints
from anonymizer.protection.exact import publish_exactly
from anonymizer.protection.floor import reaches_floor
from anonymizer.protection.goals import Target, another_count, enough_people
from anonymizer.protection.proof import Prover, unproved
from anonymizer.protection.rounding import rounded
from anonymizer.protection.totals import segment_totals
from anonymizer.secret import Secret
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted, Figures

Reason = Literal["floor", "inference", "kept"]


@dataclass(frozen=True)
class Protected:
    """What may be published of a table, and what the privileged role may know of the rest.

    `candidates` counts the segments at or above the floor; those of them that promise 2
    withholds are in `withheld_for_inference` (rows of the catalogue, ascending). All other
    withheld segments are below the floor. `floor_reached` is the smallest trusted count of a
    published segment.
    """

    figures: Figures
    candidates: int
    withheld_for_inference: tuple[int, ...]
    floor_reached: int | None
    seconds: float

    def reason(self, segment: int) -> Reason:
        """Why a segment has no figure. For the privileged role alone: nobody else may know."""
        if segment in self.withheld_for_inference:
            return "inference"
        return "kept" if segment in self.figures.segments else "floor"


def protect(
    counted: Counted, catalogue: Catalogue, promise: Promise, secret: Secret, effort: Effort
) -> Protected:
    """The figures of a table that keep the floor, the rounding and the inference promise.

    What cannot be proved within the effort is withheld. Raises Held if a proof turns out
    wrong, or takes absurdly long.
    """
    budget = Budget(effort.proof_seconds)
    candidates = _rounded_candidates(counted, catalogue, promise, secret)
    known = constraints(counted, catalogue, candidates, promise)
    targets = _targets(known, catalogue, promise)
    prover = Prover(known, targets, budget)
    order = _Preference(catalogue, candidates, known)
    if promise.rounding == 1:
        everything = np.arange(len(known.lower))
        prover.adopt(*publish_exactly(known, targets, order.best_first(everything), budget))
    else:
        _withhold(prover, order)
    if promise.rounding > 1 or promise.inference_floor:
        _put_back(prover, order, budget)
    if unproved(known, prover.published, targets, prover.proofs):
        raise Held("proof", f"a proof of promise 2 for {counted.key} is wrong; report this")
    kept = prover.published[known.row_of]
    figures = Figures(counted.key, candidates.segments[kept], candidates.people[kept])
    trusted = segment_totals(catalogue, counted.trusted)[figures.segments]
    return Protected(
        figures,
        candidates=len(candidates.segments),
        withheld_for_inference=tuple(candidates.segments[~kept].tolist()),
        floor_reached=int(trusted.min()) if len(trusted) else None,
        seconds=budget.seconds,
    )


def _rounded_candidates(
    counted: Counted, catalogue: Catalogue, promise: Promise, secret: Secret
) -> Figures:
    """All segments that reach the floor, with the figures they would have."""
    segments = np.flatnonzero(reaches_floor(counted, catalogue, promise, secret)).astype(np.int32)
    people = segment_totals(catalogue, counted.people)[segments]
    marks = segment_totals(catalogue, counted.marks)[segments]
    return Figures(counted.key, segments, rounded(people, marks, promise, secret))


def _targets(known: Constraints, catalogue: Catalogue, promise: Promise) -> list[Target]:
    if promise.inference_floor:
        return enough_people(known, promise.inference_floor)
    return another_count(known, catalogue)


class _Preference:
    """Which row goes first: of the last, finest table among them, the smallest figure."""

    def __init__(self, catalogue: Catalogue, candidates: Figures, known: Constraints) -> None:
        _, firsts = np.unique(known.row_of, return_index=True)
        self._people = candidates.people[firsts]
        self._table = catalogue.table_of[candidates.segments[firsts]]

    def least_preferred(self, rows: NDArray[np.intp]) -> int:
        """The row whose loss is the smallest."""
        tables = self._table[rows]
        finest: list[int] = rows[tables == tables.max()].tolist()
        return min(finest, key=lambda row: (self._people[row], -row))

    def best_first(self, rows: NDArray[np.intp]) -> list[int]:
        """In the order in which they are put back: as in the catalogue, large before small."""
        order: list[int] = rows[np.lexsort((rows, -self._people[rows], self._table[rows]))].tolist()
        return order


def _withhold(prover: Prover, order: _Preference) -> None:
    """Withhold rows until everything is proved. Ends: with nothing published all is.

    The cheap search goes over all targets before the solver sees the first. A row withheld
    for one target often frees others, so the next is tried without it.
    """
    while open_targets := prover.open_targets():
        hard = [target for target in open_targets if not prover.search(target)]
        for target in hard:
            while obstacle := prover.prove(target):
                prover.publish(order.least_preferred(obstacle.rows), published=False)


def _put_back(prover: Prover, order: _Preference, budget: Budget) -> None:
    """Publish withheld rows again, the best first, where everything can still be proved."""
    for row in order.best_first(np.flatnonzero(~prover.published)):
        if budget.exhausted:
            return
        before = dict(prover.proofs)
        prover.publish(row, published=True)
        if not all(prover.prove(target) is None for target in prover.open_targets()):
            prover.publish(row, published=False)
            prover.proofs = before
