"""The different rows of a matrix of small numbers, as `numpy.unique` finds them, many times faster.

Rows are read as the digits of one number, so that numbers are sorted and not rows.
"""

import numpy as np
from numpy.typing import NDArray

_MOST = 2**62


def different_rows(
    rows: NDArray[np.signedinteger],
) -> tuple[NDArray[np.signedinteger], NDArray[np.intp]]:
    """The different rows in ascending order, and which of them each row is. From -1 upwards."""
    number, below = np.zeros(len(rows), dtype=np.int64), 1
    for column in rows.T:
        values = int(column.max(initial=0)) + 2
        if below * values > _MOST:
            found, number = np.unique(number, return_inverse=True)
            below = len(found)
        number = number * values + (column.astype(np.int64) + 1)
        below *= values
    _, first, of_row = np.unique(number, return_index=True, return_inverse=True)
    return rows[first], of_row
