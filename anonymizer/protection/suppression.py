"""From counts to figures that keep promises 1 to 3: what is published of one table.

    counts -> floor -> rounding -> withhold until promise 2 is proved -> put back what may be
    counts -> floor -> publish one after the other while promise 2 is proved (exact figures)

Deterministic: equal input, policy and secret give equal figures, whatever the machine.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import Held
from anonymizer.parallel import ALONE, Workers
from anonymizer.policy import Effort, Promise
from anonymizer.protection.budget import Budget
from anonymizer.protection.constraints import Constraints, constraints
from anonymizer.protection.exact import publish_exactly
from anonymizer.protection.floor import reaches_floor
from anonymizer.protection.goals import Target, another_count, enough_people
from anonymizer.protection.parts import Part, Preference, parts_of
from anonymizer.protection.proof import Prover, unproved
from anonymizer.protection.rounding import rounded
from anonymizer.protection.side_by_side import Moves
from anonymizer.protection.totals import segment_totals
from anonymizer.secret import Secret
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted, Figures

_FEW_ROWS = 2_000

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
    counted: Counted,
    catalogue: Catalogue,
    promise: Promise,
    secret: Secret,
    effort: Effort,
    workers: Workers = ALONE,
) -> Protected:
    """The figures of a table that keep the floor, the rounding and the inference promise.

    What cannot be proved within the effort is withheld. Parts of the table that have nothing to
    do with each other are proved by the workers side by side; figures are the same whatever
    their number. Raises Held if a proof turns out wrong, or takes absurdly long.
    """
    begin = time.monotonic()
    candidates = _rounded_candidates(counted, catalogue, promise, secret)
    known = constraints(counted, catalogue, candidates, promise)
    targets = _targets(known, catalogue, promise)
    parts = parts_of(known, targets, _preference(catalogue, candidates, known))
    published, proofs = _joined(parts, _settled_parts(parts, promise, effort, workers))
    if unproved(known, published, targets, proofs):
        raise Held("proof", f"a proof of promise 2 for {counted.key} is wrong; report this")
    kept = published[known.row_of]
    figures = Figures(counted.key, candidates.segments[kept], candidates.people[kept])
    trusted = segment_totals(catalogue, counted.trusted)[figures.segments]
    return Protected(
        figures,
        candidates=len(candidates.segments),
        withheld_for_inference=tuple(candidates.segments[~kept].tolist()),
        floor_reached=int(trusted.min()) if len(trusted) else None,
        seconds=time.monotonic() - begin,
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


def _preference(catalogue: Catalogue, candidates: Figures, known: Constraints) -> Preference:
    _, firsts = np.unique(known.row_of, return_index=True)
    return Preference(catalogue.table_of[candidates.segments[firsts]], candidates.people[firsts])


@dataclass(frozen=True)
class _Terms:
    """What the parts of a table are settled under; the effort is for all rows together."""

    promise: Promise
    effort: Effort
    rows: int

    def budget(self, part: Part) -> Budget:
        """A part's share of the effort."""
        share = (1 + len(part.rows)) / self.rows
        return Budget(self.effort.proof_seconds * share, self.effort.memory_megabytes * share)

    def cuts_down(self, part: Part) -> bool:
        """Whether to publish everything and withhold what a proof blames, until all is proved.

        Always where figures are rounded. Exact ones of small tables that have to leave room for
        `inference_k` people lose least so, if the effort is enough; built up, they need less.
        """
        if self.promise.rounding > 1:
            return True
        return self.promise.inference_floor > 0 and len(part.rows) <= _FEW_ROWS


@dataclass(frozen=True)
class _Settled:
    """Which rows of a part are published, and the proofs of its targets."""

    published: NDArray[np.bool_]
    proofs: Mapping[int, Moves]


def _settled_parts(
    parts: Sequence[Part], promise: Promise, effort: Effort, workers: Workers
) -> list[_Settled]:
    costs = [1 + len(part.rows) for part in parts]
    return workers.results(_settle, _Terms(promise, effort, sum(costs)), parts, costs)


def _settle(terms: _Terms, part: Part) -> _Settled:
    """Each part has its share of the effort, so that their order is of no account."""
    budget = terms.budget(part)
    if terms.cuts_down(part):
        prover, exact = Prover(part.known, part.targets, budget), terms.promise.rounding == 1
        if _withhold(prover, part.preference, lambda: exact and budget.exhausted):
            _put_back(prover, part.preference, budget)
            return _Settled(prover.published, prover.proofs)
        budget = terms.budget(part)
    order = part.preference.best_first(np.arange(len(part.rows)))
    settled = _Settled(*publish_exactly(part.known, part.targets, order, budget))
    if not terms.promise.inference_floor:
        return settled
    prover = Prover(part.known, part.targets, budget)
    prover.adopt(settled.published, settled.proofs)
    _put_back(prover, part.preference, budget)
    return _Settled(prover.published, prover.proofs)


def _joined(
    parts: Sequence[Part], settled: Sequence[_Settled]
) -> tuple[NDArray[np.bool_], dict[int, Moves]]:
    """The parts' outcomes as those of the whole table."""
    published = np.zeros(sum(len(part.rows) for part in parts), dtype=bool)
    proofs: dict[int, Moves] = {}
    for part, outcome in zip(parts, settled, strict=True):
        published[part.rows] = outcome.published
        for number, moves in outcome.proofs.items():
            proofs[int(part.numbers[number])] = Moves(part.classes[moves.classes], moves.people)
    return published, proofs


def _withhold(prover: Prover, order: Preference, gives_up: Callable[[], bool]) -> bool:
    """Withhold rows until everything is proved; whether it is, or was given up before.

    Ends: with nothing published all is proved. The cheap search goes over all targets before the
    solver sees the first. A row withheld for one target often frees others, so the next is tried
    without it.
    """
    while open_targets := prover.open_targets():
        for target in prover.search(open_targets):
            while obstacle := prover.prove(target):
                if gives_up():
                    return False
                prover.publish(order.least_preferred(obstacle.rows), published=False)
    return True


def _put_back(prover: Prover, order: Preference, budget: Budget) -> None:
    """Publish withheld rows again, the best first, where everything can still be proved."""
    for row in order.best_first(np.flatnonzero(~prover.published)):
        if budget.exhausted:
            return
        before = dict(prover.proofs)
        prover.publish(row, published=True)
        if not all(prover.prove(target) is None for target in prover.open_targets()):
            prover.publish(row, published=False)
            prover.proofs = before
