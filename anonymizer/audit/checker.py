"""Verifies the proof of a release before anything of it is published.

It shares no code with the suppressor: it counts the groups again, finds out again which groups
are near, and adds up every witness, with whole numbers and without a solver. A release without a
finding keeps the threshold, the rounding, the protection level and promise 8.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.findings import Finding, Kind
from anonymizer.audit.recount import Groups, Ints, boxes_of, recount
from anonymizer.audit.sharing import nearest
from anonymizer.audit.witness_sums import Known, Limits, broken_rules
from anonymizer.policy import Promise
from anonymizer.proofs import NO_ONE, SUPPRESSED, Claim, Representatives
from anonymizer.segments import Catalogue

Draw = Callable[[str, str], int]

_MOST_SHOWN = 20  # segments that one finding names


@dataclass(frozen=True)
class _Reading:
    """One table as the checker counts it, and what is claimed of its judged groups.

    `published` says which judged groups have a figure, `outcomes` what it is, or SUPPRESSED.
    """

    number: int
    claim: Claim
    groups: Groups
    published: NDArray[np.bool_]
    outcomes: Ints

    @property
    def alone(self) -> NDArray[np.bool_]:
        """The judged groups that are claimed to follow nobody."""
        sharing = self.claim.sharing
        alone: NDArray[np.bool_] = (sharing.earlier == NO_ONE) & (sharing.leader < 0)
        return alone

    @property
    def leaders_here(self) -> Ints:
        """The judged group of this table that each follows, -1 for none."""
        sharing = self.claim.sharing
        here = (sharing.earlier == NO_ONE) & (sharing.leader_table == self.number)
        here &= sharing.leader < len(self.groups)
        return np.where(here, sharing.leader, -1)


@dataclass(frozen=True)
class _Rules:
    """What a release is checked against."""

    catalogue: Catalogue
    promise: Promise
    draw: Draw

    def finding(self, reading: _Reading, kind: Kind, broken: Ints, text: str) -> list[Finding]:
        """A finding about judged groups of a table, if any; only published ones are named."""
        if not len(broken):
            return []
        named = reading.groups.segments[broken[reading.published[broken]][:_MOST_SHOWN]]
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
    rules = _Rules(catalogue, promise, draw)
    findings: list[Finding] = _repeated(claims)
    readings: list[_Reading] = []
    for number, claim in enumerate(claims):
        read = _read(number, claim, catalogue, promise)
        if isinstance(read, Finding):
            return (*findings, read)
        reading, boxes = read
        readings.append(reading)
        findings += _broken_figures(reading, readings, rules)
        if reading.published.any():
            shown = boxes[np.flatnonzero(reading.published)]
            findings += _contradictions(reading, shown, rules)
            findings += _unproved(reading, shown, rules)
    if readings:
        findings += _wrong_sharing(readings, history, rules)
    return tuple(findings)


def check_state(
    state: Representatives, claims: Sequence[Claim], catalogue: Catalogue, promise: Promise
) -> tuple[Finding, ...]:
    """Whether the state to be recorded is exactly that of the groups judged on their own.

    For claims in which `check_release` finds nothing.
    """
    first = 0
    right = state.step == promise.step and state.rounding == promise.rounding
    for number, claim in enumerate(claims):
        read = _read(number, claim, catalogue, promise)
        if isinstance(read, Finding):
            return (read,)
        last = first + int(np.count_nonzero(read[0].alone))
        right = right and _recorded(state, slice(first, last), read[0])
        first = last
    sketches = state.sketches
    parts = (state.table, state.figures, sketches.people, sketches.fine, sketches.keys)
    sizes = {len(part) for part in parts}
    if right and sizes == {first}:
        return ()
    text = "the state to be recorded is not that of the groups judged on their own"
    return (Finding("state", "structure", (), text),)


def _recorded(state: Representatives, own: slice, reading: _Reading) -> bool:
    """Whether these rows of the state are the groups of a table that are judged on their own."""
    sketches, alone, name = reading.groups.sketches, reading.alone, str(reading.claim.counted.key)
    tables = [number for number, table in enumerate(state.tables) if table == name]
    return (
        state.sketches.shape == sketches.shape
        and np.array_equal(state.sketches.people[own], sketches.people[alone])
        and np.array_equal(state.sketches.fine[own], sketches.fine[alone])
        and np.array_equal(state.sketches.keys[own], sketches.keys[alone])
        and np.array_equal(state.figures[own], reading.outcomes[alone])
        and bool(np.isin(state.table[own], tables).all())
    )


def _repeated(claims: Sequence[Claim]) -> list[Finding]:
    names = [str(claim.counted.key) for claim in claims]
    return [
        Finding(name, "structure", (), "a release has one table of each subject and period")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def _read(
    number: int, claim: Claim, catalogue: Catalogue, promise: Promise
) -> tuple[_Reading, sparse.csr_array] | Finding:
    """Count a table anew, with the cells of its groups; refuses parts that do not fit together."""
    counted, figures, sharing = claim.counted, claim.figures, claim.sharing

    def refused(text: str) -> Finding:
        return Finding(counted.key, "structure", (), text)

    if figures.key != counted.key or counted.people.shape != catalogue.shape:
        return refused("figures, counts and catalogue are not of the same table")
    groups, boxes = recount(counted, catalogue, promise)
    if not np.array_equal(groups.segments, sharing.segments):
        return refused("the judged groups are not those with enough people to be judged")
    parts = (sharing.earlier, sharing.rounding, sharing.leader_table, sharing.leader)
    if any(part.shape != groups.segments.shape for part in parts):
        return refused("the parts of the sharing differ in length")
    if not np.isin(figures.segments, groups.segments).all():
        return refused("a figure is of a segment that is not judged")
    outcomes = np.full(len(groups), SUPPRESSED, dtype=np.int64)
    places = np.searchsorted(groups.segments, figures.segments)
    outcomes[places] = figures.people
    published = np.zeros(len(groups), dtype=bool)
    published[places] = True
    return _Reading(number, claim, groups, published, outcomes), boxes


def _broken_figures(
    reading: _Reading, readings: Sequence[_Reading], rules: _Rules
) -> Iterator[Finding]:
    """Published figures that are below the threshold, badly rounded or not their leader's."""
    alone = np.flatnonzero(reading.published & reading.alone)
    following = np.flatnonzero(reading.published & ~reading.alone)
    due = [
        _figure(int(reading.groups.people[g]), int(reading.groups.totals[g]), rules) for g in alone
    ]
    low = np.array([figure == SUPPRESSED for figure in due], dtype=bool)
    below = following[reading.groups.people[following] < rules.promise.k]
    text = "a figure counts fewer people than the threshold"
    yield from rules.finding(reading, "floor", np.concatenate([alone[low], below]), text)
    wrong = alone[~low & (np.array(due, dtype=np.int64) != reading.outcomes[alone])]
    yield from rules.finding(reading, "rounding", wrong, "a figure is not rounded as drawn")
    expected = np.array([_shared(reading, g, readings) for g in following.tolist()], np.int64)
    wrong = following[expected != reading.outcomes[following]]
    yield from rules.finding(reading, "rule", wrong, "near sets do not share one outcome")


def _figure(people: int, total: int, rules: _Rules) -> int:
    """The figure of a group judged on its own; SUPPRESSED below its threshold."""
    promise, message = rules.promise, f"{total}:{people}"
    offset = 0
    if people < promise.k + promise.k_jitter:
        offset = rules.draw("floor", message) % (promise.k_jitter + 1)
    if people < promise.k + offset:
        return SUPPRESSED
    rest = people % promise.rounding
    down = people - rest
    if not rest:
        return people
    up = rules.draw("rounding", message) * promise.rounding < rest << 64
    return down + promise.rounding if up or down < promise.k else down


def _shared(reading: _Reading, group: int, readings: Sequence[_Reading]) -> int:
    """The outcome that a follower must have; SUPPRESSED if its leader is not to be found."""
    sharing = reading.claim.sharing
    if sharing.earlier[group] != NO_ONE:
        return int(sharing.earlier[group])
    table, leader = int(sharing.leader_table[group]), int(sharing.leader[group])
    if not 0 <= table < len(readings) or leader >= len(readings[table].groups):
        return SUPPRESSED
    return int(readings[table].outcomes[leader])


def _contradictions(reading: _Reading, boxes: sparse.csr_array, rules: _Rules) -> list[Finding]:
    """Published groups that hold all possible cells of another one and have a smaller figure."""
    places = np.flatnonzero(reading.published)
    figures = reading.outcomes[places]
    lists = boxes.T.tocsr()
    degrees = np.diff(lists.indptr)
    # Whoever holds a group holds its cell that is in the fewest groups.
    cells = np.int64(len(degrees))
    rarest = np.minimum.reduceat(degrees[boxes.indices] * cells + boxes.indices, boxes.indptr[:-1])
    around = lists[rarest % cells].tocoo()
    smaller, larger = around.row.astype(np.int64), around.col.astype(np.int64)
    held = np.repeat(np.arange(len(places)), np.diff(boxes.indptr)) * cells + boxes.indices
    for end in (boxes.indptr[:-1], boxes.indptr[1:] - 1):
        sought = larger * cells + boxes.indices[end[smaller]]
        kept = held[np.searchsorted(held, sought).clip(max=len(held) - 1)] == sought
        kept &= figures[larger] < figures[smaller]
        smaller, larger = smaller[kept], larger[kept]
    shared = boxes[smaller].multiply(boxes[larger]).sum(axis=1)
    broken = places[np.unique(larger[shared == np.diff(boxes.indptr)[smaller]])]
    text = "a figure is smaller than that of a segment within its segment"
    return rules.finding(reading, "contradiction", broken, text)


def _unproved(reading: _Reading, boxes: sparse.csr_array, rules: _Rules) -> list[Finding]:
    """Whether the witnesses prove the published figures of a table."""
    places = np.flatnonzero(reading.published)
    promise, alone, leaders = rules.promise, reading.alone, reading.leaders_here
    widest = promise.step + promise.near_jitter - 1
    rounding = reading.claim.sharing.rounding[places]
    slack = np.where(alone[places], 0, widest) + rounding - 1
    figures = reading.outcomes[places]
    shown = np.full(len(alone) + 1, -1)
    shown[places] = np.arange(len(places))
    counted, hidden = reading.claim.counted, None
    if not promise.inference_floor:
        others = np.setdiff1d(np.arange(len(rules.catalogue)), reading.claim.figures.segments)
        hidden = boxes_of(others, counted, rules.catalogue)
    known = Known(
        boxes,
        figures,
        np.maximum(promise.k, figures - slack),
        figures + slack,
        places,
        alone[places],
        np.where(alone, len(alone), leaders)[places],
        shown[leaders[places]],
        hidden,
    )
    name = str(counted.key)
    jitter = rules.draw("near", f"{name}|{name}") % (promise.near_jitter + 1)
    limits = Limits(promise.inference_floor, promise.step + jitter, widest, counted.occupied)
    return [
        Finding(counted.key, "unproved", (), text)
        for text in broken_rules(reading.claim.witnesses, counted.possible, known, limits)
    ]


def _wrong_sharing(
    readings: Sequence[_Reading], history: Iterable[Representatives], rules: _Rules
) -> Iterator[Finding]:
    """Tables whose groups do not follow whom they have to (promise 8)."""
    names = [str(reading.claim.counted.key) for reading in readings]
    tables = [(n, r.groups.sketches) for n, r in zip(names, readings, strict=True)]
    found = nearest(tables, history, rules.promise, rules.draw)
    firsts = np.cumsum([0, *(len(reading.groups) for reading in readings)])
    for number, reading in enumerate(readings):
        own = slice(firsts[number], firsts[number + 1])
        leader, sharing = found.leader[own], reading.claim.sharing
        tables_of = np.where(leader < 0, -1, np.searchsorted(firsts, leader, side="right") - 1)
        right = (
            (sharing.earlier == found.earlier[own])
            & (sharing.rounding == found.rounding[own])
            & (sharing.leader_table == tables_of)
            & (sharing.leader == np.where(leader < 0, -1, leader - firsts[tables_of]))
        )
        text = "a group does not follow the group judged earlier that it is near to"
        yield from rules.finding(reading, "rule", np.flatnonzero(~right), text)
