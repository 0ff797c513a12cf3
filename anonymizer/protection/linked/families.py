"""Families of feasible tables: for each margin and class one in which it has enough people.

First one table of whole people for each layer, the inner ones first; what an outer one has beyond
them is then a table with smaller figures. Then each layer departs by itself, thousands of tables
side by side, while the others stand still; departures of several layers for the same class are put
together where one is not enough. What comes of it is checked from the margins alone, in whole
numbers; what is left is for programs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from anonymizer.feasible.departures import Departures, depart
from anonymizer.feasible.goals import Goal
from anonymizer.feasible.nearby import reach_nearby
from anonymizer.feasible.proportional import proportions
from anonymizer.feasible.repair import made_to_fit
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.proofs import LinkedProof, Shortage, Witnesses
from anonymizer.protection.linked.stack import Margin, Stack

_AIMS = (0.4, 0.25, 0.1)  # shares of the room in a figure: how far inside its ends
# Of starts: how far parts of a whole are drawn apart, and the share of the room in a figure that
# inner tables (its lower part) and outermost ones (its upper part) may use.
_STARTS = ((0.25, 1.0), (0.0, 1.0), (0.0, 0.3), (0.0, 1.0), (0.25, 1.0), (0.5, 1.0), (0.0, 0.1))
_HARDLY_ANY, _FEW = 1e-3, 0.2  # people where others are expected, and where some are needed
_ROOMY, _ENOUGH = 2, 1.5  # people; times as many as are needed
_MOST_PROGRAMS, _MOST_FAILURES = 100, 20  # around single classes
_BOOSTED = 0.1  # of all people, to where something is open
_PLAIN = 3  # starts before programs are made around single classes
_AGAIN = 2  # starts where there were some before figures went
_TRIES = 3  # one after the other to find a start
_NO_LIMIT = 2**40
_SEED = 20_261_130


@dataclass
class Families:
    """Whole people by layer and class: a few starts, and changes of these (rows x all classes).

    `open` (margins x classes) has what is not proved yet.
    """

    stack: Stack
    floor: int
    open: Flags
    starts: list[Integers] = field(default_factory=list)
    start_of: list[int] = field(default_factory=list)
    changes: list[sparse.csr_array] = field(default_factory=list)

    @classmethod
    def of(cls, stack: Stack, floor: int) -> "Families":
        """None yet."""
        return cls(stack, floor, np.stack([margin.asked for margin in stack.margins]))

    def begin(self, people: Integers) -> bool:
        """Keep a start that fits; whether it does."""
        stack = self.stack
        if (
            not all(system.allows(of) for system, of in zip(stack.systems, people, strict=True))
            or not self._holds(people.T, np.arange(stack.classes)).all()
        ):
            return False
        for row, margin in enumerate(stack.margins):
            reached = margin.of(self._tables(people.T, np.arange(stack.classes)))
            self.open[row] &= reached < self.floor
        self.starts.append(people)
        return True

    def learn(self, changes: sparse.csr_array) -> None:
        """Of changes of the last start that fit all figures, keep those that prove something."""
        start, classes = self.starts[-1], self.stack.classes
        entry = sparse.coo_array(changes)
        layer, place = np.divmod(entry.col.astype(np.int64), classes)
        touched, at = np.unique(entry.row * np.int64(classes) + place, return_inverse=True)
        row, place = np.divmod(touched, classes)
        people = start[:, place].T.copy()
        np.add.at(people, (at, layer), entry.data)
        valid = np.ones(changes.shape[0], dtype=bool)
        valid[row[~self._holds(people, place)]] = False
        tables, kept = self._tables(people, place), np.zeros(changes.shape[0], dtype=bool)
        for number, margin in enumerate(self.stack.margins):
            new = valid[row] & self.open[number, place] & (margin.of(tables) >= self.floor)
            reached, first = np.unique(place[new], return_index=True)
            kept[row[new][first]] = True
            self.open[number, reached] = False
        if kept.any():
            self.start_of += [len(self.starts) - 1] * int(kept.sum())
            self.changes.append(sparse.csr_array(changes[np.flatnonzero(kept)]))

    def proof(
        self,
        aside: Sequence[tuple[int, str]],
        wide: Sequence[tuple[int, str]],
        shortages: Sequence[Shortage],
    ) -> LinkedProof:
        """All families, with every table in its place."""
        stack, width = self.stack, self.stack.possible.size
        starts = [people[stack.layer_of] * stack.possible for people in self.starts]
        layers = int(stack.layer_of.max()) + 1
        changes = sparse.coo_array(
            sparse.vstack(
                [sparse.csr_array((0, layers * stack.classes), dtype=np.int64), *self.changes]
            )
        )
        layer, place = np.divmod(changes.col.astype(np.int64), stack.classes)
        parts = []
        for table, of in enumerate(stack.layer_of.tolist()):
            own = (layer == of) & stack.possible[table][place]
            parts.append((changes.data[own], changes.row[own], table * stack.classes + place[own]))
        data, row, column = (np.concatenate(of) for of in zip(*parts, strict=True))
        shape = changes.shape[0], width
        return LinkedProof(
            tuple(table.key for table in stack.join.tables),
            stack.leaves,
            stack.blocks,
            Witnesses(
                stack.class_of,
                np.array(starts, dtype=np.int64).reshape(len(starts), width),
                np.array(self.start_of, dtype=np.int32),
                sparse.csr_array(sparse.coo_array((data, (row, column)), shape=shape)),
            ),
            tuple(wide),
            tuple(aside),
            tuple(shortages),
        )

    def _tables(self, people: Integers, place: Integers) -> Integers:
        """(rows x layers) as (rows x tables)."""
        tables: Integers = people[:, self.stack.layer_of] * self.stack.possible[:, place].T
        return tables

    def _holds(self, people: Integers, place: Integers) -> Flags:
        """Whether nobody is lacking anywhere, row by row."""
        holds: Flags = np.logical_and.reduce(people >= 0, axis=1)
        tables = self._tables(people, place)
        for margin in self.stack.margins:
            holds &= (margin.of(tables) >= 0) | ~margin.must[place]
        return holds


class Search:
    """Looks for families of a stack: starts, departures of the layers, and these put together."""

    def __init__(self, families: Families) -> None:
        self._families, self._stack = families, families.stack
        self._random = np.random.default_rng(_SEED)
        layers, layer_of = range(len(self._stack.systems)), self._stack.layer_of
        self._around = [set[int]() for _ in layers]  # the layers that each layer lies in
        self._parts: list[tuple[int, ...]] = []
        for margin in self._stack.margins:
            plus = [int(layer_of[table]) for table in margin.plus]
            minus = {int(layer_of[table]) for group in margin.minus for table in group}
            if len(plus) == 1:
                for inner in minus - {*plus}:
                    self._around[inner].add(plus[0])
            elif plus:
                self._parts.append((*minus, *plus))
        self._order = sorted(layers, key=lambda layer: -len(self._around[layer]))
        self._units: list[tuple[int, ...]] = [(layer,) for layer in layers]  # that move together
        self._together: list[tuple[int, ...]] = []  # of each whole the units of its parts
        for _, *parts in self._parts:
            begin = len(self._units)
            self._units += [tuple(sorted({part, *self._around[part]})) for part in parts]
            self._together.append(tuple(range(begin, len(self._units))))
        self._room = {
            number: self._stack.possible[layer_of == number].any(axis=0) for number in layers
        }

    def run(self) -> None:
        """Several starts, as long as something is open."""
        failed, tried = 0, _STARTS[: _AGAIN if self._families.starts else None]
        for attempt, (turn, room) in enumerate(tried):
            if not self._families.open.any():
                return
            people = self.start(turn, room)
            if people is not None and self._families.begin(people):
                self.depart(attempt, programs=attempt >= _PLAIN)
                failed = 0
            elif (failed := failed + 1) == _TRIES:
                return

    def start(
        self, turn: float, room: float = 1.0, expected: Sequence[Reals] | None = None
    ) -> Integers | None:
        """Whole people of each layer that fit; None if they are not found.

        As `expected`, or in proportion to the figures of the outermost layer.
        """
        stack = self._stack
        people = np.zeros((len(stack.systems), stack.classes), dtype=np.int64)
        chance = self._random.random(stack.classes)
        shares = self._expected() if expected is None else expected
        done: list[int] = []
        for number in self._order:
            turned = (chance + turn * self._turn(number)) % 1.0
            system = self._squeezed(number, room)
            fit = expected is None
            found = self._placed(number, people, done, system, shares[number], turned, fit=fit)
            if found is None:
                return None
            people[number] = found
            done.append(number)
        return people

    def depart(self, seed: int, *, programs: bool = False) -> None:
        """Every layer by itself from the last start, then several together; last by programs."""
        families, people = self._families, self._families.starts[-1]
        floor = families.floor
        moved: list[sparse.csr_array] = []
        known = np.zeros((len(self._units), self._stack.classes), dtype=bool)
        for number, unit in enumerate(self._units):
            system, free, room = self._free(unit, people)
            waiting = np.flatnonzero(self._concerned(unit) & (free < floor))
            goals = [Goal(np.array([place]), int(floor - free[place])) for place in waiting]
            found = depart(system, free, goals, closed=room < _ROOMY, seed=seed)
            moved.append(self._by_class(system, found, waiting, known[number]))
            known[number, free >= floor] = True
        self._combine(moved, known)
        if programs and families.open.any():
            for number, unit in enumerate(self._units):
                moved[number] = self._with_programs(unit, people, moved[number], known[number])
            self._combine(moved, known)

    def _expected(self) -> list[Reals]:
        """Parts of people of each layer, in proportion to those of a layer around it."""
        stack, found = self._stack, dict[int, Reals]()
        needed = self._needed() if self._families.starts else np.zeros(stack.classes)
        cells = np.bincount(stack.class_of[stack.class_of >= 0], minlength=stack.classes)
        for number in reversed(self._order):
            system = stack.systems[number]
            around = min(self._around[number] & found.keys(), default=None)
            base = cells.astype(float) if around is None else found[around]
            start = np.where(self._room[number], np.maximum(base, _HARDLY_ANY), 0)
            people = proportions(system, start * system.covered, _AIMS[0])
            lacking = needed * (system.covered & (self._lacking(number) | (around is None)))
            if lacking.any():
                people = proportions(system, np.maximum(people, lacking), _AIMS[0])
            if any(number in parts[1:] for parts in self._parts):
                share = people.sum() / max(float((start * system.covered).sum()), _HARDLY_ANY)
                people = np.where(system.covered, people, start * share)
            found[number] = people
        return [found[number] for number in range(len(stack.systems))]

    def _squeezed(self, number: int, share: float) -> System:
        """The figures of a layer with part of their room: outer tables large, inner ones small."""
        own = self._stack.systems[number]
        taken = np.floor((1 - share) * (own.highest - own.lowest)).astype(np.int64)
        if self._around[number]:
            return replace(own, highest=own.highest - taken)
        return replace(own, lowest=own.lowest + taken)

    def _lacking(self, number: int) -> Flags:
        """The classes in which a table of this layer has not enough people in any family yet."""
        rows = [
            row
            for row, margin in enumerate(self._stack.margins)
            if not margin.minus and self._stack.layer_of[margin.plus[0]] == number
        ]
        found: Flags = np.logical_or.reduce(self._families.open[rows])
        return found

    def _needed(self) -> Reals:
        """People in some of the classes where something is still open."""
        open_ = np.flatnonzero(self._families.open.any(axis=0))
        people = int(self._families.starts[-1].max(axis=0).sum())
        most = 1 + int(_BOOSTED * people / (_ENOUGH * self._families.floor))
        needed = np.zeros(self._stack.classes)
        needed[self._random.permutation(open_)[:most]] = _ENOUGH * self._families.floor
        return needed

    def _turn(self, number: int) -> float:
        """Parts of one whole are drawn one after the other, others alike."""
        for of in self._parts:
            if number in of[1:]:
                return of.index(number) / (len(of) - 1)
        return 0.0

    def _placed(
        self,
        number: int,
        people: Integers,
        done: list[int],
        own: System,
        wanted: Reals,
        chance: Reals,
        *,
        fit: bool,
    ) -> Integers | None:
        """Whole people of a layer between what lies in it and what it lies in, as far as known."""
        least, most = self._limits(number, people, done)
        if (least > most).any():
            return None
        counted = own.members @ least
        system = System(own.lowest - counted, own.highest - counted, own.members)
        rest = np.maximum(wanted - least, 0.0)
        for away in _AIMS if fit else _AIMS[-1:]:
            if fit:
                start = np.maximum(rest, _FEW) * (system.covered & self._room[number])
                fitted = np.where(system.covered, proportions(system, start, away), rest)
            else:
                fitted = rest
            drawn = np.minimum(np.floor(fitted + chance).astype(np.int64), most - least)
            taken = people[done].max(axis=0, initial=0)
            found = _mended(system, most - least, drawn, fitted, taken)
            if found is not None:
                return least + found
        return None

    def _limits(
        self, number: int, people: Integers, known: Sequence[int]
    ) -> tuple[Integers, Integers]:
        """The fewest and the most people of a layer in each class, with others as they are."""
        stack, layer_of = self._stack, self._stack.layer_of
        least = np.zeros(stack.classes, dtype=np.int64)
        most = np.where(self._room[number], _NO_LIMIT, 0)
        tables = people[layer_of] * stack.possible
        for margin in stack.margins:
            if not margin.minus or not margin.must.any():
                continue
            plus = {int(layer_of[table]) for table in margin.plus}
            minus = {int(layer_of[table]) for group in margin.minus for table in group}
            if (number in plus) == (number in minus) or not plus | minus <= {*known, number}:
                continue
            others = [table for table in margin.plus if layer_of[table] != number]
            above = tables[others].sum(axis=0)
            if number in plus:
                needed = Margin((), margin.minus, margin.must, margin.asked).of(tables.T)
                least = np.maximum(least, np.where(margin.must, -needed - above, 0))
            else:
                groups = tuple(
                    group for group in margin.minus if all(layer_of[t] != number for t in group)
                )
                room = above + Margin((), groups, margin.must, margin.asked).of(tables.T)
                most = np.minimum(most, np.where(margin.must, room, _NO_LIMIT))
        return least, most

    def _free(self, unit: tuple[int, ...], people: Integers) -> tuple[System, Integers, Integers]:
        """The figures of a unit for the people it can spare; these, and how many it can take."""
        stack, layer_of = self._stack, self._stack.layer_of
        tables = (people[layer_of] * stack.possible).T
        free = people[list(unit)].min(axis=0)
        room = np.full(stack.classes, _NO_LIMIT)
        for margin in stack.margins:
            gain = sum(int(layer_of[table]) in unit for table in margin.plus)
            gain -= sum(any(int(layer_of[t]) in unit for t in group) for group in margin.minus)
            if gain and margin.minus and margin.must.any():
                left = np.where(margin.must, margin.of(tables) // abs(gain), _NO_LIMIT)
                free, room = (
                    (np.minimum(free, left), room) if gain > 0 else (free, np.minimum(room, left))
                )
        own = [stack.systems[layer] for layer in unit]
        counted = np.concatenate(
            [of.members @ (people[layer] - free) for layer, of in zip(unit, own, strict=True)]
        )
        lowest = np.concatenate([of.lowest for of in own]) - counted
        highest = np.concatenate([of.highest for of in own]) - counted
        members = sparse.csr_array(sparse.vstack([of.members for of in own]))
        return System(lowest, highest, members), free, room

    def _concerned(self, unit: tuple[int, ...]) -> Flags:
        """The classes in which something is open that people of a unit may help."""
        there = [self._room[layer] for layer in unit]
        open_: Flags = np.logical_or.reduce(self._families.open)
        found: Flags = open_ & np.logical_and.reduce(there)
        return found

    def _by_class(
        self, system: System, found: Departures, waiting: Integers, known: Flags
    ) -> sparse.csr_array:
        """(classes x classes): the change in which each class has enough people."""
        fits = found.fitting(system)
        rows = sparse.coo_array(found.changes[np.flatnonzero(fits)])
        of_row = waiting[found.goal[fits]]
        known[of_row] = True
        shape = self._stack.classes, self._stack.classes
        entries = rows.data, (of_row[rows.row], rows.col)
        return sparse.csr_array(sparse.coo_array(entries, shape=shape))

    def _with_programs(
        self, unit: tuple[int, ...], people: Integers, moved: sparse.csr_array, known: Flags
    ) -> sparse.csr_array:
        """The same for classes of which nothing is known, by small programs."""
        system, beyond, _ = self._free(unit, people)
        failures, steps = 0, [moved]
        waiting = np.flatnonzero(self._concerned(unit) & ~known & system.covered)
        for place in waiting.tolist()[:_MOST_PROGRAMS]:
            found = reach_nearby(system, beyond, place, self._families.floor)
            if found is None:
                failures += 1
                if failures == _MOST_FAILURES:
                    break
                continue
            changed = np.flatnonzero(found != beyond)
            entries = (found - beyond)[changed], (np.full(len(changed), place), changed)
            steps.append(sparse.csr_array(sparse.coo_array(entries, shape=moved.shape)))
            known[place] = True
        total = steps[0]
        for step in steps[1:]:
            total = total + step
        return sparse.csr_array(total)

    def _combine(self, moved: Sequence[sparse.csr_array], known: Flags) -> None:
        """Put departures for the same class together, few layers first."""
        for units in self._sets_of_units():
            open_ = self._families.open.any(axis=0) & known[list(units)].all(axis=0)
            places = np.flatnonzero(open_)
            if not len(places):
                continue
            rows = []
            for layer in range(len(self._around)):
                row = sparse.csr_array((len(places), self._stack.classes), dtype=np.int64)
                for unit in units:
                    if layer in self._units[unit]:
                        row = row + moved[unit][places]
                rows.append(sparse.csr_array(row))
            self._families.learn(sparse.csr_array(sparse.hstack(rows)))

    def _sets_of_units(self) -> Iterator[tuple[int, ...]]:
        every = range(len(self._around))
        yield from ((number,) for number in range(len(self._units)))
        closed = {number: {number, *self._around[number]} for number in every}
        yield from (tuple(sorted(closed[number])) for number in every if len(closed[number]) > 1)
        for whole, *parts in self._parts:
            for first, part in enumerate(parts):
                other = parts[first - 1]
                for chosen in ({whole, part}, {part, other}, {whole, part, other}):
                    yield tuple(sorted(chosen))
                    yield tuple(sorted(set().union(*(closed[number] for number in chosen))))
        for (_, *parts), units in zip(self._parts, self._together, strict=True):
            for first, unit in enumerate(units):
                yield unit, units[first - 1]
                yield unit, parts[first - 1]
                yield unit, units[first - 1], parts[first - 2]
                yield unit, units[first - 1], units[first - 2]
        yield tuple(every)


def _mended(
    system: System,
    most: Integers,
    drawn: Integers,
    expected: Reals,
    taken: Integers,
) -> Integers | None:
    """The drawn table made to fit, by what no figure of it tells apart; None if it is not found.

    People are added first where others are `taken`: few classes have many in one layer only.
    """
    _, first, group = np.unique(_signatures(system), axis=1, return_index=True, return_inverse=True)
    group, number = group.ravel(), len(first)
    merged = System(system.lowest, system.highest, sparse.csr_array(system.members[:, first]))
    limits = np.zeros(number, dtype=np.int64)
    np.add.at(limits, group, np.minimum(most, _NO_LIMIT // len(group)))
    before = np.zeros(number, dtype=np.int64)
    np.add.at(before, group, drawn)
    limited = _limited(merged, limits)
    after = made_to_fit(limited, before)
    if after is None:
        return None
    people, order = drawn.copy(), np.argsort(group, kind="stable")
    of = np.split(order, np.cumsum(np.bincount(group, minlength=number))[:-1])
    first_choice = float(expected.max(initial=1.0))
    for changed in np.flatnonzero(after != before).tolist():
        places = of[changed]
        for _ in range(int(after[changed] - before[changed])):
            wish = expected[places] - people[places] + (taken > people)[places] * first_choice
            wish = np.where(people[places] < most[places], wish, -np.inf)
            people[places[np.argmax(wish)]] += 1
        for _ in range(int(before[changed] - after[changed])):
            surplus = np.where(people[places] > 0, people[places] - expected[places], -np.inf)
            people[places[np.argmax(surplus)]] -= 1
    return people


def _signatures(system: System) -> Integers:
    """(2 x classes): equal where the same figures count a class; see `stack`."""
    numbers = np.random.default_rng(_SEED).integers(0, 2**63, (2, system.figures), dtype=np.int64)
    return np.stack([system.by_class @ own for own in numbers])


def _limited(system: System, most: Integers) -> System:
    """With the most people of each class as figures of their own."""
    some = np.flatnonzero(most < _NO_LIMIT // 2**20)
    if not len(some):
        return system
    ones = np.ones(len(some), dtype=np.int64)
    own = sparse.csr_array((ones, (np.arange(len(some)), some)), shape=(len(some), system.classes))
    return System(
        np.concatenate([system.lowest, np.zeros(len(some), dtype=np.int64)]),
        np.concatenate([system.highest, most[some]]),
        sparse.csr_array(sparse.vstack([system.members, own])),
    )
