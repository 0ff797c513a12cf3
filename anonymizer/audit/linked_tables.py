"""The checker's own reading of tables that may be linked, and of which of them are.

The calendar says which periods lie in each other; who was counted says which campaigns do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.dimensions import Dimension
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.proofs import Claim
from anonymizer.model.released import ReleasedTables
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Counted, Figures, TableKey

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Runs = tuple[date, date]
_DIMENSIONS = ("gender", "age", "region")
_ALWAYS = date.min, date.max
_MOST_COMBINATIONS = 2**62  # as one number


@dataclass(frozen=True)
class Linked:
    """Published figures of one table, over the finest values of each dimension that it knows.

    Figure by figure: the `ids` of the segments, `inside` says of each dimension which leaves are
    in it (figures x leaves), `people` as published. `error` is the most that a figure may be away
    from the true count. `runs` are the first and the last day on which the subject is there.
    """

    key: TableKey
    new: bool
    promise: Promise
    error: int
    ids: tuple[str, ...]
    people: Ints
    leaves: tuple[tuple[str, ...], ...]
    inside: tuple[Flags, ...]
    possible: Flags
    runs: Runs = _ALWAYS
    another_edition: bool = False

    @cached_property
    def unshared(self) -> tuple[Ints, Ints]:
        """The fewest and the most people behind each figure that is not shared."""
        slack = self.promise.rounding - 1
        lowest = np.maximum(self.people - slack, self.promise.k) if slack else self.people
        return lowest, self.people + slack

    @cached_property
    def shared(self) -> tuple[Ints, Ints]:
        """The same for a figure that may be shared."""
        (lowest, highest), people = self.unshared, self.people
        least = np.maximum(people - self.error, self.promise.k)
        return np.minimum(lowest, least), np.maximum(highest, people + self.error)

    @property
    def days(self) -> frozenset[date]:
        """The days of its period on which the subject is there."""
        first, last = self.runs
        return frozenset(day for day in self.key.period.days if first <= day <= last)

    def over(self, leaves: Sequence[tuple[str, ...]]) -> "Linked":
        """The same over more leaves. Of what a table does not know, it says nothing."""
        if list(leaves) == list(self.leaves):
            return self
        inside, possible = [], self.possible
        for axis, (own, wanted) in enumerate(zip(self.leaves, leaves, strict=True)):
            positions = {leaf: position for position, leaf in enumerate(own)}
            position = np.array([positions.get(leaf, len(own)) for leaf in wanted])
            nothing = np.zeros((len(self.ids), 1), dtype=bool)
            inside.append(np.hstack([self.inside[axis], nothing])[:, position])
            moved = np.moveaxis(possible, axis, 0)
            anything = np.ones((1, *moved.shape[1:]), dtype=bool)
            possible = np.moveaxis(np.concatenate([moved, anything])[position], 0, axis)
        return replace(self, leaves=tuple(leaves), inside=tuple(inside), possible=possible)

    @property
    def populated(self) -> "Linked":
        """The same with the leaves alone in which there can be people."""
        axes = range(self.possible.ndim)
        others = (tuple(other for other in axes if other != axis) for axis in axes)
        there = (self.possible.any(axis=rest) for rest in others)
        inside = (flags & leaves for flags, leaves in zip(self.inside, there, strict=True))
        return replace(self, inside=tuple(inside))

    @cached_property
    def covered(self) -> Flags:
        """The possible cells that are in some figure."""
        *first, last = self.inside
        if not first:
            return last.any(axis=0) & self.possible
        joined = np.hstack(first)
        firsts, box = different_rows(joined)
        boxes = joined[firsts]
        ends = np.cumsum([inside.shape[1] for inside in first])[:-1]
        found = np.zeros(self.possible.shape, dtype=bool)
        for number, row in enumerate(boxes):
            found[np.ix_(*np.split(row, ends))] |= last[box == number].any(axis=0)
        return found & self.possible


def new_table(
    figures: Figures,
    possible: Flags,
    catalogue: Catalogue,
    promise: Promise,
    error: int,
    runs: Runs = _ALWAYS,
) -> Linked:
    """A table that is about to be released."""
    axes = catalogue.dimensions
    cells = catalogue.cells[figures.segments]
    return Linked(
        key=figures.key,
        new=True,
        promise=promise,
        error=error,
        ids=tuple(catalogue.id(segment) for segment in figures.segments.tolist()),
        people=figures.people.astype(np.int64),
        leaves=tuple(axis.leaves for axis in axes),
        inside=tuple(axis.membership[cells[:, number]] for number, axis in enumerate(axes)),
        possible=possible,
        runs=runs,
    )


def released_tables(release: ReleasedTables, reference: Sequence[Dimension]) -> Iterator[Linked]:
    """The tables of an earlier release; `reference` knows the codes of target regions."""
    groups: dict[tuple[str, str], list[str]] = {}
    leaves = [dict.fromkeys(axis.leaves) for axis in reference]
    for row in release.groups.to_pylist():
        groups[row["dimension"], row["code"]] = row["leaves"]
        leaves[_DIMENSIONS.index(row["dimension"])].update(dict.fromkeys(row["leaves"]))
    known = tuple(tuple(axis) for axis in leaves)
    rows: dict[str, list[tuple[str, int]]] = {}
    for row in release.figures.to_pylist():
        if row["people"] is not None:
            rows.setdefault(row["subject_id"], []).append((row["segment_id"], row["people"]))
    for subject in release.subjects:
        published = rows.get(subject.id, [])
        codes = [release.segments[segment] for segment, _ in published]
        yield Linked(
            key=TableKey(release.kind, subject.id, release.period, release.edition),
            new=False,
            promise=release.promise,
            error=release.error,
            ids=tuple(segment for segment, _ in published),
            people=np.array([people for _, people in published], dtype=np.int64),
            leaves=known,
            inside=tuple(
                _inside(axis, [groups[dimension, getattr(code, dimension)] for code in codes])
                for dimension, axis in zip(_DIMENSIONS, known, strict=True)
            ),
            possible=_possible(known, reference, getattr(subject, "target_regions", None)),
            runs=(
                getattr(subject, "starts_on", date.min),
                getattr(subject, "ends_on", date.max),
            ),
        )


def _inside(leaves: tuple[str, ...], members: Sequence[Sequence[str]]) -> Flags:
    positions = {leaf: position for position, leaf in enumerate(leaves)}
    inside = np.zeros((len(members), len(leaves)), dtype=bool)
    for number, own in enumerate(members):
        inside[number, [positions[leaf] for leaf in own]] = True
    return inside


def _possible(
    leaves: Sequence[tuple[str, ...]], reference: Sequence[Dimension], targets: Sequence[str] | None
) -> Flags:
    """Where people may be counted: everywhere, or in the target regions alone."""
    possible = np.ones([len(axis) for axis in leaves], dtype=bool)
    if targets:
        regions = reference[_DIMENSIONS.index("region")]
        groups = (regions.groups[regions.positions[code]] for code in targets)
        aimed = {regions.leaves[leaf] for group in groups for leaf in group.leaves}
        possible &= np.array([leaf in aimed for leaf in leaves[-1]], dtype=bool)
    return possible


def shared_outcomes(claim: Claim, catalogue: Catalogue) -> Mapping[str, int]:
    """By segment id the outcome of the earlier group that each group is near to, if any."""
    rows, outcomes = claim.sharing.segments.tolist(), claim.sharing.earlier.tolist()
    return {catalogue.id(row): outcome for row, outcome in zip(rows, outcomes, strict=True)}


def as_known(
    earlier: Sequence[Linked], shared: Mapping[TableKey, Mapping[str, int]]
) -> Iterator[Linked]:
    """Earlier tables; of other editions of the new ones the figures alone that are of near groups.

    Of these nothing else is known: two editions are of different input. `shared` has the outcomes
    of the new tables, by the key of the first edition of each.
    """
    for table in earlier:
        if (outcomes := shared.get(table.key.first)) is None:
            yield table
            continue
        figures = zip(table.ids, table.people.tolist(), strict=True)
        kept = [n for n, (name, people) in enumerate(figures) if outcomes.get(name) == people]
        yield replace(
            table,
            ids=tuple(table.ids[n] for n in kept),
            people=table.people[kept],
            inside=tuple(flags[kept] for flags in table.inside),
            another_edition=True,
        )


@dataclass(frozen=True)
class Links:
    """How tables (by their positions) lie in each other.

    Of the subjects of the new release, `nested` says whose people are all in another's, but for
    fewer than a step, and `sharing` which two (in order) have somebody in common.
    Each edition of a table may lie in each edition of a wider one, unless a figure rules it out; an
    earlier edition of a new table is of the same people, as far as its figures are kept.
    """

    tables: Sequence[Linked]
    nested: frozenset[tuple[str, str]]
    sharing: frozenset[tuple[str, str]]

    @classmethod
    def of(
        cls,
        tables: Sequence[Linked],
        counted: Sequence[Counted],
        overlaps: Mapping[tuple[str, str], int],
        step: int,
    ) -> "Links":
        """From the calendar, and from how many people two new subjects share."""
        people = {table.key.subject_id: int(table.people.sum()) for table in counted}
        nested = set()
        for (one, other), shared in overlaps.items():
            for inner, outer in ((one, other), (other, one)):
                if people.keys() >= {one, other} and people[inner] - shared < step:
                    nested.add((inner, outer))
        return cls(tables, frozenset(nested), frozenset(overlaps))

    @cached_property
    def outer_tables(self) -> tuple[tuple[int, ...], ...]:
        """Of each table those that it lies in."""
        editions: dict[TableKey, list[int]] = {}
        for number, table in enumerate(self.tables):
            editions.setdefault(table.key.first, []).append(number)
        audiences = [n for n, table in enumerate(self.tables) if table.key.kind == "audience"]
        wider: dict[str, list[str]] = {}
        for one, other in sorted(self.nested):
            wider.setdefault(one, []).append(other)
        found = []
        for number, table in enumerate(self.tables):
            key = table.key.first
            longer = [Period.of(kind, key.period.start) for kind in ("week", "month")]
            keys = [key, *(replace(key, period=period) for period in longer)]
            keys += [replace(key, subject_id=other) for other in wider.get(key.subject_id, ())]
            there = [n for other in keys for n in editions.get(other, ())]
            chosen = {n for n in (*audiences, *there) if self.within(number, n)}
            found.append(tuple(sorted(chosen)))
        return tuple(found)

    def within(self, inner: int, outer: int) -> bool:
        """Whether everybody of one table is in another one."""
        one, other = self.tables[inner], self.tables[outer]
        if one.another_edition or other.another_edition:
            return one.key != other.key and one.key.first == other.key.first
        if not self._by_calendar(one, other):
            return False
        return (self._once(inner) and self._once(outer)) or self._may_be(inner, outer)

    def _by_calendar(self, one: Linked, other: Linked) -> bool:
        inner, outer = one.key, other.key
        if inner.first == outer.first or inner.kind == "audience":
            return False
        if outer.kind == "audience":
            last = Period.of("month", inner.period.end)
            return outer.period in (last, Period.of("month", last.start - timedelta(days=1)))
        if inner.kind != "campaign" or outer.kind != "campaign":
            return False
        if inner.period == outer.period:
            return one.new and other.new and (inner.subject_id, outer.subject_id) in self.nested
        longer = {"day": ("week", "month"), "week": ("month",), "month": ()}[inner.period.kind]
        return (
            inner.subject_id == outer.subject_id
            and outer.period.kind in longer
            and outer.period.start <= inner.period.start
            and inner.period.end <= outer.period.end
        )

    @cached_property
    def _editions(self) -> Mapping[TableKey, int]:
        """The newest edition of each table, by the key of the first."""
        newest: dict[TableKey, int] = {}
        for table in self.tables:
            edition = max(newest.get(table.key.first, 1), table.key.edition)
            newest[table.key.first] = edition
        return newest

    def _once(self, table: int) -> bool:
        """Whether it was never corrected, and corrects nothing."""
        return self._editions[self.tables[table].key.first] == 1

    def _is_newest(self, table: int) -> bool:
        key = self.tables[table].key
        return key.edition == self._editions[key.first]

    def _may_be(self, inner: int, outer: int) -> bool:
        """Whether no figure rules out that one table is in another one."""
        one, other = self.tables[inner], self.tables[outer]
        rows, columns = np.arange(len(one.ids)), np.arange(len(other.ids))
        larger = one.shared[0][:, None] > other.shared[1][None, :]
        return not (larger & contained(one, other, rows, columns)).any()

    def are_disjoint(self, one: int, other: int) -> bool:
        """Whether nobody is in both of two new tables."""
        both = self.tables[one], self.tables[other]
        names = sorted(table.key.subject_id for table in both)
        new = all(table.new for table in both)
        return new and names[0] != names[1] and (names[0], names[1]) not in self.sharing

    def parts(self, whole: int, among: Sequence[int]) -> tuple[int, ...]:
        """The days of a whole, if all are there: nobody of it is missing from all of these."""
        days = tuple(
            table
            for table in among
            if self._is_newest(table)
            and self.tables[table].key.period.kind == "day"
            and self.tables[whole].key.period.kind != "day"
            and self.tables[table].key.kind == self.tables[whole].key.kind == "campaign"
            and self.within(table, whole)
        )
        there = {self.tables[day].key.period.start for day in days}
        of_same_input = self.tables[whole].new or all(map(self._once, (whole, *days)))
        return days if of_same_input and there >= self.tables[whole].days else ()

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Inner and outer tables of which one at least is new and both say something."""
        for inner, one in enumerate(self.tables):
            for outer in self.outer_tables[inner]:
                other = self.tables[outer]
                if not (one.new or other.new) or not (one.ids and other.ids):
                    continue
                if not (_says_no_more(one, other) or _says_no_more(other, one)):
                    yield inner, outer

    def sets(self) -> Iterator[tuple[int, ...]]:
        """A whole with its parts, and a campaign with those inside of it that share nobody."""
        inside: dict[int, list[int]] = {}
        for number, outers in enumerate(self.outer_tables):
            for outer in outers:
                inside.setdefault(outer, []).append(number)
        for outer, inner in sorted(inside.items()):
            table = self.tables[outer]
            if table.key.kind != "campaign":
                continue
            longer = [n for n in inner if self.tables[n].key.period != table.key.period]
            shorter = [n for n in longer if self._is_newest(n)]
            if len(shorter) > 1 and any(self.tables[n].new for n in (outer, *shorter)):
                yield (outer, *shorter)
            disjoint = [
                n
                for n in inner
                if self.tables[n].key.period == table.key.period
                and not (self.tables[n].possible & ~table.possible).any()
            ]
            several = [
                n for n in disjoint if any(self.are_disjoint(n, other) for other in disjoint)
            ]
            if several:
                yield (outer, *several)


def _says_no_more(old: Linked, new: Linked) -> bool:
    """Whether an earlier edition has no figure that the new one has not."""
    return old.another_edition and set(old.ids) <= set(new.ids)


def leaves_of(tables: Sequence[Linked]) -> list[tuple[str, ...]]:
    """The finest values of each dimension that any of the tables knows."""
    if all(table.leaves == tables[0].leaves for table in tables):
        return list(tables[0].leaves)
    axes = zip(*(table.leaves for table in tables), strict=True)
    return [tuple(dict.fromkeys(leaf for own in axis for leaf in own)) for axis in axes]


def is_far(inner: Linked, outer: Linked, floor: int) -> bool:
    """Whether no figure of the inner table has half of the people of one that it lies in."""
    lowest, highest = inner.unshared[0], outer.unshared[1]
    large = np.flatnonzero(2 * lowest > highest.min(initial=2**40) - floor)
    small = np.flatnonzero(2 * lowest.max(initial=0) > highest - floor)
    close = 2 * lowest[large, None] > highest[None, small] - floor
    return not (close.any() and (close & contained(inner, outer, large, small)).any())


def contained(inner: Linked, outer: Linked, rows: Ints, columns: Ints) -> Flags:
    """(rows x columns): whether a figure of one table lies in a figure of the other."""
    leaves = leaves_of((inner, outer))
    small, large = inner.populated.over(leaves), outer.over(leaves)
    within = np.ones((len(rows), len(columns)), dtype=bool)
    for part, whole in zip(small.inside, large.inside, strict=True):
        small_rows, large_rows = part[rows], whole[columns]
        (of_row, row), (of_column, column) = different_rows(small_rows), different_rows(large_rows)
        beyond = small_rows[of_row].astype(np.float32) @ (~large_rows[of_column]).T.astype(
            np.float32
        )
        within &= (beyond == 0)[row[:, None], column[None, :]]
    return within


def different_rows(flags: Flags) -> tuple[Ints, Ints]:
    """The first of each of the different rows, and which of these each row is."""
    nothing = np.zeros(len(flags), dtype=np.uint8)
    return different([nothing, *np.packbits(flags, axis=1).T])


def different(columns: Sequence[NDArray[np.integer]]) -> tuple[Ints, Ints]:
    """The first position of each combination of values, and which of these each position has.

    Values are -1 or more.
    """
    combination, combinations_before = np.zeros(columns[0].shape, dtype=np.int64), 1
    for column in columns:
        values = int(column.max(initial=0)) + 2
        if combinations_before * values > _MOST_COMBINATIONS:
            found, combination = np.unique(combination, return_inverse=True)
            combinations_before = len(found)
        combination = combination * values + (column.astype(np.int64) + 1)
        combinations_before *= values
    _, first, combination = np.unique(combination, return_index=True, return_inverse=True)
    return first, combination
