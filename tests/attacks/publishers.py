"""The systems under attack: counted tables in, figures out, one after the other as in the ledger.

`Unprotected` judges every segment alone, so a table is a fingerprint of its people. `Sharing` is
promise 8 word for word on the people themselves: slow, exact, without buckets or proofs. Neither
shares code with the product, and neither suppresses for the inference promise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from population import catalogue
from segment_sums import hashes_by_segment, people_by_segment, segments_by_cell
from worlds import Census

from anonymizer.model.policy import Promise
from anonymizer.model.tables import Figures, TableKey
from anonymizer.storage.secret import Secret

SUPPRESSED = 0
Members = NDArray[np.uint64]  # groups x words: a bit for each person of the population
_WORD = 64


class Publisher(Protocol):
    """Publishes tables and remembers what it published."""

    def release(self, tables: Sequence[Census]) -> Sequence[Figures]:
        """Publish the tables of one period.

        Args:
            tables: all tables of the period, in the order of the ledger; periods come one by one.

        Returns:
            The figures of each table, in the same order.

        """
        ...


@dataclass(frozen=True)
class Judge:
    """Promises 1 and 3 for one set of people: threshold with keyed offset, keyed rounding."""

    promise: Promise
    secret: Secret
    margin: int = 0

    def figure(self, people: int, set_hash: int) -> int:
        """The published figure of a set, or SUPPRESSED."""
        identity = f"{set_hash}:{people}"
        if people < self.promise.k + self.margin + self._offset(identity):
            return SUPPRESSED
        lower = people - people % self.promise.rounding
        chance = self.secret.draw("rounding", identity) / 2**64
        is_up = chance * self.promise.rounding < people - lower or lower < self.promise.k
        return lower + self.promise.rounding * (people > lower and is_up)

    def _offset(self, identity: str) -> int:
        return self.secret.draw("floor", identity) % (self.promise.k_jitter + 1)


@dataclass
class Unprotected:
    """Each segment by itself, from the exact set of its people."""

    promise: Promise
    secret: Secret

    def release(self, tables: Sequence[Census]) -> Sequence[Figures]:
        """Figures that depend on nothing but each segment's own people."""
        judge = Judge(self.promise, self.secret)
        published = []
        for table in tables:
            people, hashes = people_by_segment(table), hashes_by_segment(table)
            outcomes = np.zeros(len(people), dtype=np.int64)
            for segment in np.flatnonzero(people >= self.promise.k):
                outcomes[segment] = judge.figure(int(people[segment]), int(hashes[segment]))
            published.append(_figures(table.key, outcomes))
        return published


@dataclass(frozen=True)
class _Groups:
    """Those segments of a table that may be near one at the threshold or above it."""

    segments: NDArray[np.intp]
    sizes: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    members: Members


@dataclass(frozen=True)
class _Representatives:
    """The groups of a table that were judged, and what came of it."""

    key: TableKey
    members: Members
    outcomes: NDArray[np.int64]


@dataclass
class Sharing:
    """Near sets share one outcome: the earliest representative within a step decides.

    The step is drawn once for each pair of tables. A follower below `k` is suppressed whatever
    its representative got (promise 1). `margin` raises the threshold of representatives.
    """

    promise: Promise
    secret: Secret
    margin: int = 0
    _judged: list[_Representatives] = field(default_factory=list)

    def release(self, tables: Sequence[Census]) -> Sequence[Figures]:
        """Figures of groups far from all earlier ones, and of their followers."""
        return [self._released(table) for table in tables]

    def _released(self, table: Census) -> Figures:
        smallest = self.promise.k - self._longest_step + 1
        if len(table.members) < smallest:
            return _figures(table.key, np.zeros(0, dtype=np.int64))
        people = people_by_segment(table)
        groups = _groups(table, people, smallest)
        outcomes = np.full(len(groups.segments), -1)
        for earlier in self._judged:
            self._follow(groups, earlier, table.key, outcomes)
        if (outcomes < 0).any():
            self._judged.append(self._judge(groups, table.key, outcomes))
        outcomes[groups.sizes < self.promise.k] = SUPPRESSED
        every = np.zeros(len(people), dtype=np.int64)
        every[groups.segments] = outcomes
        return _figures(table.key, every)

    @property
    def _longest_step(self) -> int:
        return self.promise.step + self.promise.near_jitter

    def _step(self, earlier: TableKey, later: TableKey) -> int:
        drawn = self.secret.draw("near", f"{earlier}|{later}")
        return self.promise.step + drawn % (self.promise.near_jitter + 1)

    def _follow(
        self, groups: _Groups, earlier: _Representatives, key: TableKey, outcomes: NDArray[np.int64]
    ) -> None:
        """Give each group that is near none so far the outcome of its first near one here."""
        open_groups = np.flatnonzero(outcomes < 0)
        if not len(open_groups):
            return
        step = self._step(earlier.key, key)
        near = _differences(groups.members[open_groups], earlier.members) < step
        follows = near.any(axis=1)
        outcomes[open_groups[follows]] = earlier.outcomes[near[follows].argmax(axis=1)]

    def _judge(
        self, groups: _Groups, key: TableKey, outcomes: NDArray[np.int64]
    ) -> _Representatives:
        """Judge what is near no earlier table, in the order of the catalogue."""
        step, judge = self._step(key, key), Judge(self.promise, self.secret, self.margin)
        left = np.flatnonzero(outcomes < 0)
        sizes, members = groups.sizes[left], groups.members[left]
        near = _differences(members, members) < step
        first: list[int] = []
        for position, group in enumerate(left):
            found = [earlier for earlier in first if near[position, earlier]]
            if found:
                outcomes[group] = outcomes[left[found[0]]]
                continue
            first.append(position)
            outcomes[group] = judge.figure(int(sizes[position]), int(groups.hashes[group]))
        return _Representatives(key, members[first], outcomes[left[first]])


@dataclass
class CalibratedSharing(Sharing):
    """Weaker: the step is drawn once for each earlier table, so a ladder of copies finds it out."""

    def _step(self, earlier: TableKey, later: TableKey) -> int:
        return super()._step(earlier, earlier)


@dataclass
class FixedStepSharing(Sharing):
    """Weaker: no secret in the step."""

    def _step(self, earlier: TableKey, later: TableKey) -> int:
        return self.promise.step


@dataclass
class RaisedThresholdSharing(Sharing):
    """Stricter: a representative needs so many people that all its followers have `k`."""

    def __post_init__(self) -> None:
        self.margin = self._longest_step - 1


def _groups(table: Census, people: NDArray[np.int64], smallest: int) -> _Groups:
    segments = np.flatnonzero(people >= smallest)
    positions = np.full(len(people) + 1, -1)
    positions[segments] = np.arange(len(segments))
    groups = positions[segments_by_cell()[table.cells_of_members]]
    person, column = np.nonzero(groups >= 0)
    members = np.zeros((len(segments), -(-table.population // _WORD) * _WORD), dtype=bool)
    members[groups[person, column], table.members[person]] = True
    words = np.packbits(members, axis=1).view(np.uint64)
    return _Groups(segments, people[segments], hashes_by_segment(table)[segments], words)


def _differences(sets: Members, others: Members) -> NDArray[np.int64]:
    """People who are in one of two sets and not in the other, for each pair."""
    bits = np.bitwise_count(sets[:, None, :] ^ others[None, :, :])
    differences: NDArray[np.int64] = bits.sum(axis=2, dtype=np.int64)
    return differences


def _figures(key: TableKey, outcomes: NDArray[np.int64]) -> Figures:
    segments = np.flatnonzero(outcomes).astype(np.int32)
    return Figures(key, segments, outcomes[segments])


def segments_of(figures: Figures) -> NDArray[np.int64]:
    """The figure of every segment of the catalogue, SUPPRESSED where there is none."""
    every = np.zeros(len(catalogue()), dtype=np.int64)
    every[figures.segments] = figures.people
    return every
