"""Verifies the proof of a release before anything of it is published.

It shares no code with the suppressor: it counts the groups again, finds out again which groups
are near, and adds up every witness, with whole numbers and without a solver. A release without a
finding keeps the threshold, the rounding, the protection level and promise 8.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonymizer.audit.findings import Finding, Kind
from anonymizer.audit.recount import Flags, Groups, Ints, membership, possible_cells, recount
from anonymizer.audit.sharing import Draw, Followed, followed, rows_of
from anonymizer.audit.witness_sums import Known, Limits, broken_rules
from anonymizer.policy import Promise
from anonymizer.proofs import NO_ONE, SUPPRESSED, Claim, Representatives, Sketches
from anonymizer.segments import Catalogue

_MOST_SHOWN = 20  # segments that one finding names


@dataclass(frozen=True)
class _Reading:
    """One table as the checker counts it, and what is claimed of its judged groups.

    `published` says which judged groups have a figure, `outcomes` what it is, or SUPPRESSED;
    `alone` which of them are claimed to follow nobody.
    """

    number: int
    claim: Claim
    groups: Groups
    published: Flags
    outcomes: Ints
    alone: Flags


@dataclass(frozen=True)
class _Rules:
    """What a release is checked against; `inside` is the membership of the catalogue."""

    catalogue: Catalogue
    inside: sparse.csr_array
    promise: Promise
    draw: Draw

    def finding(self, reading: _Reading, kind: Kind, broken: Flags, text: str) -> list[Finding]:
        """A finding about judged groups of a table, if any; only published ones are named."""
        if not broken.any():
            return []
        named = reading.groups.segments[broken & reading.published][:_MOST_SHOWN]
        segments = tuple(self.catalogue.id(segment) for segment in named.tolist())
        return [Finding(reading.claim.counted.key, kind, segments, text)]


def check_release(
    claims: Sequence[Claim],
    history: Iterable[Representatives],
    catalogue: Catalogue,
    promise: Promise,
    draw: Draw,
) -> tuple[Finding, ...]:
    """Every broken rule of a release; it may be published if there is none.

    `history` holds the representatives of earlier releases in the ledger's order, `draw` is the
    keyed draw. No finding holds a true count.
    """
    rules = _Rules(catalogue, membership(catalogue), promise, draw)
    readings = _read(claims, catalogue, rules.inside, promise)
    if isinstance(readings, Finding):
        return (readings,)
    if not readings:
        return ()
    judged, alone = _joined(readings, promise)
    found = followed(judged, alone, history, promise, draw)
    outcomes = np.append(judged.figures, SUPPRESSED)[found.leader]
    shared = np.where(found.earlier != NO_ONE, found.earlier, outcomes)
    findings: list[Finding] = []
    for number, reading in enumerate(readings):
        own = judged.table == number
        findings += _broken_figures(reading, shared[own], rules)
        findings += _wrong_sharing(reading, judged, found, rules)
        if reading.published.any():
            segments, possible = reading.claim.figures.segments, reading.claim.counted.possible
            boxes = possible_cells(rules.inside, segments, possible)
            findings += _contradictions(reading, boxes, rules)
            findings += _unproved(reading, boxes, rules)
    return tuple(findings)


def check_state(
    state: Representatives, claims: Sequence[Claim], catalogue: Catalogue, promise: Promise
) -> tuple[Finding, ...]:
    """Whether the state to be recorded is exactly that of the groups judged on their own.

    For claims, one at least, in which `check_release` finds nothing.
    """
    readings = _read(claims, catalogue, membership(catalogue), promise)
    if isinstance(readings, Finding):
        return (readings,)
    judged, alone = _joined(readings, promise)
    if _content(state) == _content(rows_of(judged, np.flatnonzero(alone))):
        return ()
    text = "the state to be recorded is not that of the groups judged on their own"
    return (Finding("state", "structure", (), text),)


def _content(state: Representatives) -> tuple[object, ...]:
    """All that a state says of its groups, to be compared."""
    names, sketches = dict(enumerate(state.tables)), state.sketches
    parts = (state.figures, sketches.people, sketches.fine, sketches.keys)
    return (
        *(state.step, state.rounding, sketches.shape),
        [names.get(number) for number in state.table.tolist()],
        [(part.dtype, part.shape, part.tobytes()) for part in parts],
    )


def _joined(readings: Sequence[_Reading], promise: Promise) -> tuple[Representatives, Flags]:
    """The judged groups of all tables in order, and which are claimed to follow nobody."""
    groups = [reading.groups for reading in readings]
    sketches = Sketches(
        groups[0].sketches.shape,
        np.concatenate([part.people for part in groups]),
        np.concatenate([part.sketches.fine for part in groups]),
        np.concatenate([part.sketches.keys for part in groups]),
    )
    judged = Representatives(
        tuple(str(reading.claim.counted.key) for reading in readings),
        promise.step,
        promise.rounding,
        sketches,
        np.repeat(np.arange(len(groups), dtype=np.int32), [len(part) for part in groups]),
        np.concatenate([reading.outcomes for reading in readings]),
    )
    return judged, np.concatenate([reading.alone for reading in readings])


def _read(
    claims: Sequence[Claim], catalogue: Catalogue, inside: sparse.csr_array, promise: Promise
) -> list[_Reading] | Finding:
    """Count the tables anew; refuses parts that do not fit together."""
    readings: list[_Reading] = []
    for number, claim in enumerate(claims):
        counted, figures, sharing = claim.counted, claim.figures, claim.sharing

        def refused(text: str, claim: Claim = claim) -> Finding:
            return Finding(claim.counted.key, "structure", (), text)

        if str(counted.key) in {str(other.counted.key) for other in claims[:number]}:
            return refused("a release has one table of each subject and period")
        if figures.key != counted.key or counted.people.shape != catalogue.shape:
            return refused("figures, counts and catalogue are not of the same table")
        groups = recount(counted, inside, promise)
        if not np.array_equal(groups.segments, sharing.segments):
            return refused("the judged groups are not those with enough people to be judged")
        parts = (sharing.earlier, sharing.rounding, sharing.leader_table, sharing.leader)
        if any(part.shape != groups.segments.shape for part in parts):
            return refused("the parts of the sharing differ in length")
        if not np.isin(figures.segments, groups.segments).all():
            return refused("a figure is of a segment that is not judged")
        outcomes = np.full(len(groups), SUPPRESSED, dtype=np.int64)
        outcomes[np.searchsorted(groups.segments, figures.segments)] = figures.people
        published = np.isin(groups.segments, figures.segments)
        alone = (sharing.earlier == NO_ONE) & (sharing.leader < 0)
        readings.append(_Reading(number, claim, groups, published, outcomes, alone))
    return readings


def _broken_figures(reading: _Reading, shared: Ints, rules: _Rules) -> Iterator[Finding]:
    """Published figures that are below the threshold, badly rounded or not their leader's."""
    groups, published, outcomes = reading.groups, reading.published, reading.outcomes
    due = shared.copy()
    for group in np.flatnonzero(published & reading.alone).tolist():
        due[group] = _figure(int(groups.people[group]), int(groups.totals[group]), rules)
    low = np.where(reading.alone, due == SUPPRESSED, groups.people < rules.promise.k)
    wrong, alone = published & (due != outcomes), reading.alone
    text = "a figure counts fewer people than the threshold"
    yield from rules.finding(reading, "floor", published & low, text)
    text = "a figure is not rounded as drawn"
    yield from rules.finding(reading, "rounding", wrong & alone & ~low, text)
    text = "near sets do not share one outcome"
    yield from rules.finding(reading, "rule", wrong & ~alone, text)


def _figure(people: int, total: int, rules: _Rules) -> int:
    """The figure of a group judged on its own; SUPPRESSED below its threshold."""
    promise, message = rules.promise, f"{total}:{people}"
    offset = 0
    if people < promise.k + promise.k_jitter:
        offset = rules.draw("floor", message) % (promise.k_jitter + 1)
    if people < promise.k + offset:
        return SUPPRESSED
    rest = people % promise.rounding
    if not rest:
        return people
    down = people - rest
    up = rules.draw("rounding", message) * promise.rounding < rest << 64
    return down + promise.rounding if up or down < promise.k else down


def _wrong_sharing(
    reading: _Reading, judged: Representatives, found: Followed, rules: _Rules
) -> list[Finding]:
    """Groups of a table that do not follow whom they have to (promise 8)."""
    sharing, own = reading.claim.sharing, judged.table == reading.number
    leader = found.leader[own]
    table = np.where(leader < 0, -1, judged.table[leader])
    firsts = np.searchsorted(judged.table, table)  # the first group of each leader's table
    right = (sharing.earlier == found.earlier[own]) & (sharing.rounding == found.rounding[own])
    right &= (sharing.leader_table == table) & (sharing.leader == leader - firsts)
    text = "a group does not follow the group judged earlier that it is near to"
    return rules.finding(reading, "rule", ~right, text)


def _contradictions(reading: _Reading, boxes: sparse.csr_array, rules: _Rules) -> list[Finding]:
    """Published groups that hold all possible cells of another one and have a smaller figure."""
    places = np.flatnonzero(reading.published)
    figures, common = reading.outcomes[places], (boxes @ boxes.T).tocoo()
    inside = common.data == np.diff(boxes.indptr)[common.row]
    smaller = inside & (figures[common.col] < figures[common.row])
    broken = np.zeros(len(reading.published), dtype=bool)
    broken[places[common.col[smaller]]] = True
    text = "a figure is smaller than that of a segment within its segment"
    return rules.finding(reading, "contradiction", broken, text)


def _unproved(reading: _Reading, boxes: sparse.csr_array, rules: _Rules) -> list[Finding]:
    """Whether the witnesses prove the published figures of a table."""
    promise, sharing, counted = rules.promise, reading.claim.sharing, reading.claim.counted
    shown = np.flatnonzero(reading.published)
    here = (sharing.earlier == NO_ONE) & (sharing.leader_table == reading.number)
    leaders = np.where(here, sharing.leader, -1)[shown]
    before = np.where(reading.alone[shown], shown, leaders)
    widest = promise.step + promise.near_jitter - 1
    slack = np.where(reading.alone[shown], 0, widest) + sharing.rounding[shown] - 1
    figures, hidden = reading.outcomes[shown], None
    if not promise.inference_floor:
        others = np.setdiff1d(np.arange(len(rules.catalogue)), reading.claim.figures.segments)
        hidden = possible_cells(rules.inside, others, counted.possible)
    known = Known(
        boxes,
        figures,
        np.maximum(promise.k, figures - slack),
        figures + slack,
        reading.alone[shown],
        np.searchsorted(shown, before),
        np.where(np.isin(leaders, shown), np.searchsorted(shown, leaders), -1),
        hidden,
    )
    jitter = rules.draw("near", f"{counted.key}|{counted.key}") % (promise.near_jitter + 1)
    limits = Limits(promise.inference_floor, promise.step + jitter, widest, counted.occupied)
    return [
        Finding(counted.key, "unproved", (), text)
        for text in broken_rules(reading.claim.witnesses, counted.possible, known, limits)
    ]
