"""Several tables as one: a table with one dimension more, in which of the tables a person counts.

Whoever is counted on a day is counted in its week as well. So there are as many kinds of people
as sets of tables that somebody can be counted in, a figure of a table is a figure of all kinds
that are counted in it, and what one table can tell by one figure less another, several tell in
the same way. The engines that attack one table attack several without knowing it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.audit.knowledge import Knowledge, Statements, from_source, understand
from anonymizer.feasible.different_rows import different_rows
from anonymizer.feasible.system import Flags, Integers
from anonymizer.model.dimensions import Dimension, Group, Text
from anonymizer.model.segments import Catalogue, NamedSegment
from anonymizer.model.tables import TableKey

_TABLES = "table"
Kind = frozenset[int]  # positions of the tables that count a person


@dataclass(frozen=True)
class Containment:
    """Everybody of the inner table is in the outer one, atom by atom."""

    inner: TableKey
    outer: TableKey


@dataclass(frozen=True)
class Cover:
    """Nobody of the whole is outside of all parts."""

    whole: TableKey
    parts: tuple[TableKey, ...]


@dataclass(frozen=True)
class Join:
    """Tables and what everybody knows of how they lie in each other."""

    tables: tuple[PublicTable, ...]
    containments: tuple[Containment, ...]
    covers: tuple[Cover, ...] = ()

    @property
    def name(self) -> str:
        """`campaign c1 2026-W47 with 7 tables`."""
        first, *others = (table.key.label for table in self.tables)
        return f"{first} with {others[0] if len(others) == 1 else f'{len(others)} tables'}"

    def positions(self) -> dict[TableKey, int]:
        """The place of each table."""
        return {table.key: position for position, table in enumerate(self.tables)}


@dataclass(frozen=True)
class JointRequirements:
    """Sums of classes that must be able to reach `people`, one a row of `weights`.

    Of each, `leads` is the class to try first: people there serve many other requirements as well.
    """

    weights: sparse.csr_array
    leads: Integers
    people: int


@dataclass(frozen=True)
class Joint:
    """What all figures of a join tell together, over classes of atoms and kinds of people.

    Figure by figure, `table` is the position of its table and `segment` its row in that table's
    catalogue. `fewest` and `most` are what it stands for if it may be shared (promise 8); the
    knowledge takes it for one that is not, unless it is `wide`. The last dimension of the
    knowledge has the `kinds`, as they come; `exhaustive` says that none was left out.
    """

    knowledge: Knowledge
    table: Integers
    segment: Integers
    fewest: Integers
    most: Integers
    wide: Flags
    requirements: JointRequirements
    kinds: tuple[Kind, ...]
    exhaustive: bool

    def without(self, figures: Integers) -> "Joint":
        """The same classes and requirements, some figures fewer."""
        kept = np.setdiff1d(np.arange(len(self.table)), figures)
        known = self.knowledge
        fewer = replace(
            known,
            segments=known.segments[kept],
            people=known.people[kept],
            sources=from_source("published", len(kept)),
            lowest=known.lowest[kept],
            highest=known.highest[kept],
            members=sparse.csr_array(known.members[kept]),
        )
        return replace(
            self,
            knowledge=fewer,
            table=self.table[kept],
            segment=self.segment[kept],
            fewest=self.fewest[kept],
            most=self.most[kept],
            wide=self.wide[kept],
        )

    def shareable(self, figures: Integers) -> Integers:
        """Those of the figures that are still taken for unshared, and need not be."""
        known = self.knowledge
        wider = (self.fewest < known.lowest) | (self.most > known.highest)
        return figures[wider[figures]]

    def sharing(self, figures: Integers) -> "Joint":
        """The same where these figures may be shared ones."""
        lowest, highest = self.knowledge.lowest.copy(), self.knowledge.highest.copy()
        lowest[figures], highest[figures] = self.fewest[figures], self.most[figures]
        wide = self.wide.copy()
        wide[figures] = True
        known = replace(self.knowledge, lowest=lowest, highest=highest)
        return replace(self, knowledge=known, wide=wide)


def joint(join: Join, floor: int) -> Joint:
    """The figures of all tables of a join as those of one, and what must be able to be large.

    Every table can have `floor` people or more in each class, every outer table so many beyond
    an inner one, and beyond all those inside of it that share nobody, and the parts of a cover
    together so many beyond the whole.
    """
    ways = _Ways(join)
    catalogue, table, segment = _catalogue(join, ways)
    lowest, highest = _joined(public.unshared for public in join.tables)
    fewest, most = _joined(public.shared for public in join.tables)
    statements = Statements(
        np.arange(len(table), dtype=np.int32),
        np.concatenate([public.figures.people for public in join.tables]),
        lowest,
        highest,
        from_source("published", len(table)),
    )
    possible = ways.possible(catalogue.dimensions)
    knowledge = understand(join.name, catalogue, statements, possible, np.zeros_like(possible))
    requirements = JointRequirements(*_requirements(knowledge, ways), floor)
    return Joint(
        knowledge,
        table,
        segment,
        fewest,
        most,
        np.zeros(len(table), dtype=bool),
        requirements,
        tuple(ways.kinds),
        ways.exhaustive,
    )


def _joined(bounds: Iterable[tuple[Integers, Integers]]) -> tuple[Integers, Integers]:
    """The lower and the upper bounds of the figures of all tables."""
    lower, upper = zip(*bounds, strict=True)
    return np.concatenate(lower), np.concatenate(upper)


class _Ways:
    """The kinds of people of a join, and where each may be."""

    def __init__(self, join: Join) -> None:
        self.join = join
        positions = join.positions()
        self.within = [(positions[c.inner], positions[c.outer]) for c in join.containments]
        self.apart = apart_from(join.tables)
        self.covers = [(positions[c.whole], {positions[p] for p in c.parts}) for c in join.covers]
        everywhere = range(len(join.tables))
        self.exhaustive = len(join.tables) <= linking_limits.TABLES_IN_ALL_WAYS
        if self.exhaustive:
            sizes = range(1, len(join.tables) + 1)
            found = [frozenset(c) for size in sizes for c in combinations(everywhere, size)]
        else:
            found = list(dict.fromkeys(self._some_kinds()))
        self.grids = [
            spread_over(public.possible, public.catalogue.dimensions, leaves_of(join.tables))
            for public in join.tables
        ]
        where = {kind: self._where(kind) for kind in found}
        self.where = {kind: grid for kind, grid in where.items() if grid.any()}
        self.kinds = list(self.where)

    def possible(self, dimensions: Sequence[Dimension]) -> Flags:
        """The grid of atoms and kinds."""
        shape = tuple(len(dimension.leaves) for dimension in dimensions[:-1])
        grids = [np.broadcast_to(grid, shape) for grid in self.where.values()]
        return np.stack(grids, axis=-1) if grids else np.zeros((*shape, 0), dtype=bool)

    def demands(self) -> Iterator[list[int]]:
        """How often each kind counts in a sum that must be able to be large."""
        for table in range(len(self.join.tables)):
            yield [int(table in kind) for kind in self.kinds]
        for inner, outer in self.within:
            yield [int(outer in kind and inner not in kind) for kind in self.kinds]
        for outer, parts in self._apart_within():
            yield [int(outer in kind and not parts & kind) for kind in self.kinds]
        for whole, parts in self.covers:
            if len(parts) > 1:
                yield [max(len(kind & parts) - int(whole in kind), 0) for kind in self.kinds]

    def _apart_within(self) -> Iterator[tuple[int, set[int]]]:
        """Each table with those inside of it that share nobody with another one of these."""
        for outer in dict.fromkeys(outer for _, outer in self.within):
            inside = [inner for inner, container in self.within if container == outer]
            parts = {inner for inner in inside if self.apart[inner, inside].any()}
            if parts:
                yield outer, parts

    def _where(self, kind: Kind) -> Flags:
        """Atoms in which there may be people of this kind."""
        disjoint = self.apart[np.ix_(sorted(kind), sorted(kind))].any()
        possible = np.full(self.grids[0].shape, not disjoint)
        for table in kind:
            possible = possible & self.grids[table]
        for inner, outer in self.within:
            if inner in kind and outer not in kind:
                possible = possible & ~self.grids[outer]
        for whole, parts in self.covers:
            if whole in kind and not parts & kind:
                possible = possible & ~np.logical_or.reduce([self.grids[part] for part in parts])
        return possible

    def _some_kinds(self) -> Iterator[Kind]:
        """Enough kinds for tables of any size: in one part alone, in the largest two, three, ...

        A sum of people over days is anything between the largest day and all days added up; so
        are the sums over these kinds. Tables that are outer to a chosen one are always added.
        Who was there on every other day, and who on the others, serve nearly every requirement
        together.
        """
        sizes = [int(public.figures.people.max(initial=0)) for public in self.join.tables]
        outer = {table for _, table in self.within}
        parts = [table for table in range(len(sizes)) if table not in outer]
        parts.sort(key=lambda table: -sizes[table])
        yield from (self._closed(set(parts[start::2])) for start in (0, 1))
        for table in range(len(sizes)):
            yield frozenset({table})
            yield self._closed({table})
        for length in range(2, len(parts) + 1):
            yield self._closed(set(parts[:length]))

    def _closed(self, kind: set[int]) -> Kind:
        while more := {outer for inner, outer in self.within if inner in kind} - kind:
            kind = kind | more
        return frozenset(kind)


def apart_from(tables: Sequence[PublicTable]) -> Flags:
    """(tables x tables): which of them share nobody."""
    ids = [table.key.subject_id for table in tables]
    return np.array([[other in table.apart for other in ids] for table in tables], dtype=bool)


def leaves_of(tables: Sequence[PublicTable]) -> list[tuple[str, ...]]:
    """The finest values of each dimension that any of the tables knows."""
    axes = zip(*(public.catalogue.dimensions for public in tables), strict=True)
    return [tuple(dict.fromkeys(leaf for axis in same for leaf in axis.leaves)) for same in axes]


def spread_over(
    possible: Flags, dimensions: Sequence[Dimension], leaves: Sequence[tuple[str, ...]]
) -> Flags:
    """A grid over more leaves; what the table does not know is possible as it is elsewhere."""
    spread = possible
    for axis, (dimension, wanted) in enumerate(zip(dimensions, leaves, strict=True)):
        positions = {leaf: position for position, leaf in enumerate(dimension.leaves)}
        known = np.array([positions.get(leaf, -1) for leaf in wanted])
        widened = np.take(spread, known, axis=axis)
        np.moveaxis(widened, axis, 0)[known < 0] = True
        spread = widened
    return spread


def _catalogue(join: Join, ways: _Ways) -> tuple[Catalogue, Integers, Integers]:
    """Segments of all tables over the joint atoms; the table and the row there of each."""
    axes = []
    columns: list[NDArray[np.int32]] = []
    for axis, leaves in enumerate(leaves_of(join.tables)):
        positions = {leaf: position for position, leaf in enumerate(leaves)}
        groups: dict[tuple[int, ...], Group] = {}
        number: dict[tuple[int, ...], int] = {}
        of_table: list[NDArray[np.int32]] = []
        for public in join.tables:
            dimension = public.catalogue.dimensions[axis]
            translated = np.zeros(len(dimension.groups), dtype=np.int32)
            for position, group in enumerate(dimension.groups):
                key = tuple(sorted(positions[dimension.leaves[leaf]] for leaf in group.leaves))
                translated[position] = number.setdefault(key, len(number))
                groups.setdefault(key, replace(group, leaves=key))
            of_table.append(translated[public.catalogue.cells[public.figures.segments, axis]])
        columns.append(np.concatenate(of_table))
        first = join.tables[0].catalogue.dimensions[axis]
        axes.append(Dimension(first.name, leaves, tuple(groups.values())))
    table = np.repeat(np.arange(len(join.tables)), [len(s.figures.segments) for s in join.tables])
    segment = np.concatenate([public.figures.segments for public in join.tables])
    columns.append(table.astype(np.int32))
    named = {
        row: _name(join.tables[of], int(own))
        for row, (of, own) in enumerate(zip(table.tolist(), segment.tolist(), strict=True))
    }
    cells = np.stack(columns, axis=1).astype(np.int32)
    axes.append(_kinds_dimension(join, ways))
    return Catalogue(tuple(axes), cells, named), table, segment.astype(np.int64)


def _name(public: PublicTable, segment: int) -> NamedSegment:
    words, key = public.catalogue.name(segment), public.key
    text = Text(f"{words.english} in {key.label}", f"{words.indonesian} ({key.label})")
    prefix = f"{key.kind}/{key.subject_id}/{key.period.id}"
    prefix += f"/{key.edition}" if key.edition > 1 else ""
    return NamedSegment(f"{prefix}/{public.catalogue.id(segment)}", text)


def _kinds_dimension(join: Join, ways: _Ways) -> Dimension:
    keys = [table.key.label for table in join.tables]
    names = [", ".join(keys[table] for table in sorted(kind)) for kind in ways.kinds]
    tables = [
        Group(
            key,
            _TABLES,
            Text(f"counted in {key}", key),
            tuple(position for position, kind in enumerate(ways.kinds) if table in kind),
        )
        for table, key in enumerate(keys)
    ]
    single = [
        Group(name, "kind", Text(f"counted in {name} alone", name), (position,))
        for position, name in enumerate(names)
    ]
    return Dimension(_TABLES, tuple(names), (*tables, *single))


def _requirements(knowledge: Knowledge, ways: _Ways) -> tuple[sparse.csr_array, Integers]:
    """One row for each group of atoms that no figure tells apart, and each demand; the leads."""
    of_kind, _ = different_rows(knowledge.class_of.reshape(-1, len(ways.kinds)))
    demands = [np.array(demand, dtype=np.int64) for demand in ways.demands()]
    order = _most_useful_first(np.stack(demands) > 0)
    rows = [sparse.csr_array((0, knowledge.classes), dtype=np.int64)]
    leads = [np.zeros(0, dtype=np.int64)]
    for times in demands:
        useful = order[times[order] > 0]
        if not len(useful):
            continue
        wanted, _ = different_rows(of_kind[:, useful])
        wanted = wanted[(wanted >= 0).any(axis=1)]
        leads.append(wanted[np.arange(len(wanted)), (wanted >= 0).argmax(axis=1)])
        rows.append(_highest(wanted, times[useful], knowledge.classes))
    return sparse.csr_array(sparse.vstack(rows)), np.concatenate(leads)


def _most_useful_first(serves: Flags) -> NDArray[np.intp]:
    """Kinds in the order in which each serves most demands (rows) that none before does."""
    missing, order = np.ones(len(serves), dtype=bool), list[int]()
    left = list(range(serves.shape[1]))
    while left:
        best = max(left, key=lambda kind: (int((serves[:, kind] & missing).sum()), -kind))
        missing &= ~serves[:, best]
        order.append(best)
        left.remove(best)
    return np.array(order, dtype=np.intp)


def _highest(wanted: NDArray[np.intp], times: Integers, classes: int) -> sparse.csr_array:
    """Rows of weights: how often the people of each wanted class count.

    Kinds that no figure tells apart share a class; people in it may be of the best of them.
    """
    requirement, kind = np.nonzero(wanted >= 0)
    columns, weights = wanted[requirement, kind], times[kind]
    order = np.lexsort((-weights, columns, requirement))
    requirement, columns, weights = requirement[order], columns[order], weights[order]
    first = np.ones(len(requirement), dtype=bool)
    first[1:] = (np.diff(requirement) != 0) | (np.diff(columns) != 0)
    entries = weights[first], (requirement[first], columns[first])
    return sparse.csr_array(entries, shape=(len(wanted), classes))
