"""A1, C1, C4 and A3: one figure less others, with everything that rounding leaves open.

Figures are taken for unshared; where a difference would be below zero, for shared ones.
"""

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from attacks.boxes import clipped, containment, lines
from attacks.published import Group, Seen, Table
from attacks.verdicts import Proof, Suspicion, Verdict

_ATTRIBUTES = ("gender", "age")
_NESTED_SERIES = (
    ("campaign-day", "campaign-week"),
    ("campaign-day", "campaign-month"),
    ("campaign-week", "campaign-month"),
)


def differencing(seen: Seen, suspicion: Suspicion) -> Verdict:
    """A1: a wider group less a narrower one, within one table."""
    found = [proof for table in seen.tables for proof in _pairs(table)]
    return _verdict("A1", found, suspicion)


def complements(seen: Seen, suspicion: Suspicion) -> Verdict:
    """C1: a parent less all of its children that are published."""
    found = [proof for table in seen.tables for proof in _remainders(table)]
    return _verdict("C1", found, suspicion)


def homogeneity(seen: Seen, suspicion: Suspicion) -> Verdict:
    """C4: (nearly) everybody of a group has the same gender or age."""
    found = [
        (where, group, bounds, named)
        for table in seen.tables
        for where, group, bounds, named in _pairs(table)
        if named in _ATTRIBUTES
    ]
    return _verdict("C4", found, suspicion)


def nested_campaigns(seen: Seen, suspicion: Suspicion) -> Verdict:
    """E2: everybody who accessed one campaign accessed another; the second less the first."""
    found: list[_Found] = []
    for inner in seen.tables:
        for outer in seen.tables:
            if seen.lies_in(inner, outer) and not seen.lies_in(outer, inner):
                found += _less("outside the inner campaign", outer, inner)
    return _verdict("E2", found, suspicion)


def aimed_campaigns(seen: Seen, suspicion: Suspicion) -> Verdict:
    """E2: a campaign less several in it that are aimed at different regions, all at once."""
    found: list[_Found] = []
    for outer in seen.tables:
        aimed = [
            table
            for table in seen.tables
            if seen.lies_in(table, outer) and table.whole.region < outer.whole.region
        ]
        found += _beside(outer, aimed)
    return _verdict("E2", found, suspicion)


def saturation(seen: Seen, suspicion: Suspicion) -> Verdict:
    """E2: an audience less those of it whom a campaign or an interest has reached."""
    audiences = {t.start: t for t in seen.tables if t.series == "audience-month"}
    found: list[_Found] = []
    for table in seen.tables:
        audience = audiences.get(table.end.replace(day=1))
        if audience and table is not audience:
            found += _less("not reached", audience, table)
    return _verdict("E2", found, suspicion)


def windows(seen: Seen, suspicion: Suspicion) -> Verdict:
    """A3: a period less a shorter one within it; the sum of shorter ones less the period."""
    found: list[_Found] = []
    for short, long in _NESTED_SERIES:
        parts: dict[str, list[Table]] = {}
        for table in seen.tables:
            if table.series == short:
                parts.setdefault(table.subject, []).append(table)
        for whole in (table for table in seen.tables if table.series == long):
            inside = [
                p
                for p in parts.get(whole.subject, [])
                if p.start >= whole.start and p.end <= whole.end
            ]
            for part in inside:
                found += _less("came at other times only", whole, part)
            found += _came_again(whole, inside)
    return _verdict("A3", found, suspicion)


# Where, the boxes that together are the group, the bounds, and in which dimension it differs.
_Found = tuple[str, tuple[Group, Group | None], tuple[int, int, int], str]


def _pairs(table: Table) -> Iterator[_Found]:
    groups = [clipped(group, table.whole) for group in table.figures]
    low, high = _bounds(table)
    inside = containment(groups, groups)
    strictly = inside & ~inside.T
    most = _differences(table, table)
    for outer, inner in np.argwhere(strictly & (most < table.inference_k)).tolist():
        fewest = max(0, int(low[outer] - high[inner]))
        differs = [
            name
            for name, mine, theirs in zip(Group._fields, groups[outer], groups[inner], strict=True)
            if mine != theirs
        ]
        named = differs[0] if len(differs) == 1 else ""
        bounds = (fewest, int(most[outer, inner]), table.inference_k)
        yield str(table), (groups[outer], groups[inner]), bounds, named


def _remainders(table: Table) -> Iterator[_Found]:
    groups = [clipped(group, table.whole) for group in table.figures]
    low, high = _bounds(table)
    least, greatest = _bounds(table, shared=True)
    for parent, axis, children in lines(groups):
        for reverse in (False, True):
            chosen = _disjoint(groups, axis, children, coarse_first=reverse)
            left = groups[parent][axis] - frozenset().union(*(groups[c][axis] for c in chosen))
            if not left:
                continue
            rest = Group(*(left if n == axis else s for n, s in enumerate(groups[parent])))
            most = int(high[parent] - low[chosen].sum())
            if most < 0:
                most = int(greatest[parent] - least[chosen].sum())
            fewest = max(0, int(low[parent] - high[chosen].sum()))
            if most < table.inference_k:
                bounds = (fewest, most, table.inference_k)
                yield str(table), (rest, None), bounds, Group._fields[axis]


def _disjoint(
    groups: Sequence[Group], axis: int, children: Sequence[int], *, coarse_first: bool
) -> list[int]:
    chosen: list[int] = []
    taken: set[str] = set()
    for child in sorted(children, key=lambda c: len(groups[c][axis]), reverse=coarse_first):
        if not taken & groups[child][axis]:
            chosen.append(child)
            taken |= groups[child][axis]
    return chosen


def _less(what: str, outer: Table, inner: Table) -> Iterator[_Found]:
    """People of the outer table who are not in the inner one, all of whom are in the outer."""
    wide = [clipped(group, inner.whole) for group in outer.figures]
    narrow = [clipped(group, inner.whole) for group in inner.figures]
    least = min(outer.inference_k, inner.inference_k)
    most = _differences(outer, inner)
    # The wider group may reach beyond where the inner table's people can be: it is no less then.
    for a, b in np.argwhere(containment(wide, narrow) & (most < least)).tolist():
        bounds = (0, int(most[a, b]), least)
        yield f"{outer} less {inner}: {what}", (list(outer.figures)[a], None), bounds, ""


def _beside(outer: Table, aimed: Sequence[Table]) -> Iterator[_Found]:
    """Of each group of the outer table, without the most people of tables that share nobody."""
    for group in outer.figures:
        left, taken = _rest(outer, group, aimed, shared=False)
        if left < 0:
            left, taken = _rest(outer, group, aimed, shared=True)
        if len(taken) and left < outer.inference_k and group.region - taken:
            yield f"{outer} less what is aimed", (group, None), (0, left, outer.inference_k), ""


def _rest(
    outer: Table, group: Group, aimed: Sequence[Table], *, shared: bool
) -> tuple[int, frozenset[str]]:
    """What such tables leave of a group, and the regions that they take."""
    most = {
        table.subject: max(
            (
                table.low(own, shared=shared)
                for own in table.figures
                if clipped(group, outer.whole).contains(clipped(own, table.whole))
            ),
            default=0,
        )
        for table in aimed
    }
    left, taken = outer.high(group, shared=shared), frozenset[str]()
    for table in sorted(aimed, key=lambda one: -most[one.subject]):
        if not taken & table.whole.region:
            left, taken = left - most[table.subject], taken | table.whole.region
    return left, taken


def _came_again(whole: Table, parts: Sequence[Table]) -> Iterator[_Found]:
    """People who came more than once: the parts add up to more than the whole by them."""
    first, last = max(whole.start, whole.runs[0]), min(whole.end, whole.runs[1])
    days = sum((part.end - part.start).days + 1 for part in parts)
    if len(parts) < 2 or days < (last - first).days + 1:
        return
    for group in whole.figures:
        if all(group in part.figures for part in parts):
            most = sum(part.high(group) for part in parts) - whole.low(group)
            if most < 0:
                most = sum(part.high(group, shared=True) for part in parts)
                most -= whole.low(group, shared=True)
            if most < whole.inference_k:
                bounds = (0, most, whole.inference_k)
                yield f"{whole}: came more than once", (group, None), bounds, ""


def _differences(outer: Table, inner: Table) -> np.ndarray:
    """The most people that each figure (row) has beyond each of another table (column)."""
    high, low = _bounds(outer)[1], _bounds(inner)[0]
    most = high[:, None] - low[None, :]
    greatest, least = _bounds(outer, shared=True)[1], _bounds(inner, shared=True)[0]
    return np.where(most < 0, greatest[:, None] - least[None, :], most)


def _bounds(table: Table, *, shared: bool = False) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([table.low(group, shared=shared) for group in table.figures], dtype=np.int64),
        np.array([table.high(group, shared=shared) for group in table.figures], dtype=np.int64),
    )


def _verdict(attack: str, found: Sequence[_Found], suspicion: Suspicion) -> Verdict:
    """The proofs, and what they say of the victim."""
    proofs = tuple(
        Proof(attack, where, _name(*boxes), fewest, most)
        for where, boxes, (fewest, most, _), _ in found
    )
    return Verdict(proofs, _present(found, suspicion))


def _present(found: Sequence[_Found], suspicion: Suspicion) -> bool | None:
    """Somebody is in a group that has nobody else, or nobody is in the victim's."""
    day = _of_day(suspicion.campaign, suspicion.day)
    for where, (outer, inner), (fewest, most, _), _ in found:
        about = outer.contains(suspicion.atom) and not (inner and inner.touches(suspicion.atom))
        if about and where.startswith(day) and (most == 0 or fewest > 0):
            return most > 0
    return None


def _of_day(campaign: str, day: date) -> str:
    return f"campaign-day-{day}/{campaign}"


def _name(outer: Group, inner: Group | None) -> str:
    return f"{outer} less {inner}" if inner else str(outer)
