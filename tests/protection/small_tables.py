"""Small tables whose every possible reading can be enumerated, and the enumeration.

The enumeration shares nothing with the product: it knows the rules as the documentation
states them, takes published figures, and tries all whole-number tables that fit.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from hypothesis import strategies as st

from anonymizer.dimensions import Dimension, Group, Text
from anonymizer.periods import Period
from anonymizer.policy import Effort, Promise
from anonymizer.secret import Secret
from anonymizer.segments import Catalogue
from anonymizer.tables import Counted, Figures, TableKey

KEY = TableKey("campaign", "spring", Period("day", date(2026, 11, 22)))
SECRET = Secret(bytes(range(32)))
EFFORT = Effort(proof_seconds=60)


def promise(k: int, inference_k: int, rounding: int, k_jitter: int = 0) -> Promise:
    """Also with a `k` too small for a policy file, so that tables stay enumerable."""
    return Promise.model_construct(
        k=k, k_jitter=k_jitter, inference_k=inference_k, rounding=rounding, trusted_after_days=30
    )


def dimension(name: str, leaves: Sequence[str], unions: Mapping[str, Sequence[str]]) -> Dimension:
    """`all`, then the unions (they may overlap), then the leaves."""
    sets = {"all": leaves, **unions, **{leaf: [leaf] for leaf in leaves}}
    levels = {"all": "all", **dict.fromkeys(unions, "union"), **dict.fromkeys(leaves, "leaf")}
    return Dimension(
        name,
        tuple(leaves),
        tuple(
            Group(code, levels[code], Text(code, code), tuple(leaves.index(m) for m in members))
            for code, members in sets.items()
        ),
    )


def full_catalogue(*dimensions: Dimension) -> Catalogue:
    """Every combination of groups, coarse before fine."""
    cells = itertools.product(*(range(len(axis.groups)) for axis in dimensions))

    def width(cell: Sequence[int]) -> int:
        sizes = (len(d.groups[p].leaves) for d, p in zip(dimensions, cell, strict=True))
        return -int(np.prod(list(sizes)))

    return Catalogue(dimensions, np.array(sorted(cells, key=width), dtype=np.int32), {})


def counted(
    people, *, trusted=None, possible=None, occupied: bool = False, key: TableKey = KEY
) -> Counted:
    """A table with these people; every person has a mark, so equal sets have equal marks."""
    people = np.asarray(people, dtype=np.int64)
    random = np.random.default_rng(7)
    marks = np.zeros(people.shape, dtype=np.uint64)
    for atom in np.ndindex(people.shape):
        marks[atom] = random.integers(0, 2**64, size=people[atom], dtype=np.uint64).sum(
            dtype=np.uint64
        )
    return Counted(
        key,
        people,
        people.copy() if trusted is None else np.asarray(trusted, dtype=np.int64),
        marks,
        np.ones(people.shape, dtype=bool) if possible is None else np.asarray(possible),
        occupied,
    )


@dataclass(frozen=True)
class Reader:
    """Somebody who holds the figures of a table and knows the rules.

    If `occupied`, he also knows that each possible atom has somebody in it.
    """

    figures: Figures
    catalogue: Catalogue
    promise: Promise
    possible: np.ndarray
    occupied: bool = False

    def atoms(self) -> list[tuple[int, ...]]:
        return [tuple(map(int, atom)) for atom in np.argwhere(self.possible)]

    def atoms_of(self, segment: int) -> set[tuple[int, ...]]:
        groups = [group.leaves for group in self.catalogue.groups(segment)]
        return {atom for atom in itertools.product(*groups) if self.possible[atom]}

    def known(self) -> list[tuple[set[tuple[int, ...]], int, int]]:
        """Atoms of each published segment, the least and the most people it can have."""
        step = self.promise.rounding
        return [
            (self.atoms_of(s), max(self.promise.k, figure - step + 1), figure + step - 1)
            for s, figure in zip(
                self.figures.segments.tolist(), self.figures.people.tolist(), strict=True
            )
        ]

    def tables(self, least: Mapping[tuple[int, ...], int]) -> Iterator[dict]:
        """All tables that fit and have at least so many people on some atoms.

        An atom in no published segment may have any number; it is given its least.
        """
        known = self.known()
        atoms = sorted(
            self.atoms(), key=lambda atom: (atom not in least, -sum(atom in k[0] for k in known))
        )
        everywhere = {atom: max(int(self.occupied), least.get(atom, 0)) for atom in atoms}
        yield from _extend(atoms, {}, known, everywhere)

    def can_have(self, atom: tuple[int, ...], people: int) -> bool:
        return next(self.tables({atom: people}), None) is not None

    def counts_of(self, atoms: set[tuple[int, ...]]) -> Iterator[int]:
        """Counts that a set of atoms has in the tables that fit."""
        known = self.known()
        if any(all(atom not in k[0] for k in known) for atom in atoms):
            yield from range(2)
            return
        for table in self.tables({}):
            yield sum(table[atom] for atom in atoms)

    def is_solved(self, atoms: set[tuple[int, ...]]) -> bool:
        """Does every table that fits give these atoms the same count?"""
        counts = self.counts_of(atoms)
        first = next(counts)
        return all(count == first for count in counts)

    def breaches(self) -> list:
        """What he finds out that the promise denies, by trying all tables that fit."""
        enough = self.promise.inference_k
        if enough:
            return [atom for atom in self.atoms() if not self.can_have(atom, enough)]
        published = [self.atoms_of(s) for s in self.figures.segments.tolist()]
        sets = [{atom} for atom in self.atoms()]
        sets += [self.atoms_of(s) for s in range(len(self.catalogue))]
        return [s for s in sets if s and s not in published and self.is_solved(s)]


def _extend(atoms, table, known, least) -> Iterator[dict]:
    if not atoms:
        yield dict(table)
        return
    atom, rest = atoms[0], atoms[1:]
    mine = [k for k in known if atom in k[0]]
    rooms = [most - sum(table.get(a, 0) for a in inside) for inside, _, most in mine]
    start = least[atom]
    for people in range(start, min(rooms, default=start) + 1):
        table[atom] = people
        closed = (k for k in mine if not k[0] & set(rest))
        if all(sum(table[a] for a in inside) >= low for inside, low, _ in closed):
            yield from _extend(rest, table, known, least)
        del table[atom]


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """2x2 to 3x3 and 2x2x2, with or without overlapping unions, all or some of the segments."""
    shape = draw(st.sampled_from([(2, 2), (2, 3), (3, 3), (2, 2, 2)]))
    axes = []
    for number, leaves in enumerate(shape):
        codes = [f"{'abc'[number]}{leaf}" for leaf in range(leaves)]
        unions = {}
        if leaves > 2:
            pairs = draw(st.sets(st.sampled_from([(0, 1), (1, 2), (0, 2)]), max_size=2))
            unions = {f"u{x}{y}": [codes[x], codes[y]] for x, y in sorted(pairs)}
        axes.append(dimension(f"d{number}", codes, unions))
    whole = full_catalogue(*axes)
    if draw(st.booleans()):
        return whole
    kept = draw(st.sets(st.integers(0, len(whole) - 1), min_size=1))
    return Catalogue(whole.dimensions, whole.cells[sorted(kept)], {})


@st.composite
def tables(draw: st.DrawFn, catalogue: Catalogue, most: int) -> Counted:
    """Few people, some of them new, some atoms impossible."""
    size = int(np.prod(catalogue.shape))
    numbers = st.lists(st.integers(0, most), min_size=size, max_size=size)
    people = np.array(draw(numbers)).reshape(catalogue.shape)
    possible = np.ones(catalogue.shape, dtype=bool)
    if draw(st.booleans()):
        flags = st.lists(st.integers(0, 4), min_size=size, max_size=size)
        possible = np.array(draw(flags)).reshape(catalogue.shape) > 0
    people = people * possible
    new = np.array(draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    trusted = np.maximum(people - new.reshape(catalogue.shape), 0)
    return counted(people, trusted=trusted, possible=possible)
