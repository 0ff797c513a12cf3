"""Reads a table that anyone has made, CSV or Parquet, into columns of text.

Both kinds of file end up as the same columns, so that equal tables give equal results.
"""

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.errors import ConfigurationError, Fault, first_few
from anonymizer.model.hierarchies import unreadable
from anonymizer.storage import storage_limits
from anonymizer.storage.parquet_tables import TextColumn, UnfitColumn, read_texts

PARQUET = ".parquet"


@dataclass(frozen=True)
class Column:
    """The text of each row is `texts[rows[row]]`; no text occurs twice in `texts`."""

    texts: tuple[str, ...]
    rows: NDArray[np.intp]


class _TextPositions(dict[str, int]):
    """The place of each text among those that have been asked for."""

    def __missing__(self, text: str) -> int:
        self[text] = position = len(self)
        return position


def read_columns(path: Path) -> Mapping[str, Column]:
    """All columns by name, in the order of the file; a missing value is an empty text.

    Raises ConfigurationError where the file cannot be read as a table with one name a column:
    rows are numbered from 1, without the header and empty lines.
    """
    try:
        return _read_parquet(path) if path.suffix == PARQUET else _read_csv(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError([unreadable(path, error)]) from None


def _read_csv(path: Path) -> Mapping[str, Column]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        names = next(reader, [])
        _check_names(path, names)
        positions = [_TextPositions() for _ in names]
        parts = [[np.empty(0, dtype=np.intp)] for _ in names]
        for chunk in _chunks(path, filter(None, reader), len(names)):
            for position, part, texts in zip(
                positions, parts, zip(*chunk, strict=True), strict=True
            ):
                part.append(np.fromiter(map(position.__getitem__, texts), np.intp, len(texts)))
    return {
        name: Column(tuple(position), np.concatenate(part))
        for name, position, part in zip(names, positions, parts, strict=True)
    }


def _chunks(path: Path, rows: Iterator[list[str]], width: int) -> Iterator[list[list[str]]]:
    """Some rows at a time: turned at once, many rows take three times as long.

    Raises ConfigurationError at the end if any row is not `width` fields wide.
    """
    wrong: list[int] = []
    begin = 1
    while chunk := list(itertools.islice(rows, storage_limits.TEXT_ROWS)):
        if set(map(len, chunk)) == {width}:
            yield chunk
        else:
            wrong += [number for number, row in enumerate(chunk, begin) if len(row) != width]
        begin += len(chunk)
    if wrong:
        problem = (
            f"the number of fields differs from the header ({width}) in row {first_few(wrong)}"
        )
        raise ConfigurationError([Fault(path.name, problem)])


def _check_names(path: Path, names: Sequence[str]) -> None:
    faults = [
        Fault(f"{path.name}, column {position}", "the column has no name", "name it in the header")
        for position, name in enumerate(names, start=1)
        if not name.strip() or not name.isprintable()
    ]
    doubled = sorted({name for name in names if name.strip() and names.count(name) > 1})
    faults += [Fault(f"{path.name}, column {name}", "this name occurs twice") for name in doubled]
    if not names:
        faults.append(Fault(path.name, "the file is empty", "the first line names the columns"))
    if faults:
        raise ConfigurationError(faults)


def _read_parquet(path: Path) -> Mapping[str, Column]:
    found = read_texts(path)
    _check_names(path, list(found))
    faults = [
        Fault(
            f"{path.name}, column {name}",
            f"values of the type {column} cannot be codes or counts",
            "use text or integers",
        )
        for name, column in found.items()
        if isinstance(column, UnfitColumn)
    ]
    if faults:
        raise ConfigurationError(faults)
    return {
        name: Column(column.texts, column.rows)
        for name, column in found.items()
        if isinstance(column, TextColumn)
    }
