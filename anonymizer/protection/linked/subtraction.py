"""What one subtraction of figures shows of a margin: the figure of a table less those within."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from anonymizer.feasible.system import Flags, Integers
from anonymizer.protection.linked.bounds import Shown
from anonymizer.protection.linked.stack import Margin, Stack


def differences(stack: Stack, floor: int) -> Iterator[tuple[Shown, Margin, Flags]]:
    """Figures that leave fewer than `floor` people of a margin, and the classes of these."""
    members = stack.members
    for margin in stack.margins:
        if not margin.minus or not (margin.must.any() or margin.asked.any()):
            continue
        plus = [_rows(stack, (table,)) for table in margin.plus]
        minus = [_rows(stack, group) for group in margin.minus]
        anchors, others, sign = (
            (plus[0], minus, 1) if len(plus) == 1 and minus else (minus[0], plus, -1)
        )
        if not len(anchors) or (sign < 0 and not all(map(len, others))):
            continue
        ends = stack.lowest if sign > 0 else stack.highest
        chosen = [_nearest(members, ends, anchors, rows, sign) for rows in others if len(rows)]
        if not chosen:
            continue
        best, parts = (np.stack(of) for of in zip(*chosen, strict=True))
        there = (best >= 0).any(axis=0) if sign > 0 else (best >= 0).all(axis=0)
        own = stack.highest[anchors] if sign > 0 else -stack.lowest[anchors]
        left = own - sign * np.where(best >= 0, parts, 0).sum(axis=0)
        for place in np.flatnonzero(there & (left < floor)).tolist():
            classes = np.zeros(stack.classes, dtype=bool)
            classes[members[[anchors[place]]].indices] = True
            classes &= margin.asked
            if left[place] >= 0 and not classes.any():
                continue
            used = best[:, place][best[:, place] >= 0]
            figures = (
                np.append(used, anchors[place]) if sign < 0 else np.append(anchors[place], used)
            )
            signs = (
                np.array([1] + [-1] * len(used)) if sign > 0 else np.array([1] * len(used) + [-1])
            )
            yield Shown(figures, signs, 1, int(left[place]), exact=True), margin, classes


def _rows(stack: Stack, tables: tuple[int, ...]) -> Integers:
    return np.flatnonzero(np.isin(stack.table, tables))


def _nearest(
    members: sparse.csr_array, ends: Integers, anchors: Integers, rows: Integers, sign: int
) -> tuple[Integers, Integers]:
    """Of each anchor the largest figure within it, or the smallest one around it; -1 for none."""
    sizes = np.diff(members.indptr)
    shared = (members[rows] @ members[anchors].T).toarray()
    within = shared == (sizes[rows][:, None] if sign > 0 else sizes[anchors][None, :])
    within &= (sizes[rows][:, None] > 0) & (sizes[anchors][None, :] > 0)
    scores = np.where(within, sign * ends[rows][:, None], -(2**40))
    best, found = scores.argmax(axis=0), within.any(axis=0)
    return np.where(found, rows[best], -1), np.where(found, ends[rows][best], 0)
