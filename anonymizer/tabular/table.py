"""A table of cells as counted people on the grid of finest cells.

One row counts the people of one finest cell; a cell without a row has none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.dimensions import Dimension
from anonymizer.model.errors import ConfigurationError, Fault, first_few, gathered_into
from anonymizer.model.hierarchies import TOTAL, Hierarchy, dimension
from anonymizer.storage.text_columns import Column, read_columns
from anonymizer.tabular.lookalikes import alike, is_total, named, totals_of_the_others

MOST_PEOPLE = 10**12
MOST_SEGMENTS = 10**7
MOST_CODES = 10_000
_UNCLEAN = "is empty, or has leading or trailing spaces or invisible characters"
_GROUPS = "is a group, but a row must count one finest cell"
_UNKNOWN = "is not in the hierarchy"
_TOTAL_OF_OTHERS = "looks like a total, but a row must count one finest cell; leave these rows out"
# What the written files call their own columns.
RESERVED = ("status", "people", "reason", "true_people")


@dataclass(frozen=True)
class Cells:
    """People of every finest cell, on the grid of the dimensions' leaves.

    `ignored` names the columns that have the same value everywhere and no hierarchy; `warnings`
    says which codes may be totals of the others.
    """

    name: str
    dimensions: tuple[Dimension, ...]
    people: NDArray[np.int64]
    ignored: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def read_cells(path: Path, count: str, hierarchies: Mapping[str, Hierarchy | None]) -> Cells:
    """The cells in a CSV or Parquet file whose column `count` counts people.

    The other columns are dimensions, in the order of the file, whatever the order of its rows;
    None stands for the hierarchy of a column that has one which could not be read.
    Raises ConfigurationError with every mistake, by column and row (1 is the first below the
    header): missing columns, codes that are empty, no finest value, a word for a total or
    hardly to be told apart, counts that are no whole numbers, the same cell twice. The message
    shows codes, never counts.
    """
    columns = read_columns(path)
    inner = {
        name: c for name, c in columns.items() if name != count and _varies(c, name, hierarchies)
    }
    faults = [*_missing(path, columns, count, hierarchies), *_misnamed(path, inner)]
    people = _counts(path, count, columns, faults)
    for name, column in inner.items():
        faults += _faulty_codes(f"{path.name}, column {name}", column, hierarchies.get(name))
    axes = _axes(inner, hierarchies, faults)
    faults += _doubled(path, inner, axes)
    if faults:
        raise ConfigurationError(faults)
    grid = _grid(axes, list(inner.values()), people)
    ignored = tuple(c for c in columns if c not in {*inner, count})
    return Cells(path.name, axes, grid, ignored, tuple(_suspected(path, inner, axes, grid)))


def _suspected(
    path: Path,
    columns: Mapping[str, Column],
    axes: Sequence[Dimension],
    people: NDArray[np.int64],
) -> Iterator[str]:
    """Codes whose counts are the sums of all others of their column, with their rows."""
    for number, (axis, column) in enumerate(zip(axes, columns.values(), strict=True)):
        for leaf in totals_of_the_others(people, number):
            code = axis.leaves[leaf]
            rows = _rows_of(column, [text != code for text in column.texts])
            yield (
                f"{path.name}, column {axis.name}: the counts of {code!r} always equal the sum of "
                f"all other codes: row {rows}. If it is their total, leave these rows out and "
                "protect again; otherwise everyone counts twice"
            )


def _varies(column: Column, name: str, hierarchies: Mapping[str, Hierarchy | None]) -> bool:
    """A column of one value says nothing, unless a hierarchy says what else there could be."""
    return len(column.texts) > 1 or name in hierarchies


def _missing(
    path: Path,
    columns: Mapping[str, Column],
    count: str,
    hierarchies: Mapping[str, Hierarchy | None],
) -> list[Fault]:
    has = f"the columns are {first_few(list(columns))}"
    faults = [
        Fault(f"--hierarchy {name}", f"{path.name} has no such column", has)
        for name in hierarchies
        if name not in columns
    ]
    if count not in columns:
        faults.append(Fault(f"--count {count}", f"{path.name} has no such column", has))
    if count in hierarchies:
        faults.append(Fault(f"--hierarchy {count}", "this column is the count"))
    return faults


def _misnamed(path: Path, columns: Mapping[str, Column]) -> list[Fault]:
    return [
        Fault(
            f"{path.name}, column {name}",
            "this name is reserved for a column of the written files",
            "rename it",
        )
        for name in columns
        if name in RESERVED or name.startswith("coarser_")
    ]


def _counts(
    path: Path, count: str, columns: Mapping[str, Column], faults: list[Fault]
) -> NDArray[np.int64]:
    """The people of each row; 0 where the count is faulty, which is added to the faults."""
    column = columns.get(count, Column((), np.empty(0, dtype=np.intp)))
    whole = [_is_count(text) for text in column.texts]
    counts = [int(text) if good else 0 for text, good in zip(column.texts, whole, strict=True)]
    if not all(whole):
        problem = f"not a whole number from 0 to {MOST_PEOPLE:,} in row {_rows_of(column, whole)}"
        faults.append(Fault(f"{path.name}, column {count}", problem))
    return np.array(counts, dtype=np.int64)[column.rows]


def _is_count(text: str) -> bool:
    longest = len(str(MOST_PEOPLE))
    return text.isascii() and text.isdigit() and len(text) <= longest and int(text) <= MOST_PEOPLE


def _faulty_codes(place: str, column: Column, hierarchy: Hierarchy | None) -> list[Fault]:
    """Codes that cannot stand for a finest value, each kind of mistake with its codes and rows."""
    groups = frozenset({TOTAL}) if hierarchy is None else frozenset(hierarchy.children)
    known = frozenset(column.texts) if hierarchy is None else hierarchy.codes
    kinds: dict[str, list[str]] = {
        kind: [] for kind in (_UNCLEAN, _GROUPS, _TOTAL_OF_OTHERS, _UNKNOWN)
    }
    for text in column.texts:
        if not text or text != text.strip() or not text.isprintable():
            kinds[_UNCLEAN].append(text)
        elif text in groups:
            kinds[_GROUPS].append(text)
        elif is_total(text):
            kinds[_TOTAL_OF_OTHERS].append(text)
        elif text not in known:
            kinds[_UNKNOWN].append(text)
    faults = [_alike_fault(place, column, codes) for codes in alike(column.texts)]
    for problem, codes in kinds.items():
        if codes:
            faulty = set(codes)
            rows = _rows_of(column, [text not in faulty for text in column.texts])
            faults.append(Fault(place, f"{first_few([*map(repr, codes)])} {problem}: row {rows}"))
    return faults


def _alike_fault(place: str, column: Column, codes: Sequence[str]) -> Fault:
    """Codes that a reader takes for one; the rows of all but the first."""
    others = set(codes[1:])
    rows = _rows_of(column, [text not in others for text in column.texts])
    problem = (
        f"{named(codes)} look like one code (upper and lower case, composed letters, letters of "
        f"another script): row {rows}"
    )
    return Fault(place, problem, "spell each group in only one way")


def _rows_of(column: Column, good: Sequence[bool]) -> str:
    """Numbers of the rows whose text is not good."""
    faulty = np.flatnonzero(~np.array(good, dtype=bool)[column.rows])
    return first_few((faulty + 1).tolist())


def _axes(
    columns: Mapping[str, Column], hierarchies: Mapping[str, Hierarchy | None], faults: list[Fault]
) -> tuple[Dimension, ...]:
    """The dimension of each column; those that cannot be made are added to the faults."""
    axes = []
    for name, column in columns.items():
        with gathered_into(faults):
            hierarchy = hierarchies.get(name)
            axes.append(dimension(name, hierarchy, () if hierarchy else column.texts))
    return tuple(axes)


def _doubled(path: Path, columns: Mapping[str, Column], axes: Sequence[Dimension]) -> list[Fault]:
    """Cells with two rows, and a table that no machine could hold."""
    if not columns:
        problem = "no column is a dimension: every one has the same value everywhere"
        return [Fault(path.name, problem, "give one of them a --hierarchy")]
    if too_large := _too_large(path, axes):
        return too_large
    cells = _flat([(column.rows, len(column.texts)) for column in columns.values()])
    firsts = np.unique(cells, return_index=True)[1]
    again = np.setdiff1d(np.arange(len(cells)), firsts, assume_unique=True)
    if not len(again):
        return []
    problem = f"the cell of an earlier row is repeated in row {first_few((again + 1).tolist())}"
    return [Fault(path.name, problem, "give every cell one row, with its sum")]


def _too_large(path: Path, axes: Sequence[Dimension]) -> list[Fault]:
    faults = [
        Fault(
            f"{path.name}, column {axis.name}",
            f"{len(axis.groups):,} codes; the limit is {MOST_CODES:,}",
            "a dimension groups people; leave out ids",
        )
        for axis in axes
        if len(axis.groups) > MOST_CODES
    ]
    segments = prod(len(axis.groups) for axis in axes)
    if segments > MOST_SEGMENTS:
        problem = (
            f"the cross of all codes has {segments:,} segments; the limit is {MOST_SEGMENTS:,}"
        )
        faults.append(Fault(path.name, problem, "use fewer dimensions or codes"))
    return faults


def _grid(
    axes: Sequence[Dimension], columns: Sequence[Column], people: NDArray[np.int64]
) -> NDArray[np.int64]:
    """People by cell."""
    along = []
    for axis, column in zip(axes, columns, strict=True):
        place = {leaf: position for position, leaf in enumerate(axis.leaves)}
        leaves = np.array([place[text] for text in column.texts], dtype=np.intp)
        along.append((leaves[column.rows], len(axis.leaves)))
    shape = [size for _, size in along]
    grid = np.zeros(prod(shape), dtype=np.int64)
    grid[_flat(along)] = people
    return grid.reshape(shape)


def _flat(along: Sequence[tuple[NDArray[np.intp], int]]) -> NDArray[np.intp]:
    """One number for each combination of positions."""
    flat = np.zeros(len(along[0][0]), dtype=np.intp)
    for positions, size in along:
        flat = flat * size + positions
    return flat
