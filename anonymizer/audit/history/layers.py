"""Tables that lie in one larger table, shown to be safe without being put together.

All that ties their figures together is that nobody of an inner table is missing from the outer
one. So a table of whole people is held fast for each inner one. What the outer table has beyond
the largest of them in each place, its rest, is then one table with the figures of the outer one
less what is held, and tables of it are found as quickly as those of a table by itself. Where the
rest may be large, the outer table may be that much larger than each inner one; and an inner table
may have those people too, as far as its own figures allow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from anonymizer.audit.history.around import NONE, Around, around
from anonymizer.audit.history.held import AIMS, held, held_together
from anonymizer.audit.history.join import Joint
from anonymizer.audit.history.places import Places, places_of
from anonymizer.audit.history.shown import Shown
from anonymizer.audit.knowledge import IMPOSSIBLE, Knowledge
from anonymizer.feasible.proportional import proportions
from anonymizer.feasible.repair import made_to_fit
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers

_OUTER = _FIRST = 0
_HARDLY_ANY, _FEW = 1e-3, 0.2  # people where others are expected, and where some are needed
_NO_LIMIT = 2**40
_ROOMY = 2  # people
_MOST_PLACES = 6  # to share out people of one class
_MOST_PAIRS = 3  # of tables found together, for what is left
_SEED = 20_261_128


@dataclass(frozen=True)
class Layers:
    """Of an inner table and the outer one: atoms in which enough people are shown to be possible.

    People of the inner table, and people of the outer one beyond the inner, over `leaves`.
    `complete` if that is so for all atoms that are possible in the tables.
    """

    leaves: tuple[tuple[str, ...], ...]
    inner: Flags
    beyond: Flags
    complete: bool

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
    for number in (number for number in everyone for _ in range(_MOST_PAIRS)):
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

    def _expectation(self) -> Reals:
        """Parts of people of the outer table."""
        outer, atoms = self._places.tables[_OUTER], self._places.atoms
        people = proportions(outer, outer.covered.astype(np.float64), AIMS[0])
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
        rest = around(self._beyond_top(top), beyond, self._enough, wanted)
        if rest is not None:
            self._learn({number: people}, top, rest)

    def _learn(self, held_fast: dict[int, Integers], top: Integers, rest: Around) -> None:
        for number, people in held_fast.items():
            if not self._places.tables[number].allows(self._places.summed(number, people)):
                continue
            self._beyond[number] |= self._places.at(_OUTER, rest.reaching, NONE) != NONE
            self._inner[number] |= _Lending(self._places, number, people, top, rest).lent(
                self._there[number] & ~self._inner[number], self._enough
            )

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
        for away in AIMS:
            drawn = np.floor(proportions(known, start, away) + chance).astype(np.int64)
            first = made_to_fit(known, drawn)
            if first is not None:
                return around(known, first, self._enough, wanted)
        return None


class _Lending:
    """An inner table that takes people from the rest of the outer one."""

    def __init__(
        self, places: Places, number: int, people: Integers, top: Integers, rest: Around
    ) -> None:
        self._places, self._number, self._people, self._rest = places, number, people, rest
        self._outer, self._own = places.own[_OUTER], places.own[number]
        # Where the outer table has nobody by its own rules, the inner one is not inside of it.
        self._spare = np.where(self._outer >= 0, top - people, _NO_LIMIT)

    def lent(self, wanted: Flags, enough: int) -> Flags:
        """The wanted places that may have enough people of the inner table.

        A place takes what it is missing from its own class and from what its class takes from
        others; that takes nothing away where it is taken from, as the outer table may be larger.
        What is added beyond the top must be there in the rest.
        """
        known = self._places.tables[self._number]
        classes = self._places.summed(self._number, wanted.astype(np.int64)) > 0
        first = self._places.summed(self._number, self._people)
        closed = self._places.summed(self._number, self._room) < _ROOMY
        tables = around(known, first, enough, classes, closed)
        lent = np.zeros_like(wanted)
        if tables is None:
            return lent
        chosen = np.flatnonzero(wanted & (tables.reaching[self._own] != NONE))
        changes = sparse.csr_array(tables.changes[tables.reaching[self._own[chosen]]])
        lent[chosen] = self._suffices(chosen, changes, enough, np.zeros_like(chosen))
        chosen, changes = chosen[~lent[chosen]], changes[~lent[chosen]]
        reaching = self._places.at(_OUTER, self._rest.reaching, NONE)[chosen]
        chosen, changes, reaching = (of[reaching != NONE] for of in (chosen, changes, reaching))
        lent[chosen] = self._suffices(chosen, changes, enough, reaching)
        return lent

    def _suffices(
        self, chosen: Integers, changes: sparse.csr_array, enough: int, rests: Integers
    ) -> Flags:
        """Whether the rest, a table each, has the people for these changes of the inner table."""
        rest = sparse.csr_array(self._rest.changes[rests])
        taken = list(self._added(chosen, changes, enough, rest))
        rows, places, people = (np.concatenate(of) for of in zip(*taken, strict=True))
        beyond = people - self._spare[places]
        real = (beyond > 0) & (self._outer[places] >= 0)
        entries = beyond[real], (rows[real], self._outer[places][real])
        needed = sparse.csr_array(sparse.coo_array(entries, shape=rest.shape))
        left = (rest - needed).tocoo()
        suffices = np.ones(len(chosen), dtype=bool)
        suffices[left.row[self._rest.first[left.col] + left.data < 0]] = False
        return suffices

    def _added(
        self, chosen: Integers, changes: sparse.csr_array, enough: int, rest: sparse.csr_array
    ) -> Iterator[tuple[Integers, Integers, Integers]]:
        """(row, place, people): where the inner table gets people, a row each chosen place."""
        moved = changes.tocoo()
        ahead = moved.col == self._own[chosen][moved.row]
        gained = np.zeros(len(chosen), dtype=np.int64)
        gained[moved.row[ahead]] = moved.data[ahead]
        gained = np.maximum(gained, enough - self._people[chosen])
        yield np.arange(len(chosen)), chosen, np.maximum(gained, 0)
        others = ~ahead & (moved.data > 0)
        rows, classes, people = moved.row[others], moved.col[others], moved.data[others]
        order = np.lexsort((-self._room, self._own))
        start = np.searchsorted(self._own[order], classes)
        end = np.searchsorted(self._own[order], classes, side="right")
        for further in range(_MOST_PLACES):
            here = order[np.minimum(start + further, end - 1)]
            room = self._room[here] + rest[rows, self._outer[here]]
            last = start + further == np.minimum(end, start + _MOST_PLACES) - 1
            some = np.where(last, people, np.clip(room, 0, people))
            yield rows, here, some
            people = people - some

    @cached_property
    def _room(self) -> Integers:
        """How many people each place has room for in the first table of the rest."""
        room: Integers = self._spare + np.append(self._rest.first, 0)[self._outer]
        return room
