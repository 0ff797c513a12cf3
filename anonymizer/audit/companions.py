"""Singletons: who is alone in a cell knows that it counts 1, and may solve another with it.

Exact figures tie some segments so closely to a cell that knowing the one is knowing the other:
every change that no figure notices changes both, always in the same proportion. That is
decided exactly, for all cells at once, without a program for each pair. Whether the cell
really counts 1 no outsider can tell; it is enough that it may.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import sparse

from anonymizer.audit.bounds import Bounds
from anonymizer.audit.divided import NEARLY, DividedTables, Seen, Wishes
from anonymizer.audit.findings import Finding
from anonymizer.audit.freedom import Freedom, atoms_in_classes, freedom, whole_classes
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.modular import PRIMES
from anonymizer.audit.ranges import proved_ranges
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

_MOST_PARTS = 12
_NAMED = 3
_WHOLE = 1e-4


@dataclass(frozen=True)
class _Tied:
    """Withheld segments, how the figures let them change, and what they count in one table."""

    segments: Integers
    changes: Integers
    people: Reals
    weights: sparse.csr_array


def companions(
    divided: DividedTables, withheld: Integers, alone: Integers, below: int
) -> Iterator[Finding]:
    """What somebody who is alone in a withheld cell could solve exactly besides.

    `withheld` and `alone`, the cells among them, are rows of the catalogue. With `below` above 0
    only what would have fewer people is told.
    """
    if divided.middle is None:
        return
    tied = _tied(divided.knowledge, withheld, divided.middle)
    groups: dict[bytes, list[int]] = defaultdict(list)
    for place, key in enumerate(_directions(tied.changes)):
        groups[key].append(place)
    places = {int(segment): place for place, segment in enumerate(tied.segments)}
    key_of = {place: key for key, members in groups.items() for place in members}
    cells = [
        places[c] for c in alone.tolist() if c in places and len(groups[key_of[places[c]]]) > 1
    ]
    solved = {
        place: found
        for place in cells
        if (found := _solved_with(tied, place, groups[key_of[place]], below))
    }
    for place in _may_count_one(divided, tied, list(solved)):
        yield _finding(divided.knowledge, int(tied.segments[place]), solved[place])


def _tied(knowledge: Knowledge, withheld: Integers, table: Reals) -> _Tied:
    """The withheld segments that cut no class, lie in figures and are not settled."""
    inside = atoms_in_classes(knowledge, withheld)
    whole = whole_classes(knowledge, inside)
    free: Freedom = freedom(knowledge)
    changes = free.of(whole)
    covered = whole @ knowledge.covered.astype(np.int64)
    kept = covered == np.diff(inside.indptr)
    kept &= (changes != 0).all(axis=1)
    weights = sparse.csr_array(whole[kept])
    people = weights @ (table + knowledge.certain)
    return _Tied(withheld[kept], changes[kept], people, weights)


def _directions(changes: Integers) -> list[bytes]:
    """Equal for segments whose changes are always in the same proportion."""
    keys = []
    for first, second, third, fourth in changes.tolist():
        ratios = [
            second * pow(first, -1, PRIMES[0]) % PRIMES[0],
            fourth * pow(third, -1, PRIMES[1]) % PRIMES[1],
        ]
        keys.append(repr(ratios).encode())
    return keys


def _may_count_one(divided: DividedTables, tied: _Tied, cells: Sequence[int]) -> list[int]:
    """The cells that may have exactly one person, as far as anybody can tell."""
    if not cells:
        return []
    knowledge = divided.knowledge
    weights = sparse.csr_array(tied.weights[list(cells)])
    certain = weights @ knowledge.certain
    fewest, most = proved_ranges(knowledge)
    may = (weights @ fewest + certain <= 1) & (weights @ most + certain >= 1)
    seen = _seen_towards_one(divided, weights, 1 - certain, may)
    # What fits is convex: between a table with at most 1 and one with at least 1 is one with 1.
    above, below = seen.fewest > 1 - certain + NEARLY, seen.most < 1 - certain - NEARLY
    bounds, work = Bounds(knowledge, start=divided.middle), meter()
    for place in np.flatnonzero(may & (above | below)).tolist():
        if work.exhausted:
            may[place] = False
            continue
        one = weights[[place]].toarray()[0]
        may[place] = not above[place] or -bounds.most(-one)[0] <= 1 - certain[place]
        may[place] &= not below[place] or bounds.most(one)[0] >= 1 - certain[place]
    return [place for place, possible in zip(cells, may.tolist(), strict=True) if possible]


def _seen_towards_one(
    divided: DividedTables, weights: sparse.csr_array, one: Integers, asked: Flags
) -> Seen:
    """The people of cells in tables that have one person where it is asked, as far as they can."""
    seen = divided.seen(weights)

    def nearer() -> Wishes:
        above, below = seen.fewest > one + NEARLY, seen.most < one - NEARLY
        open_ = np.flatnonzero(asked & (above | below))
        return Wishes(weights[open_], one[open_].astype(float), below[open_])

    for table in divided.towards(nearer):
        seen.learn(table)
    return seen


def _solved_with(
    tied: _Tied, cell: int, members: Sequence[int], below: int
) -> list[tuple[int, int]]:
    """The segments that follow from a cell that counts 1, and what they count then."""
    counts = {other: _people_if_one(tied, cell, other) for other in members if other != cell}
    return [
        (int(tied.segments[other]), people)
        for other, people in counts.items()
        if people is not None and (not below or people < below)
    ]


def _people_if_one(tied: _Tied, cell: int, other: int) -> int | None:
    """What the other counts if the cell counts 1; None if that cannot be."""
    change = tied.changes[other] * pow(int(tied.changes[cell, 0]), -1, PRIMES[0]) % PRIMES[0]
    proportion = _fraction(int(change[0]))
    if proportion is None:
        return None
    people = tied.people[other] + float(proportion) * (1 - tied.people[cell])
    whole = round(people)
    return whole if whole >= 0 and abs(people - whole) < _WHOLE else None


def _fraction(residue: int) -> Fraction | None:
    """The simple fraction that a residue stands for."""
    for parts in range(1, _MOST_PARTS + 1):
        times = residue * parts % PRIMES[0]
        times -= PRIMES[0] if times > PRIMES[0] // 2 else 0
        if abs(times) <= _MOST_PARTS:
            return Fraction(times, parts)
    return None


def _finding(knowledge: Knowledge, cell: int, found: Sequence[tuple[int, int]]) -> Finding:
    catalogue = knowledge.catalogue
    known = [f"'{catalogue.name(other).english}' ({people})" for other, people in found[:_NAMED]]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    text = (
        f"a person who is alone in '{catalogue.name(cell).english}' knows that it counts 1 and can "
        f"derive {', '.join(known)}{more} from the published figures"
    )
    ids = (catalogue.id(cell), *(catalogue.id(other) for other, _ in found))
    return Finding(knowledge.table, "companion", ids, text)
