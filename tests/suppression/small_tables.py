"""Small tables whose every possible reading can be enumerated, and the enumeration.

The enumeration shares nothing with the product: it knows the rules as the documentation
states them, takes published figures, and tries all whole-number tables that fit.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from hypothesis import strategies as st

from anonymizer.model.dimensions import Dimension, Group, Text
from anonymizer.model.periods import Period
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import BUCKETS, Counted, Figures, SetHashes, TableKey
from anonymizer.storage.secret import Secret
from anonymizer.suppression.constraints import Candidates, Constraints, Ground
from anonymizer.suppression.differences import NO_DIFFERENCES
from anonymizer.suppression.problem import Problem, problem_from
from anonymizer.suppression.rounding import possible_counts

KEY = TableKey("campaign", "spring", Period("day", date(2026, 11, 22)))
SECRET = Secret(bytes(range(32)))
EFFORT = Effort()
_NO_LIMIT = 1 << 40

Cell = tuple[int, ...]
Known = tuple[set[Cell], int, int]


def promise(
    k: int, inference_k: int, rounding: int, k_jitter: int = 0, near_jitter: int = 0
) -> Promise:
    """Also with a `k` too small for a policy file, so that tables stay enumerable."""
    return Promise.model_construct(
        k=k,
        k_jitter=k_jitter,
        inference_k=inference_k,
        rounding=rounding,
        near_jitter=near_jitter,
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


@dataclass(frozen=True)
class Person:
    """Somebody in a cell (flat position), with a bucket and a number that nobody else has."""

    cell: int
    bucket: int
    number: int


def people_of(cell: int, count: int) -> list[Person]:
    """The first so many people of a cell: fewer of them are some of the same people."""
    random = np.random.default_rng([7, cell])
    drawn = random.integers(0, 2**64, size=(count, 2), dtype=np.uint64).tolist()
    return [Person(cell, bucket % BUCKETS, number) for number, bucket in drawn]


def table_of(
    people: Iterable[Person],
    shape: Sequence[int],
    *,
    possible=None,
    occupied: bool = False,
    key: TableKey = KEY,
) -> Counted:
    """The table of exactly these people."""
    totals, grid = dict[tuple[int, int], int](), np.zeros(shape, dtype=np.int64)
    for person in people:
        position = person.cell, person.bucket
        totals[position] = (totals.get(position, 0) + person.number) % 2**64
        grid.flat[person.cell] += 1
    positions = sorted(totals)
    hashes = SetHashes(
        np.array([cell for cell, _ in positions], dtype=np.intp),
        np.array([bucket for _, bucket in positions], dtype=np.uint8),
        np.array([totals[position] for position in positions], dtype=np.uint64),
    )
    everywhere = np.ones(grid.shape, dtype=bool)
    return Counted(
        key, grid, hashes, everywhere if possible is None else np.asarray(possible), occupied
    )


def counted(people, *, possible=None, occupied: bool = False, key: TableKey = KEY) -> Counted:
    """A table with so many people in each cell, those that `people_of` names first."""
    grid = np.asarray(people, dtype=np.int64)
    inside = [
        person
        for cell in np.flatnonzero(grid).tolist()
        for person in people_of(cell, int(grid.flat[cell]))
    ]
    return table_of(inside, grid.shape, possible=possible, occupied=occupied, key=key)


def with_public_zeros(table: Counted) -> Counted:
    """The same table, of which everybody knows the empty cells."""
    return counted(table.people, possible=table.people > 0, occupied=True)


def ground_of(table: Counted, catalogue: Catalogue) -> Ground:
    """What everybody knows of a table before it is published."""
    return Ground(catalogue, table.possible, table.occupied)


def judged_alone(figures: Figures, rules: Promise) -> Candidates:
    """Figures as candidates that share nothing."""
    lower, upper = possible_counts(figures.people, rules)
    nobody = np.full(len(figures.segments), -1, dtype=np.intp)
    return Candidates(figures.segments, figures.people, lower, upper, nobody >= 0, nobody)


def true_classes(known: Constraints, table: Counted) -> np.ndarray:
    """The true people of each class."""
    inside = known.class_of >= 0
    truth = np.zeros(known.matrix.shape[1], dtype=np.int64)
    np.add.at(truth, known.class_of[inside], table.people.ravel()[known.atoms[inside]])
    return truth


def true_problem(known: Constraints, table: Counted) -> Problem:
    """The problem that starts from the true table, without differences."""
    return problem_from(known, true_classes(known, table), NO_DIFFERENCES)


@dataclass(frozen=True)
class Judgement:
    """What promise 8 tells of the candidates of a table (segments in the order judged).

    `follows` names the leader of each candidate that shares an outcome, None where that is no
    segment of this table. Groups that differ by fewer than `least` people share an outcome, those
    that share one differ by at most `most`, and a shared figure is off by at most `reach` more.
    """

    candidates: tuple[int, ...]
    follows: Mapping[int, int | None]
    least: int
    most: int
    reach: int

    def known_apart(self, published: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        """Pairs of which a reader knows that they differ by at least `least` people.

        Each group is compared with those judged on their own before it, until one is near. So it
        is known of a published group that it is not near to one before it that is suppressed or
        has another figure.
        """
        for first, second in itertools.combinations(self.candidates, 2):
            leader = self.follows.get(second, second)
            if first in self.follows or leader is None or leader <= first:
                continue
            if second in published and published.get(first) != published[second]:
                yield first, second

    def known_near(self, published: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        """Pairs of which a reader knows that they share a figure."""
        for follower, leader in self.follows.items():
            if leader is not None and follower in published and leader in published:
                yield leader, follower


@dataclass(frozen=True)
class Reader:
    """Somebody who holds the figures of a table and knows the rules.

    If `occupied`, he also knows that each possible cell has somebody in it. With a `judgement` he
    even knows which groups were judged on their own and whom the others follow.
    """

    figures: Figures
    catalogue: Catalogue
    promise: Promise
    possible: np.ndarray
    occupied: bool = False
    judgement: Judgement | None = None

    def cells(self) -> list[Cell]:
        return [tuple(map(int, cell)) for cell in np.argwhere(self.possible)]

    def cells_of(self, segment: int) -> set[Cell]:
        groups = [group.leaves for group in self.catalogue.groups(segment)]
        return {cell for cell in itertools.product(*groups) if self.possible[cell]}

    def published(self) -> dict[int, int]:
        return dict(zip(self.figures.segments.tolist(), self.figures.people.tolist(), strict=True))

    def known(self) -> list[Known]:
        """Cells of each published segment, the least and the most people it can have."""
        off, rules = self.promise.rounding - 1, self.promise
        shared = self.judgement.follows if self.judgement else {}
        known = []
        for segment, figure in self.published().items():
            reach = off + (self.judgement.reach if self.judgement and segment in shared else 0)
            known.append((self.cells_of(segment), max(rules.k, figure - reach), figure + reach))
        return known

    def differences(self) -> list[Known]:
        """Cells that are in one of two groups alone, and what promise 8 tells of their people."""
        if self.judgement is None:
            return []
        judgement, published = self.judgement, self.published()

        def apart(pair):
            return self.cells_of(pair[0]) ^ self.cells_of(pair[1])

        far = [(apart(p), judgement.least, _NO_LIMIT) for p in judgement.known_apart(published)]
        near = [(apart(p), 0, judgement.most) for p in judgement.known_near(published)]
        return far + near

    def tables(self, least: Mapping[Cell, int]) -> Iterator[dict]:
        """All tables that fit and have at least so many people in some cells.

        A cell in no published segment may have any number; it is given its least, or as many as
        any difference asks for.
        """
        figures, differences = self.known(), self.differences()
        enough = max((low for _, low, _ in differences), default=0)
        everywhere = {}
        for cell in self.cells():
            inside = any(cell in counted for counted, _, _ in figures)
            fewest = int(self.occupied) if inside else max(int(self.occupied), enough)
            everywhere[cell] = max(fewest, least.get(cell, 0))
        known = figures + differences
        order = sorted(
            everywhere, key=lambda cell: (cell not in least, -sum(cell in k[0] for k in known))
        )
        yield from _extend(order, {}, known, everywhere)

    def fits(self, table: Mapping[Cell, int]) -> bool:
        known = self.known() + self.differences()
        return all(
            low <= sum(table[cell] for cell in inside) <= most for inside, low, most in known
        )

    def can_have(self, cell: Cell, people: int) -> bool:
        return next(self.tables({cell: people}), None) is not None

    def counts_of(self, cells: set[Cell]) -> Iterator[int]:
        """Counts that a set of cells has in the tables that fit."""
        known = self.known()
        if any(all(cell not in k[0] for k in known) for cell in cells):
            yield from range(2)
            return
        for table in self.tables({}):
            yield sum(table[cell] for cell in cells)

    def is_solved(self, cells: set[Cell]) -> bool:
        """Does every table that fits give these cells the same count?"""
        counts = self.counts_of(cells)
        first = next(counts)
        return all(count == first for count in counts)

    def breaches(self) -> list:
        """What he finds out that the promise denies, by trying all tables that fit."""
        enough = self.promise.inference_k
        if enough:
            return [cell for cell in self.cells() if not self.can_have(cell, enough)]
        published = [self.cells_of(s) for s in self.figures.segments.tolist()]
        sets = [{cell} for cell in self.cells()]
        sets += [self.cells_of(s) for s in range(len(self.catalogue))]
        return [s for s in sets if s and s not in published and self.is_solved(s)]


def _extend(cells, table, known, least) -> Iterator[dict]:
    if not cells:
        yield dict(table)
        return
    cell, rest = cells[0], cells[1:]
    mine = [k for k in known if cell in k[0]]
    start = least[cell]
    for people in range(start, _room(cell, table, mine, start) + 1):
        table[cell] = people
        if all(_reachable(k, rest, table, known, least) for k in mine):
            yield from _extend(rest, table, known, least)
        del table[cell]


def _room(cell, table, known, start) -> int:
    """The most people that a cell can have beside those in the table; `start` without a limit."""
    rooms = [
        most - sum(table.get(other, 0) for other in inside)
        for inside, _, most in known
        if cell in inside and most < _NO_LIMIT
    ]
    return min(rooms, default=start)


def _reachable(of: Known, rest, table, known, least) -> bool:
    """Whether the cells that are left can bring a sum up to its least."""
    inside, low, _ = of
    missing = low - sum(table.get(cell, 0) for cell in inside)
    for cell in rest:
        if missing <= 0:
            return True
        if cell in inside:
            missing -= _room(cell, table, known, least[cell])
    return missing <= 0


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
    """Few people, some cells impossible."""
    size = int(np.prod(catalogue.shape))
    numbers = st.lists(st.integers(0, most), min_size=size, max_size=size)
    people = np.array(draw(numbers)).reshape(catalogue.shape)
    possible = np.ones(catalogue.shape, dtype=bool)
    if draw(st.booleans()):
        flags = st.lists(st.integers(0, 4), min_size=size, max_size=size)
        possible = np.array(draw(flags)).reshape(catalogue.shape) > 0
    return counted(people * possible, possible=possible)
