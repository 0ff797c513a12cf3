"""What an attacker reads: figures and the public facts of campaigns, nothing else.

Every tell is a number that is larger where the victim was there. `outcomes` counts what became of
segments, so that a likelihood ratio can be trained on worlds whose truth the attacker knows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from publishers import SUPPRESSED, segments_of

from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.tables import Figures, TableKey

Outcomes = NDArray[np.int64]
Where = tuple[str, Period]  # the table of a campaign in a period

# Read in place of a figure that is suppressed near one that is not: just below the threshold.
_BELOW_THRESHOLD = Promise().k - Promise().rounding / 2


@dataclass(frozen=True)
class Seen:
    """Everything that was published of a world, by campaign and period."""

    tables: Mapping[Where, Outcomes]

    @classmethod
    def of(cls, published: Sequence[Figures]) -> "Seen":
        """From the figures of all releases."""
        return cls({_where(figures.key): segments_of(figures) for figures in published})

    def __getitem__(self, where: Where) -> Outcomes:
        return self.tables[where]

    def differs_from(self, other: "Seen") -> bool:
        """Whether any figure of any table is another, or is in one of the two only."""
        return any((self[where] != other[where]).any() for where in self.tables)


def again(campaign: str) -> str:
    """A campaign in the correction of a period."""
    return f"{campaign}~2"


def _where(key: TableKey) -> Where:
    name = key.subject_id if key.edition == 1 else again(key.subject_id)
    return name, key.period


@dataclass(frozen=True)
class Evidence:
    """What was found in one world."""

    tells: Mapping[str, float]
    outcomes: Outcomes = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


Reading = Callable[[Seen], Evidence]


def compared(pairs: Sequence[tuple[Outcomes, Outcomes]], own: NDArray[np.bool_]) -> Evidence:
    """Pairs of tables, the one that may hold the victim first; `own` segments would hold it.

    Outcomes: same, up, down, published in the first only, in the second only; for the victim's
    own segments, then for all others.
    """
    first, second = (np.stack(side) for side in zip(*pairs, strict=True))
    published = (first != SUPPRESSED) | (second != SUPPRESSED)
    kinds = _kinds(first, second)
    of_victim = np.broadcast_to(own, kinds.shape)
    outcomes = np.concatenate(
        [np.bincount(kinds[published & who], minlength=5) for who in (of_victim, ~of_victim)]
    )
    return Evidence(
        {
            "differing segments": float(outcomes[[1, 2, 3, 4, 6, 7, 8, 9]].sum()),
            "differing segments of the victim": float(outcomes[1:5].sum()),
            "segments published once": float(outcomes[[3, 4, 8, 9]].sum()),
            "mean change": _mean_change(first, second, published & of_victim),
        },
        outcomes,
    )


def compared_tables(pairs: Sequence[tuple[Where, Where]], own: NDArray[np.bool_]) -> Reading:
    """The same for pairs of tables of whole campaigns."""
    return lambda seen: compared([(seen[first], seen[second]) for first, second in pairs], own)


def contrasted(
    with_victim: Sequence[Sequence[Where]],
    without: Sequence[Sequence[Where]],
    own: NDArray[np.bool_],
) -> Reading:
    """Averages over what may hold the victim, less averages over what does not.

    The tables that stand together (halves of one public) are added up.
    """

    def read(seen: Seen) -> Evidence:
        first, second = (
            np.array([[seen[where][own] for where in together] for together in side])
            for side in (with_victim, without)
        )
        shown = [(figures != SUPPRESSED).mean(axis=(0, 1)) for figures in (first, second)]
        usable = shown[0] + shown[1] >= 1
        change = _average_sum(first) - _average_sum(second)
        unlike = [float((side != second[0]).sum(axis=2).mean()) for side in (first, second)]
        return Evidence(
            {
                "mean of all segments": float(change[usable].mean()) if usable.any() else 0.0,
                "mean of everyone": float(change[0]),
                "published": float((shown[0] - shown[1]).sum()),
                "unlike the first control": unlike[0] - unlike[1],
            }
        )

    return read


def inverted(larger: Where, smaller: Where) -> Reading:
    """Segments whose figure is smaller in the table that holds more people (G7)."""

    def read(seen: Seen) -> Evidence:
        both = (seen[larger] != SUPPRESSED) & (seen[smaller] != SUPPRESSED)
        return Evidence({"inverted": float((seen[larger] < seen[smaller])[both].sum())})

    return read


def _kinds(first: Outcomes, second: Outcomes) -> Outcomes:
    kinds = np.where(first > second, 1, np.where(first < second, 2, 0))
    kinds[(first != SUPPRESSED) & (second == SUPPRESSED)] = 3
    kinds[(first == SUPPRESSED) & (second != SUPPRESSED)] = 4
    return kinds


def _visible(figures: Outcomes) -> NDArray[np.float64]:
    return np.where(figures == SUPPRESSED, _BELOW_THRESHOLD, figures)


def _mean_change(first: Outcomes, second: Outcomes, where: NDArray[np.bool_]) -> float:
    return float((_visible(first) - _visible(second))[where].mean()) if where.any() else 0.0


def _average_sum(figures: Outcomes) -> NDArray[np.float64]:
    """The mean over all sums of what stands together, for each segment."""
    averages: NDArray[np.float64] = _visible(figures).sum(axis=1).mean(axis=0)
    return averages
