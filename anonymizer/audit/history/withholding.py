"""Withholds from new tables what they would tell together with others; old ones stay as they are.

Every round attacks what is left. A figure that is taken away breaks no proof, so that goals once
proved stay proved and each round has only the rest to do; as each takes at least one figure
away or is the last, it ends.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anonymizer.audit.findings import Finding
from anonymizer.audit.history.attack import JoinedFinding, attack_joined
from anonymizer.audit.history.join import Join, Joint, joint
from anonymizer.audit.history.shown import Shown
from anonymizer.audit.knowledge import Flags, Integers
from anonymizer.tables import TableKey


@dataclass(frozen=True)
class Effort:
    """How many programs may be solved for single groups of one join; the rest is withheld."""

    programs: int = 300


@dataclass(frozen=True)
class Withheld:
    """New tables without what had to go, and why; `beyond_help` rests on old figures alone."""

    tables: tuple[Shown, ...]
    figures: int
    findings: tuple[Finding, ...]
    beyond_help: tuple[Finding, ...]


def withhold_joined(
    joins: Iterable[Join], new: Sequence[Shown], floor: int, effort: Effort
) -> Withheld:
    """The new tables with nothing left that a join shows to be below `floor` people.

    Joins are looked at one after the other, with what the ones before have left.
    """
    current = {shown.key: shown for shown in new}
    findings: list[Finding] = []
    beyond: list[Finding] = []
    figures = 0
    for join in joins:
        tables = tuple(current.get(shown.key, shown) for shown in join.tables)
        cleared = _cleared(replace(join, tables=tables), current.keys(), floor, effort)
        for key, segments in cleared.segments.items():
            current[key] = current[key].without(segments)
            figures += len(segments)
        findings += cleared.findings
        beyond += cleared.beyond_help
    return Withheld(
        tuple(current[shown.key] for shown in new), figures, tuple(findings), tuple(beyond)
    )


@dataclass(frozen=True)
class _Cleared:
    """Of one join: the segments to withhold by table, and what was found."""

    segments: dict[TableKey, Integers]
    findings: list[Finding]
    beyond_help: list[Finding]


def _cleared(join: Join, new: Collection[TableKey], floor: int, effort: Effort) -> _Cleared:
    known = joint(join, floor)
    changing = np.array([table.key in new for table in join.tables], dtype=bool)
    wanted = np.ones(known.goals.weights.shape[0], dtype=bool)
    withheld: list[tuple[int, int]] = []
    findings: list[Finding] = []
    beyond: list[Finding] = []
    left = effort.programs
    while True:
        outcome = attack_joined(known, wanted, left)
        left = max(left - outcome.programs, 0)
        wanted = outcome.open.copy()
        choice = _choose(outcome.findings, known, changing)
        findings += [found.finding for found in choice.mended]
        beyond += [found.finding for found in choice.beyond_help]
        for found in choice.beyond_help:
            wanted[found.goals] = False
        if not len(choice.figures):
            break
        places = known.table[choice.figures], known.segment[choice.figures]
        withheld += list(zip(*(place.tolist() for place in places), strict=True))
        known = known.without(choice.figures)
    return _Cleared(_by_table(join, withheld), findings, beyond)


def _by_table(join: Join, withheld: Sequence[tuple[int, int]]) -> dict[TableKey, Integers]:
    rows: dict[TableKey, list[int]] = {}
    for table, segment in withheld:
        rows.setdefault(join.tables[table].key, []).append(segment)
    return {key: np.array(segments, dtype=np.int64) for key, segments in rows.items()}


@dataclass(frozen=True)
class _Choice:
    """Figures to withhold, the findings that this mends or may mend, and those it cannot."""

    figures: Integers
    mended: list[JoinedFinding]
    beyond_help: list[JoinedFinding]


def _choose(findings: Sequence[JoinedFinding], known: Joint, changing: Flags) -> _Choice:
    """Of each finding the new figure of the least preference, unless one has gone already."""
    chosen: set[int] = set()
    mended, beyond = [], []
    for found in findings:
        own = found.figures[changing[known.table[found.figures]]]
        if not len(own):
            beyond.append(found)
            continue
        if chosen.isdisjoint(own.tolist()):
            chosen.update(_least_preferred(found, own, known))
            mended.append(found)
    return _Choice(np.array(sorted(chosen), dtype=np.int64), mended, beyond)


def _least_preferred(found: JoinedFinding, own: Integers, known: Joint) -> list[int]:
    """One figure; half of them where all figures together are at odds and none is to blame."""
    order = own[np.argsort(-known.segment[own], kind="stable")]
    blamed = len(found.goals) or len(found.figures) < len(known.table)
    chosen: list[int] = order[: 1 if blamed else (len(order) + 1) // 2].tolist()
    return chosen
