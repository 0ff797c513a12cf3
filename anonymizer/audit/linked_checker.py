"""Verifies the proofs of linked tables before anything of a release is published.

It finds out by itself which tables are linked, reads their figures by itself, and adds up every
family, with whole numbers and without a solver. What needs a proof:

* Two tables, one of them new, where everybody of the inner one is in the outer one: in every cell
  that is possible the inner table can have enough people, and the outer one so many beyond.
* A set of few tables with few figures, as one: every table, every difference of two, the rest
  beside those that share nobody, and the people who came on more than one day.
* A larger set: its pairs, and figure by figure no sum of its figures leaves too few.

An audience, or a month beside the week between, needs no proof with a table that fills less than
half of all its figures. Nothing is asked where no figure tells anything, nor of what earlier
figures tell alone: cells that no new figure counts, and sums of earlier figures that are handed
over. Earlier figures that contradict each other may be left aside.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit import checker_limits
from anonymizer.audit.findings import Finding
from anonymizer.audit.linked_differences import too_short
from anonymizer.audit.linked_tables import (
    Flags,
    Ints,
    Linked,
    Links,
    different,
    different_rows,
    is_far,
    leaves_of,
)
from anonymizer.audit.witness_check import WitnessTables, consistent, first_cells, malformed
from anonymizer.model.proofs import FigureId, LinkedProof

_MOST_TABLES, _MOST_FIGURES = 4, 2_000  # of a set as one; twice the figures times the tables
Kind = frozenset[int]


@dataclass(frozen=True)
class LinkedRequirement:
    """What must be able to be large in every cell, seen by whoever holds these tables.

    People of the `table`, but for those of any of the tables `without`; with `parts` the people of
    these instead, as often as they came more than once.
    """

    tables: Kind
    table: int
    without: Kind = frozenset()
    parts: Kind = frozenset()

    def weight(self, kind: Kind) -> int:
        """How often a person counts who is counted in exactly these tables."""
        if self.parts:
            return max(len(kind & self.parts) - (self.table in kind), 0)
        return int(self.table in kind and not kind & self.without)


def check_linked(links: Links, proofs: Sequence[LinkedProof], floor: int) -> tuple[Finding, ...]:
    """Every way in which linked tables are not proved; empty if they are.

    `floor` people have to be possible. A finding names the table and never a count.
    """
    return tuple(_Checker(links, floor).findings(proofs))


class _Checker:
    def __init__(self, links: Links, floor: int) -> None:
        self._links, self._floor = links, floor
        self._positions = {table.key: number for number, table in enumerate(links.tables)}

    def findings(self, proofs: Sequence[LinkedProof]) -> Iterator[Finding]:
        """What is wrong with the proofs, and what they do not prove."""
        every: dict[Kind, tuple[int, ...]] = {}
        for tables in filter(self._says_something, self._links.sets()):
            every.setdefault(frozenset(tables), tables)
        sets = list(every.values())
        as_one = {t: list(self._of_set(t)) for t in sets if len(t) <= _MOST_TABLES}
        few = (requirements for tables, requirements in as_one.items() if self._is_few(tables))
        pairs = (self._of_set(pair) for pair in self._links.pairs() if not self._exempt(*pair))
        needed = list(dict.fromkeys(chain.from_iterable(chain(pairs, few))))
        left = {
            requirement: self._asked(requirement) for requirement in chain(needed, *as_one.values())
        }
        for proof in proofs:
            yield from self._take(proof, left)
        yield from (
            self._unproved(requirement) for requirement in needed if left[requirement].any()
        )
        for tables in sets:
            if tables not in as_one or any(
                left[requirement].any() for requirement in as_one[tables]
            ):
                for number, text in too_short(self._links, tables, self._floor):
                    yield Finding(self._table(number).key, "unproved", (), text)

    def _take(self, proof: LinkedProof, left: dict[LinkedRequirement, Flags]) -> Iterator[Finding]:
        """Take off what is `left` of each requirement the cells in which a proof reaches it."""
        read = self._read(proof)
        if isinstance(read, str):
            names = " and ".join(str(key) for key in proof.tables)
            yield Finding(names, "structure", (), read)
            return
        for requirement, cells in left.items():
            if requirement.tables <= set(read.positions) and cells.any():
                reached = read.reached(
                    requirement, self._floor, self._leaves(sorted(requirement.tables))
                )
                np.logical_and(cells, ~reached, out=cells)

    def _unproved(self, requirement: LinkedRequirement) -> Finding:
        names = " and ".join(sorted(str(self._table(n).key) for n in requirement.tables))
        text = f"a cell has no witness with enough people in {names}"
        return Finding(self._table(requirement.table).key, "unproved", (), text)

    def _table(self, number: int) -> Linked:
        return self._links.tables[number]

    def _leaves(self, tables: Sequence[int]) -> list[tuple[str, ...]]:
        return leaves_of([self._table(number) for number in tables])

    def _says_something(self, tables: Sequence[int]) -> bool:
        return any(self._table(n).new and self._table(n).ids for n in tables)

    def _is_few(self, tables: Sequence[int]) -> bool:
        figures = sum(len(self._table(number).ids) for number in tables)
        return 2 * figures * len(tables) <= _MOST_FIGURES

    def _exempt(self, inner: int, outer: int) -> bool:
        """Whether the pair needs no proof, as the inner table is far smaller."""
        links = self._links
        between = any(outer in links.outer_tables[middle] for middle in links.outer_tables[inner])
        audience = self._table(outer).key.kind == "audience"
        return (audience or between) and is_far(self._table(inner), self._table(outer), self._floor)

    def _of_set(self, tables: Sequence[int]) -> Iterator[LinkedRequirement]:
        links, every = self._links, frozenset(tables)
        for outer in tables:
            inside = [n for n in tables if links.within(n, outer)]
            yield LinkedRequirement(every, outer)
            yield from (LinkedRequirement(every, outer, frozenset({n})) for n in inside)
            disjoint = (n for n in inside if any(links.are_disjoint(n, m) for m in inside))
            if several := frozenset(disjoint):
                yield LinkedRequirement(every, outer, several)
            if len(parts := links.parts(outer, tables)) > 1:
                yield LinkedRequirement(every, outer, frozenset(), frozenset(parts))

    def _asked(self, requirement: LinkedRequirement) -> Flags:
        """The cells in which something is asked: there can be somebody, and a figure tells."""
        leaves = self._leaves(sorted(requirement.tables))
        tables = {number: self._table(number).over(leaves) for number in requirement.tables}
        asked = np.zeros([len(axis) for axis in leaves], dtype=bool)
        free, informative = asked.copy(), asked.copy()
        numbers = sorted(requirement.tables)
        for size in range(1, len(numbers) + 1):
            for chosen in combinations(numbers, size):
                kind = frozenset(chosen)
                if requirement.weight(kind):
                    there = _where(kind, tables, self._links)
                    asked |= there
                    covered = np.logical_or.reduce([tables[n].covered for n in chosen])
                    free |= there & ~covered
                    new = [tables[n].covered for n in chosen if tables[n].new]
                    informative |= there & np.logical_or.reduce([np.zeros_like(there), *new])
        return asked & informative & ~free

    def _read(self, proof: LinkedProof) -> "_LinkedFamilies | str":
        if not set(proof.tables) <= set(self._positions):
            return "a proof covers tables that are not linked"
        positions = tuple(self._positions[key] for key in proof.tables)
        for given, known in zip(proof.leaves, self._leaves(positions), strict=False):
            if len(set(given)) < len(given) or not set(given) >= set(known):
                return "a proof does not cover the cells of its tables"
        tables = [self._table(number).over(proof.leaves) for number in positions]
        read = _LinkedFamilies(proof, positions, tables, self._links)
        return read.fault or read


class _LinkedFamilies:
    """A proof with the tables that it is about."""

    def __init__(
        self, proof: LinkedProof, positions: tuple[int, ...], tables: list[Linked], links: Links
    ) -> None:
        self._proof, self.positions, self._tables = proof, positions, tables
        self._kinds = [frozenset(positions[n] for n in sorted(kind)) for kind in proof.kinds]
        by_number = dict(zip(positions, tables, strict=True))
        self._where = np.stack([_where(kind, by_number, links) for kind in self._kinds], axis=-1)
        self._families: WitnessTables | None = None
        self.fault = self._fault()

    def reached(
        self, requirement: LinkedRequirement, floor: int, leaves: Sequence[tuple[str, ...]]
    ) -> Flags:
        """The cells, over leaves, in which the requirement is reached or earlier figures
        forbid it.
        """
        weights = np.array([requirement.weight(kind) for kind in self._kinds], dtype=np.int64)
        useful = np.flatnonzero(weights)
        cells, of_cell = self._different_cells
        wanted = cells[:, useful]
        totals = _totals(wanted, weights[useful], self._proof.witnesses.starts.shape[1])
        enough = self._most(totals) >= floor
        for public in self._shortages:
            enough |= public.forbid(totals, floor)
        grid: Flags = enough[of_cell].reshape(self._where.shape[:-1])
        if list(leaves) == list(self._proof.leaves):
            return grid
        positions = (dict(zip(mine, range(len(mine)), strict=True)) for mine in self._proof.leaves)
        own = zip(positions, leaves, strict=True)
        found: Flags = grid[np.ix_(*([position[leaf] for leaf in of] for position, of in own))]
        return found

    def _most(self, totals: sparse.csr_array) -> Ints:
        """The most people of each sum in any family."""
        families = self._families
        if families is None:
            return np.full(totals.shape[0], -1)
        people = totals @ families.starts.T
        moved = sparse.coo_array(totals @ families.changes.T)
        most: Ints = people.max(axis=1, initial=0)
        reached = people[moved.row, families.start_of[moved.col]] + moved.data
        np.maximum.at(most, moved.row, reached)
        return most

    def _fault(self) -> str:
        """Why it proves nothing; empty if it may."""
        witnesses = self._proof.witnesses
        if fault := malformed(witnesses, self._where):
            return fault
        strata, class_of = self._strata()
        lists = self._boxes(strata).T.tocsr()
        first = first_cells(class_of, witnesses.starts.shape[1])
        if (first < 0).any() or not consistent(class_of, lists, first):
            return "the classes do not match the published figures"
        self._groups_of = lists[first]
        kept = self._kept()
        if kept is None:
            return "a figure is left out although no earlier figures contradict it"
        if not len(witnesses.starts):
            return ""
        self._families = WitnessTables(witnesses, self._groups_of[:, kept], occupied=False)
        lowest, highest = self._bounds(wide=True)
        return "; ".join(self._families.misfits(lowest[kept], highest[kept]))

    @cached_property
    def _rows(self) -> dict[tuple[int, str], int]:
        """The row of each figure."""
        ids = [(n, name) for n, table in enumerate(self._tables) for name in table.ids]
        return {figure: row for row, figure in enumerate(ids)}

    @cached_property
    def _different_cells(self) -> tuple[Ints, Ints]:
        """The classes of each kind (different cells x kinds), and which of these each cell has."""
        class_of = self._proof.witnesses.class_of.reshape(-1, len(self._kinds)).astype(np.int64)
        first, of_cell = different([*class_of.T])
        return class_of[first], of_cell

    @cached_property
    def _axes(self) -> list[tuple[Ints, Ints]]:
        """Of each dimension a leaf of each sort, and the sort of each leaf: those of a sort are in
        the same figures.
        """
        axes = zip(*(table.inside for table in self._tables), strict=True)
        return [different_rows(np.vstack(axis).T) for axis in axes]

    def _strata(self) -> tuple[list[Ints], NDArray[np.int32]]:
        """What tells cells of classes apart, and the class: sorts of leaves and, last, the kind.

        A cell that is in a class is possible in every table of its kind: else it is malformed.
        """
        class_of = self._proof.witnesses.class_of
        cells = np.flatnonzero(class_of >= 0)
        *leaves, kind = np.unravel_index(cells, self._where.shape)
        sorts = [of_leaf[leaf] for (_, of_leaf), leaf in zip(self._axes, leaves, strict=True)]
        first, _ = different([*sorts, kind, class_of[cells]])
        return [column[first] for column in (*sorts, kind)], class_of[cells[first]]

    def _boxes(self, strata: list[Ints]) -> sparse.csr_array:
        """(figures x strata): which people of which stratum are counted where."""
        *sorts, kinds = strata
        columns, rows, before = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
        for number, table in zip(self.positions, self._tables, strict=True):
            counted = np.array([number in kind for kind in self._kinds], dtype=bool)
            there = np.flatnonzero(counted[kinds])
            inside = [
                flags[:, first] for flags, (first, _) in zip(table.inside, self._axes, strict=True)
            ]
            for row, stratum in _figures_by_stratum(inside, [sort[there] for sort in sorts]):
                rows.append(before + row)
                columns.append(there[stratum])
            before += len(table.ids)
        row, column = np.concatenate(rows), np.concatenate(columns)
        ones = np.ones(len(row), dtype=np.int64)
        return sparse.csr_array(sparse.coo_array((ones, (row, column)), shape=(before, len(kinds))))

    def _bounds(self, *, wide: bool) -> tuple[Ints, Ints]:
        lowest, highest = (
            np.concatenate(ends) for ends in zip(*(t.unshared for t in self._tables), strict=True)
        )
        if wide:
            fewest, most = (
                np.concatenate(ends) for ends in zip(*(t.shared for t in self._tables), strict=True)
            )
            rows = [self._rows[figure] for figure in self._proof.wide if figure in self._rows]
            lowest[rows], highest[rows] = fewest[rows], most[rows]
        return lowest, highest

    @cached_property
    def _shortages(self) -> list["_SumBound"]:
        """The sums of earlier figures that are handed over, as far as they are valid."""
        found = []
        lowest, highest = (ends.tolist() for ends in self._bounds(wide=False))
        for shortage in self._proof.shortages:
            figures = frozenset(shortage.figures)
            if len(shortage.figures) != len(shortage.multipliers) or not figures <= set(self._rows):
                continue
            if any(self._tables[number].new for number, _ in figures):
                continue
            bound, times = 0, np.zeros(len(lowest), dtype=np.int64)
            for figure, multiplier in zip(shortage.figures, shortage.multipliers, strict=True):
                row = self._rows[figure]
                times[row] += multiplier
                bound += multiplier * (highest if multiplier > 0 else lowest)[row]
            covers = self._groups_of @ times
            if shortage.scale > 0 and (covers >= 0).all():
                found.append(_SumBound(figures, covers, bound, shortage.scale))
        return found

    def _kept(self) -> Ints | None:
        """The figures that are not left aside; None if one may not be."""
        at_odds = [public.figures for public in self._shortages if public.bound < 0]
        aside = set(self._proof.aside)
        if not aside <= frozenset().union(*at_odds):
            return None
        return np.array(
            [row for figure, row in self._rows.items() if figure not in aside], np.int64
        )


@dataclass(frozen=True)
class _SumBound:
    """What a sum of earlier figures shows: `covers / scale` times each class are `bound / scale`
    people at most.
    """

    figures: frozenset[FigureId]
    covers: Ints
    bound: int
    scale: int

    def forbid(self, totals: sparse.csr_array, floor: int) -> Flags:
        """Which sums of classes are thereby below the floor."""
        entries = sparse.coo_array(totals)
        largest = int(entries.data.max(initial=1))
        forbidden = np.zeros(totals.shape[0], dtype=bool)
        for times in {1, largest}:  # the sum of figures as often
            if self.bound * times < floor * self.scale:
                short = self.covers[entries.col] * times < self.scale * entries.data
                covered = np.diff(totals.indptr) > 0
                covered[entries.row[short]] = False
                forbidden |= covered
        return forbidden


def _where(kind: Kind, tables: Mapping[int, Linked], links: Links) -> Flags:
    """The cells in which somebody can be counted in exactly these of the tables."""
    shape = next(iter(tables.values())).possible.shape
    numbers = sorted(kind)
    if any(links.are_disjoint(one, other) for one, other in combinations(numbers, 2)):
        return np.zeros(shape, dtype=bool)
    there = np.ones(shape, dtype=bool)
    for number in numbers:
        there &= tables[number].possible
        for outer in tables.keys() - kind:
            if links.within(number, outer):
                there &= ~tables[outer].possible
        parts = links.parts(number, list(tables))
        if parts and kind.isdisjoint(parts):
            there &= ~np.logical_or.reduce([tables[part].possible for part in parts])
    return there


def _figures_by_stratum(
    inside: Sequence[Flags], strata: Sequence[Ints]
) -> Iterator[tuple[Ints, Ints]]:
    """(figure, stratum) where a stratum is inside in every dimension: few figures at once."""
    figures = len(inside[0])
    at_once = max(1, checker_limits.FLAGS_AT_ONCE // max(len(strata[0]), 1))
    for start in range(0, figures, at_once):
        few = (flags[start : start + at_once] for flags in inside)
        boxes = [flags[:, stratum] for flags, stratum in zip(few, strata, strict=True)]
        row, column = np.nonzero(np.logical_and.reduce(boxes))
        yield row + start, column


def _totals(wanted: Ints, weights: Ints, classes: int) -> sparse.csr_array:
    """(sums x classes): kinds that no figure tells apart share a class, and count at their best."""
    row, kind = np.nonzero(wanted >= 0)
    column, weight = wanted[row, kind], weights[kind]
    order = np.lexsort((-weight, column, row))
    row, column, weight = row[order], column[order], weight[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = (np.diff(row) != 0) | (np.diff(column) != 0)
    entries = weight[first], (row[first], column[first])
    return sparse.csr_array(sparse.coo_array(entries, shape=(len(wanted), classes)))
