"""Singletons: who is alone in a cell knows that it counts 1, and may solve another with it.

Exact figures tie some segments so closely to a cell that knowing the one is knowing the other:
every change that no figure notices changes both, always in the same proportion. That is
decided exactly, for all cells at once, without a program for each pair. Whether the cell
really counts 1 no intruder can tell; it is enough that it may.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import sparse

from anonymizer.audit import attack_limits
from anonymizer.audit.findings import Finding
from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.elimination import PRIMES
from anonymizer.feasible.ends import SENSES, Ends, Finders
from anonymizer.feasible.fractional_tables import NEARLY, SoughtBounds
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers
from anonymizer.feasible.work import meter

_WHOLE = 1e-4


@dataclass(frozen=True)
class _Tied:
    """Withheld segments, how the figures let them change, and what they count in one table."""

    segments: Integers
    changes: Integers
    people: Reals
    weights: sparse.csr_array


def singleton_disclosures(
    knowledge: Knowledge, finders: Finders, withheld: Integers, alone: Integers, below: int
) -> Iterator[Finding]:
    """What somebody who is alone in a withheld cell could solve exactly besides.

    `withheld` and `alone`, the cells among them, are rows of the catalogue. With `below` above 0
    only what would have fewer people is told.
    """
    middle = finders.fractional.middle
    if middle is None:
        return
    tied = _tied(knowledge, withheld, middle)
    groups: dict[bytes, list[int]] = defaultdict(list)
    for position, key in enumerate(_directions(tied.changes)):
        groups[key].append(position)
    positions = {int(segment): position for position, segment in enumerate(tied.segments)}
    key_of = {position: key for key, members in groups.items() for position in members}
    cells = [
        positions[c]
        for c in alone.tolist()
        if c in positions and len(groups[key_of[positions[c]]]) > 1
    ]
    disclosed = {
        position: found
        for position in cells
        if (found := _disclosed_with(tied, position, groups[key_of[position]], below))
    }
    for position in _may_count_one(knowledge, finders, tied, list(disclosed)):
        yield _finding(knowledge, int(tied.segments[position]), disclosed[position])


def _tied(knowledge: Knowledge, withheld: Integers, table: Reals) -> _Tied:
    """The withheld segments that cut no class, lie in figures and are not settled."""
    inside = knowledge.atoms_in_classes(withheld)
    whole = knowledge.whole_classes(inside)
    changes = knowledge.null_space.of(whole)
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


def _may_count_one(
    knowledge: Knowledge, finders: Finders, tied: _Tied, cells: Sequence[int]
) -> list[int]:
    """The cells that may have exactly one person, as far as anybody can tell."""
    if not cells:
        return []
    weights = sparse.csr_array(tied.weights[list(cells)])
    one = 1 - weights @ knowledge.certain
    ends = Ends(finders, weights)
    ends.prove_ranges()

    def off() -> tuple[Flags, Flags]:
        """Cells that may have one, but no table at hand shows: too many in all, or too few."""
        may = (ends.proved[-1] <= one) & (ends.proved[1] >= one)
        return may & (ends.parted[-1] > one + NEARLY), may & (ends.parted[1] < one - NEARLY)

    def nearer() -> SoughtBounds:
        above, below = off()
        open_ = np.flatnonzero(above | below)
        return SoughtBounds(weights[open_], one[open_].astype(float), below[open_])

    ends.approach(nearer)
    # What fits is convex: between a table with at most 1 and one with at least 1 is one with 1.
    work, unknown = meter(), np.zeros(len(cells), dtype=bool)
    for sense, wrong in zip(SENSES, off(), strict=True):
        for row in np.flatnonzero(wrong).tolist():
            unknown[row] |= work.exhausted
            if not work.exhausted:
                ends.narrow(row, sense)
    may = (ends.proved[-1] <= one) & (ends.proved[1] >= one) & ~unknown
    return [cell for cell, possible in zip(cells, may.tolist(), strict=True) if possible]


def _disclosed_with(
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
    for parts in range(1, attack_limits.SINGLETON_PARTS + 1):
        times = residue * parts % PRIMES[0]
        times -= PRIMES[0] if times > PRIMES[0] // 2 else 0
        if abs(times) <= attack_limits.SINGLETON_PARTS:
            return Fraction(times, parts)
    return None


def _finding(knowledge: Knowledge, cell: int, found: Sequence[tuple[int, int]]) -> Finding:
    catalogue = knowledge.catalogue
    known = [
        f"'{catalogue.name(other).english}' ({people})"
        for other, people in found[: attack_limits.SINGLETONS_NAMED]
    ]
    more = (
        f" and {len(found) - attack_limits.SINGLETONS_NAMED} more"
        if len(found) > attack_limits.SINGLETONS_NAMED
        else ""
    )
    text = (
        f"a person who is alone in '{catalogue.name(cell).english}' knows that it counts 1 and can "
        f"derive {', '.join(known)}{more} from the published figures"
    )
    ids = (catalogue.id(cell), *(catalogue.id(other) for other, _ in found))
    return Finding(knowledge.table, "companion", ids, text)
