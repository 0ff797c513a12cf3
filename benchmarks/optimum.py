"""The least loss with which a table of exact figures can keep its promise: bounds from both sides.

A covering problem (Fischetti & Salazar, Solving the cell suppression problem on tabular data with
linear constraints, 2001): which segments at or above the threshold are suppressed, so that every
small segment has a witness, another fitting table in which it has enough people (or, with
inference 0, another count). Where it has none, the dual of the program that looks for one names
published figures of which at least one has to go: a cut. Cuts are added where they are violated,
first at fractional and then at whole solutions of what is known so far; that solution's loss is
what no suppressor can go below. People are fractions here, which can only make the bound lower.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import highspy
import numpy as np
from independent_checks import Known, model, quiet_solver
from numpy.typing import NDArray
from scipy import sparse

PLENTY = 1e5
SMALL = 1e-6
LONGEST_SEARCH_SECONDS = 90.0
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Cut = tuple[tuple[int, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Question:
    """The table and what is published of it by now, the threshold, and the promise."""

    known: Known
    threshold: int
    inference_k: int


class Candidates:
    """Segments at or above the threshold; those of the same unknown cells count as one."""

    def __init__(self, question: Question) -> None:
        known = question.known
        free = np.flatnonzero(known.most > known.least)
        inside = known.inside[:, free].tocsr()
        inside.sort_indices()
        totals = known.inside @ known.people
        self.spare = (known.people - known.least)[free].astype(float)
        groups: dict[bytes, int] = {}
        firsts, weights, published = [], [], []
        small: dict[bytes, int] = {}
        for segment, (begin, end) in enumerate(zip(inside.indptr, inside.indptr[1:], strict=False)):
            if begin == end:
                continue
            key = inside.indices[begin:end].tobytes()
            if totals[segment] < question.threshold:
                small.setdefault(key, segment)
                continue
            if key not in groups:
                groups[key] = len(groups)
                firsts.append(segment)
                weights.append(0)
                published.append(True)
            weights[groups[key]] += int(totals[segment])
            published[groups[key]] &= bool(known.published[segment])
        self.rows = sparse.csr_array(inside[firsts], dtype=float)
        self.weights = np.array(weights, dtype=float)
        self.suppressed = ~np.array(published)
        self.aims = sparse.csr_array(inside[list(small.values())], dtype=float)
        lacking = question.inference_k - totals[list(small.values())]
        if question.inference_k:
            # What every small cell can reach, sums of cells can reach all the more.
            single = np.diff(self.aims.indptr) == 1
            self.aims, lacking = (
                sparse.csr_array(self.aims[np.flatnonzero(single)]),
                lacking[single],
            )
        self.lacking = lacking.astype(float) if question.inference_k else np.zeros(len(lacking))


class Witnesses:
    """Looks for a witness of each aim where some candidates are suppressed, wholly or in part."""

    def __init__(self, candidates: Candidates) -> None:
        self._of = candidates
        rows, spare = candidates.rows, candidates.spare
        self._down = rows @ spare
        self._fixed = np.zeros(rows.shape[0])
        self._highs = quiet_solver()
        self._highs.passModel(
            model(rows, (self._fixed, self._fixed), (-spare, np.full(len(spare), PLENTY)))
        )

    def cuts(self, suppressed: Numbers) -> Iterator[Cut]:
        """A cut for each aim that has no witness, as far as one is found."""
        for aim in range(len(self._of.lacking)):
            cut = self.cut(suppressed, aim)
            if cut is not None:
                yield cut

    def all_within_reach(self, suppressed: Flags) -> bool:
        """Whether every aim has a witness."""
        return next(self.cuts(suppressed.astype(float)), None) is None

    def cut(self, suppressed: Numbers, aim: int) -> Cut | None:
        """What of the published figures would have to go for this aim; None if nothing."""
        lacking = self._of.lacking[aim]
        self._give_room(suppressed, max(1.0, lacking))
        if lacking:
            return self._cut_upwards(aim, lacking)
        up = self._blame(aim, 1, suppressed)
        down = None if up is None else self._blame(aim, -1, suppressed)
        if up is None or down is None:
            return None
        blamed = np.flatnonzero((up != 0) | (down != 0))
        return tuple(blamed.tolist()), (1.0,) * len(blamed)

    def _give_room(self, suppressed: Numbers, lacking: float) -> None:
        up = np.where(suppressed > 1 - SMALL, PLENTY, lacking * suppressed)
        down = np.minimum(up, self._down)
        rows = np.arange(len(up), dtype=np.int32)
        self._highs.changeRowsBounds(len(up), rows, -down, up)

    def _solve(self, objective: Numbers) -> tuple[float, Numbers]:
        """The farthest in this direction, and how much each candidate's figure holds it back."""
        highs = self._highs
        columns = np.arange(len(objective), dtype=np.int32)
        highs.changeColsCost(len(columns), columns, -objective)
        highs.run()
        assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        duals = -np.array(highs.getSolution().row_dual)
        return -highs.getObjectiveValue(), np.where(np.abs(duals) < SMALL, 0.0, duals)

    def _cut_upwards(self, aim: int, lacking: float) -> Cut | None:
        objective = self._of.aims[[aim]].toarray()[0]
        farthest, duals = self._solve(objective)
        if farthest > lacking - 1e-5:
            return None
        # objective = duals @ rows + rest, and cells cannot fall by more than their spare people.
        rest = objective - duals @ self._of.rows
        if (rest > 1e-5).any():
            return None
        held = lacking - float(np.maximum(-rest, 0) @ self._of.spare)
        if held <= 1e-5:
            return None
        shares = np.where(duals > 0, 1.0, np.minimum(1.0, -duals * self._down / held + SMALL))
        blamed = np.flatnonzero((duals != 0) & (shares > SMALL))
        return tuple(blamed.tolist()), tuple(shares[blamed].tolist())

    def _blame(self, aim: int, sign: int, suppressed: Numbers) -> Numbers | None:
        farthest, duals = self._solve(sign * self._of.aims[[aim]].toarray()[0])
        whole = bool(((suppressed < SMALL) | (suppressed > 1 - SMALL)).all())
        return None if farthest > (1e-5 if whole else 1 - 1e-5) else duals


class Cover:
    """The cheapest candidates to suppress so that all cuts so far are kept."""

    def __init__(self, weights: Numbers) -> None:
        self._weights = weights
        self.cuts: dict[Cut, None] = {}
        self._highs = quiet_solver()
        nothing = sparse.csr_array((0, len(weights)))
        empty = np.zeros(0)
        limits = np.zeros(len(weights)), np.ones(len(weights))
        self._highs.passModel(model(nothing, (empty, empty), limits))
        columns = np.arange(len(weights), dtype=np.int32)
        self._highs.changeColsCost(len(weights), columns, weights)

    def add(self, cut: Cut, solution: Numbers) -> bool:
        """Add a cut if the solution violates it; whether it did."""
        columns, shares = cut
        if np.array(shares) @ solution[list(columns)] > 1 - 1e-4 or cut in self.cuts:
            return False
        self.cuts[cut] = None
        self._highs.addRow(1.0, highspy.kHighsInf, len(columns), list(columns), list(shares))
        return True

    def relaxed(self) -> tuple[float, Numbers]:
        """The loss and solution if candidates could be suppressed in part."""
        self._highs.run()
        return self._highs.getObjectiveValue(), np.array(self._highs.getSolution().col_value)

    def whole(self, seconds: float, start: Flags) -> tuple[float, Flags]:
        """What the loss is at least, and the best solution found in that time."""
        highs = quiet_solver()
        highs.passModel(self._highs.getLp())
        columns = np.arange(len(self._weights), dtype=np.int32)
        highs.changeColsIntegrality(
            len(columns), columns, np.full(len(columns), highspy.HighsVarType.kInteger)
        )
        highs.setOptionValue("time_limit", seconds)
        highs.setOptionValue("mip_rel_gap", 1e-4)
        solution = highspy.HighsSolution()
        solution.col_value = start.astype(float).tolist()
        highs.setSolution(solution)
        highs.run()
        found = np.array(highs.getSolution().col_value) > 0.5
        return highs.getInfo().mip_dual_bound, found


def answer(question: Question, seconds: float) -> dict[str, float]:
    """The best loss found and what no loss can be below (people), within about so many CPU seconds.

    `ours` is the loss of what is published by now, which is where the search begins.
    """
    begin = time.process_time()
    candidates = Candidates(question)
    witnesses, cover = Witnesses(candidates), Cover(candidates.weights)
    best = candidates.suppressed
    assert witnesses.all_within_reach(best), "what is published now does not keep the promise"
    ours = float(candidates.weights @ best)
    deadline = begin + seconds
    least = _fractional(witnesses, cover, begin + seconds / 2)
    while time.process_time() < deadline and least < candidates.weights @ best - 0.5:
        longest = min(LONGEST_SEARCH_SECONDS, max(1.0, deadline - time.process_time()))
        bound, found = cover.whole(longest, best)
        least = max(least, bound)
        cuts = list(witnesses.cuts(found.astype(float)))
        for cut in cuts:
            cover.add(cut, found.astype(float))
        best = _better(candidates, witnesses, best, found)
        if not cuts and longest < LONGEST_SEARCH_SECONDS:
            break
    return {
        "ours": ours,
        "best": float(candidates.weights @ best),
        "least": float(np.ceil(least - 1e-3)),
        "cuts": len(cover.cuts),
        "seconds": round(time.process_time() - begin),
    }


def _fractional(witnesses: Witnesses, cover: Cover, deadline: float) -> float:
    """Add cuts at fractional solutions as long as some are found; the loss is at least this."""
    least, solution = cover.relaxed()
    while time.process_time() < deadline:
        if not sum([cover.add(cut, solution) for cut in witnesses.cuts(solution)]):
            break
        least, solution = cover.relaxed()
    return least


def _better(candidates: Candidates, witnesses: Witnesses, best: Flags, found: Flags) -> Flags:
    """The solution found, with what it lacks suppressed too and what it need not suppress put back;
    or the best so far if that is no better.
    """
    weights, suppressed = candidates.weights, found.copy()
    while cuts := list(witnesses.cuts(suppressed.astype(float))):
        for columns, _ in cuts:
            if not suppressed[list(columns)].any():
                suppressed[min(columns, key=lambda column: weights[column])] = True
        if weights @ suppressed >= 1.5 * (weights @ best):
            return best
    for column in sorted(np.flatnonzero(suppressed).tolist(), key=lambda c: -weights[c]):
        suppressed[column] = False
        if not witnesses.all_within_reach(suppressed):
            suppressed[column] = True
    return suppressed if weights @ suppressed < weights @ best else best
