"""A second copy of raw data that means the same: other files, names, formats and row order.

What is released must depend on what rows mean, never on how they were delivered.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, NoReturn, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.home import Home
from data_samples.chance import stream
from data_samples.raw_folders import COMPLETE
from data_samples.raw_schemas import SCHEMAS, Row
from data_samples.textfiles import LIST_SEPARATOR, read_text, text_rows, write_text

FileFormat = Literal["csv", "jsonl", "parquet"]

_WHOLE_NUMBER = re.compile(r"0|-?[1-9]\d*")
_ENDINGS: dict[str, Sequence[str]] = {
    "csv": ("csv", "csv.gz", "csv.zst"),
    "jsonl": ("jsonl",),
    "parquet": ("parquet",),
}
_MOST_FILES = 5


def rewrite(home_from: Home, home_to: Home, *, file_format: FileFormat, seed: int) -> None:
    """Write the raw data of one home into another, its rows shuffled over other files.

    A file with a row that `file_format` cannot hold (a time without zone in Parquet, a missing
    field in JSON lines) keeps its bytes under another name. Raises ConfigurationError if there
    is no raw data, if the target has some, or if the format is unknown.
    """
    faults = []
    if not home_from.raw.is_dir():
        faults.append(Fault(str(home_from.raw), "contains no raw data", "generate a world first"))
    if home_to.raw.exists():
        faults.append(Fault(str(home_to.raw), "exists", "choose another home or remove it first"))
    if file_format not in get_args(FileFormat):
        choices = ", ".join(get_args(FileFormat))
        faults.append(Fault("file_format", f"{file_format} is unknown", f"one of {choices}"))
    if faults:
        raise ConfigurationError(faults)
    for folder in _folders(home_from.raw):
        place = folder.relative_to(home_from.raw)
        draw = stream(seed, "rewriting", file_format, str(place))
        _rewrite_folder(folder, home_to.raw / place, file_format, draw)


@dataclass
class _Contents:
    """What a folder holds: typed rows, rows as text, and files that stay as they are."""

    typed: list[pa.Table] = field(default_factory=list)
    text: list[Row] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)


def _folders(raw: Path) -> Iterator[Path]:
    for table in SCHEMAS:
        yield from sorted({path.parent for path in (raw / table).rglob("*") if path.is_file()})


def _rewrite_folder(
    source: Path, target: Path, file_format: FileFormat, draw: np.random.Generator
) -> None:
    name = source.name if source.name in SCHEMAS else source.parent.name
    schema = SCHEMAS[name]
    contents = _read_folder(source, schema, file_format)
    target.mkdir(parents=True)
    for number, path in enumerate(contents.kept):
        shutil.copyfile(path, target / f"kept-{number}{''.join(path.suffixes)}")
    typed = pa.concat_tables([schema.empty_table(), *contents.typed])
    if file_format == "parquet":
        for path, positions in _split(target, len(typed), file_format, draw):
            pq.write_table(typed.take(positions), path)
    else:
        rows = [*text_rows(typed), *contents.text]
        for path, positions in _split(target, len(rows), file_format, draw):
            write_text(path, [rows[position] for position in positions], schema)
    if (source / COMPLETE).exists():
        (target / COMPLETE).touch()


def _split(
    target: Path, size: int, file_format: FileFormat, draw: np.random.Generator
) -> Iterator[tuple[Path, NDArray[np.int64]]]:
    """Files of unlike sizes, and which rows go into each."""
    cuts = np.sort(draw.integers(0, size + 1, draw.integers(1, _MOST_FILES)))
    for number, positions in enumerate(np.split(draw.permutation(size), cuts)):
        if len(positions):
            ending = _ENDINGS[file_format][number % len(_ENDINGS[file_format])]
            yield target / f"part-{draw.integers(2**32):08x}-{number}.{ending}", positions


def _read_folder(source: Path, schema: pa.Schema, file_format: FileFormat) -> _Contents:
    contents = _Contents()
    for path in sorted(source.iterdir()):
        if path.name.startswith("_"):
            continue
        if path.suffix == ".parquet":
            contents.typed.append(pq.read_table(path, schema=schema))
            continue
        rows = read_text(path)
        if (table := typed_rows(rows, schema)) is not None:
            contents.typed.append(table)
        elif file_format != "parquet" and _fits_text(path, rows, schema, file_format):
            contents.text += rows
        else:
            contents.kept.append(path)
    return contents


def _fits_text(path: Path, rows: Sequence[Row], schema: pa.Schema, file_format: str) -> bool:
    """A row of too few or too many fields is lost outside CSV, an empty text inside it."""
    if file_format == "csv":
        return path.suffix != ".jsonl" or all("" not in row.values() for row in rows)
    return all(list(row) == schema.names for row in rows)


def typed_rows(rows: Sequence[Row], schema: pa.Schema) -> pa.Table | None:
    """The rows as a table that means exactly the same; None if a value has no such type."""
    try:
        if not all(row.keys() == set(schema.names) for row in rows):
            return None
        columns = [
            pa.array([_typed(row[column.name], column.type) for row in rows], column.type)
            for column in schema
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
        table.validate(full=True)
    except (ValueError, OverflowError, pa.ArrowException):
        return None
    complete = all(f.nullable or not table.column(f.name).null_count for f in schema)
    return table if complete else None


def _typed(text: str | None, kind: pa.DataType) -> object:
    if text is None or pa.types.is_string(kind):
        return text
    if pa.types.is_timestamp(kind):
        return _moment(text)
    if pa.types.is_date(kind):
        return date.fromisoformat(text)
    if pa.types.is_list(kind):
        return text.split(LIST_SEPARATOR)
    if pa.types.is_boolean(kind):
        return text == "true" if text in {"true", "false"} else _refuse()
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else _refuse()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else _refuse()


def _refuse() -> NoReturn:
    raise ValueError("not of the column's type")
