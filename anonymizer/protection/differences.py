"""What promise 8 itself tells a reader: sets of people with different figures differ by a step.

Groups that differ by fewer people than the step share one outcome. So of two published groups
with different figures, and of a published group and a suppressed one that was judged before it,
everybody knows that at least a step of people are in one of them and not in the other. Pairs of
which that is not clear anyway become rows of the constraints: they count the people in which the
two groups differ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_ROOM = 24  # people that a table found may differ from the first one in a pair, more or less


@dataclass(frozen=True)
class Differences:
    """Pairs of rows, the first judged earlier: at least `step` people are in one of them alone.

    `unequal` says whether the two have different figures.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    unequal: NDArray[np.bool_]
    step: int

    def __len__(self) -> int:
        return len(self.first)

    def hold(self, published: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which pairs a reader knows to differ, as long as these rows are published."""
        holding: NDArray[np.bool_] = published[self.second] & (
            ~published[self.first] | self.unequal
        )
        return holding

    def of_rows(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """(pairs x classes): 1 for the classes that are in one row of a pair alone."""
        apart = matrix[self.first] - matrix[self.second]
        apart.data = np.abs(apart.data)
        apart.eliminate_zeros()
        return sparse.csr_array(apart)


def close_pairs(
    matrix: sparse.csr_array,
    people: NDArray[np.int64],
    table: NDArray[np.int64],
    step: int,
    room: int = _ROOM,
) -> Differences:
    """Pairs of rows that differ by fewer than `step + room` people in a table.

    `people` are the figures of the rows, which are in the order in which they are judged.
    """
    counts = matrix @ table
    shared = sparse.coo_array(sparse.csr_array(matrix * table[None, :]) @ matrix.T)
    first, second = shared.row, shared.col
    apart = counts[first] + counts[second] - 2 * shared.data
    close = (first < second) & (apart < step + room)
    first, second = first[close].astype(np.intp), second[close].astype(np.intp)
    return Differences(first, second, people[first] != people[second], step)
