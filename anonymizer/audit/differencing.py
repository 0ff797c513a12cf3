"""Differences of two figures: the attack that needs no more than a subtraction.

Where one published segment lies inside another, the larger figure less the smaller one
bounds everybody who is in the first alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from scipy import sparse

from anonymizer.audit import attack_limits
from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.system import Flags, Integers


@dataclass(frozen=True)
class Difference:
    """Two nested figures (positions in `Knowledge.segments`).

    The classes of `outer` outside `inner` have together at most `most` people; without such
    classes both figures are of the same set.
    """

    outer: int
    inner: int
    most: int
    classes: Integers


def nested_pairs(knowledge: Knowledge, below: int) -> list[Difference]:
    """Pairs whose difference is below this, smallest first, then the largest remainder."""
    found = [_difference(knowledge, outer, inner) for outer, inner in _candidates(knowledge, below)]
    return sorted(found, key=lambda d: (d.most, -len(d.classes), d.outer, d.inner))


def explain_all(differences: list[Difference], known: Flags) -> tuple[list[Difference], Flags]:
    """As few differences as show every class that some difference shows, and these classes.

    Classes that are `known` need not be shown.
    """
    public = known.copy()
    chosen = []
    for difference in differences:
        if not public[difference.classes].all():
            public[difference.classes] = True
            chosen.append(difference)
    return chosen, public


def unequal_twins(knowledge: Knowledge) -> list[Difference]:
    """Pairs of figures of the same set that differ."""
    members, nothing = knowledge.members, np.zeros(0, dtype=np.int64)
    same_set: dict[bytes, list[int]] = {}
    for figure, (start, end) in enumerate(pairwise(members.indptr.tolist())):
        same_set.setdefault(members.indices[start:end].tobytes(), []).append(figure)
    pairs = (pair for figures in same_set.values() for pair in combinations(figures, 2))
    return [
        Difference(outer, inner, 0, nothing)
        for outer, inner in sorted(pairs)
        if knowledge.counted[[outer, inner]].all()
        and knowledge.people[outer] != knowledge.people[inner]
    ]


def _candidates(knowledge: Knowledge, below: int) -> Iterator[tuple[int, int]]:
    """Figures and others inside them, that count so little less.

    What holds a figure holds its rarest class, and few figures do.
    """
    members = knowledge.members
    sizes = np.diff(members.indptr)
    with_classes = np.flatnonzero(sizes)
    holders = np.diff(knowledge.by_class.indptr)[members.indices]
    rarity = holders.astype(np.int64) * knowledge.classes + members.indices
    rarest = np.minimum.reduceat(rarity, members.indptr[with_classes]) % knowledge.classes
    entries = sparse.csr_array(knowledge.by_class[rarest])
    inner = np.repeat(with_classes, np.diff(entries.indptr))
    outer = entries.indices.astype(np.int64)
    close = knowledge.highest[outer] - knowledge.lowest[inner] < below
    close &= sizes[outer] > sizes[inner]
    inner, outer = inner[close], outer[close]
    for start in range(0, len(inner), attack_limits.PAIRS_AT_ONCE):
        some = slice(start, start + attack_limits.PAIRS_AT_ONCE)
        shared = (members[inner[some]] * members[outer[some]]).sum(axis=1)
        inside = np.flatnonzero(shared == sizes[inner[some]]) + start
        yield from zip(outer[inside].tolist(), inner[inside].tolist(), strict=True)


def _difference(knowledge: Knowledge, outer: int, inner: int) -> Difference:
    most = int(knowledge.highest[outer] - knowledge.lowest[inner])
    entries = knowledge.members[[outer]].indices
    return Difference(outer, inner, most, np.setdiff1d(entries, knowledge.members[[inner]].indices))
