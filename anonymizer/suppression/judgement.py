"""Promise 8: each group is judged on its own, or shares the outcome of a group judged before.

Groups are judged in the order of the ledger; inside a release in the order of the tables, in a
table in the order of the catalogue. A group that is near to one or more groups judged on their own
shares the outcome of the earliest of them. Two groups that are both below the threshold are not
compared: neither is published. The step, the number of people by which groups must
differ, is drawn once for each pair of tables, so that no ladder of groups can find it out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.policy import Promise
from anonymizer.model.proofs import NO_ONE, Representatives, Shape, Sketches
from anonymizer.storage.secret import Secret
from anonymizer.suppression.groups import Groups, folded, shape_of, taken
from anonymizer.suppression.near_pairs import GroupIndex, Pairs, near_pairs


@dataclass(frozen=True)
class JudgedGroups:
    """The groups of one table and whom each follows.

    `earlier` is the outcome of the representative in an earlier release: people, SUPPRESSED, or
    NO_ONE; `rounding` is what that was rounded to, elsewhere that of this release. Without one,
    `leader_table` and `leader` say which group of this release it follows, by the numbers of the
    table and of the group there; -1 for a group that is judged on its own.
    """

    groups: Groups
    earlier: NDArray[np.int64]
    rounding: NDArray[np.int64]
    leader_table: NDArray[np.int32]
    leader: NDArray[np.int32]

    @property
    def alone(self) -> NDArray[np.bool_]:
        """Groups that are judged on their own: the representatives."""
        alone: NDArray[np.bool_] = (self.earlier == NO_ONE) & (self.leader_table < 0)
        return alone


class PairSteps:
    """The step of each pair of tables: that of the promise plus a keyed 0 to `near_jitter`."""

    def __init__(self, promise: Promise, secret: Secret) -> None:
        self._promise, self._secret = promise, secret
        self._drawn: dict[tuple[str, str], int] = {}

    @property
    def most(self) -> int:
        """The largest step there is."""
        return self._promise.step + self._promise.near_jitter

    def between(self, one: str, other: str, step: int) -> int:
        """The step between two tables, the smaller promise of which has `step`."""
        pair = (min(one, other), max(one, other))
        if pair not in self._drawn:
            draw = self._secret.draw("near", "|".join(pair))
            self._drawn[pair] = draw % (self._promise.near_jitter + 1)
        return step + self._drawn[pair]


def judge(
    tables: Sequence[str],
    groups: Sequence[Groups],
    history: Iterable[Representatives],
    steps: PairSteps,
    promise: Promise,
) -> tuple[JudgedGroups, ...]:
    """Whom each group of a release follows, the groups of earlier releases in `history` first.

    `tables` names the tables. No pair of groups that differ by fewer people than the step of their
    tables is missed.
    """
    ends = np.cumsum([0, *(len(of_table) for of_table in groups)])
    table = np.repeat(np.arange(len(groups)), np.diff(ends)).astype(np.int32)
    sketches = _stacked([of_table.sketches for of_table in groups], shape_of(promise))
    earlier = np.full(len(table), NO_ONE, dtype=np.int64)
    rounding = np.full(len(table), promise.rounding, dtype=np.int64)
    indexed = _Indexed(sketches, promise.k)
    for release in history:
        found = _follow_release(earlier, indexed, table, tables, release, steps, promise)
        rounding[found] = release.rounding
    leader = _follow_inside(earlier == NO_ONE, sketches, table, tables, steps, promise)
    return tuple(
        JudgedGroups(
            of_table,
            earlier[begin:end],
            rounding[begin:end],
            np.where(leader[begin:end] < 0, -1, table[leader[begin:end]]).astype(np.int32),
            np.where(
                leader[begin:end] < 0, -1, leader[begin:end] - ends[table[leader[begin:end]]]
            ).astype(np.int32),
        )
        for of_table, begin, end in zip(groups, ends[:-1], ends[1:], strict=True)
    )


class _Indexed:
    """The groups of a release, their keys sorted once for all earlier releases of one promise."""

    def __init__(self, sketches: Sketches, least: int) -> None:
        self.sketches, self._least = sketches, least
        self._indexes: dict[tuple[Shape, int], GroupIndex] = {}

    def at(self, shape: Shape, most: int) -> GroupIndex:
        """To be compared in this shape, with groups that differ by at most `most`."""
        if (shape, most) not in self._indexes:
            self._indexes[shape, most] = GroupIndex(folded(self.sketches, shape), most, self._least)
        return self._indexes[shape, most]


def _stacked(sketches: Sequence[Sketches], shape: Shape) -> Sketches:
    fine = [np.zeros((0, shape.buckets), dtype=np.uint8), *(of.fine for of in sketches)]
    keys = [np.zeros((0, shape.blocks), dtype=np.uint32), *(of.keys for of in sketches)]
    people = [np.zeros(0, dtype=np.int64), *(of.people for of in sketches)]
    return Sketches(shape, np.concatenate(people), np.concatenate(fine), np.concatenate(keys))


def _follow_release(
    earlier: NDArray[np.int64],
    indexed: "_Indexed",
    table: NDArray[np.int32],
    tables: Sequence[str],
    release: Representatives,
    steps: PairSteps,
    promise: Promise,
) -> NDArray[np.intp]:
    """Note the outcomes of groups near to one of an earlier release; which groups these are."""
    shape = min(indexed.sketches.shape, release.sketches.shape, key=lambda shape: shape.blocks)
    step = min(promise.step, release.step)
    index = indexed.at(shape, min(step + promise.near_jitter, shape.blocks) - 1)
    pairs = index.near(folded(release.sketches, shape), waiting=earlier == NO_ONE)
    left, right = pairs.left, pairs.right
    near = _within_step(
        pairs, table[left], tables, release.table[right], release.tables, steps, step
    )
    # Pairs are ordered by group and then by representative: the first is the earliest.
    followers, firsts = np.unique(left[near], return_index=True)
    earlier[followers] = release.figures[right[near][firsts]]
    return followers


def _within_step(
    pairs: Pairs,
    left: NDArray[np.int32],
    left_names: Sequence[str],
    right: NDArray[np.int32],
    right_names: Sequence[str],
    steps: PairSteps,
    step: int,
) -> NDArray[np.bool_]:
    """Which pairs differ by fewer people than the step of their tables."""
    of_tables, pair = np.unique(np.stack([left, right]), axis=1, return_inverse=True)
    limits = np.array(
        [steps.between(left_names[a], right_names[b], step) for a, b in of_tables.T.tolist()],
        dtype=np.int64,
    )
    near: NDArray[np.bool_] = pairs.differing < limits[pair] if len(pair) else pairs.differing < 0
    return near


def _follow_inside(
    waiting: NDArray[np.bool_],
    sketches: Sketches,
    table: NDArray[np.int32],
    tables: Sequence[str],
    steps: PairSteps,
    promise: Promise,
) -> NDArray[np.intp]:
    """For each group of a release the earliest one there that it follows, or -1."""
    rows = np.flatnonzero(waiting)
    some = taken(sketches, rows)
    pairs = near_pairs(some, some, steps.most - 1, promise.k)
    left, right = rows[pairs.left], rows[pairs.right]
    near = _within_step(pairs, table[left], tables, table[right], tables, steps, promise.step)
    near &= left > right
    leader = np.full(len(waiting), -1, dtype=np.intp)
    alone = waiting.copy()
    # Ordered by group, then by the earlier one: whether that is judged on its own is settled.
    for group, before in zip(left[near].tolist(), right[near].tolist(), strict=True):
        if alone[group] and alone[before]:
            leader[group], alone[group] = before, False
    return leader


def representatives(
    tables: Sequence[str],
    judged: Sequence[JudgedGroups],
    outcomes: Sequence[NDArray[np.int64]],
    promise: Promise,
) -> Representatives:
    """What later releases are judged against; `outcomes` are people or SUPPRESSED by group."""
    alone = [of_table.alone for of_table in judged]
    kept = [
        taken(of.groups.sketches, np.flatnonzero(on)) for of, on in zip(judged, alone, strict=True)
    ]
    table = np.repeat(np.arange(len(judged)), [int(on.sum()) for on in alone]).astype(np.int32)
    figures = [np.zeros(0, np.int64), *(of[on] for of, on in zip(outcomes, alone, strict=True))]
    sketches = _stacked(kept, shape_of(promise))
    drawn = promise.step, promise.rounding
    return Representatives(tuple(tables), *drawn, sketches, table, np.concatenate(figures))
