"""Tables that each differ by a few people from one that fits: thousands tried side by side.

To show that a class may have enough people, give it what it is missing in the first table and
repair what that breaks, the smallest figure first, each by the class that repairs most others and
breaks fewest. From a table with its figures well inside their bounds a few steps do it,
and as no attempt depends on another, a few hundred are made at once, a step each at a time.
What comes of it is checked from the tables alone, in whole numbers.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.figure_lists import FigureLists, room_gains
from anonymizer.feasible.requirements import Requirement, Witness
from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.feasible.work import meter

_NO_LIMIT = 2**40
_NEVER = -100  # no class repairs or breaks that many figures
_NO_TABLE = -1
_NOWHERE = np.zeros(0, dtype=np.intp)


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
    fits, changes = tables.fitting(system), tables.changes
    changes.eliminate_zeros()
    classes, people, ends = changes.indices.astype(np.intp), changes.data, changes.indptr.tolist()
    numbers = zip(itertools.pairwise(ends), tables.requirement.tolist(), fits, strict=True)
    for (begin, end), requirement, fit in numbers:
        if fit:
            found[requirement] = Witness(classes[begin:end], people[begin:end])
    return found


class _Attempts:
    """Several copies of the first table, each with people on the move.

    Figures are numbered by their size, with one more at the end that never breaks; one class
    more is in that figure alone. What copies have is kept in flat arrays, one copy after the other:
    for each figure the room below and above and whether it is broken, for each class its people
    and how it has turned. `_gains` says of each figure whether it helps (1) or hurts (-1) to take
    somebody away (first row) or to add somebody (second row).
    """

    def __init__(
        self,
        system: System,
        first: Integers,
        requirements: Sequence[Requirement],
        closed: Flags,
        seed: int,
    ) -> None:
        figures, self._classes = system.figures, len(first)
        most = min(search_limits.ATTEMPTS, 1 + search_limits.ATTEMPT_FIGURES // (figures + 1))
        self._count = count = max(1, min(most, len(requirements)))
        order = np.argsort(np.diff(system.members.indptr), kind="stable")
        members = sparse.csr_array(system.members[order])
        self._figure_lists = FigureLists(members)
        self._members, self._sizes = members.indices, np.diff(members.indptr)
        self._starts = members.indptr[:-1]
        self._multiple = {
            number: requirement.classes
            for number, requirement in enumerate(requirements)
            if len(requirement.classes) > 1
        }
        self._leads = np.array(
            [
                requirement.classes[np.argmax(first[requirement.classes])]
                if number in self._multiple
                else requirement.classes[0]
                for number, requirement in enumerate(requirements)
            ],
            dtype=np.int64,
        )
        self._changes = np.array([one.change for one in requirements], dtype=np.int64)
        counts, self._width = members @ first, figures + 1
        self._first_room = np.full((2, figures + 1), _NO_LIMIT, dtype=np.int64)  # below, above
        self._first_room[:, :-1] = counts - system.lowest[order], system.highest[order] - counts
        self._first_gains = room_gains(self._first_room)
        self._room = np.tile(self._first_room, count)
        self._gains = np.tile(self._first_gains, count)
        self._broken = np.zeros((count, figures + 1), dtype=bool)
        self._first = np.append(first, 0)
        self._people = np.tile(self._first, count)
        # A class that has given people away gets none back; a closed one counts as such.
        self._unturned = -np.append(closed, False).astype(np.int8)
        self._turned = np.tile(self._unturned, count)
        self._moved = np.zeros((2, count, search_limits.ATTEMPT_STEPS + 2), dtype=np.int64)
        self._steps = np.zeros(count, dtype=np.int64)
        self._working = np.zeros(count, dtype=bool)
        self._requirement = np.zeros(count, dtype=np.int64)
        self._random = np.random.default_rng(search_limits.NEIGHBOURING_SEED + seed)

    def made(self) -> NeighbouringTables:
        """The tables that came out, at most one for each requirement."""
        waiting, work = np.arange(len(self._leads)), meter()
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
        changes = self._changes[requirements]
        if self._multiple:
            for attempt, number in zip(attempts.tolist(), requirements.tolist(), strict=True):
                spots = attempt * len(self._first) + self._multiple.get(number, _NOWHERE)
                self._turned[spots] = np.sign(self._changes[number])
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
        lacking, surplus = -self._room.take(attempts * self._width + figures, axis=1)
        adds = lacking > 0
        candidates = self._candidates(figures)
        spots = attempts[:, None] * len(self._first) + candidates
        turned, present = self._turned.take(spots), self._people.take(spots)
        able = np.where(adds[:, None], turned >= 0, (turned <= 0) & (present > 0))
        able &= candidates < self._classes
        scores = self._scores(attempts, adds, candidates, able)
        best = scores.argmax(axis=1)
        each = np.arange(len(attempts))
        found: Flags = scores[each, best] > _NEVER
        attempts, adds, each, best = attempts[found], adds[found], each[found], best[found]
        chosen = candidates[each, best]
        most = np.where(adds, _NO_LIMIT, present[each, best])
        most = np.minimum(most, np.maximum(lacking, surplus)[found])
        people = np.minimum(most, self._least_room(attempts, adds, chosen))
        self._shift(attempts, chosen, np.where(adds, people, -people))
        return found

    def _scores(
        self, attempts: Integers, adds: Flags, candidates: Integers, able: Flags
    ) -> NDArray[np.int16]:
        """How many more figures than it hurts each move would help; only of those that are able."""
        scores = np.full(candidates.shape, _NEVER, dtype=np.int16)
        row, column = np.nonzero(able)
        begins = (attempts + adds * self._count) * self._width
        scores[row, column] = self._figure_lists.totals(
            self._gains.reshape(-1), candidates[row, column], begins[row]
        )
        return scores

    def _least_room(self, attempts: Integers, adds: Flags, classes: Integers) -> Integers:
        """Of the figures around each class that have any room that way, the least."""
        begins, row, figures = self._figure_lists.lists(classes)
        spots = ((attempts + adds * self._count) * self._width)[row] + figures
        rooms = self._room.reshape(-1).take(spots)
        rooms[rooms <= 0] = _NO_LIMIT
        least: Integers = np.minimum.reduceat(rooms, begins) if len(begins) else rooms
        return least

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
        positions = attempts * len(self._first) + classes
        self._people[positions] += people
        self._turned[positions] = np.sign(people)
        self._moved[:, attempts, self._steps[attempts]] = classes, people
        self._steps[attempts] += 1
        _, row, figures = self._figure_lists.lists(classes)
        spots, moved = attempts[row] * self._width + figures, people[row]
        room = self._room.take(spots, axis=1)
        room += np.stack([moved, -moved])
        self._room[:, spots], self._gains[:, spots] = room, room_gains(room)
        self._broken.reshape(-1)[spots] = room.min(axis=0) < 0

    def _taken(self, attempts: Integers) -> tuple[Integers, Integers, Integers]:
        """The classes that attempts have moved, by how many people, and how many moves of each."""
        steps = np.arange(self._moved.shape[2]) < self._steps[attempts][:, None]
        classes, people = self._moved[:, attempts][:, steps]
        return classes, people, self._steps[attempts]

    def _end(self, attempts: Integers) -> None:
        """Back to the first table."""
        classes, _, steps = self._taken(attempts)
        if self._multiple:
            for attempt in attempts.tolist():
                others = self._multiple.get(int(self._requirement[attempt]), _NOWHERE)
                self._turned[attempt * len(self._first) + others] = self._unturned[others]
        attempt = np.repeat(attempts, steps)
        positions = attempt * len(self._first) + classes
        self._people[positions], self._turned[positions] = (
            self._first[classes],
            self._unturned[classes],
        )
        _, row, figures = self._figure_lists.lists(classes)
        spots = attempt[row] * self._width + figures
        self._room[:, spots] = self._first_room.take(figures, axis=1)
        self._gains[:, spots] = self._first_gains.take(figures, axis=1)
        self._broken.reshape(-1)[spots] = False
        self._steps[attempts], self._working[attempts] = 0, False
