"""All tables of one release, from counts to figures that keep promises 1, 2, 3 and 8.

    Counted -> groups, judged in order -> candidate figures -> secondary suppression -> Suppressed

A table whose groups follow groups of another table of the release comes after it; all others are
suppressed side by side.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.policy import Effort, Promise
from anonymizer.model.proofs import NO_ONE, SUPPRESSED, Claim, Representatives, Sharing, Witnesses
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Counted, Figures
from anonymizer.storage.processes import Workers
from anonymizer.storage.secret import Secret
from anonymizer.suppression import suppression_limits
from anonymizer.suppression.constraints import Candidates, Ground
from anonymizer.suppression.differences import StepBounds as StepsWithin
from anonymizer.suppression.groups import Groups, judged_groups
from anonymizer.suppression.judgement import JudgedGroups, PairSteps, judge, representatives
from anonymizer.suppression.rounding import rounded
from anonymizer.suppression.suppression import SuppressionRules, suppress
from anonymizer.suppression.threshold import reaches_threshold


@dataclass(frozen=True)
class ReleaseTerms:
    """What all tables of a release are suppressed under."""

    catalogue: Catalogue
    promise: Promise
    secret: Secret
    effort: Effort


@dataclass(frozen=True)
class Suppressed:
    """What may be published of a table with its proof, and what only the privileged role may know.

    `outcomes` are by group of `judged`: people, or SUPPRESSED. `candidates` counts the segments
    with a candidate figure; those of them that were suppressed for inference are in
    `for_inference` (rows of the catalogue, ascending).
    """

    figures: Figures
    witnesses: Witnesses
    judged: JudgedGroups
    outcomes: NDArray[np.int64]
    candidates: int
    for_inference: tuple[int, ...]

    def without(self, segments: NDArray[np.int32]) -> "Suppressed":
        """The same with some more segments suppressed; the proof stays valid."""
        kept = ~np.isin(self.figures.segments, segments)
        figures = Figures(self.figures.key, self.figures.segments[kept], self.figures.people[kept])
        gone = np.isin(self.judged.groups.segments, segments)
        outcomes = np.where(gone, SUPPRESSED, self.outcomes)
        more = tuple(sorted({*self.for_inference, *self.figures.segments[~kept].tolist()}))
        return replace(self, figures=figures, outcomes=outcomes, for_inference=more)


def suppress_release(
    tables: Sequence[Counted],
    history: Iterable[Representatives],
    terms: ReleaseTerms,
    workers: Workers,
) -> tuple[Suppressed, ...]:
    """Every table of a release, judged against earlier releases in the order of the ledger.

    Figures are the same whatever the number of processes. Raises Held when a process is killed or
    a proof turns out wrong.
    """
    names = [str(table.key) for table in tables]
    costs = [suppression_limits.LEAST_COST + int(table.people.sum()) for table in tables]
    groups = workers.results(_groups, terms, tables, costs)
    steps = PairSteps(terms.promise, terms.secret)
    judged = judge(names, groups, history, steps, terms.promise)
    done: dict[int, Suppressed] = {}
    for level in _levels(judged):
        items = [
            _Item(tables[number], judged[number], _led(judged[number], done)) for number in level
        ]
        results = workers.results(_suppressed, terms, items, [costs[number] for number in level])
        done |= dict(zip(level, results, strict=True))
    return tuple(done[number] for number in range(len(tables)))


def claim_of(table: Suppressed, counted: Counted) -> Claim:
    """What the checker is given of a table."""
    judged = table.judged
    sharing = Sharing(
        judged.groups.segments,
        judged.earlier,
        judged.rounding,
        judged.leader_table,
        judged.leader,
    )
    return Claim(counted, table.figures, sharing, table.witnesses)


def follow_leaders(tables: Sequence[Suppressed]) -> tuple[Suppressed, ...]:
    """The tables without figures whose representative in the same release was suppressed since."""
    done: list[Suppressed] = []
    for table in tables:
        judged, outcomes = table.judged, table.outcomes.copy()
        gone = []
        for group in np.flatnonzero((judged.leader_table >= 0) & (outcomes != SUPPRESSED)).tolist():
            leader, position = int(judged.leader_table[group]), int(judged.leader[group])
            before = outcomes if leader == len(done) else done[leader].outcomes
            if before[position] == SUPPRESSED:
                outcomes[group] = SUPPRESSED
                gone.append(int(judged.groups.segments[group]))
        done.append(table.without(np.array(gone, dtype=np.int32)) if gone else table)
    return tuple(done)


def state_of(tables: Sequence[Suppressed], promise: Promise) -> Representatives:
    """What later releases are judged against."""
    names = [str(table.figures.key) for table in tables]
    return representatives(
        names, [table.judged for table in tables], [table.outcomes for table in tables], promise
    )


@dataclass(frozen=True)
class _Item:
    """A table to be suppressed, and the outcomes of groups that its groups follow (else NO_ONE)."""

    counted: Counted
    judged: JudgedGroups
    led: NDArray[np.int64]


def _groups(terms: ReleaseTerms, counted: Counted) -> Groups:
    return judged_groups(counted, terms.catalogue, terms.promise)


def _levels(judged: Sequence[JudgedGroups]) -> list[list[int]]:
    """Numbers of tables; a table comes in a later level than those that its groups follow."""
    depth: list[int] = []
    for number, table in enumerate(judged):
        before = {int(of) for of in np.unique(table.leader_table) if of not in (-1, number)}
        depth.append(1 + max((depth[of] for of in before), default=-1))
    return [
        [number for number, at in enumerate(depth) if at == level]
        for level in range(max(depth, default=-1) + 1)
    ]


def _led(judged: JudgedGroups, done: dict[int, Suppressed]) -> NDArray[np.int64]:
    """The outcomes that groups share with groups of earlier releases and of other tables."""
    led = judged.earlier.copy()
    for group in np.flatnonzero(judged.leader_table >= 0).tolist():
        table = done.get(int(judged.leader_table[group]))
        if table is not None:
            led[group] = table.outcomes[judged.leader[group]]
    return led


def _suppressed(terms: ReleaseTerms, item: _Item) -> Suppressed:
    counted, groups, promise = item.counted, item.judged.groups, terms.promise
    figures = _candidate_figures(item, terms)
    chosen = np.flatnonzero(figures != SUPPRESSED)
    candidates = _candidates(item, figures, chosen, promise)
    ground = Ground(terms.catalogue, counted.possible, counted.occupied)
    name, drawn = str(counted.key), PairSteps(promise, terms.secret)
    within = StepsWithin(drawn.between(name, name, promise.step), drawn.most - 1)
    rules = SuppressionRules(promise, terms.effort, within)
    proved = suppress(ground, candidates, rules, counted.people)
    published = chosen[proved.published]
    outcomes = np.full(len(groups), SUPPRESSED, dtype=np.int64)
    outcomes[published] = figures[published]
    segments = groups.segments[published]
    return Suppressed(
        Figures(counted.key, segments, figures[published]),
        proved.witnesses,
        item.judged,
        outcomes,
        candidates=len(chosen),
        for_inference=tuple(np.setdiff1d(groups.segments[chosen], segments).tolist()),
    )


def _candidate_figures(item: _Item, terms: ReleaseTerms) -> NDArray[np.int64]:
    """The figure that each group would have, by its own people or by whom it follows."""
    groups, judged, promise = item.judged.groups, item.judged, terms.promise
    alone = judged.alone
    figures = np.full(len(groups), SUPPRESSED, dtype=np.int64)
    reached = np.flatnonzero(
        alone & reaches_threshold(groups.people, groups.totals, promise, terms.secret)
    )
    figures[reached] = rounded(
        groups.people[reached], groups.totals[reached], promise, terms.secret
    )
    for group in np.flatnonzero(~alone).tolist():
        shared = item.led[group]
        if shared == NO_ONE:  # it follows a group of this table, which comes before it
            shared = figures[judged.leader[group]]
        if groups.people[group] >= promise.k:
            figures[group] = shared
    return figures


def _candidates(
    item: _Item, figures: NDArray[np.int64], chosen: NDArray[np.intp], promise: Promise
) -> Candidates:
    judged, people = item.judged, figures[chosen]
    shared = ~judged.alone[chosen]
    slack = judged.rounding[chosen] - 1 + np.where(shared, promise.most_shared, 0)
    lower, upper = np.maximum(people - slack, promise.k), people + slack
    position = np.full(len(figures), -1, dtype=np.intp)
    position[chosen] = np.arange(len(chosen))
    # Leaders in other tables are numbered as these number their groups.
    inside = shared & (item.led[chosen] == NO_ONE)
    leader = np.full(len(chosen), -1, dtype=np.intp)
    leader[inside] = position[judged.leader[chosen[inside]]]
    segments = judged.groups.segments[chosen]
    return Candidates(segments, people, lower, upper, shared, leader)
