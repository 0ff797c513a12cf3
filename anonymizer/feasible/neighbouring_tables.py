"""Tables that each differ by a few people from one that fits: thousands tried side by side.

To show that a class may have enough people, give it what it is missing in the first table and
repair what that breaks, the smallest figure first, each by the class that repairs most others and
breaks fewest. From a table with its figures well inside their bounds a few steps do it,
and as no attempt depends on another, a few hundred are made at once, a step each at a time.
What comes of it is checked from the tables alone, in whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.requirements import Requirement, Witness
from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.feasible.work import meter

_NO_LIMIT = 2**40
_NEVER = -100  # no class repairs or breaks that many figures
_NO_TABLE = -1
_SEED = 20_261_125


@dataclass(frozen=True)
class NeighbouringTables:
    """The first table, and how each of the others differs from it (tables x classes).

    `requirement` says which requirement each of the others was made for, where that is known.
    """

    first: Integers
    changes: sparse.csr_array
    requirement: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def most_people(self, system: System) -> Integers:
        """Of each class the most people that it has in a table that fits; -1 without any."""
        if not system.allows(self.first):
            return np.full(system.classes, _NO_TABLE)
        people = self.changes.tocoo()
        numbers = self.first[people.col] + people.data
        most = self.first.copy()
        proved = self.fitting(system)[people.row]
        np.maximum.at(most, people.col[proved], numbers[proved])
        return most

    def fitting(self, system: System) -> Flags:
        """Which of the other tables fit, if the first one does."""
        fits = np.ones(self.changes.shape[0], dtype=bool)
        people = self.changes.tocoo()
        fits[people.row[self.first[people.col] + people.data < 0]] = False
        figures = sparse.csr_array(self.changes @ system.members.T).tocoo()
        counts = (system.members @ self.first)[figures.col] + figures.data
        inside = (system.lowest[figures.col] <= counts) & (counts <= system.highest[figures.col])
        fits[figures.row[~inside]] = False
        return fits


def reaching(first: Integers, wanted: Integers, classes: Integers) -> list[Requirement]:
    """One requirement for each of the classes: the people that it lacks of those wanted."""
    lacking = (wanted - first)[classes].tolist()
    return [
        Requirement(np.array([chosen]), people)
        for chosen, people in zip(classes.tolist(), lacking, strict=True)
    ]


def find_neighbours(
    system: System,
    first: Integers,
    requirements: Sequence[Requirement],
    *,
    closed: Flags | None = None,
    seed: int = 0,
) -> NeighbouringTables:
    """Tables that reach a requirement each, as many as are found.

    `first` must fit every figure. Classes that are `closed` get people only to reach their
    requirement.
    """
    nowhere = np.zeros(system.classes, dtype=bool)
    attempts = _Attempts(system, first, requirements, nowhere if closed is None else closed, seed)
    return attempts.made()


def find_witnesses(
    system: System, first: Integers, requirements: Sequence[Requirement], seed: int = 0
) -> list[Witness | None]:
    """For each requirement the people to move to reach it, where a table was found that fits."""
    tables = find_neighbours(system, first, requirements, seed=seed)
    found: list[Witness | None] = [None] * len(requirements)
    ends, fits = tables.changes.indptr, tables.fitting(system)
    for row in np.flatnonzero(fits).tolist():
        entries = slice(ends[row], ends[row + 1])
        people = tables.changes.data[entries]
        kept = people != 0
        classes = tables.changes.indices[entries][kept].astype(np.intp)
        found[int(tables.requirement[row])] = Witness(classes, people[kept])
    return found


class _Attempts:
    """Several copies of the first table, each with people on the move.

    Figures are numbered by their size, with one more at the end that never breaks; one class
    more is in that figure alone. `_gains` says of each figure whether it helps (1) or hurts (-1)
    to take somebody away (0) or to add somebody (1).
    """

    def __init__(
        self,
        system: System,
        first: Integers,
        requirements: Sequence[Requirement],
        closed: Flags,
        seed: int,
    ) -> None:
        figures = system.figures
        most = min(search_limits.ATTEMPTS, 1 + search_limits.ATTEMPT_FIGURES // (figures + 1))
        self._count = max(1, min(most, len(requirements)))
        order = np.argsort(np.diff(system.members.indptr), kind="stable")
        members = sparse.csr_array(system.members[order])
        counts = members @ first
        self._figures_of_class = _padded(members)
        self._members, self._sizes = members.indices, np.diff(members.indptr)
        self._starts = members.indptr[:-1]
        self._requirements = requirements
        self._leads = np.array(
            [
                requirement.classes[np.argmax(first[requirement.classes])]
                for requirement in requirements
            ],
            dtype=np.int64,
        )
        self._classes = len(first)
        shape = self._count, figures + 1
        self._room = np.empty((2, *shape), dtype=np.int64)  # below, above
        self._room[0] = np.append(counts - system.lowest[order], _NO_LIMIT)
        self._room[1] = np.append(system.highest[order] - counts, _NO_LIMIT)
        self._untouched = self._room[:, 0].copy()
        self._gains = np.zeros((2, *shape), dtype=np.int8)
        self._gains[:] = _gains(self._room)
        self._broken = np.zeros(shape, dtype=bool)
        self._first = np.append(first, 0)
        self._people = np.tile(self._first, (self._count, 1))
        # A class that has given people away gets none back; a closed one counts as such.
        self._unturned = -np.append(closed, False).astype(np.int8)
        self._turned = np.tile(self._unturned, (self._count, 1))
        self._moved = np.zeros((2, self._count, search_limits.ATTEMPT_STEPS + 2), dtype=np.int64)
        self._steps = np.zeros(self._count, dtype=np.int64)
        self._working = np.zeros(self._count, dtype=bool)
        self._requirement = np.zeros(self._count, dtype=np.int64)
        self._random = np.random.default_rng(_SEED + seed)

    def made(self) -> NeighbouringTables:
        """The tables that came out, at most one for each requirement."""
        waiting, work = np.arange(len(self._requirements)), meter()
        columns, people = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        lengths, requirements = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        while not work.exhausted and (len(waiting) or self._working.any()):
            idle = np.flatnonzero(~self._working)
            if len(waiting) and 2 * len(idle) >= self._count:
                idle = idle[: len(waiting)]
                self._begin(idle, waiting[: len(idle)])
                waiting = waiting[len(idle) :]
            work.spend(search_limits.UNITS_OF_A_STEP + int(self._working.sum()))
            done, fits = self._go_on()
            requirements.append(self._requirement[done[fits]])
            for collected, found in zip(
                (columns, people, lengths), self._taken(done[fits]), strict=True
            ):
                collected.append(found)
            self._end(done)
        ends = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        shape = len(ends) - 1, self._classes
        entries = np.concatenate(people), np.concatenate(columns), ends
        changes = sparse.csr_array(entries, shape=shape)
        changes.sum_duplicates()
        return NeighbouringTables(self._first[:-1], changes, np.concatenate(requirements))

    def _begin(self, attempts: Integers, requirements: Integers) -> None:
        self._working[attempts], self._requirement[attempts] = True, requirements
        changes = np.array(
            [self._requirements[requirement].change for requirement in requirements.tolist()],
            dtype=np.int64,
        )
        for attempt, requirement in zip(attempts.tolist(), requirements.tolist(), strict=True):
            if len(self._requirements[requirement].classes) > 1:
                self._turned[attempt, self._requirements[requirement].classes] = np.sign(
                    self._requirements[requirement].change
                )
        self._shift(attempts, self._leads[requirements], changes)

    def _go_on(self) -> tuple[Integers, Flags]:
        """One move of each attempt; those that are at their end, and whether their table fits."""
        at_work = np.flatnonzero(self._working)
        figures = self._broken.argmax(axis=1)[at_work]
        broken = self._broken[at_work, figures]
        spent = broken & (self._steps[at_work] > search_limits.ATTEMPT_STEPS)
        moving = broken & ~spent
        stuck = np.zeros(len(at_work), dtype=bool)
        stuck[moving] = ~self._ease(at_work[moving], figures[moving])
        done = ~broken | spent | stuck
        return at_work[done], ~broken[done]

    def _ease(self, attempts: Integers, figures: Integers) -> Flags:
        """Move people into or out of one class of each figure; False where none can."""
        lacking, surplus = -self._room[:, attempts, figures]
        adds = (lacking > 0).astype(np.int8)
        people = np.maximum(lacking, surplus)
        candidates = self._candidates(figures)
        able = self._turned[attempts[:, None], candidates] * (2 * adds - 1)[:, None] >= 0
        present = self._people[attempts[:, None], candidates]
        able &= (present > 0) | (adds == 1)[:, None]
        able &= candidates < self._classes
        gains = self._gains[
            adds[:, None, None], attempts[:, None, None], self._figures_of_class[candidates]
        ]
        scores = np.where(able, gains.sum(axis=2), _NEVER)
        best = scores.argmax(axis=1)
        each = np.arange(len(attempts))
        found: Flags = scores[each, best] > _NEVER
        attempts, adds, chosen = attempts[found], adds[found], candidates[each, best][found]
        rooms = self._room[adds[:, None], attempts[:, None], self._figures_of_class[chosen]]
        most = np.where(rooms > 0, rooms, _NO_LIMIT).min(axis=1)
        most = np.where(adds == 1, most, np.minimum(most, present[each, best][found]))
        people = np.minimum(people[found], most)
        self._shift(attempts, chosen, np.where(adds == 1, people, -people))
        return found

    def _candidates(self, figures: Integers) -> Integers:
        """Classes of each figure, drawn at random where there are too many; filled up with none."""
        sizes = self._sizes[figures][:, None]
        positions = np.arange(min(search_limits.ATTEMPT_CANDIDATES, int(sizes.max(initial=1))))[
            None, :
        ]
        drawn = self._random.random((len(figures), positions.shape[1])) * sizes
        positions = np.where(
            sizes > search_limits.ATTEMPT_CANDIDATES, drawn.astype(np.int64), positions
        )
        inside = positions < sizes
        positions = self._starts[figures][:, None] + np.where(inside, positions, 0)
        candidates: Integers = np.where(inside, self._members[positions], self._classes)
        return candidates

    def _shift(self, attempts: Integers, classes: Integers, people: Integers) -> None:
        """Change one class in each attempt."""
        self._people[attempts, classes] += people
        self._turned[attempts, classes] = np.sign(people)
        self._moved[:, attempts, self._steps[attempts]] = classes, people
        self._steps[attempts] += 1
        rows, figures = attempts[:, None], self._figures_of_class[classes]
        self._room[0, rows, figures] += people[:, None]
        self._room[1, rows, figures] -= people[:, None]
        rooms = self._room[:, rows, figures]
        self._gains[:, rows, figures] = _gains(rooms)
        self._broken[rows, figures] = (rooms < 0).any(axis=0)

    def _taken(self, attempts: Integers) -> tuple[Integers, Integers, Integers]:
        """The classes that attempts have moved, by how many people, and how many moves of each."""
        steps = np.arange(self._moved.shape[2]) < self._steps[attempts][:, None]
        classes, people = self._moved[:, attempts][:, steps]
        return classes, people, self._steps[attempts]

    def _end(self, attempts: Integers) -> None:
        """Back to the first table."""
        classes, _, steps = self._taken(attempts)
        for attempt in attempts.tolist():
            others = self._requirements[self._requirement[attempt]].classes
            if len(others) > 1:
                self._turned[attempt, others] = self._unturned[others]
        rows = np.repeat(attempts, steps)
        figures = self._figures_of_class[classes]
        self._people[rows, classes] = self._first[classes]
        self._turned[rows, classes] = self._unturned[classes]
        rows = rows[:, None]
        self._room[:, rows, figures] = self._untouched[:, figures]
        self._gains[:, rows, figures] = _gains(self._untouched[:, figures])
        self._broken[rows, figures] = False
        self._steps[attempts], self._working[attempts] = 0, False


def _gains(room: Integers) -> NDArray[np.int8]:
    """(below, above) room: what taking somebody away and adding somebody does to a figure."""
    helped, hurt = room[::-1] < 0, room <= 0
    return helped.astype(np.int8) - hurt.astype(np.int8)


def _padded(members: sparse.csr_array) -> Integers:
    """The figures around each class and one more, a row each, filled up with one that is none."""
    by_class = sparse.csr_array(members.T)
    lengths = np.diff(by_class.indptr)
    width = max(1, int(lengths.max(initial=0)))
    padded = np.full((len(lengths) + 1, width), members.shape[0], dtype=np.int64)
    padded[:-1][np.arange(width) < lengths[:, None]] = by_class.indices
    return padded
