"""A published table as an intruder has it: a file, hierarchy files, and what else is known.

Nothing here asks the maker of the table or shares its code: the file is read again from
scratch, and every mistake in it is reported with its row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anonymizer.audit.export_file import (
    as_published,
    is_export,
    known_dimension,
    rounding_of,
    workbook_columns,
)
from anonymizer.model.dimensions import Dimension
from anonymizer.model.errors import ConfigurationError, Fault, first_few, gathered_into
from anonymizer.model.hierarchies import Hierarchy, dimension, full_cross, read_hierarchy
from anonymizer.model.segments import Catalogue
from anonymizer.storage.text_columns import read_columns

STATUS, PEOPLE = "status", "people"
PUBLISHED, SUPPRESSED = "published", "suppressed"
NOT_PUBLISHED = (SUPPRESSED, "withheld")  # the second: files of other tools, and older ones
MOST_PEOPLE = 10**12
MOST_SEGMENTS = 10**7
T = TypeVar("T")


@dataclass(frozen=True)
class PublishedTable:
    """Segments (rows of the catalogue, each once): published, withheld, or known beforehand.

    `people` stands beside `published`, `known_people` beside `known`. Segments of the catalogue
    that the file does not list are not published, and nothing is said about them.
    `rounding` is what an export says that its figures are multiples of.
    """

    name: str
    catalogue: Catalogue
    published: NDArray[np.int32]
    people: NDArray[np.int64]
    withheld: NDArray[np.int32]
    known: NDArray[np.int32]
    known_people: NDArray[np.int64]
    rounding: int = 1


@dataclass(frozen=True)
class _TextFile:
    """A file as text, column by column; rows are numbered from 1 without the header."""

    name: str
    columns: Mapping[str, Sequence[str]]
    rounding: int = 1
    export: bool = False


def read_published(
    path: Path, hierarchies: Mapping[str, Path], background: Path | None = None
) -> PublishedTable:
    """The table in a CSV or Parquet file: dimension columns, `status` and `people`; or an export.

    `hierarchies` are `parent,child` files by column; `background` has the dimension columns and
    `people`: segments whose count the attacker knows. Raises ConfigurationError with the
    mistakes of all files at once.
    """
    faults: list[Fault] = []
    trees: dict[str, Hierarchy] = {}
    for name, file in hierarchies.items():
        with gathered_into(faults):
            trees[name] = read_hierarchy(file)
    files = [path, background] if background else [path]
    texts = []
    for file in files:
        with gathered_into(faults):
            texts.append(_read(file))
    if len(texts) < len(files):
        raise ConfigurationError(faults)
    names = [name for name in texts[0].columns if name not in (STATUS, PEOPLE)]
    faults += _column_faults(texts, names, hierarchies)
    if faults:
        raise ConfigurationError(faults)
    axes: list[Dimension] = []
    for name in names:
        with gathered_into(faults):
            codes = {code for text in texts for code in text.columns[name]}
            if texts[0].export and name not in hierarchies:
                axes.append(known_dimension(path, name, codes))
            else:
                axes.append(dimension(name, trees.get(name), codes))
    faults += [fault for text in texts for fault in _value_faults(text)]
    if faults:
        raise ConfigurationError(faults)
    return _table(path.name, axes, texts)


def _read(path: Path) -> _TextFile:
    columns = _columns(path)
    if not is_export(columns):
        return _TextFile(path.name, columns)
    return _TextFile(path.name, as_published(columns), rounding_of(columns), export=True)


def _columns(path: Path) -> Mapping[str, Sequence[str]]:
    if path.is_dir():
        remedy = "name one .csv, .parquet or .xlsx file in it: each is a table"
        raise ConfigurationError([Fault(str(path), "it is a folder", remedy)])
    if path.suffix == ".xlsx":
        return workbook_columns(path)
    columns = read_columns(path).items()
    return {name: [column.texts[row] for row in column.rows.tolist()] for name, column in columns}


def _column_faults(
    texts: Sequence[_TextFile], names: Sequence[str], hierarchies: Mapping[str, Path]
) -> list[Fault]:
    table = texts[0]
    faults = [
        Fault(table.name, f"there is no column {name!r}", "the first line names the columns")
        for name in (STATUS, PEOPLE)
        if name not in table.columns
    ]
    if not names:
        faults.append(Fault(table.name, "there is no dimension column"))
    faults += [
        Fault(f"--hierarchy {name}", f"{table.name} has no dimension column {name!r}")
        for name in hierarchies
        if name not in names
    ]
    wanted = [*names, PEOPLE]
    faults += [
        Fault(known.name, f"the columns must be {', '.join(wanted)}, in any order")
        for known in texts[1:]
        if sorted(known.columns) != sorted(wanted)
    ]
    return faults


def _value_faults(text: _TextFile) -> list[Fault]:
    """Invalid statuses and counts, and counts of suppressed segments."""
    counts = text.columns[PEOPLE]
    statuses = text.columns.get(STATUS, [PUBLISHED] * len(counts))
    faults = []
    if wrong := _rows(statuses, lambda status: status not in (PUBLISHED, *NOT_PUBLISHED)):
        problem = f"neither {PUBLISHED} nor {SUPPRESSED} in row {first_few(wrong)}"
        faults.append(Fault(f"{text.name}, column {STATUS}", problem))
    public = list(zip(statuses, counts, strict=True))
    if wrong := _rows(public, lambda row: row[0] == PUBLISHED and not _is_count(row[1])):
        problem = f"not a whole number from 0 to {MOST_PEOPLE:,} in row {first_few(wrong)}"
        faults.append(Fault(f"{text.name}, column {PEOPLE}", problem))
    if wrong := _rows(public, lambda row: row[0] in NOT_PUBLISHED and bool(row[1])):
        problem = f"a suppressed segment has a figure in row {first_few(wrong)}"
        faults.append(Fault(f"{text.name}, column {PEOPLE}", problem, "leave it empty"))
    return faults


def _rows(values: Iterable[T], wrong: Callable[[T], bool]) -> list[int]:
    """The numbers of the wrong rows, from 1."""
    return [row for row, value in enumerate(values, 1) if wrong(value)]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= MOST_PEOPLE


def _table(name: str, axes: Sequence[Dimension], texts: Sequence[_TextFile]) -> PublishedTable:
    segments = prod(len(axis.groups) for axis in axes)
    if segments > MOST_SEGMENTS:
        problem = (
            f"the full cross of all codes has {segments:,} segments; the limit is {MOST_SEGMENTS:,}"
        )
        raise ConfigurationError([Fault(name, problem, "use fewer dimensions or codes")])
    catalogue = full_cross(axes)
    sizes = [len(axis.groups) for axis in axes]
    row_of = np.zeros(segments, dtype=np.int32)
    row_of[np.ravel_multi_index(tuple(catalogue.cells.T), sizes)] = np.arange(segments)
    faults: list[Fault] = []
    found = []
    for text in texts:
        cells = [[axis.positions[code] for code in text.columns[axis.name]] for axis in axes]
        flat = np.ravel_multi_index(tuple(np.array(cells, dtype=np.intp)), sizes)
        faults += _doubled(text.name, flat)
        found.append(row_of[flat])
    if faults:
        raise ConfigurationError(faults)
    public = np.array(texts[0].columns[STATUS], dtype=str) == PUBLISHED
    published, people = _ordered(
        found[0][public], np.array(texts[0].columns[PEOPLE], dtype=str)[public]
    )
    nothing = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=str)
    known = (found[1], np.array(texts[1].columns[PEOPLE], dtype=str)) if len(texts) > 1 else nothing
    suppressed = np.sort(found[0][~public])
    background = _ordered(*known)
    return PublishedTable(
        name, catalogue, published, people, suppressed, *background, rounding=texts[0].rounding
    )


def _doubled(name: str, segments: NDArray[np.intp]) -> list[Fault]:
    first = np.unique(segments, return_index=True)[1]
    again = np.setdiff1d(np.arange(len(segments)), first) + 1
    if not len(again):
        return []
    problem = f"row {first_few(again.tolist())} repeats the segment of an earlier row"
    return [Fault(name, problem, "give every segment one row")]


def _ordered(
    segments: NDArray[np.int32], people: NDArray[np.str_]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    order = np.argsort(segments)
    return segments[order], people[order].astype(np.int64)
