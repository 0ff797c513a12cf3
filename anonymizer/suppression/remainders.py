"""Groups that two or three published figures show to be small, without any search.

A figure less one inside of it, or less two inside of it that share nobody, bounds the people in
what remains. Where these are too few, one of the figures has to be suppressed. Most of what cannot
be published is of this kind: men and women of a group in which hardly anybody states no gender.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.system import Flags, System
from anonymizer.suppression import suppression_limits

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class SmallRemainders:
    """Figures that must not all be published: `rows` has the outer one and what is taken from it.

    Where one figure is taken away it is there twice.
    """

    rows: Rows

    def all_published(self, published: Flags) -> Flags:
        """Whose figures are all published."""
        complete: Flags = np.all(published[self.rows], axis=1)
        return complete


NO_REMAINDERS = SmallRemainders(np.zeros((0, 3), dtype=np.intp))


def small_remainders(system: System, figures: int, level: int) -> SmallRemainders:
    """The sums of two or three of the first rows of a system that leave fewer people than `level`.

    None of systems that are too large for a look at all pairs of figures that share classes.
    """
    members = sparse.csr_array(system.members[:figures])
    degrees = np.bincount(members.indices, minlength=1).astype(np.int64)
    if (degrees**2).sum() > suppression_limits.OVERLAPS:
        return NO_REMAINDERS
    common = sparse.csr_array(members @ members.T)
    sizes, shared = np.diff(members.indptr), common.tocoo()
    lowest, highest = np.maximum(system.lowest[:figures], 0), system.highest[:figures]
    within = (shared.data == sizes[shared.row]) & (shared.row != shared.col)
    inner, outer = shared.row[within].astype(np.intp), shared.col[within].astype(np.intp)
    order = np.lexsort((lowest[inner], outer))
    inner, outer = inner[order], outer[order]
    left = highest[outer] - lowest[inner]
    single = left < level
    first, second = _pairs_leaving(lowest[inner], outer, left, level)
    outer_of, one, other = outer[first], inner[first], inner[second]
    rest = sizes[outer_of] - sizes[one] - sizes[other] > 0
    outer_of, one, other = outer_of[rest], one[rest], other[rest]
    apart = ~_share(common, one, other)
    rows = np.concatenate(
        [
            np.stack([outer, inner, inner], axis=1)[single],
            np.stack([outer_of, one, other], axis=1)[apart],
        ]
    )
    return SmallRemainders(rows)


def _pairs_leaving(
    people: NDArray[np.int64], outer: Rows, left: NDArray[np.int64], level: int
) -> tuple[Rows, Rows]:
    """Pairs of entries of one outer figure of which the second, the one before, leaves too few.

    Entries are ordered by outer figure and people; `left` is what each leaves of its outer figure.
    """
    span = int(max(people.max(initial=0), left.max(initial=0))) + 2
    keys = outer * span + people
    first = np.searchsorted(keys, outer * span + np.maximum(left - level, -1), "right")
    last = np.searchsorted(keys, outer * span + np.maximum(left, -1), "right")
    runs = np.maximum(np.minimum(last, np.arange(len(keys))) - first, 0)
    if runs.sum() > suppression_limits.OVERLAPS:
        runs[:] = 0
    one = np.repeat(np.arange(len(keys)), runs)
    other = np.arange(runs.sum()) + np.repeat(first - np.cumsum(runs) + runs, runs)
    return one, other


def _share(common: sparse.csr_array, one: Rows, other: Rows) -> Flags:
    """Whether two figures have a class in common."""
    if not len(one):
        return np.zeros(0, dtype=bool)
    common.sort_indices()
    entries, width = common.tocoo(), common.shape[1]
    keys, wanted = entries.row * np.int64(width) + entries.col, one * width + other
    share: Flags = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
    return share
