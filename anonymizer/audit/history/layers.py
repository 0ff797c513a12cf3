"""Tables that lie in one larger table, shown to be safe without being put together.

All that ties their figures together is that nobody of an inner table is missing from the outer
one. So a table of whole people is held fast for each inner one. What the outer table has beyond
the largest of them in each place, its rest, is then one table with the figures of the outer one
less what is held, and tables of it are found as quickly as those of a table by itself. Where the
rest may be large, the outer table may be that much larger than each inner one; and an inner table
may have those people too, as far as its own figures allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.held import held, held_together
from anonymizer.audit.history.join import Joint
from anonymizer.audit.history.pairs import Pair
from anonymizer.audit.history.places import Places, places_of
from anonymizer.audit.history.shown import Shown
from anonymizer.audit.knowledge import IMPOSSIBLE, Knowledge
from anonymizer.feasible.around import NONE, Around, around
from anonymizer.feasible.proportional import proportions
from anonymizer.feasible.repair import made_to_fit
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers
from anonymizer.model.proofs import LinkedProof

_OUTER = _FIRST = 0
_HARDLY_ANY, _FEW = 1e-3, 0.2  # people where others are expected, and where some are needed
_SEED = 20_261_128


@dataclass(frozen=True)
class Layers:
    """Of an inner table and the outer one: atoms in which enough people are shown to be possible.

    People of the inner table, and people of the outer one beyond the inner, over `leaves`.
    `complete` if that is so for all atoms that are possible in the tables. `proof` has the tables
    that show it, the inner one first; None where nothing is shown.
    """

    leaves: tuple[tuple[str, ...], ...]
    inner: Flags
    beyond: Flags
    complete: bool
    proof: LinkedProof | None = None

    def reached(self, known: Joint) -> Flags:
        """Goals that are shown, where the inner table is the first of the two that are joined."""
        own = zip(self.leaves, known.knowledge.catalogue.dimensions, strict=False)
        places = np.ix_(*([all_.index(leaf) for leaf in some.leaves] for all_, some in own))
        enough = np.zeros(known.knowledge.classes, dtype=np.int64)
        for number, kind in enumerate(known.kinds):
            shown = (self.inner if _FIRST in kind else self.beyond)[places]
            classes = known.knowledge.class_of[..., number][shown]
            enough[classes[classes != IMPOSSIBLE]] = 1
        reached: Flags = known.goals.weights @ enough > 0
        return reached


def layers(inners: Sequence[Shown], outer: Shown, enough: int) -> tuple[Layers, ...]:
    """For each inner table where `enough` people are shown to be possible.

    Every one of these rests on a table of whole people for the inner table and one for the outer,
    in each place at least as large, that fit all figures. Nothing is said of other atoms.
    """
    stack = _Stack(places_of((outer, *inners)), enough)
    everyone = range(1, len(inners) + 1)
    for numbers in (everyone, everyone, *([number] for number in everyone)):
        if any(stack.open(number).any() for number in numbers):
            stack.show(numbers)
    for number in (number for number in everyone for _ in range(linking_limits.PAIRS)):
        if stack.open(number).any():
            stack.show_pair(number)
    return tuple(stack.shown(number) for number in everyone)


class _Stack:
    """The outer table is number 0, the inner ones come after it; everything is by place."""

    def __init__(self, places: Places, enough: int) -> None:
        self._places, self._enough = places, enough
        self._there = places.own >= 0
        self._inner, self._beyond = np.zeros((2, *places.own.shape), dtype=bool)
        self._random = np.random.default_rng(_SEED)
        self._expected = self._expectation()
        self._pairs = [Pair(places, number) for number in range(1, len(places.own))]

    def _expectation(self) -> Reals:
        """Parts of people of the outer table."""
        outer, atoms = self._places.tables[_OUTER], self._places.atoms
        people = proportions(outer, outer.covered.astype(np.float64), linking_limits.AIMS[0])
        together = self._places.at(_OUTER, self._places.summed(_OUTER, atoms), 1)
        shares: Reals = self._places.at(_OUTER, people, 0) * atoms / together
        return np.maximum(shares, _HARDLY_ANY)

    def show(self, numbers: Sequence[int]) -> None:
        """Hold some of the inner tables together, and show what is not shown of them yet."""
        held_fast = self._held([number for number in numbers if self.open(number).any()])
        if not held_fast:
            return
        top = np.where(self._there[_OUTER], np.max(list(held_fast.values()), axis=0), 0)
        sought = np.logical_or.reduce([self.open(number) for number in held_fast])
        rest = self._rest(top, sought)
        if rest is not None:
            self._learn(held_fast, top, rest)

    def show_pair(self, number: int) -> None:
        """The same for one inner table that is found together with the outer one."""
        found = held_together(self._places, number, _OUTER, self._expected, self._random)
        if found is None:
            return
        people, beyond = found
        top = np.where(self._there[_OUTER], people, 0)
        wanted = self._places.summed(_OUTER, self.open(number).astype(np.int64)) > 0
        rest = around(self._beyond_top(top), beyond, self._goals(), wanted, patient=True)
        if rest is not None:
            self._learn({number: people}, top, rest)

    def _goals(self) -> Integers:
        """Enough people in each class of the outer table."""
        return np.full(self._places.tables[_OUTER].classes, self._enough)

    def _learn(self, held_fast: dict[int, Integers], top: Integers, rest: Around) -> None:
        for number, people in held_fast.items():
            if not self._places.tables[number].allows(self._places.summed(number, people)):
                continue
            pair, there = self._pairs[number - 1], self._there[_OUTER]
            pair.hold(people, top, rest)
            reaching = self._places.at(_OUTER, rest.reaching, NONE)
            pair.keep_rests(np.unique(reaching[there & ~self._beyond[number] & (reaching != NONE)]))
            self._beyond[number] |= reaching != NONE
            wanted = np.unique(pair.of_place[self._there[number] & ~self._inner[number]])
            lent = np.zeros(pair.together, dtype=bool)
            lent[pair.lend(wanted, self._enough)] = True
            self._inner[number] |= self._there[number] & lent[pair.of_place]

    def open(self, number: int) -> Flags:
        """Where something is not shown yet of an inner table."""
        inner = self._there[number] & ~self._inner[number]
        return np.asarray(inner | (self._there[_OUTER] & ~self._beyond[number]))

    def shown(self, number: int) -> Layers:
        """What is shown by now of an inner table."""
        of_atom, there = self._places.of_atom, self._there[[_OUTER, number]]
        return Layers(
            self._places.leaves,
            self._inner[number][of_atom],
            self._beyond[number][of_atom],
            complete=bool(there.any()) and not self.open(number).any(),
            proof=self._pairs[number - 1].proof(),
        )

    def _held(self, numbers: Sequence[int]) -> dict[int, Integers]:
        chance = self._random.random(len(self._places))
        top = np.zeros(len(self._places), dtype=np.int64)
        tables: dict[int, Integers] = {}
        for number in numbers:
            people = held(self._places, number, self._expected, chance, top)
            if people is not None:
                tables[number] = people
                top = np.maximum(top, people)
        return tables

    def _beyond_top(self, top: Integers) -> Knowledge:
        """The figures of the outer table less what is held, by its own classes."""
        outer = self._places.tables[_OUTER]
        counted = outer.members @ self._places.summed(_OUTER, top)
        return replace(outer, lowest=outer.lowest - counted, highest=outer.highest - counted)

    def _rest(self, top: Integers, sought: Flags) -> Around | None:
        """What the outer table may have beyond the top, by its own classes."""
        known = self._beyond_top(top)
        expected = self._places.summed(_OUTER, self._expected - top)
        start = np.maximum(expected, _FEW) * known.covered
        chance = self._random.random(known.classes)
        wanted = self._places.summed(_OUTER, sought.astype(np.int64)) > 0
        for away in linking_limits.AIMS:
            drawn = np.floor(proportions(known, start, away) + chance).astype(np.int64)
            first = made_to_fit(known, drawn)
            if first is not None:
                return around(known, first, self._goals(), wanted, patient=True)
        return None
