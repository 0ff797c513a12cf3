"""The figures around each class, for searches that look them up over and over."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible import search_limits

Integers = NDArray[np.int64]


class FigureLists:
    """The figures around each class: as lists, and in columns filled up with one that is none.

    Most classes are in a few figures, a few are in many: the first columns are of all, the others
    only of classes that need them. The figure that is none comes after all others; a class that is
    none, after all others too, has no figure.
    """

    def __init__(self, members: sparse.csr_array) -> None:
        by_class = sparse.csr_array(members.T)
        self._lists = by_class.indices.astype(np.intp)
        self._ends = np.append(by_class.indptr, by_class.indptr[-1]).astype(np.intp)
        self._lengths = np.diff(self._ends)
        widths = np.arange(1, 1 + max(1, int(self._lengths.max())))
        shorter = np.cumsum(np.bincount(self._lengths, minlength=len(widths) + 1)[1:])
        longer = 1 - (shorter + (self._lengths == 0).sum()) / len(self._lengths)
        self._narrow = int(widths[np.argmin(widths + (len(widths) - widths) * longer)])
        self._columns = np.full((len(widths), len(self._lengths)), members.shape[0], dtype=np.intp)
        self._columns.T[(widths[:, None] <= self._lengths).T] = self._lists

    def figures_of(self, chosen: int) -> Integers:
        """The figures around one class."""
        figures: Integers = self._lists[self._ends[chosen] : self._ends[chosen + 1]]
        return figures

    def lists(self, classes: Integers) -> tuple[Integers, Integers, Integers]:
        """The figures around several classes, list by list: where each begins, whose each is."""
        lengths = self._lengths[classes]
        begins = np.cumsum(lengths) - lengths
        row = np.repeat(np.arange(len(classes)), lengths)
        entries = np.arange(len(row)) + (self._ends[classes] - begins)[row]
        return begins, row, self._lists[entries]

    def totals(
        self, numbers: NDArray[np.int8], classes: Integers, first: Integers | None = None
    ) -> NDArray[np.int16]:
        """For each class the numbers of its figures added up; `first` is where those of the first
        figure stand, if not at the beginning.
        """
        every = len(self._columns)
        width = every if len(classes) <= search_limits.FEW_CLASSES_SUMMED else self._narrow
        totals = _added_up(numbers, self._columns[:width].take(classes, axis=1), first)
        if width < every:
            wide = np.flatnonzero(self._lengths[classes] > width)
            columns = self._columns[width:].take(classes[wide], axis=1)
            totals[wide] += _added_up(numbers, columns, None if first is None else first[wide])
        return totals


def _added_up(
    numbers: NDArray[np.int8], columns: Integers, first: Integers | None
) -> NDArray[np.int16]:
    if first is not None:
        columns += first
    totals: NDArray[np.int16] = numbers.take(columns).sum(axis=0, dtype=np.int16)
    return totals


def room_gains(room: Integers) -> NDArray[np.int8]:
    """What it does to figures with such room (below, above) to take somebody away or add somebody.

    It helps (1) a figure that is broken that way and hurts (-1) one without room.
    """
    return np.subtract((room[::-1] < 0).view(np.int8), (room <= 0).view(np.int8))
