"""Whether a segment is likely to be published: what released figures alone say of it.

Nothing is counted for an answer. It looks at what became of the segment in released periods, so
that asking tells no more than the published files do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from anonymizer.model.dimensions import ALL
from anonymizer.model.periods import PeriodKind
from portal import portal_limits
from portal.published_tables import (
    Codes,
    KnownGroups,
    PeriodFigure,
    PortalSubject,
    PublishedTables,
    ReleasedTable,
    TableRow,
)

Verdict = Literal["likely", "uncertain", "unlikely", "no_segment", "no_history"]


@dataclass(frozen=True)
class WantedSegment:
    """A composed segment; empty choices mean everyone."""

    gender: str = ALL
    ages: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outlook:
    """The answer. `codes` is the segment of the catalogue, `nearest` the published one around it.

    `published` of the `looked_at` newest periods have a figure of it, `newest` is the last one.
    A segment that no table lists by name or by its groups may be requested.
    """

    verdict: Verdict
    codes: Codes | None
    published: int
    looked_at: int
    newest: PeriodFigure | None
    nearest: TableRow | None
    may_be_requested: bool = False


def outlook(
    wanted: WantedSegment, subject: PortalSubject, every: PeriodKind, tables: PublishedTables
) -> Outlook:
    """What became of a segment in the newest periods of a subject.

    With a code that is of no group there is no such segment, whatever the other codes are.
    """
    groups = tables.groups()
    atoms = _atoms(wanted, groups)
    if atoms is None:
        return Outlook("no_segment", None, 0, 0, None, None)
    codes = _codes(atoms, groups)
    periods = [one for one in tables.periods(subject, codes or (ALL,) * 3) if _is(one, every)]
    recent = periods[-portal_limits.RECENT_PERIODS :]
    if not recent:
        return Outlook("no_history", codes, 0, 0, None, None)
    table = tables.table(subject, recent[-1].release)
    nearest = _nearest(atoms, table)
    if codes is None:
        return Outlook("no_segment", None, 0, len(recent), recent[-1], nearest, True)  # noqa: FBT003
    published = sum(one.figure is not None for one in recent)
    verdict: Verdict = "uncertain"
    if published in (0, len(recent)):
        verdict = "likely" if published else "unlikely"
    asked_for = (
        not published and _is_joined(codes) and not any(r.codes == codes for r in table.rows)
    )
    return Outlook(verdict, codes, published, len(recent), recent[-1], nearest, asked_for)


def _is_joined(codes: Codes) -> bool:
    """Whether a group is of requested segments alone: it is in no cross table."""
    return any("+" in code.rstrip("+") for code in codes)


def _is(one: PeriodFigure, every: PeriodKind) -> bool:
    return one.period.kind == every


def _atoms(wanted: WantedSegment, groups: KnownGroups) -> tuple[frozenset[str], ...] | None:
    """The atoms of each dimension that a segment is made of; None with an unknown code."""
    chosen: Sequence[Collection[str]] = ((wanted.gender,), wanted.ages, wanted.regions)
    found = []
    for known, codes in zip(groups.dimensions, chosen, strict=True):
        if not all(code in known for code in codes):
            return None
        parts = [known[code].atoms for code in codes] or [known[ALL].atoms]
        found.append(frozenset().union(*parts))
    return tuple(found)


def _codes(atoms: Sequence[frozenset[str]], groups: KnownGroups) -> Codes | None:
    """The segment that has exactly these atoms, if each dimension has a group with them."""
    found = []
    for known, wanted in zip(groups.dimensions, atoms, strict=True):
        same = [group for group in known.values() if group.atoms == wanted]
        if not same:
            return None
        found.append(min(same, key=lambda group: (group.level == "group", group.code)).code)
    return found[0], found[1], found[2]


def _nearest(atoms: Sequence[frozenset[str]], table: ReleasedTable) -> TableRow | None:
    """The published segment with the fewest cells that contains all of the atoms."""
    dimensions = table.groups.dimensions
    containing = [
        row
        for codes, row in table.published.items()
        if all(
            known[code].atoms >= part
            for known, code, part in zip(dimensions, codes, atoms, strict=True)
        )
    ]
    return min(containing, key=lambda row: (table.groups.cells(row.codes), row.id), default=None)
