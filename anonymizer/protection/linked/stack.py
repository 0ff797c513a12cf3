"""Linked tables over the same classes of cells, and the margins that must hold between them.

Each table has people in every class: a matrix (tables x classes). Two tables of the same people
share a row of it, a layer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.proofs import FigureId
from anonymizer.protection.linked.join import Join, leaves_of
from anonymizer.protection.linked.shown import Shown

_AT_ONCE = 2**23  # flags
_SEED = 20_261_130


@dataclass(frozen=True)
class Margin:
    """People of the tables `plus`, less the largest table of each group in `minus`.

    It is never below 0 in the classes `must`, and has to be able to be large in those `asked`.
    """

    plus: tuple[int, ...]
    minus: tuple[tuple[int, ...], ...]
    must: Flags
    asked: Flags

    def of(self, people: Integers) -> Integers:
        """(rows x tables) people as one margin a row."""
        margin: Integers = people[:, list(self.plus)].sum(axis=1)
        for group in self.minus:
            margin -= people[:, list(group)].max(axis=1)
        return margin


@dataclass(frozen=True)
class Stack:
    """The figures of all tables of a join: `lowest <= members @ people <= highest`, row by row.

    Of each figure `table` is the position of its table, `segment` its row in that catalogue,
    `fewest` and `most` what it stands for if it may be shared; only those in `wide` are read so.
    `class_of` has the class of each cell of the grid of `blocks`; -1 where nobody can be.
    """

    join: Join
    leaves: tuple[tuple[str, ...], ...]
    blocks: tuple[NDArray[np.intp], ...]
    class_of: NDArray[np.int32]
    possible: Flags
    members: sparse.csr_array
    table: Integers
    segment: Integers
    lowest: Integers
    highest: Integers
    fewest: Integers
    most: Integers
    wide: Flags

    @property
    def classes(self) -> int:
        """How many classes of cells there are."""
        return int(self.possible.shape[1])

    @property
    def figures(self) -> int:
        """How many figures there are."""
        return len(self.table)

    @property
    def names(self) -> list[FigureId]:
        """The figures as a proof names them."""
        tables = self.join.tables
        rows = zip(self.table.tolist(), self.segment.tolist(), strict=True)
        return [(of, tables[of].catalogue.id(segment)) for of, segment in rows]

    def without(self, figures: Integers) -> "Stack":
        """The same with some figures fewer."""
        kept = np.setdiff1d(np.arange(len(self.table)), figures)
        rows = {
            name: getattr(self, name)[kept]
            for name in ("table", "segment", "lowest", "highest", "fewest", "most", "wide")
        }
        return replace(self, members=sparse.csr_array(self.members[kept]), **rows)

    def shareable(self, figures: Integers) -> Integers:
        """Those of the figures that are still read as unshared, and need not be."""
        wider = (self.fewest < self.lowest) | (self.most > self.highest)
        return figures[wider[figures]]

    def sharing(self, figures: Integers) -> "Stack":
        """The same where these figures may be shared ones."""
        lowest, highest, wide = self.lowest.copy(), self.highest.copy(), self.wide.copy()
        lowest[figures], highest[figures] = self.fewest[figures], self.most[figures]
        wide[figures] = True
        return replace(self, lowest=lowest, highest=highest, wide=wide)

    @cached_property
    def layer_of(self) -> Integers:
        """The layer of each table."""
        places, both = self.join.positions(), np.eye(len(self.join.tables), dtype=bool)
        for within in self.join.containments:
            both[places[within.inner], places[within.outer]] = True
        both &= both.T
        return np.unique(both.argmax(axis=1), return_inverse=True)[1].astype(np.int64)

    @cached_property
    def systems(self) -> tuple[System, ...]:
        """The figures of each layer."""
        layer = self.layer_of[self.table]
        rows = (np.flatnonzero(layer == number) for number in range(self.layer_of.max() + 1))
        return tuple(
            System(self.lowest[of], self.highest[of], sparse.csr_array(self.members[of]))
            for of in rows
        )

    @cached_property
    def margins(self) -> tuple[Margin, ...]:
        """Of each table, and of what lies in what; see `audit/linked_checker.py`."""
        return tuple(_Margins(self.join, self.possible).all())


class _Margins:
    def __init__(self, join: Join, possible: Flags) -> None:
        self._join, self._possible = join, possible
        places, every = join.positions(), range(len(join.tables))
        within = {(places[c.inner], places[c.outer]) for c in join.containments}
        self._inside = [[n for n in every if (n, outer) in within] for outer in every]
        self._nowhere = np.zeros(possible.shape[1], dtype=bool)

    def all(self) -> Iterator[Margin]:
        possible, places = self._possible, self._join.positions()
        somewhere = np.logical_or.reduce(possible)
        for table in range(len(possible)):
            yield Margin((table,), (), somewhere, possible[table])
        for outer, inner in enumerate(self._inside):
            for one in inner:
                same = outer in self._inside[one]
                asked = possible[outer] & ~(same & possible[one])
                yield Margin((outer,), ((one,),), possible[outer], asked)
            there = [n for n in inner if not (possible[n] & ~possible[outer]).any()]
            groups = [tuple(n for n in group if n in there) for group in self._groups]
            if len(groups := [group for group in groups if group]) > 1:
                yield Margin((outer,), tuple(groups), possible[outer], possible[outer])
        for cover in self._join.covers:
            yield from self._of_cover(places[cover.whole], [places[part] for part in cover.parts])

    def _of_cover(self, whole: int, days: list[int]) -> Iterator[Margin]:
        """Nobody of the whole is missing from the weeks in it and the other days."""
        some = self._possible[days].sum(axis=0)
        asked = (some > self._possible[whole]) & (len(days) > 1)
        weeks = [
            n
            for n in self._inside[whole]
            if n not in days and not {*days}.isdisjoint(self._inside[n])
        ]
        in_weeks = {day for week in weeks for day in self._inside[week]}
        units = (*weeks, *(day for day in days if day not in in_weeks))
        yield Margin(tuple(days), ((whole,),), self._nowhere, asked)
        yield Margin(units, ((whole,),), some > 0, self._nowhere)
        for week in weeks:
            own = tuple(day for day in self._inside[week] if day in days)
            there = np.logical_or.reduce(self._possible[list(own)])
            yield Margin(own, ((week,),), there, self._nowhere)

    @cached_property
    def _groups(self) -> list[list[int]]:
        """Tables that share nobody with another one, in groups none of which has two such."""
        tables, every = self._join.tables, range(len(self._join.tables))
        around = [{one, *(n for n in every if one in self._inside[n])} for one in every]

        def apart(one: int, other: int) -> bool:
            return any(
                tables[b].key.subject_id in tables[a].apart
                for a in around[one]
                for b in around[other]
            )

        groups: list[list[int]] = []
        for one in sorted(every, key=lambda n: tables[n].key.subject_id):
            others = {other for other in every if other != one and apart(one, other)}
            if others:
                free = (group for group in groups if others.isdisjoint(group))
                if (group := next(free, None)) is None:
                    groups.append(group := [])
                group.append(one)
        return groups


@dataclass(frozen=True)
class _Spread:
    """A table over the leaves of all: (figures x leaves) of each dimension, and possible cells."""

    inside: list[Flags]
    possible: Flags

    @classmethod
    def of(cls, shown: Shown, leaves: Sequence[tuple[str, ...]]) -> "_Spread":
        """What it does not know is possible, and in no figure."""
        inside, possible = [], shown.possible
        cells = shown.catalogue.cells[shown.figures.segments]
        for axis, (dimension, wanted) in enumerate(
            zip(shown.catalogue.dimensions, leaves, strict=True)
        ):
            places = {leaf: place for place, leaf in enumerate(dimension.leaves)}
            place = np.array([places.get(leaf, -1) for leaf in wanted])
            inside.append(dimension.membership[cells[:, axis]][:, place] & (place >= 0))
            possible = np.take(possible, place, axis=axis)
            np.moveaxis(possible, axis, 0)[place < 0] = True
        return cls(inside, possible)


def stacked(join: Join) -> Stack:
    """The tables of a join over the same classes."""
    leaves = leaves_of(join.tables)
    spread = [_Spread.of(table, leaves) for table in join.tables]
    blocks = []
    for axis in range(len(leaves)):
        slabs = [np.moveaxis(of.possible, axis, 0).reshape(len(leaves[axis]), -1) for of in spread]
        marks = np.vstack([*(of.inside[axis] for of in spread), *(slab.T for slab in slabs)])
        _, first, block = np.unique(
            np.packbits(marks, axis=0), axis=1, return_index=True, return_inverse=True
        )
        blocks.append(block.ravel())
        for number, of in enumerate(spread):
            inside = [own[:, first] if a == axis else own for a, own in enumerate(of.inside)]
            spread[number] = _Spread(inside, np.take(of.possible, first, axis=axis))
    boxes = sparse.csr_array(sparse.vstack([_boxes(of) for of in spread]))
    possible = np.stack([of.possible.ravel() for of in spread])
    first, class_of = _equal_columns(boxes, possible)
    ends = [(*table.unshared, *table.shared) for table in join.tables]
    low, high, fewest, most = (np.concatenate(of) for of in zip(*ends, strict=True))
    lengths = [len(table.figures.segments) for table in join.tables]
    return Stack(
        join=join,
        leaves=tuple(leaves),
        blocks=tuple(blocks),
        class_of=class_of,
        possible=possible[:, first],
        members=sparse.csr_array(sparse.csc_array(boxes)[:, first]),
        table=np.repeat(np.arange(len(lengths)), lengths),
        segment=np.concatenate([table.figures.segments for table in join.tables]).astype(np.int64),
        lowest=low,
        highest=high,
        fewest=fewest,
        most=most,
        wide=np.zeros(len(low), dtype=bool),
    )


def _boxes(of: _Spread) -> sparse.csr_array:
    """(figures x cells): which possible cell is in which figure; a limited number at once."""
    size = of.possible.size
    at_once = max(1, _AT_ONCE // max(size, 1))
    parts = [sparse.csr_array((0, size), dtype=np.int64)]
    for start in range(0, len(of.inside[0]), at_once):
        boxes = np.ones((len(of.inside[0][start : start + at_once]), 1), dtype=bool)
        for inside in of.inside:
            boxes = boxes[:, :, None] & inside[start : start + at_once, None, :]
            boxes = boxes.reshape(len(boxes), -1)
        parts.append(sparse.csr_array((boxes & of.possible.ravel()).astype(np.int64)))
    return sparse.csr_array(sparse.vstack(parts))


def _equal_columns(boxes: sparse.csr_array, possible: Flags) -> tuple[Integers, NDArray[np.int32]]:
    """The first cell of each class, and the class of each cell: the same figures of each table.

    Compared by sums of random numbers, 128 bits of them; the checker compares the figures.
    """
    random = np.random.default_rng(_SEED)
    rows = sparse.csr_array(sparse.vstack([boxes, possible.astype(np.int64)]))
    numbers = random.integers(0, 2**63, (2, rows.shape[0]), dtype=np.int64)
    keys = np.stack([rows.T @ own for own in numbers])
    _, first, number = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    there: Flags = np.logical_or.reduce(possible)
    kept = there[first]
    renumbered = np.where(kept, np.cumsum(kept) - 1, -1)
    return first[kept].astype(np.int64), renumbered[number.ravel()].astype(np.int32)
