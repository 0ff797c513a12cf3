"""The figures around each class, for searches that look them up over and over."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

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

    def around(self, chosen: int) -> Integers:
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

    def sums(
        self, numbers: NDArray[np.int8], classes: Integers, first: Integers | int = 0
    ) -> NDArray[np.int16]:
        """For each class the numbers of its figures added up; `first` is where those of the first
        figure stand.
        """
        columns = self._columns[: self._narrow].take(classes, axis=1)
        columns += first
        sums: NDArray[np.int16] = numbers.take(columns).sum(axis=0, dtype=np.int16)
        wide = np.flatnonzero(self._lengths[classes] > self._narrow)
        if len(wide):
            columns = self._columns[self._narrow :].take(classes[wide], axis=1)
            columns += first if isinstance(first, int) else first[wide]
            sums[wide] += numbers.take(columns).sum(axis=0, dtype=np.int16)
        return sums


def room_gains(below: Integers, above: Integers) -> NDArray[np.int8]:
    """What taking somebody away (first row) and adding somebody does to figures with such room.

    It helps (1) a figure that is broken that way and hurts (-1) one without room.
    """
    gains = np.empty((2, *below.shape), dtype=np.int8)
    for row, (ahead, behind) in zip(gains, ((above, below), (below, above)), strict=True):
        np.subtract((ahead < 0).view(np.int8), (behind <= 0).view(np.int8), out=row)
    return gains
