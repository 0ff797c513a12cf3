"""Tables of whole people that fit every published figure: the auditor's evidence of safety.

A class may have `goal` people if some table that fits the figures has so many there. One
table shows it for many classes at once: for those that hold enough people in it, for those
that have room in all their figures for the people missing, and for those that can take
them from a donor class without pushing a figure out of its bounds. Linear programming
proposes tables with room where it is still wanted; each is made whole and checked in whole
numbers before it counts.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.solver import Outcome, Program
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.whole import make_whole
from anonymizer.feasible.work import meter

_ROOM_WEIGHT = 0.1  # of room in a figure, for each class that waits for it, against one person
_GOOD_ENOUGH = 0.1  # a table of whole people need not be the best
_MOST_ROUNDS = 400
_MOST_PAIRS = 2**22  # of classes, looked at together
_NOBODY = -1


@dataclass
class Witnesses:
    """What has been shown to be possible so far.

    `tables` fit the figures. A class that is `reached` may have its goal: add the missing
    people to it in the table numbered `table`, taken from the class `donor` if there is one.
    """

    knowledge: Knowledge
    goals: Integers
    tables: list[Integers] = field(default_factory=list)
    reached: Flags = field(init=False)
    table: Integers = field(init=False)
    donor: Integers = field(init=False)

    def __post_init__(self) -> None:
        classes = self.knowledge.classes
        self.reached = np.zeros(classes, dtype=bool)
        self.table = np.full(classes, _NOBODY)
        self.donor = np.full(classes, _NOBODY)

    @property
    def waiting(self) -> Integers:
        """Classes not yet shown to reach their goal."""
        return np.flatnonzero(~self.reached)

    def learn(self, table: Integers) -> None:
        """Take a table that fits, and with it all classes that it lets reach their goals."""
        self.tables.append(table)
        self._mark(*_plain(table, self.goals, self.waiting))
        if self.knowledge.exact and self.knowledge.covered.all():
            return
        self._mark(*_additions(self.knowledge, table, self.goals, self.waiting))
        self._mark(*_exchanges(self.knowledge, table, self.goals, self.waiting))

    def recheck(self) -> None:
        """Build what every reached class rests on and unreach those whose table does not fit."""
        for number, table in enumerate(self.tables):
            classes = np.flatnonzero(self.table == number)
            people = np.maximum(self.goals[classes] - table[classes], 0)
            taken = np.where(self.donor[classes] == _NOBODY, 0, people)
            counts = self.knowledge.members @ table
            self.reached[classes] = self.knowledge.allows(table)
            moved = np.flatnonzero(people > 0)
            receivers, givers = classes[moved], self.donor[classes[moved]]
            change = self.knowledge.by_class[receivers] * people[moved, None]
            change = change - self.knowledge.by_class[givers] * taken[moved, None]
            shifted = counts + change.toarray()
            fits = (self.knowledge.lowest <= shifted) & (shifted <= self.knowledge.highest)
            enough = (table[givers] >= taken[moved]) & (givers != receivers)
            self.reached[receivers] &= fits.all(axis=1) & enough

    def _mark(self, classes: Integers, donors: Integers) -> None:
        self.reached[classes] = True
        self.table[classes] = len(self.tables) - 1
        self.donor[classes] = donors


def search(knowledge: Knowledge, witnesses: Witnesses, step: int) -> None:
    """Look for tables until every class is reached or two rounds bring nothing new.

    `step` is how many people a class may be missing in a table that has room for it.
    """
    if not len(witnesses.waiting) or meter().exhausted:
        return
    classes, idle = knowledge.classes, 0
    program = _roomy_program(knowledge, witnesses.goals, step)
    whole_program = _roomy_program(knowledge, witnesses.goals, step, whole=True)
    whole_program.accept_gap(_GOOD_ENOUGH)
    for round_number in range(_MOST_ROUNDS):
        waiting = witnesses.waiting
        if not len(waiting) or idle > 1:
            return
        wanted = np.zeros(classes)
        wanted[waiting] = 1
        room = (0 if idle else _ROOM_WEIGHT) * (knowledge.essential.members @ wanted)
        count = wanted if round_number else np.zeros(classes)
        cost = np.concatenate([np.zeros(classes), -count, room])
        outcome = program.minimise(cost)
        program.limit_iterations(len(knowledge.segments) + 100)
        table = _table(knowledge, outcome) if outcome.found else None
        if table is None and outcome.found and not knowledge.exact:
            table = _table(knowledge, whole_program.minimise(cost))
        if table is not None:
            witnesses.learn(table)
        idle = idle + 1 if len(witnesses.waiting) == len(waiting) else 0


def _table(knowledge: Knowledge, outcome: Outcome) -> Integers | None:
    if not outcome.found:
        return None
    beyond, up_to_goal = np.split(outcome.values[: 2 * knowledge.classes], 2)
    return make_whole(knowledge, beyond + up_to_goal)


def _roomy_program(
    knowledge: Knowledge, goals: Integers, step: int, *, whole: bool = False
) -> Program:
    """Columns: people of each class beyond its goal, people up to its goal, room used up.

    The last, one a figure, is how far the figure has eaten into the room for `step` people.
    """
    rows = knowledge.essential
    room = np.minimum(step, rows.highest - rows.lowest)
    members = rows.members
    matrix = sparse.hstack([members, members, -sparse.eye_array(len(room), dtype=np.int64)])
    limits = np.concatenate([np.full(knowledge.classes, np.inf), goals, room]).astype(float)
    upper = rows.highest - room
    return Program(sparse.csc_array(matrix), rows.lowest, upper, limits, whole=whole)


def _plain(table: Integers, goals: Integers, waiting: Integers) -> tuple[Integers, Integers]:
    """Classes that have enough people as it is."""
    ready = waiting[table[waiting] >= goals[waiting]]
    return ready, np.full(len(ready), _NOBODY)


def _additions(
    knowledge: Knowledge, table: Integers, goals: Integers, waiting: Integers
) -> tuple[Integers, Integers]:
    """Classes whose missing people fit into every figure that contains them."""
    spare = knowledge.highest - knowledge.members @ table
    room = np.full(knowledge.classes, np.iinfo(np.int64).max)
    entries = knowledge.by_class.tocoo()
    np.minimum.at(room, entries.row, spare[entries.col])
    ready = waiting[goals[waiting] - table[waiting] <= room[waiting]]
    return ready, np.full(len(ready), _NOBODY)


def _exchanges(
    knowledge: Knowledge, table: Integers, goals: Integers, waiting: Integers
) -> tuple[Integers, Integers]:
    """Classes that can take their missing people from a donor class, and the donors.

    Figures with both classes keep their count, so the donor must be in every figure that
    cannot take more, and the class in every figure of the donor that cannot lose any.
    """
    counts = knowledge.members @ table
    missing = goals[waiting] - table[waiting]
    classes, donors = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for people in np.unique(missing).tolist():
        takers, givers = waiting[missing == people], np.flatnonzero(table >= people)
        if not len(givers):
            continue
        for some in np.array_split(takers, len(takers) * len(givers) // _MOST_PAIRS + 1):
            fits = _can_swap(knowledge, counts, people, some, givers)
            able = fits.any(axis=1)
            classes.append(some[able])
            donors.append(givers[fits.argmax(axis=1)[able]])
    return np.concatenate(classes), np.concatenate(donors)


def _can_swap(
    knowledge: Knowledge, counts: Integers, people: int, takers: Integers, givers: Integers
) -> Flags:
    """(takers x givers): whether so many people may go from the one to the other."""
    full = (knowledge.highest - counts < people).astype(np.int64)
    bare = (counts - knowledge.lowest < people).astype(np.int64)
    taking, giving = knowledge.by_class[takers], knowledge.by_class[givers]
    shared_full = ((taking * full[None, :]) @ giving.T).toarray()
    shared_bare = (taking @ (giving * bare[None, :]).T).toarray()
    fits = (shared_full == (taking @ full)[:, None]) & (shared_bare == (giving @ bare)[None, :])
    possible: Flags = fits & (takers[:, None] != givers)
    return possible
