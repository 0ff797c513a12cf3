"""Secondary suppression: which candidate figures of one table may be published, with the proof.

    candidates -> a first table that fits -> suppress until promise 2 is proved -> put back

Everything follows from candidate figures, the catalogue and structural zeros: true counts do not
enter, so that one person changes what is suppressed only by changing a figure. Exact figures are
the exception: there the true table, which the figures give away but for what is suppressed,
serves as the first one. Equal input gives equal figures, whatever the machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.requirements import Witness
from anonymizer.feasible.system import Integers
from anonymizer.feasible.work import Work
from anonymizer.model.errors import Held
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.proofs import Witnesses
from anonymizer.storage.processes import ALONE, Workers
from anonymizer.suppression import suppression_limits
from anonymizer.suppression.constraints import Candidates, Constraints, Ground, constraints
from anonymizer.suppression.differences import Differences, StepBounds, known_differences
from anonymizer.suppression.exact_figures import publish_exactly
from anonymizer.suppression.parts import Part, Preference, parts_of
from anonymizer.suppression.problem import Problem, exact_problem, order_of, problem_of
from anonymizer.suppression.proof import Prover, unproved, witnesses_of
from anonymizer.suppression.remainders import NO_REMAINDERS, SmallRemainders, small_remainders
from anonymizer.suppression.targets import another_count, enough_people


@dataclass(frozen=True)
class SuppressionRules:
    """What a table is suppressed under. With `steps`, readers know promise 8 (see differences)."""

    promise: Promise
    effort: Effort
    steps: StepBounds | None = None


@dataclass(frozen=True)
class ProvedTable:
    """Which candidates may be published, and the witnesses that show it."""

    published: NDArray[np.bool_]
    witnesses: Witnesses


def suppress(
    ground: Ground,
    candidates: Candidates,
    rules: SuppressionRules,
    truth: NDArray[np.int64] | None = None,
    workers: Workers = ALONE,
) -> ProvedTable:
    """The candidates that keep the inference promise, each proved; the others are suppressed.

    `truth`, the true people on the grid, is used for exact figures alone. What cannot be proved
    within the effort is suppressed. Parts of the table that have nothing to do with each other
    are proved by the workers side by side; figures are the same whatever their number. Raises
    Held if a proof turns out wrong.
    """
    known = constraints(ground, candidates)
    kept = ~_crossing(candidates, known)
    while True:
        kept &= (candidates.leader < 0) | kept[candidates.leader]
        chosen = candidates.take(kept)
        if not kept.all():
            known = constraints(ground, chosen)
        problem = _problem(ground, chosen, known, rules, truth)
        if problem is not None:
            break
        kept &= ~_least_preferred_half(ground, candidates, kept)
    proved = _proved(ground, chosen, known, problem, rules, workers)
    published = np.zeros_like(kept)
    published[np.flatnonzero(kept)[proved.published]] = True
    return ProvedTable(published, proved.witnesses)


def _crossing(candidates: Candidates, known: Constraints) -> NDArray[np.bool_]:
    """The later one of each pair of which the larger group would have the smaller figure.

    Only a figure that is shared can be smaller than that of a group inside of it.
    """
    crossing = np.zeros(len(candidates), dtype=bool)
    if not candidates.shared.any():
        return crossing
    matrix = sparse.csr_array(known.matrix)
    shared, people = sparse.coo_array(matrix @ matrix.T), candidates.people
    sizes = np.diff(matrix.indptr)
    nested = shared.data == sizes[shared.row]  # all classes of the row are in the column
    inner, outer = known.firsts[shared.row[nested]], known.firsts[shared.col[nested]]
    smaller = people[outer] < people[inner]
    crossing[np.maximum(inner, outer)[smaller]] = True
    same_row = crossing[known.firsts][known.row_of]
    return crossing | same_row


def _problem(
    ground: Ground,
    candidates: Candidates,
    known: Constraints,
    rules: SuppressionRules,
    truth: NDArray[np.int64] | None,
) -> Problem | None:
    if rules.promise.rounding > 1:
        return problem_of(ground, candidates, known, rules.steps)
    if truth is None:
        raise ValueError("exact figures are proved from the true table")
    return exact_problem(candidates, known, _by_class(known, truth), rules.steps)


def _by_class(known: Constraints, truth: NDArray[np.int64]) -> NDArray[np.int64]:
    inside = known.class_of >= 0
    table = np.zeros(known.matrix.shape[1], dtype=np.int64)
    np.add.at(table, known.class_of[inside], truth.ravel()[known.atoms[inside]])
    return table


def _least_preferred_half(
    ground: Ground, candidates: Candidates, kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The finer half of what is left, where no first table was found."""
    rows = np.flatnonzero(kept)
    order = np.lexsort(
        (candidates.people[rows], -ground.catalogue.table_of[candidates.segments[rows]])
    )
    gone = np.zeros_like(kept)
    gone[rows[order[: (len(rows) + 1) // 2]]] = True
    return gone


def _proved(
    ground: Ground,
    candidates: Candidates,
    known: Constraints,
    problem: Problem,
    rules: SuppressionRules,
    workers: Workers,
) -> ProvedTable:
    floor = rules.promise.inference_floor
    if floor:
        targets = enough_people(known, problem.start, floor)
    else:
        targets = another_count(known, problem.start, ground.catalogue)
    preference = Preference(
        ground.catalogue.table_of[candidates.segments[known.firsts]],
        candidates.people[known.firsts],
    )
    parts = parts_of(problem, targets, preference)
    published, starts, proofs = _joined(parts, _part_results(parts, rules, workers), problem)
    while True:
        witnesses, before = witnesses_of(known, starts, proofs), published.copy()
        if rules.steps:
            _suppress_contradicted(known, candidates, published, witnesses, rules.steps)
        published = _with_leaders(known, candidates, published)
        if not unproved(problem, published, targets, starts, proofs):
            return ProvedTable(published[known.row_of], witnesses)
        if (published == before).all():
            raise Held("proof", "a proof of the inference promise is wrong; report this")
        # With level 0, what was suppressed just now has to be shown to have another count, too.
        budget = Work(rules.effort.proof_work)
        prover = Prover(problem, targets, budget, starts)
        prover.adopt(published, proofs)
        _cut_down(prover, preference, budget, exact=False)
        published, starts, proofs = prover.published, prover.starts, prover.proofs


def _with_leaders(
    known: Constraints, candidates: Candidates, published: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The rows that stay published, without those that follow a suppressed one."""
    kept = published[known.row_of]
    for follower in np.flatnonzero(kept & (candidates.leader >= 0)).tolist():
        kept[follower] = kept[candidates.leader[follower]]
    return kept[known.firsts]


@dataclass(frozen=True)
class _PartTerms:
    """What the parts of a table are settled under; the effort is for all rows together."""

    rules: SuppressionRules
    rows: int

    def budget(self, part: Part) -> Work:
        """A part's share of the effort."""
        return Work(int(self.rules.effort.proof_work * self._share(part)))

    def memory(self, part: Part) -> float:
        """A part's share of the memory, in megabytes."""
        return self.rules.effort.memory_megabytes * self._share(part)

    def _share(self, part: Part) -> float:
        return (1 + len(part.rows)) / self.rows

    def cuts_down(self, part: Part) -> bool:
        """Whether to publish everything and suppress what a proof blames, until all is proved.

        Always where figures are rounded. Exact ones of small tables that have to leave room for
        `inference_k` people lose least so, if the effort is enough; built up, they need less.
        """
        if self.rules.promise.rounding > 1:
            return True
        return (
            self.rules.promise.inference_floor > 0 and len(part.rows) <= suppression_limits.FEW_ROWS
        )


@dataclass(frozen=True)
class _PartResult:
    """Which rows of a part are published, and the proofs of its targets, from these starts."""

    published: NDArray[np.bool_]
    proofs: Mapping[int, Witness]
    starts: Sequence[Integers]


def _part_results(
    parts: Sequence[Part], rules: SuppressionRules, workers: Workers
) -> list[_PartResult]:
    costs = [1 + len(part.rows) for part in parts]
    return workers.results(_suppress_part, _PartTerms(rules, sum(costs)), parts, costs)


def _suppress_part(terms: _PartTerms, part: Part) -> _PartResult:
    """Each part has its share of the effort, so that their order is of no account."""
    budget, promise = terms.budget(part), terms.rules.promise
    if terms.cuts_down(part):
        prover, exact = Prover(part.problem, part.targets, budget), promise.rounding == 1
        small = _small_remainders(part, terms.rules.promise)
        prover.adopt(_without(small, part.preference), {})
        if _cut_down(prover, part.preference, budget, exact=exact):
            _put_back(prover, part.preference, budget, small)
            return _PartResult(prover.published, prover.proofs, prover.starts)
        budget = terms.budget(part)
    order = part.preference.best_first(np.arange(len(part.rows)))
    published, proofs = publish_exactly(
        part.problem, part.targets, order, budget, terms.memory(part)
    )
    if not promise.inference_floor:
        return _PartResult(published, proofs, (part.problem.start,))
    prover = Prover(part.problem, part.targets, budget)
    prover.adopt(published, proofs)
    _put_back(prover, part.preference, budget, NO_REMAINDERS)
    return _PartResult(prover.published, prover.proofs, prover.starts)


def _small_remainders(part: Part, promise: Promise) -> SmallRemainders:
    """Figures of a part that must not all be published; of exact ones a proof tells."""
    if promise.rounding == 1 or not promise.inference_floor or not part.targets:
        return NO_REMAINDERS
    wanted = part.targets[0].requirements[0]  # as many people as in every other class
    level = part.problem.start[wanted.classes].sum() + wanted.change
    return small_remainders(part.problem.system, part.problem.figures, int(level))


def _without(remainders: SmallRemainders, order: Preference) -> NDArray[np.bool_]:
    """What is left published so that no remainder is shown to be small."""
    published = np.ones(len(order.people), dtype=bool)
    for rows in remainders.rows:
        if published[rows].all():
            published[order.least_preferred(rows)] = False
    return published


def _joined(
    parts: Sequence[Part], results: Sequence[_PartResult], problem: Problem
) -> tuple[NDArray[np.bool_], list[Integers], dict[int, Witness]]:
    """The parts' outcomes as those of the whole table."""
    if len(parts) == 1 and parts[0].problem is problem:
        (only,) = results
        return only.published, list(only.starts), dict(only.proofs)
    published = np.zeros(problem.figures, dtype=bool)
    most = max((len(outcome.starts) for outcome in results), default=1)
    starts = [problem.start.copy() for _ in range(most)]
    proofs: dict[int, Witness] = {}
    for part, outcome in zip(parts, results, strict=True):
        published[part.rows] = outcome.published
        for whole, start in zip(starts, outcome.starts, strict=False):
            whole[part.classes] = start
        for number, witness in outcome.proofs.items():
            moved = replace(witness, classes=part.classes[witness.classes])
            proofs[int(part.numbers[number])] = moved
    return published, starts, proofs


def _cut_down(prover: Prover, order: Preference, budget: Work, *, exact: bool) -> bool:
    """Suppress rows until everything is proved; False if the effort for exact figures is spent.

    Ends: with nothing published all is proved. The cheap search goes over all targets before the
    solver sees the first. Targets next to each other are mostly open for the same reason, so the
    one in the middle comes first; what it takes to prove it often does for the others.
    """
    proved_by_program, suppressed, left = 0, 0, prover.search(prover.open_targets())
    while left:
        target = left[len(left) // 2]
        suppressed += _suppress_for(prover, target, order, budget)
        if target in prover.proofs:
            proved_by_program += 1
        elif exact:
            return False
        helps = suppressed and (
            not budget.exhausted or suppression_limits.SEARCH_AGAIN * suppressed >= len(left)
        )
        if helps:
            _search_more(prover, 0, budget)
            suppressed = 0
        if target in prover.proofs and (helps or proved_by_program in search_limits.STARTS):
            _search_more(prover, prover.start_from(target), budget)
        left = prover.open_targets()
    return True


def _search_more(prover: Prover, start: int, budget: Work) -> None:
    """Search from a start, all open targets if that helps enough of a sample of them.

    For a few a program each takes less, while there may be programs.
    """
    left = prover.open_targets()
    if len(left) <= suppression_limits.FEW_TARGETS and not budget.exhausted:
        return
    sample = _sample(left, suppression_limits.SAMPLE)
    if len(prover.search(sample, start)) <= suppression_limits.HELPED * len(sample):
        prover.search(prover.open_targets(), start)


def _suppress_for(prover: Prover, target: int, order: Preference, budget: Work) -> int:
    """Suppress rows until a target is proved, or one row once the effort is spent; how many."""
    suppressed = 0
    while obstacle := prover.prove(target):
        prover.publish(order.least_preferred(obstacle.rows), published=False)
        suppressed += 1
        if budget.exhausted:
            break
    return suppressed


def _put_back(prover: Prover, order: Preference, budget: Work, remainders: SmallRemainders) -> None:
    """Publish suppressed rows again, the best first, where everything can still be proved."""
    for row in order.best_first(np.flatnonzero(~prover.published)):
        if budget.exhausted:
            return
        if remainders.all_published(prover.published | (np.arange(len(order.people)) == row)).any():
            continue
        before = dict(prover.proofs)
        prover.publish(row, published=True)
        if not _proved_again(prover):
            prover.publish(row, published=False)
            prover.proofs = before


def _proved_again(prover: Prover) -> bool:
    """Whether every target has a proof or gets one. A few mostly decide it, and come first."""
    for few in (1, suppression_limits.SAMPLE, None):
        left = _sample(prover.open_targets(), few)
        if few != 1:  # a single target takes the search longer than the solver
            left = prover.search(left)
        if any(prover.prove(target) for target in left):
            return False
    return True


def _sample(targets: list[int], few: int | None) -> list[int]:
    """About so many of the targets, evenly; all without a number."""
    step = 1 + len(targets) // few if few else 1
    return targets[step // 2 :: step]


def _suppress_contradicted(
    known: Constraints,
    candidates: Candidates,
    published: NDArray[np.bool_],
    witnesses: Witnesses,
    steps: StepBounds,
) -> None:
    """Suppress the later figure of each pair that some witness brings within a step of each other.

    The pairs that were close in the first table are rows of the problem; others are hardly ever
    broken. Suppressing a figure can show readers one more difference, whichever the start, so this
    goes on until none is broken.
    """
    figures, order = sparse.csr_array(known.matrix), order_of(candidates, known)
    moved = int(abs(witnesses.changes).sum(axis=1).max()) if witnesses.changes.shape[0] else 0
    contradicted: list[tuple[Differences, NDArray[np.bool_]]] = []
    for number, start in enumerate(witnesses.starts):
        apart = known_differences(figures, order, start, steps, moved)
        classes = apart.of_rows(figures)
        changes = witnesses.changes[witnesses.start_of == number]
        least = most = classes @ start
        if changes.shape[0] and len(apart):
            shifts = sparse.csr_array(classes @ changes.T)
            least = least + np.minimum(shifts.min(axis=1).toarray(), 0)
            most = most + np.maximum(shifts.max(axis=1).toarray(), 0)
        contradicted.append((apart, (least < apart.lowest) | (most > apart.highest)))
    while gone := [
        apart.second[broken]
        for apart, wrong in contradicted
        if (broken := apart.hold(published) & wrong).any()
    ]:
        published[np.concatenate(gone)] = False
