"""Tables of whole people, changed by a few people at a time until every figure fits again.

One class more or less of a table that fits breaks only the figures around it. These are
repaired one by one, each by the class that repairs most others and breaks fewest, so that the
work depends on how many figures are broken and not on how large the table is.
"""

from heapq import heapify, heappop, heappush

import numpy as np

from anonymizer.feasible import search_limits
from anonymizer.feasible.figure_lists import room_gains
from anonymizer.feasible.system import Integers, System
from anonymizer.feasible.work import meter

_NO_LIMIT = 2**40


class TableRepair:
    """A table that is being changed, and how many people each figure counts in it."""

    def __init__(self, system: System, table: Integers) -> None:
        self.table = table.copy()
        self._members = system.members
        self._lists = system.figure_lists
        counts = system.members @ table
        # One figure more that never breaks fills up the figures of a class.
        self._room = np.full((2, system.figures + 1), _NO_LIMIT, dtype=np.int64)  # below, above
        self._room[:, :-1] = counts - system.lowest, system.highest - counts
        self._gains = room_gains(self._room)
        self._sizes = np.diff(system.members.indptr).tolist()
        self._turned = np.zeros(system.classes, dtype=np.int8)
        self._work = meter()
        self._random = np.random.default_rng(search_limits.REPAIR_SEED)

    def make_fit(self, most_steps: int) -> bool:
        """Make every figure fit, the largest first; False if it takes more moves.

        Goes on with the others where there is no way to repair one.
        """
        return self._make_fit(self._all_broken(), most_steps, order=-1, patient=True)

    def make_fit_keeping(self, chosen: Integers, most_steps: int, sense: int = 1) -> bool:
        """Make every figure fit, the smallest first, and take nobody from some classes.

        With a `sense` of -1, bring nobody to them.
        """
        self._turned[chosen] = sense
        return self._make_fit(self._all_broken(), most_steps, order=1)

    def forget(self) -> None:
        """Whoever has been moved may move again."""
        self._turned[:] = 0

    def _make_fit(
        self, broken: list[int], most_steps: int, *, order: int, patient: bool = False
    ) -> bool:
        queue = [(order * self._sizes[figure], figure) for figure in broken]
        heapify(queue)
        left: list[int] = []
        for _ in range(most_steps):
            if self._work.exhausted:
                return False
            while queue and self._fits(queue[0][1]):
                heappop(queue)
            if not queue:
                return all(map(self._fits, left))
            moved = self._ease(queue[0][1])
            if moved is None:
                if not patient:
                    return False
                left.append(heappop(queue)[1])
                continue
            for figure in moved:
                heappush(queue, (order * self._sizes[figure], figure))
        return False

    def _all_broken(self) -> list[int]:
        found: list[int] = np.flatnonzero(self._room.min(axis=0) < 0).tolist()
        return found

    def _fits(self, figure: int) -> bool:
        return bool(self._room[0, figure] >= 0 and self._room[1, figure] >= 0)

    def _ease(self, figure: int) -> list[int] | None:
        """Move people into or out of one class of a broken figure; what is broken around it."""
        lacking, surplus = (-self._room[:, figure]).tolist()
        adds = surplus <= 0
        classes = self._candidates(figure, 1 if adds else -1)
        if not len(classes):
            return None
        chosen = int(classes[self._lists.totals(self._gains[int(adds)], classes).argmax()])
        rooms = self._room[int(adds)][self._lists.figures_of(chosen)]
        people = min(max(surplus, lacking), int(rooms[rooms > 0].min(initial=_NO_LIMIT)))
        return self._shift(chosen, people if adds else -min(people, int(self.table[chosen])))

    def _candidates(self, figure: int, sign: int) -> Integers:
        """Classes of a figure that may have more (1) or fewer (-1) people.

        What has got people in this repair gives none away again, and the other way round.
        """
        start, end = self._members.indptr[figure : figure + 2]
        classes = self._members.indices[start:end]
        if len(classes) > search_limits.REPAIR_CANDIDATES:
            classes = classes[
                self._random.integers(0, len(classes), search_limits.REPAIR_CANDIDATES)
            ]
        able = self._turned[classes] * sign >= 0
        if sign < 0:
            able &= self.table[classes] > 0
        candidates: Integers = classes[able]
        return candidates

    def _shift(self, chosen: int, people: int) -> list[int]:
        """Change one class; the figures around it that do not fit."""
        figures = self._lists.figures_of(chosen)
        self.table[chosen] += people
        room = self._room[:, figures] + np.array([[people], [-people]])
        self._room[:, figures], self._gains[:, figures] = room, room_gains(room)
        self._turned[chosen] = 1 if people > 0 else -1
        self._work.spend(search_limits.UNITS_OF_A_MOVE)
        found: list[int] = figures[room.min(axis=0) < 0].tolist()
        return found


def made_to_fit(system: System, table: Integers) -> Integers | None:
    """A table near one that fits nearly; None if it is not found."""
    nearly = nearly_made_to_fit(system, table)
    return nearly if system.allows(nearly) else None


def nearly_made_to_fit(system: System, table: Integers) -> Integers:
    """A table near one that fits nearly, with the fewest broken figures that repair came to."""
    repair, best = TableRepair(system, table), table
    fewest = len(system.broken(table))
    for _ in range(search_limits.REPAIR_TRIES):
        repaired = repair.make_fit(
            search_limits.REPAIR_STEPS * system.figures + search_limits.REPAIR_STEPS_BESIDES
        )
        broken = len(system.broken(repair.table))
        if broken < fewest or repaired:
            best, fewest = repair.table.copy(), broken
        if repaired:
            break
        repair.forget()
    return best


def hardly_changed_to_fit(system: System, table: Integers) -> Integers:
    """The table after a few moves for each broken figure, if no more figures are broken then."""
    repair, broken = TableRepair(system, table), len(system.broken(table))
    repair.make_fit(search_limits.REPAIR_STEPS * broken + search_limits.REPAIR_STEPS_BESIDES)
    return repair.table if len(system.broken(repair.table)) <= broken else table
