"""An inner and an outer table as one: families of whole people that fit the figures of both.

There are people of both tables, by what no figure of either tells apart, and people of the outer
table alone, by its own classes. (Where the outer table has nobody by its own rules, the former
are of the inner table alone.) So the inner table takes people from the outer one, and gives them
back, without any change in the outer table's figures.
"""

from functools import cached_property

import numpy as np
from scipy import sparse

from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.families import Families
from anonymizer.audit.history.refinement import Refinement
from anonymizer.feasible.class_witnesses import NONE, ClassWitnesses, witnesses_near
from anonymizer.feasible.different_rows import different_rows
from anonymizer.feasible.neighbouring_tables import NeighbouringTables
from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.model.proofs import LinkedProof

_OUTER = 0
_NO_LIMIT = 2**40
_KINDS = frozenset({0, 1}), frozenset({1}), frozenset({0})  # of the tables (inner, outer)


class Pair:
    """One inner table of those that are held, its families, and the latest of these at hand."""

    def __init__(self, refinement: Refinement, number: int) -> None:
        self._refinement, self._number = refinement, number
        own, self.of_part = different_rows(refinement.own[[_OUTER, number]].T)
        self._outer, self._inner = np.ascontiguousarray(own.T)
        self.together = len(own)
        self._alone = refinement.tables[_OUTER].classes
        self._families = Families(self.together + self._alone)

    def hold(self, people: Integers, top: Integers, remainder: ClassWitnesses) -> None:
        """People of the inner table by part, those of the outer one that are held, and the rest.

        They must fit the figures.
        """
        both = np.zeros(self.together, dtype=np.int64)
        np.add.at(both, self.of_part, people)
        spare = self._refinement.summed(_OUTER, top - people)
        self._remainder = remainder
        self._first = np.concatenate([both, spare + remainder.first])
        self._families.add_neighbours(self._first, self._remainders(np.zeros(0, dtype=np.int64)))

    def keep_remainders(self, numbers: Integers) -> None:
        """Keep tables of the rest as witnesses."""
        self._families.add_neighbours(self._first, self._remainders(numbers[numbers > 0]))

    def lend(self, wanted: Integers, enough: int) -> Integers:
        """The wanted classes of both that may have enough people of the inner table.

        A class takes what it is missing from others that no figure of the inner table tells apart,
        and from what these take from others. If the outer table has too few people there, the
        rest is one in which it has enough.
        """
        wanted = wanted[self._inner[wanted] >= 0]
        within = self._refinement.tables[self._number]
        chosen = np.zeros(within.classes, dtype=bool)
        chosen[self._inner[wanted]] = True
        requirements = np.full(within.classes, enough)
        tables = witnesses_near(
            within,
            self._summed(self._both),
            requirements,
            chosen,
            closed=self._closed,
            patient=True,
        )
        if tables is None or not len(wanted):
            return wanted[:0]
        wanted = wanted[tables.reaching[self._inner[wanted]] != NONE]
        changes = sparse.csr_array(tables.changes[tables.reaching[self._inner[wanted]]])
        plain = self._lent(wanted, changes, enough, np.zeros_like(wanted))
        left, changes = wanted[~plain], sparse.csr_array(changes[~plain])
        remainders = np.append(self._remainder.reaching, NONE)[self._outer[left]]
        there = remainders != NONE
        left, remainders, changes = left[there], remainders[there], sparse.csr_array(changes[there])
        return np.union1d(wanted[plain], left[self._lent(left, changes, enough, remainders)])

    def proof(self) -> LinkedProof | None:
        """All families that were kept."""
        if not self._families.starts:
            return None
        refinement, number = self._refinement, self._number
        both = self.of_part[refinement.of_atom]
        outer, inner = self._outer[both], self._inner[both]
        class_of = np.stack(
            [
                np.where((outer >= 0) & (inner >= 0), both, -1),
                np.where(outer >= 0, self.together + outer, -1),
                np.where((outer < 0) & (inner >= 0), both, -1),
            ],
            axis=-1,
        )
        return LinkedProof(
            (refinement.keys[number], refinement.keys[_OUTER]),
            refinement.leaves,
            _KINDS,
            self._families.witnesses(class_of),
        )

    @property
    def _both(self) -> Integers:
        return self._first[: self.together]

    def _summed(self, people: Integers) -> Integers:
        """People by class of both as people by class of the inner table."""
        there = self._inner >= 0
        classes = self._refinement.tables[self._number].classes
        total = np.zeros(classes, dtype=np.int64)
        np.add.at(total, self._inner[there], people[there])
        return total

    @property
    def _room(self) -> Integers:
        """How many people of the outer table alone each class of both can take."""
        room: Integers = np.append(self._first[self.together :], _NO_LIMIT)[self._outer]
        return room

    @property
    def _closed(self) -> Flags:
        """Classes of the inner table that can take few people, wherever they are."""
        return self._summed(np.minimum(self._room, linking_limits.ROOMY)) < linking_limits.ROOMY

    def _remainders(self, numbers: Integers) -> sparse.csr_array:
        """Changes of the rest as changes of the family."""
        unchanged = sparse.csr_array((len(numbers), self.together), dtype=np.int64)
        return sparse.csr_array(sparse.hstack([unchanged, self._remainder.changes[numbers]]))

    def _lent(
        self, chosen: Integers, changes: sparse.csr_array, enough: int, remainders: Integers
    ) -> Flags:
        """Whether both tables fit with these changes of the inner one and of the rest, a row each.

        Those that do are kept.
        """
        if not len(chosen):
            return np.zeros(0, dtype=bool)
        moved = self._moved(chosen, changes, enough)
        outside = self._outer[moved.col] >= 0
        entries = -moved.data[outside], (moved.row[outside], self._outer[moved.col[outside]])
        alone = sparse.coo_array(entries, shape=(len(chosen), self._alone))
        alone = sparse.csr_array(alone) + self._remainder.changes[remainders]
        families = sparse.csr_array(sparse.hstack([sparse.csr_array(moved), alone]))
        families.eliminate_zeros()
        fits = NeighbouringTables(self._first, families).fitting(self._system)
        reached = self._both[chosen]
        own = moved.col == chosen[moved.row]
        np.add.at(reached, moved.row[own], moved.data[own])
        fits &= reached >= enough
        self._families.add_neighbours(self._first, sparse.csr_array(families[fits]))
        return fits

    def _moved(self, chosen: Integers, changes: sparse.csr_array, enough: int) -> sparse.coo_array:
        """How people of both change, where the chosen class of each row gets enough of them."""
        moved, own = changes.tocoo(), self._inner[chosen]
        ahead = moved.col == own[moved.row]
        gained = np.zeros(len(chosen), dtype=np.int64)
        gained[moved.row[ahead]] = moved.data[ahead]
        given = np.maximum(np.maximum(gained, enough - self._both[chosen]), 0)
        rows = np.arange(len(chosen))
        parts = [(rows, chosen, given)]
        parts += self._shared_out(rows, own, gained - given, chosen)
        others = moved.row[~ahead], moved.col[~ahead], moved.data[~ahead]
        parts += self._shared_out(*others, chosen)
        row, col, people = (np.concatenate(of) for of in zip(*parts, strict=True))
        some = people != 0
        shape = len(chosen), self.together
        found = sparse.coo_array((people[some], (row[some], col[some])), shape=shape)
        found.sum_duplicates()
        return found

    def _shared_out(
        self, rows: Integers, classes: Integers, people: Integers, chosen: Integers
    ) -> list[tuple[Integers, Integers, Integers]]:
        """(row, class of both, people): changes of classes of the inner table, in their parts.

        They are added where there is most room, and taken where most people are, never from the
        chosen class of the row.
        """
        parts = []
        for sign, there, most in (
            (1, self._room, linking_limits.PARTS_RECEIVING),
            (-1, self._both, linking_limits.PARTS_GIVING),
        ):
            some = people * sign > 0
            row, of, left = rows[some], classes[some], people[some] * sign
            order = np.lexsort((-there, self._inner))
            position = np.searchsorted(self._inner[order], of)
            end = np.searchsorted(self._inner[order], of, side="right")
            for further in range(most):
                here = order[position]
                able = np.where((sign < 0) & (here == chosen[row]), 0, there[here])
                last = (position + 1 == end) | (further + 1 == most)
                taken = np.where(last, left, np.minimum(able, left))
                parts.append((row, here, taken * sign))
                left = left - taken
                more = left > 0
                row, left, position, end = row[more], left[more], position[more] + 1, end[more]
        return parts

    @cached_property
    def _system(self) -> System:
        """The figures of both tables over the classes of the families."""
        refinement, number = self._refinement, self._number
        inner = _columns(refinement.tables[number].members, self._inner)
        outer = _columns(refinement.tables[_OUTER].members, self._outer)
        within, containing = refinement.tables[number], refinement.tables[_OUTER]
        return System(
            np.concatenate([within.lowest, containing.lowest]),
            np.concatenate([within.highest, containing.highest]),
            sparse.csr_array(sparse.block_array([[inner, None], [outer, containing.members]])),
        )


def _columns(members: sparse.csr_array, classes: Integers) -> sparse.csr_array:
    """(figures x classes of both): the figures' members by the class of one table, if any."""
    wider = sparse.csc_array(sparse.hstack([members, sparse.csr_array((members.shape[0], 1))]))
    return sparse.csr_array(wider[:, np.where(classes >= 0, classes, members.shape[1])]).astype(
        np.int64
    )
