"""What promise 8 itself tells a reader of two groups of one table, by how many people they differ.

Groups that differ by fewer people than the step share one outcome. So a group with another figure
than a group that was judged on its own before it differs from that one by at least a step of
people; so does a published group from one that was judged on its own before it and is suppressed.
Pairs of which that is not clear anyway become rows of the constraints: they count the people in
which the two groups differ. A group that shares a figure differs from its leader by few people.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.system import Flags, Integers
from anonymizer.suppression import suppression_limits

_NO_LIMIT = 1 << 40


@dataclass(frozen=True)
class StepBounds:
    """Within one table: groups that differ by fewer than `least` people share an outcome; those
    that share one differ by at most `most`, as far as everybody knows.
    """

    least: int
    most: int


@dataclass(frozen=True)
class RowOrder:
    """Of rows in the order in which they are judged: the figure, whether it is shared, and the row
    of this table that it is shared from, -1 for none.
    """

    people: Integers
    shared: Flags
    leader: NDArray[np.intp]


@dataclass(frozen=True)
class Differences:
    """Pairs of rows that differ by `lowest` to `highest` people, the first judged earlier.

    `always` says that a pair is known to as soon as both are published; the others have equal
    figures, and are known to differ only where the first is suppressed and the second is not.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    lowest: Integers
    highest: Integers
    always: Flags

    def __len__(self) -> int:
        return len(self.first)

    def take(self, pairs: NDArray[np.intp], positions: NDArray[np.intp]) -> "Differences":
        """Some of the pairs, of rows that are the numbers of `positions` from there on."""
        return Differences(
            np.searchsorted(positions, self.first[pairs]),
            np.searchsorted(positions, self.second[pairs]),
            self.lowest[pairs],
            self.highest[pairs],
            self.always[pairs],
        )

    def hold(self, published: Flags) -> Flags:
        """Which pairs a reader knows about, as long as these rows are published."""
        first, second = published[self.first], published[self.second]
        far = self.lowest > 0
        holding: Flags = second & np.where(first, self.always, far)
        return holding

    def of_rows(self, members: sparse.csr_array) -> sparse.csr_array:
        """(pairs x classes): 1 for the classes that are in one row of a pair alone."""
        apart = members[self.first] - members[self.second]
        apart.data = np.abs(apart.data)
        apart.eliminate_zeros()
        return sparse.csr_array(apart)


_NOWHERE, _NO_PEOPLE = np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int64)
NO_DIFFERENCES = Differences(_NOWHERE, _NOWHERE, _NO_PEOPLE, _NO_PEOPLE, np.zeros(0, dtype=bool))


def known_differences(
    members: sparse.csr_array,
    order: RowOrder,
    table: Integers,
    steps: StepBounds,
    room: int = suppression_limits.DIFFERENCE_ROOM,
) -> Differences:
    """Pairs of rows that differ by less than a step and `room` people in a table, and all that
    share a figure with a row of the same table.
    """
    far = _close_pairs(members, order, table, steps.least + room)
    followers = np.flatnonzero(order.leader >= 0)
    first = np.concatenate([far[0], order.leader[followers]])
    second = np.concatenate([far[1], followers])
    apart, near = len(far[0]), len(followers)
    return Differences(
        first,
        second,
        np.repeat([steps.least, 0], [apart, near]),
        np.repeat([_NO_LIMIT, steps.most], [apart, near]),
        np.concatenate([order.people[far[0]] != order.people[far[1]], np.ones(near, dtype=bool)]),
    )


def _close_pairs(
    members: sparse.csr_array, order: RowOrder, table: Integers, fewer: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs that have to differ by a step, and differ by fewer people than that in the table."""
    counts = members @ table
    overlap = sparse.coo_array(sparse.csr_array(members * table[None, :]) @ members.T)
    first, second = overlap.row.astype(np.intp), overlap.col.astype(np.intp)
    apart = counts[first] + counts[second] - 2 * overlap.data
    # A group is compared with its leader first, and then with no later one.
    compared = ~order.shared[second] | (order.leader[second] > first)
    close = (first < second) & (apart < fewer) & ~order.shared[first] & compared
    return first[close], second[close]
