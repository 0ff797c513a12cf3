"""Verifies the proof of a release before anything of it is published.

It shares no code with the suppressor: it counts the groups again, finds out again which groups
are near, and adds up every witness, with whole numbers and without a solver. A release without a
finding keeps the threshold, the rounding, the protection level and promise 8.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit import checker_limits
from anonymizer.audit.findings import Finding, Kind
from anonymizer.audit.recount import (
    Flags,
    Ints,
    RecountedGroups,
    membership,
    possible_cells,
    recount,
)
from anonymizer.audit.shared_outcomes import Draw, Followed, followed, joined, rows_of
from anonymizer.audit.witness_check import KnownFigures, broken_rules
from anonymizer.model.policy import Promise
from anonymizer.model.proofs import NO_ONE, SUPPRESSED, Claim, Representatives, Sharing
from anonymizer.model.segments import Catalogue

Broken = tuple[Kind, str, Flags]  # a broken rule, and by which groups


@dataclass(frozen=True)
class _CountedRelease:
    """A release as the checker counts it, and what is claimed: judged groups, table after table.

    `judged` has their outcomes: figures, or SUPPRESSED; `totals` are the sums modulo 2^64 of their
    people's keyed numbers. `public` says which have a figure, `alone` which are claimed to follow
    nobody.
    """

    judged: Representatives
    totals: NDArray[np.uint64]
    sharing: Sharing
    public: Flags
    alone: Flags


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
    if not claims:
        return ()
    inside = membership(catalogue)
    reading = _read(claims, catalogue, inside, promise)
    if isinstance(reading, Finding):
        return (reading,)
    found = followed(reading.judged, reading.alone, history, promise, draw)
    of_release: list[Broken] = [
        _wrong_sharing(reading, found),
        *_wrong_figures(reading, found, promise, draw),
    ]
    findings: list[Finding] = []
    for number, claim in enumerate(claims):
        key, published = claim.counted.key, claim.figures.segments
        known = _known(number, claim, inside, promise, draw)
        own = slice(*np.searchsorted(reading.judged.table, [number, number + 1]))
        smaller = np.isin(claim.sharing.segments, published[_smaller_supersets(known)])
        text = "a figure is smaller than the figure of a segment that it contains"
        broken = [(kind, rule, wrong[own]) for kind, rule, wrong in of_release]
        for kind, rule, wrong in [*broken, ("contradiction", text, smaller)]:
            named = np.intersect1d(claim.sharing.segments[wrong], published)[
                : checker_limits.SEGMENTS_LISTED
            ]
            ids = tuple(catalogue.id(segment) for segment in named.tolist())
            findings += [Finding(key, kind, ids, rule)] if wrong.any() else []
        texts = broken_rules(claim.witnesses, known) if len(published) else []
        findings += [Finding(key, "unproved", (), text) for text in texts]
    return tuple(findings)


def check_state(
    state: Representatives, claims: Sequence[Claim], catalogue: Catalogue, promise: Promise
) -> tuple[Finding, ...]:
    """Whether the state to be recorded is exactly that of the groups judged on their own.

    For claims, one at least, in which `check_release` finds nothing.
    """
    reading = _read(claims, catalogue, membership(catalogue), promise)
    if isinstance(reading, Finding):
        return (reading,)
    if _content(state) == _content(rows_of(reading.judged, np.flatnonzero(reading.alone))):
        return ()
    text = "the state to be recorded does not match the groups judged on their own"
    return (Finding("state", "structure", (), text),)


def _content(state: Representatives) -> tuple[object, ...]:
    """All that a state says of its groups, to be compared."""
    names, sketches = dict(enumerate(state.tables)), state.sketches
    arrays = (state.figures, sketches.people, sketches.fine, sketches.keys)
    return (
        *(state.step, state.rounding, sketches.shape),
        [names.get(number) for number in state.table.tolist()],
        [(array.dtype, array.shape, array.tobytes()) for array in arrays],
    )


def _read(
    claims: Sequence[Claim], catalogue: Catalogue, inside: sparse.csr_array, promise: Promise
) -> _CountedRelease | Finding:
    """Count the tables anew; refuses parts that do not fit together."""
    judged: dict[str, Representatives] = {}
    totals = []
    for claim in claims:
        counted, figures = claim.counted, claim.figures
        name = str(counted.key)
        if name in judged:
            return _refused(
                claim, "a release must not have two tables for the same subject and period"
            )
        if figures.key != counted.key or counted.people.shape != catalogue.shape:
            return _refused(claim, "figures, counts and catalogue belong to different tables")
        groups = recount(counted, inside, promise)
        if text := _misfit(claim, groups):
            return _refused(claim, text)
        outcomes = np.full(len(groups), SUPPRESSED, dtype=np.int64)
        outcomes[np.searchsorted(groups.segments, figures.segments)] = figures.people
        of_table = np.zeros(len(groups), dtype=np.int32)
        terms = promise.step, promise.rounding
        judged[name] = Representatives((name,), *terms, groups.sketches, of_table, outcomes)
        totals.append(groups.totals)
    claimed = zip(*(vars(claim.sharing).values() for claim in claims), strict=True)
    sharing = Sharing(*(np.concatenate(parts) for parts in claimed))
    public = [np.isin(claim.sharing.segments, claim.figures.segments) for claim in claims]
    alone = (sharing.earlier == NO_ONE) & (sharing.leader < 0)
    every = joined(list(judged.values()))
    return _CountedRelease(every, np.concatenate(totals), sharing, np.concatenate(public), alone)


def _misfit(claim: Claim, groups: RecountedGroups) -> str:
    """Why what is claimed of a table cannot be of these groups; empty if it can."""
    parts = vars(claim.sharing).values()
    if not np.array_equal(groups.segments, claim.sharing.segments):
        return "the judged groups are not exactly the groups with enough people to be judged"
    if any(part.shape != groups.segments.shape for part in parts):
        return "the parts of the sharing differ in length"
    if any(part.dtype.kind != "i" for part in (claim.figures.people, *parts)):
        return "figures or sharing are not whole numbers"
    if not np.isin(claim.figures.segments, groups.segments).all():
        return "a segment that was not judged has a figure"
    return ""


def _refused(claim: Claim, text: str) -> Finding:
    return Finding(claim.counted.key, "structure", (), text)


def _wrong_sharing(reading: _CountedRelease, found: Followed) -> Broken:
    """Groups that do not follow whom they have to (promise 8)."""
    sharing, tables = reading.sharing, reading.judged.table
    table = np.where(found.leader < 0, -1, tables[found.leader])
    first = np.searchsorted(tables, table)  # group of the leader's table
    right = (sharing.earlier == found.earlier) & (sharing.rounding == found.rounding)
    right &= (sharing.leader_table == table) & (sharing.leader == found.leader - first)
    return "rule", "a group does not follow the group judged earlier that it is near to", ~right


def _wrong_figures(
    reading: _CountedRelease, found: Followed, promise: Promise, draw: Draw
) -> Iterator[Broken]:
    """Published figures that are below the threshold, badly rounded or not their leader's."""
    public, alone, figures = reading.public, reading.alone, reading.judged.figures
    people = reading.judged.sketches.people
    outcomes = np.append(figures, SUPPRESSED)[found.leader]
    expected = np.where(found.earlier == NO_ONE, outcomes, found.earlier)
    for group in np.flatnonzero(public & alone).tolist():
        expected[group] = _figure(int(people[group]), int(reading.totals[group]), promise, draw)
    low = np.where(alone, expected == SUPPRESSED, people < promise.k)
    wrong = public & (expected != figures)
    yield "floor", "a figure counts fewer people than the threshold", public & low
    yield "rounding", "a figure does not follow its rounding draw", wrong & alone & ~low
    yield "rule", "near sets do not share one outcome", wrong & ~alone


def _figure(people: int, total: int, promise: Promise, draw: Draw) -> int:
    """The figure of a group judged on its own; SUPPRESSED below its threshold."""
    message, offset = f"{total}:{people}", 0
    if people < promise.k + promise.k_jitter:
        offset = draw("floor", message) % (promise.k_jitter + 1)
    if people < promise.k + offset:
        return SUPPRESSED
    rest = people % promise.rounding
    if not rest:
        return people
    down = people - rest
    up = draw("rounding", message) * promise.rounding < rest << 64
    return down + promise.rounding if up or down < promise.k else down


def _known(
    number: int, claim: Claim, inside: sparse.csr_array, promise: Promise, draw: Draw
) -> KnownFigures:
    """What a reader knows of the published groups of a table."""
    counted, sharing, segments = claim.counted, claim.sharing, claim.figures.segments
    figures, positions = claim.figures.people, np.searchsorted(sharing.segments, segments)
    here = (sharing.earlier == NO_ONE) & (sharing.leader_table == number)
    leaders = np.where(here, sharing.leader, -1)[positions]
    alone = ((sharing.earlier == NO_ONE) & (sharing.leader < 0))[positions]
    widest = promise.step + promise.near_jitter - 1
    slack = sharing.rounding[positions] - 1 + np.where(alone, 0, widest)
    jitter = draw("near", f"{counted.key}|{counted.key}") % (promise.near_jitter + 1)
    hidden = np.zeros(0, dtype=np.int64)
    if not promise.inference_floor:
        hidden = np.setdiff1d(np.arange(inside.shape[0]), segments)
    return KnownFigures(
        counted.possible,
        counted.occupied,
        possible_cells(inside, segments, counted.possible),
        possible_cells(inside, hidden, counted.possible),
        figures,
        np.maximum(promise.k, figures - slack),
        figures + slack,
        alone,
        np.searchsorted(positions, np.where(alone, positions, leaders)),
        np.where(np.isin(leaders, positions), np.searchsorted(positions, leaders), -1),
        promise.inference_floor,
        promise.step + jitter,
        widest,
    )


def _smaller_supersets(known: KnownFigures) -> Ints:
    """Groups that hold all possible cells of another one and have a smaller figure."""
    common = (known.boxes @ known.boxes.T).tocoo()
    contained = common.data == np.diff(known.boxes.indptr)[common.row]
    smaller = contained & (known.figures[common.col] < known.figures[common.row])
    return np.unique(common.col[smaller]).astype(np.int64)
