"""Verifies the proofs of linked tables before anything of a release is published.

It finds out by itself which tables are linked, reads their figures by itself, and adds up every
family, with whole numbers and without a solver. A family gives each table of a set people in
every cell. People who are counted so exist if every margin holds: an inner table has no more
people than the outer one, tables that share nobody no more together than the one they are in, a
period no more than its days together (place the people of each table side by side on a circle of
the people of the outer one). What must be possible is that every margin, and every table, has
`floor` people in each cell.

Nothing is asked of cells that no new figure counts, nor of what a sum of earlier figures, handed
over with the proof, makes impossible. An audience needs no proof with a table that fills less
than half of all its figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from scipy import sparse

from anonymizer.audit.findings import Finding
from anonymizer.audit.linked_tables import Flags, Ints, Linked, Links, leaves_of
from anonymizer.proofs import LinkedProof, Shortage

_MOST_PEOPLE = 2**31  # of a cell in a family: sums of these cannot overflow
_MOST_IN_A_SUM = 10  # tables with earlier figures in a sum of them
_AT_ONCE = 2**23  # flags


@dataclass(frozen=True)
class Margin:
    """People of the tables `plus`, less the largest table of each group in `minus`.

    `must` has the classes in which nobody may be lacking, `asked` those in which there must be
    able to be enough. What is not `known` to hold of all people is asked of families all the same:
    it makes sure that there are such people.
    """

    plus: tuple[int, ...]
    minus: tuple[tuple[int, ...], ...]
    must: Flags
    asked: Flags
    known: bool = True

    @property
    def tables(self) -> frozenset[int]:
        """All tables that it is about."""
        return frozenset((*self.plus, *(table for group in self.minus for table in group)))

    def of(self, people: Ints) -> Ints:
        """(rows x tables) people as one margin a row."""
        margin: Ints = people[:, list(self.plus)].sum(axis=1)
        for group in self.minus:
            margin -= people[:, list(group)].max(axis=1)
        return margin


def check_linked(links: Links, proofs: Sequence[LinkedProof], floor: int) -> tuple[Finding, ...]:
    """Every way in which linked tables are not proved; empty if they are.

    `floor` people have to be possible. A finding names the table and never a count.
    """
    return tuple(_findings(links, proofs, floor))


def _findings(links: Links, proofs: Sequence[LinkedProof], floor: int) -> Iterator[Finding]:
    places = {table.key: number for number, table in enumerate(links.tables)}
    proved: list[frozenset[int]] = []
    for proof in proofs:
        numbers = tuple(places[key] for key in proof.tables if key in places)
        fault = "a proof is about tables that are not linked"
        if len(set(numbers)) == len(proof.tables):
            read = _Proof(links, numbers, proof)
            fault = read.fault()
            if not fault and read.is_enough(floor):
                proved.append(frozenset(numbers))
        if fault:
            names = " and ".join(str(key) for key in proof.tables)
            yield Finding(names, "structure", (), fault)
    for tables in links.sets(floor):
        if not any(own.issuperset(tables) for own in proved):
            names = " and ".join(sorted(str(links.tables[number].key) for number in tables))
            text = f"no proof shows that enough people are possible in every cell of {names}"
            yield Finding(links.tables[tables[0]].key, "unproved", (), text)


class _Proof:
    """A proof with the tables that it is about: first over leaves, then over classes of cells."""

    def __init__(self, links: Links, numbers: tuple[int, ...], proof: LinkedProof) -> None:
        self._links, self._numbers, self._proof = links, numbers, proof
        self._own = [links.tables[number] for number in numbers]
        self._count = len(numbers)

    def fault(self) -> str:
        """The first thing that is wrong with it; empty if all its families are possible."""
        if fault := self._fault_of_blocks() or self._fault_of_classes():
            return fault
        at_odds = {figure for of in self._shown if of.bound < 0 for figure in of.figures}
        if not set(self._proof.aside) <= at_odds:
            return "a figure is left aside that no earlier figures contradict"
        if fault := self._fault_of_figures():
            return fault
        if any(
            (most < 0)[of.must].any() for of, most in zip(self._margins, self._best, strict=True)
        ):
            return "a family has fewer people in a table than in those inside of it"
        return ""

    def is_enough(self, floor: int) -> bool:
        """Whether all margins have enough people in some family, where anything is asked."""
        for margin, most in zip(self._margins, self._best, strict=True):
            lacking = margin.asked & self._told & (most < floor)
            for of in self._shown:
                if lacking.any() and of.bound < floor * of.scale:
                    lacking &= ~self._shows(of, margin)
            if lacking.any():
                return False
        return True

    @cached_property
    def _shown(self) -> list["_Sum"]:
        return [of for of in map(self._sum, self._proof.shortages) if of is not None]

    def _fault_of_blocks(self) -> str:
        proof = self._proof
        for given, known in zip(proof.leaves, leaves_of(self._own), strict=False):
            if len(set(given)) < len(given) or not set(given) >= set(known):
                return "a proof is about other cells"
        tables = [table.over(proof.leaves) for table in self._own]
        if tuple(map(len, proof.blocks)) != tuple(map(len, proof.leaves)):
            return "the blocks of a proof are not of its leaves"
        firsts = [np.unique(block, return_index=True)[1] for block in proof.blocks]
        for block, first in zip(proof.blocks, firsts, strict=True):
            if not np.array_equal(block[first], np.arange(len(first))):
                return "the blocks of a proof are not of its leaves"
        whole = [first[block] for first, block in zip(firsts, proof.blocks, strict=True)]
        for table in tables:
            if not np.array_equal(table.possible, table.possible[np.ix_(*whole)]) or not all(
                np.array_equal(inside, inside[:, same])
                for inside, same in zip(table.inside, whole, strict=True)
            ):
                return "leaves of one block are told apart"
        names = [
            tuple(of[place] for place in first.tolist())
            for of, first in zip(proof.leaves, firsts, strict=True)
        ]
        self._tables = [table.over(names) for table in tables]
        return ""

    def _fault_of_classes(self) -> str:
        witnesses = self._proof.witnesses
        class_of, starts, changes = witnesses.class_of, witnesses.starts, witnesses.changes
        start_of, cells = witnesses.start_of, self._tables[0].possible.size
        if any(part.dtype.kind != "i" for part in (class_of, starts, start_of, changes)):
            return "people are not whole"
        classes = int(class_of.max(initial=-1)) + 1
        if (
            class_of.shape != (cells,)
            or starts.shape != (len(starts), self._count * classes)
            or changes.shape != (len(start_of), self._count * classes)
            or not _between(changes.indices, 0, self._count * classes - 1)
            or not _between(start_of, 0, len(starts) - 1)
            or not _between(class_of, -1, classes - 1)
            or not _between(starts, 0, _MOST_PEOPLE)
            or not _between(changes.data, -_MOST_PEOPLE, _MOST_PEOPLE)
        ):
            return "the parts of a proof do not belong together"
        found, first = np.unique(class_of, return_index=True)
        first = first[found >= 0]
        possible = np.stack([table.possible.ravel() for table in self._tables])
        boxes = sparse.vstack([*map(_boxes, self._tables), sparse.csr_array(possible.astype(int))])
        lists = sparse.csr_array(sparse.csr_array(boxes).T)
        inside = np.flatnonzero(class_of >= 0)
        if (
            len(first) < classes
            or (possible & (class_of < 0)).any()
            or (lists[inside] - lists[first[class_of[inside]]]).count_nonzero()
        ):
            return "the classes do not belong to the published figures"
        self._possible: Flags = possible[:, first]
        self._members = [_boxes(table)[:, first] for table in self._tables]
        self._classes = classes
        return ""

    @cached_property
    def _rows(self) -> dict[tuple[int, str], int]:
        """The row of each figure."""
        ids = [(place, name) for place, table in enumerate(self._tables) for name in table.ids]
        return {figure: row for row, figure in enumerate(ids)}

    def _bounds(self, wide: Sequence[tuple[int, str]]) -> tuple[Ints, Ints]:
        read = [(*table.unshared, *table.shared) for table in self._tables]
        low, high, fewest, most = (np.concatenate(ends) for ends in zip(*read, strict=True))
        rows = [self._rows[figure] for figure in wide if figure in self._rows]
        low[rows], high[rows] = fewest[rows], most[rows]
        return low, high

    def _fault_of_figures(self) -> str:
        """Whether every family fits every figure that is not left aside."""
        witnesses, aside = self._proof.witnesses, set(self._proof.aside)
        kept = [row for figure, row in self._rows.items() if figure not in aside]
        members = sparse.csr_array(sparse.block_diag(self._members, format="csr"))[kept]
        low, high = (ends[kept] for ends in self._bounds(self._proof.wide))
        counts = witnesses.starts.astype(np.int64) @ members.T
        moved = sparse.coo_array(sparse.csr_array(witnesses.changes, dtype=np.int64) @ members.T)
        after = counts[witnesses.start_of[moved.row], moved.col] + moved.data
        fits = (low <= counts) & (counts <= high)
        if fits.all() and ((low[moved.col] <= after) & (after <= high[moved.col])).all():
            return ""
        return "a family does not fit the figures"

    @cached_property
    def _best(self) -> list[Ints]:
        """Of each margin and class the most people in any family; -1 if one is not possible."""
        witnesses, shape = self._proof.witnesses, (self._count, self._classes)
        starts = witnesses.starts.astype(np.int64).reshape(-1, *shape)
        entry = sparse.coo_array(witnesses.changes)
        table, place = np.divmod(entry.col.astype(np.int64), self._classes)
        touched, at = np.unique(entry.row * np.int64(self._classes) + place, return_inverse=True)
        row, place = np.divmod(touched, self._classes)
        changed = starts[witnesses.start_of[row], :, place]
        np.add.at(changed, (at, table), entry.data)
        every = [(start.T, np.arange(self._classes)) for start in starts] + [(changed, place)]
        best = [np.full(self._classes, -1, dtype=np.int64) for _ in self._margins]
        impossible = np.zeros(self._classes, dtype=bool)
        for people, of in every:
            wrong = (people < 0) | ((people > 0) & ~self._possible[:, of].T)
            impossible[of[wrong.any(axis=1)]] = True
            for margin, most in zip(self._margins, best, strict=True):
                found = margin.of(people)
                np.maximum.at(most, of, found)
                impossible[of[(found < 0) & margin.must[of]]] = True
        return [np.where(impossible, -1, most) for most in best]

    @cached_property
    def _margins(self) -> list[Margin]:
        """Of each table, and of what lies in what."""
        possible, every = self._possible, np.logical_or.reduce(self._possible)
        nowhere = np.zeros_like(every)
        found = [Margin((n,), (), every, possible[n]) for n in range(self._count)]
        for outer in range(self._count):
            inner = self._inside[outer]
            for one in inner:
                same = outer in self._inside[one]
                asked = possible[outer] & ~(same & possible[one])
                found.append(Margin((outer,), ((one,),), possible[outer], asked))
            there = [n for n in inner if not (possible[n] & ~possible[outer]).any()]
            groups = [tuple(n for n in group if n in there) for group in self._groups]
            if len(groups := [group for group in groups if group]) > 1:
                margin = Margin((outer,), tuple(groups), possible[outer], possible[outer])
                found.append(replace(margin, known=False))
            parts = self._links.parts(self._numbers[outer], self._numbers)
            if days := tuple(n for n in inner if self._numbers[n] in parts):
                some = possible[list(days)].sum(axis=0)
                asked = (some > possible[outer]) & (len(days) > 1)
                found.append(Margin(days, ((outer,),), nowhere, asked))
                found += self._covers(outer, days)
        return found

    def _covers(self, whole: int, days: tuple[int, ...]) -> Iterator[Margin]:
        """Nobody of the whole is missing from the weeks in it and the other days; each week is
        made up of its days.
        """
        inner = self._inside[whole]
        weeks = [n for n in inner if n not in days and not {*days}.isdisjoint(self._inside[n])]
        in_weeks = {day for week in weeks for day in self._inside[week]}
        nowhere = np.zeros(self._classes, dtype=bool)
        there = np.logical_or.reduce(self._possible[list(days)])
        units = (*weeks, *(day for day in days if day not in in_weeks))
        yield Margin(units, ((whole,),), there, nowhere)
        for week in weeks:
            own = tuple(day for day in self._inside[week] if day in days)
            there = np.logical_or.reduce(self._possible[list(own)])
            yield Margin(own, ((week,),), there, nowhere, known=False)

    @cached_property
    def _inside(self) -> list[list[int]]:
        """Of each table those that lie in it."""
        number, within = self._numbers, self._links.within
        every = range(self._count)
        return [[n for n in every if within(number[n], number[outer])] for outer in every]

    @cached_property
    def _groups(self) -> list[list[int]]:
        """Tables that share nobody with another one, in groups none of which has two such.

        The people of a group can be the same, those of different groups are others. What lies in
        a table shares nobody with those that this one shares nobody with.
        """
        links, number, every = self._links, self._numbers, range(self._count)
        around = [{one, *(n for n in every if one in self._inside[n])} for one in every]

        def apart(one: int, other: int) -> bool:
            both = ((a, b) for a in around[one] for b in around[other])
            return any(links.share_nobody(number[a], number[b]) for a, b in both)

        groups: list[list[int]] = []
        for one in sorted(every, key=lambda n: self._own[n].key.subject_id):
            others = {other for other in every if other != one and apart(one, other)}
            if others:
                free = (group for group in groups if others.isdisjoint(group))
                if (group := next(free, None)) is None:
                    groups.append(group := [])
                group.append(one)
        return groups

    @cached_property
    def _told(self) -> Flags:
        """The classes that a new figure counts."""
        new = [of for of, table in zip(self._members, self._tables, strict=True) if table.new]
        told = [np.bincount(of.indices, minlength=self._classes) > 0 for of in new]
        found: Flags = np.logical_or.reduce([np.zeros(self._classes, dtype=bool), *told])
        return found

    def _sum(self, shortage: Shortage) -> "_Sum | None":
        """A sum of earlier figures, if it bounds every number of people."""
        figures = frozenset(shortage.figures)
        if (
            not figures <= self._rows.keys()
            or len(shortage.figures) != len(shortage.multipliers)
            or any(self._tables[place].new for place, _ in figures)
            or shortage.scale <= 0
        ):
            return None
        times, bound = np.zeros_like(self._possible, dtype=np.int64), 0
        low, high = (ends.tolist() for ends in self._bounds(()))
        before = np.cumsum([0, *(len(table.ids) for table in self._tables)])
        for (place, name), multiplier in zip(shortage.figures, shortage.multipliers, strict=True):
            row = self._rows[place, name]
            member = self._members[place][[row - before[place]]].toarray().ravel()
            times[place] += multiplier * member
            bound += multiplier * (high if multiplier > 0 else low)[row]
        found = _Sum(figures, times, bound, shortage.scale)
        return found if self._shows(found, None).all() else None

    def _shows(self, of: "_Sum", margin: Margin | None) -> Flags:
        """The classes in which every person counts as often in a sum as in a margin, or more.

        The margin may be nothing. A person counts in a set of tables that is possible there.
        """
        tables = {place for place, _ in of.figures} | (margin.tables if margin else frozenset())
        used, shows = sorted(tables), np.full(self._classes, len(tables) <= _MOST_IN_A_SUM)
        only = [m for m in self._margins if m.known and m.tables <= tables]
        for chosen in product((0, 1), repeat=len(used) if shows.any() else 0):
            kind = np.zeros(self._count, dtype=np.int64)
            kind[used[: len(chosen)]] = chosen
            there = np.logical_and.reduce(self._possible[kind > 0])
            for other in only:
                if other.of(kind[None, :])[0] < 0:
                    there &= ~other.must
            least = of.scale * int(margin.of(kind[None, :])[0]) if margin else 0
            shows &= ~there | (kind @ of.times >= least)
        return shows


@dataclass(frozen=True)
class _Sum:
    """A sum of earlier figures: `times / scale` of each table and class are `bound / scale` people
    at most.
    """

    figures: frozenset[tuple[int, str]]
    times: Ints
    bound: int
    scale: int


def _between(numbers: np.ndarray, low: int, high: int) -> bool:
    return not numbers.size or bool(numbers.min() >= low and numbers.max() <= high)


def _boxes(table: Linked) -> sparse.csr_array:
    """(figures x cells): which possible cell is in which figure; a limited number at once."""
    at_once = max(1, _AT_ONCE // max(table.possible.size, 1))
    parts = [sparse.csr_array((0, table.possible.size), dtype=np.int64)]
    for start in range(0, len(table.ids), at_once):
        boxes = np.ones((len(table.ids[start : start + at_once]), 1), dtype=bool)
        for inside in table.inside:
            boxes = boxes[:, :, None] & inside[start : start + at_once, None, :]
            boxes = boxes.reshape(len(boxes), -1)
        parts.append(sparse.csr_array((boxes & table.possible.ravel()).astype(np.int64)))
    return sparse.csr_array(sparse.vstack(parts))
