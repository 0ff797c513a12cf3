"""Reads JSON lines: one object a line, UTF-8; a line that is none is a bad row."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from anonymizer.intake import intake_limits
from anonymizer.intake.batches import (
    ROW_FAULT,
    FileReading,
    RawBatch,
    RowFault,
)
from anonymizer.intake.contract import Header, RawTable, check_header
from anonymizer.intake.identifiers import NOT_AN_ID
from anonymizer.intake.raw_source import RawSource

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadLineError(Exception):
    """A line that is no row, or a value that its column cannot have."""

    def __init__(self, reason: str, column: str = "") -> None:
        self.reason, self.column = reason, column


class _Fraction:
    """Stands for a number with a fraction or exponent, which no column takes."""


class RepeatingObject(dict[str, Any]):
    """An object that has a key more than once, or holds such an object under it: which of the
    values of a `repeated` key is meant is not known."""

    repeated: frozenset[str]


def _refuse_constant(_: str) -> None:
    raise BadLineError("not_finite")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    inner = [key for key, value in pairs if type(value) is RepeatingObject]
    if len(fields) == len(pairs) and not inner:
        return fields
    times = Counter(key for key, _ in pairs)
    repeating = RepeatingObject(fields)
    repeating.repeated = frozenset({*inner, *(key for key, number in times.items() if number > 1)})
    return repeating


# Not strict about control characters: they are judged like those of every other format.
def _decoder(parse_float: Callable[[str], Any]) -> Callable[[str], Any]:
    return json.JSONDecoder(
        parse_int=str,
        parse_float=parse_float,
        parse_constant=_refuse_constant,
        object_pairs_hook=_object,
        strict=False,
    ).decode


_decode = _decoder(lambda _: _Fraction())
# All numbers as they are written.
decode_written = _decoder(str)


def read_json_lines(source: RawSource, table: RawTable, compression: str) -> FileReading:
    """The rows of a JSON lines file; an absent key is null.

    Raises InputRejected: `wrong_format` when no line is an object, `empty_file`, `too_large`,
    `corrupt`, `schema_missing:<columns>` when no line has the column.
    """
    keys: dict[str, None] = {}
    lines = JsonLines(source, compression)

    def header() -> Header:
        return check_header(table, list(keys), source.name, source.digest)

    def batches() -> Iterator[RawBatch]:
        yield from _batches(lines, table, keys)
        if not lines.rows:
            raise source.reject("empty_file")
        if not keys:
            raise source.reject("wrong_format", "no line is a JSON object")
        header()

    return FileReading(header, batches(), lambda: lines.rows)


def _batches(lines: "JsonLines", table: RawTable, keys: dict[str, None]) -> Iterator[RawBatch]:
    """All batches; fills `keys` with every key of the file in order of appearance."""
    gathered = _LineBatch(table)
    for number, line in lines:
        try:
            fields = parse_line(line)
            if not fields.keys() <= keys.keys():
                keys.update(dict.fromkeys(fields))
            gathered.add(number, *_values(fields, table))
        except BadLineError as error:
            gathered.faults.append(RowFault(number, error.column, error.reason))
        if len(gathered.numbers) + len(gathered.faults) >= intake_limits.ROWS_PER_BATCH:
            yield gathered.batch()
            gathered = _LineBatch(table)
    yield gathered.batch()


@dataclass
class _LineBatch:
    """The lines of one batch."""

    table: RawTable
    numbers: list[int] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    row_faults: list[str | None] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)

    def add(self, number: int, row: list[str | None], fault: BadLineError | None) -> None:
        """Add a row; of one with a fault only what is left of an objection."""
        if fault and not self.table.objections:
            raise fault
        self.numbers.append(number)
        self.rows.append(row)
        self.row_faults.append(f"{fault.column} {fault.reason}" if fault else None)

    def batch(self) -> RawBatch:
        """Everything that was added."""
        names = self.table.columns
        by_column = zip(*self.rows, strict=True) if self.rows else ([] for _ in names)
        columns = {"row_number": pa.array(self.numbers, pa.int64())}
        for name, values in zip(names, by_column, strict=True):
            columns[name] = pa.array(values, pa.string())
        if any(self.row_faults):
            columns[ROW_FAULT] = pa.array(self.row_faults, pa.string())
        return RawBatch(pa.record_batch(columns), self.faults)


def _values(
    fields: dict[str, Any], table: RawTable
) -> tuple[list[str | None], BadLineError | None]:
    """The value of each column, null where it cannot be told, and the first fault of the row."""
    first: BadLineError | None = None
    repeated = fields.repeated if isinstance(fields, RepeatingObject) else frozenset()
    if repeated:
        known = sorted(repeated & table.columns.keys())
        first = BadLineError("duplicate_key", known[0] if known else "")
    row: list[str | None] = []
    for column in table.columns:
        try:
            row.append(None if column in repeated else _text(fields.get(column), table, column))
        except BadLineError as error:
            row.append(None)
            first = first or error
    return row, first


class JsonLines:
    """Line numbers and lines that are not blank, of which there are `rows`; None if too long."""

    def __init__(self, source: RawSource, compression: str) -> None:
        self._source, self._compression = source, compression
        self.rows = 0

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        expanded = self._source.expanded(self._compression)
        stream = io.BufferedReader(expanded, buffer_size=intake_limits.LONGEST_ROW)
        number = 0
        while line := stream.readline(intake_limits.LONGEST_ROW):
            number += 1
            if number == 1:
                line = line.removeprefix(_BYTE_ORDER_MARK)
            if len(line) == intake_limits.LONGEST_ROW and not line.endswith(b"\n"):
                while (rest := stream.readline(intake_limits.LONGEST_ROW)) and not rest.endswith(
                    b"\n"
                ):
                    pass
                self.rows += 1
                yield number, None
            elif not line.isspace() and line:
                self.rows += 1
                yield number, line


def parse_line(line: bytes | None, decode: Callable[[str], Any] = _decode) -> dict[str, Any]:
    """The object of a line. Raises BadLineError."""
    if line is None:
        raise BadLineError("too_long")
    try:
        fields = decode(line.decode("utf-8").strip())
    except UnicodeDecodeError:
        raise BadLineError("bad_encoding") from None
    except (ValueError, RecursionError):
        raise BadLineError("bad_json") from None
    if not isinstance(fields, dict):
        raise BadLineError("bad_json")
    return fields


def _text(value: Any, table: RawTable, column: str) -> str | None:
    """The value as text if its JSON type fits the column."""
    kind = table.columns[column]
    if isinstance(value, bool) and kind == "boolean":
        return "true" if value else "false"
    if isinstance(value, list) and kind == "codes" and all(isinstance(v, str) for v in value):
        value = ";".join(value)
    if isinstance(value, _Fraction) and kind == "user":
        raise BadLineError(NOT_AN_ID, column)
    if value is not None and not isinstance(value, str):
        raise BadLineError("bad_json", column)
    if value is not None and not encodable(value):
        raise BadLineError("bad_encoding", column)
    return value


def encodable(text: str) -> bool:
    """False for half of a surrogate pair, which JSON can write and UTF-8 cannot."""
    try:
        return text.isascii() or bool(text.encode("utf-8"))
    except UnicodeEncodeError:
        return False
