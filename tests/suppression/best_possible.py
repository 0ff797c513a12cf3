"""The best that anybody could publish of a tiny table with exact figures, by brute force.

Every whole-number table that differs from the true one is a way out for what must not be
inferred: it is open as long as no published figure tells the two apart. A set of segments may be
published if every secret has a way out; the best set loses the fewest counted people.
"""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

Masks = Sequence[int]  # sets of segments, as bits


def best_sum(members: np.ndarray, people: np.ndarray, rules, *, least: int) -> int:
    """The largest sum of figures that may be published.

    `members` has shape (segments, cells) and holds 0 and 1, `people` counts the cells, each of
    which is known to have at least `least`. Segments below `rules.k` are not published.

    All tables with up to as many people more in each cell as a secret asks for are tried. In
    tables of two dimensions with totals that is enough: ways out are sums of cycles that put one
    person here and take one away there.
    """
    totals = members @ people
    more = max(1, rules.inference_k)
    axes = [range(least, int(count) + more + 1) for count in people]
    changes = np.array(list(itertools.product(*axes)), dtype=np.int64) - people
    moved = changes @ members.T
    shown = np.flatnonzero(totals >= rules.k)
    broken = (moved[:, shown] != 0) @ (1 << np.arange(len(shown)))
    hidden: set[int] = {0}
    for reaches in _secrets(members, people, totals, rules, changes, moved):
        hidden = _with_one_of(hidden, _smallest(set(broken[reaches].tolist())))
    weights = totals[shown].tolist()
    return sum(weights) - min(_weight(mask, weights) for mask in hidden)


def _secrets(members, people, totals, rules, changes, moved) -> Iterable[np.ndarray]:
    """For each secret, which of the tables are a way out.

    With `inference_k` every cell with fewer people could have so many. Without, every segment
    that is too small to be published could have another count. One that could be published and
    is not needs no way out of its own: if it had none, it could be published.
    """
    if rules.inference_k:
        for cell in np.flatnonzero(people < rules.inference_k):
            yield people[cell] + changes[:, cell] >= rules.inference_k
        return
    for segment in np.flatnonzero((totals < rules.k) & members.any(axis=1)):
        yield moved[:, segment] != 0


def _smallest(masks: set[int]) -> Masks:
    """Those that contain no other."""
    kept: list[int] = []
    for mask in sorted(masks, key=lambda mask: (mask.bit_count(), mask)):
        if not any(other & mask == other for other in kept):
            kept.append(mask)
    return kept


def _with_one_of(hidden: set[int], ways_out: Masks) -> set[int]:
    """Sets of hidden segments that leave one of the ways open too."""
    return {
        mask
        for before in hidden
        for mask in (
            (before,)
            if any(way & before == way for way in ways_out)
            else (before | way for way in ways_out)
        )
    }


def _weight(mask: int, weights: Sequence[int]) -> int:
    return sum(weight for position, weight in enumerate(weights) if mask >> position & 1)
