"""Promise 8 by plain sets of people: sketches, which sets are near, whom each group follows.

Written from the documentation of `anonymizer/model/proofs.py` and of the promise; shares nothing
with the product but these types and the keyed draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from small_tables import Person

from anonymizer.model.policy import Promise
from anonymizer.model.proofs import NO_ONE, Shape, Sketches
from anonymizer.storage.secret import Secret
from anonymizer.suppression.groups import Groups

SHAPES = (Shape(64, 16), Shape(256, 64), Shape(256, 256))
People = frozenset[Person]


def shape_for(promise: Promise) -> Shape:
    """The first shape with at least as many blocks as the largest step has people."""
    return next(s for s in SHAPES if s.blocks >= promise.step + promise.near_jitter)


def bucket_sums(people: People, shape: Shape) -> list[int]:
    """The sum of the numbers of the people in each bucket."""
    totals = [0] * shape.buckets
    for person in people:
        totals[person.bucket % shape.buckets] += person.number
    return totals


def sketches_of(sets: Sequence[People], shape: Shape) -> Sketches:
    fine = np.zeros((len(sets), shape.buckets), dtype=np.uint8)
    keys = np.zeros((len(sets), shape.blocks), dtype=np.uint32)
    width = shape.buckets // shape.blocks
    for row, people in enumerate(sets):
        totals = bucket_sums(people, shape)
        fine[row] = [total % 2**8 for total in totals]
        for block in range(shape.blocks):
            total = sum(totals[block * width : (block + 1) * width]) % 2**64
            keys[row, block] = total % 2**32 or int(total != 0)
    return Sketches(shape, np.array([len(people) for people in sets], np.int64), fine, keys)


def groups_of(sets: Sequence[People], shape: Shape) -> Groups:
    """Groups of one table, numbered as they come."""
    people = np.array([len(one) for one in sets], dtype=np.int64)
    totals = [sum(person.number for person in one) % 2**64 for one in sets]
    segments = np.arange(len(sets), dtype=np.int32)
    return Groups(segments, people, np.array(totals, dtype=np.uint64), sketches_of(sets, shape))


def differing(one: People, other: People, shape: Shape) -> int:
    """By how many people two sets differ at least, as far as buckets and sizes tell.

    Of each bucket 8 bits are compared.
    """
    both = zip(bucket_sums(one, shape), bucket_sums(other, shape), strict=True)
    buckets = sum(a % 2**8 != b % 2**8 for a, b in both)
    return max(buckets, abs(len(one) - len(other)))


@dataclass(frozen=True)
class Released:
    """Of one release the groups judged on their own: table, people and outcome."""

    promise: Promise
    alone: tuple[tuple[str, People, int], ...]


def step_between(one: str, other: str, step: int, promise: Promise, secret: Secret) -> int:
    draw = secret.draw("near", "|".join(sorted((one, other))))
    return step + draw % (promise.near_jitter + 1)


Followed = tuple[int, int, int]  # outcome of an earlier release; table and group of this one


@dataclass(frozen=True)
class PlainJudge:
    """Whom each group follows, one after the other."""

    promise: Promise
    secret: Secret

    def judge(
        self, tables: Sequence[tuple[str, Sequence[People]]], history: Sequence[Released]
    ) -> list[list[Followed]]:
        alone: list[tuple[int, int, str, People]] = []
        result: list[list[Followed]] = []
        for number, (name, sets) in enumerate(tables):
            of_table: list[Followed] = []
            for position, people in enumerate(sets):
                found = self._in_history(name, people, history)
                if found == NO_ONE:
                    leader = self._inside(name, people, alone)
                    if leader is None:
                        alone.append((number, position, name, people))
                    of_table.append((NO_ONE, *(leader or (-1, -1))))
                else:
                    of_table.append((found, -1, -1))
            result.append(of_table)
        return result

    def _in_history(self, name: str, people: People, history: Sequence[Released]) -> int:
        for release in history:
            shape = min(shape_for(self.promise), shape_for(release.promise), key=SHAPES.index)
            least = min(self.promise.step, release.promise.step)
            for table, other, outcome in release.alone:
                step = step_between(name, table, least, self.promise, self.secret)
                apart = differing(people, other, shape)
                if self._compared(people, other) and apart < min(step, shape.blocks):
                    return outcome
        return NO_ONE

    def _inside(
        self, name: str, people: People, alone: Sequence[tuple[int, int, str, People]]
    ) -> tuple[int, int] | None:
        shape = shape_for(self.promise)
        for number, position, table, other in alone:
            step = step_between(name, table, self.promise.step, self.promise, self.secret)
            if self._compared(people, other) and differing(people, other, shape) < step:
                return number, position
        return None

    def _compared(self, *groups: People) -> bool:
        """Groups that are both below the threshold are not: neither is published."""
        return max(map(len, groups)) >= self.promise.k


_AWKWARD = (2**64 - 1, 2**64 - 2**8, 2**64 - 2**32, 0)  # what is left of a number


@st.composite
def set_families(
    draw: st.DrawFn, most_sets: int, *, least_sets: int = 0, awkward: bool = False
) -> list[People]:
    """Sets of people: some near to each other, some far, some of few people or none.

    People are in few of the buckets or in many. Where numbers are awkward, some people have ones
    that leave sums of buckets and blocks as they are, as far as they are compared.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    buckets = random.integers(0, draw(st.sampled_from([4, 40, 256])), 260).tolist()
    numbers = random.integers(0, 2**64, 260, dtype=np.uint64).tolist()
    if awkward:
        kept = random.integers(0, len(_AWKWARD), 260).tolist()
        numbers = [n & _AWKWARD[which] for n, which in zip(numbers, kept, strict=True)]
    everyone = [Person(n, *of) for n, of in enumerate(zip(buckets, numbers, strict=True))]
    sets: list[People] = []
    for _ in range(draw(st.integers(least_sets, most_sets))):
        base = frozenset[Person]()
        if sets and draw(st.integers(0, 3)):
            base = draw(st.sampled_from(sets))
        size = draw(st.sampled_from([0, 1, 3, 8, 9, 10, 11, 12, 30, 60, 180]))
        sets.append(base ^ _some(everyone, size, random))
    return sets


def _some(everyone: Sequence[Person], count: int, random: np.random.Generator) -> People:
    return frozenset(everyone[n] for n in random.choice(len(everyone), count, replace=False))
