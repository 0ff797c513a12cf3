"""Reads JSON lines with values inside of values, as intake reads flat ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from anonymizer.intake import intake_limits
from anonymizer.intake.batches import RowFault
from anonymizer.intake.contract import TABLES
from anonymizer.intake.json_lines import (
    BadLineError,
    JsonLines,
    decode_written,
    encodable,
    parse_line,
)
from anonymizer.intake.raw_source import RawSource
from anonymizer.intake.readers import split_compression
from anonymizer.sources.field_paths import (
    EndsError,
    FieldPath,
    LackingError,
    UnclearError,
    file_path,
    parse_path,
    value_at,
)
from anonymizer.sources.leaf_batches import (
    LeafBatch,
    LeafReading,
    batch_of,
    require_paths,
    row_fault,
)
from anonymizer.sources.source_catalogue import Source


def read_nested_lines(file: RawSource, source: Source, leaves: dict[str, str]) -> LeafReading:
    """The values that the paths of a source lead to; a path that leads nowhere is null.

    Raises InputRejected: `wrong_format`, `empty_file`, `too_large`, `corrupt`, and
    `schema_missing:<paths>` when no line has a path that is needed. A path that ends at a null is
    not missing.
    """
    _, compression = split_compression(file)
    lines = JsonLines(file, compression)
    keys: dict[str, None] = {}
    paths = _Paths.of(source, leaves)

    def found() -> frozenset[str]:
        return paths.found(keys)

    def batches() -> Iterator[LeafBatch]:
        yield from _batches(lines, paths, keys)
        if not lines.rows:
            raise file.reject("empty_file")
        if not keys:
            raise file.reject("wrong_format", "no line is a JSON object")
        require_paths(file, source, leaves, found())

    return LeafReading(batches(), found, lambda: tuple(keys), lambda: lines.rows)


@dataclass
class _Paths:
    """The paths and columns of a file, and which of them lines have.

    `certain` are those without which it is not known whether a row is an objection.
    """

    leaves: list[tuple[FieldPath, str]]
    certain: frozenset[str]
    reached: set[str] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, source: Source, leaves: dict[str, str]) -> "_Paths":
        """Those of a source."""
        settings = source.settings
        filters = {file_path(path) for path in (*settings.keep, *settings.present)}
        of_objections = filters if TABLES[source.table].objections else set()
        parsed = [(parse_path(path, nested=True), column) for path, column in leaves.items()]
        return cls(parsed, frozenset(of_objections))

    def found(self, keys: dict[str, None]) -> frozenset[str]:
        """The paths that some line has; of those that only end at nulls nothing is missing."""
        return frozenset(
            path.text
            for path, _ in self.leaves
            if path.text in self.reached or (path.column in keys and path.text not in self.lacking)
        )

    def value(self, fields: Mapping[str, Any], path: FieldPath) -> str | None:
        """The value of a line. Raises UnclearError, and BadLineError `no_key` and for its form."""
        try:
            value = value_at(fields, path)
        except EndsError:
            return None
        except LackingError:
            self.lacking.add(path.text)
            if path.text in self.certain:
                raise BadLineError("no_key") from None
            return None
        self.reached.add(path.text)
        return scalar_text(value)


@dataclass
class _Gathered:
    """The lines of one batch."""

    paths: _Paths
    numbers: list[int] = field(default_factory=list)
    values: list[list[str | None]] = field(default_factory=list)
    row_faults: list[str | None] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)

    def add(self, number: int, fields: Mapping[str, Any]) -> None:
        fault = None
        row: list[str | None] = []
        for path, _ in self.paths.leaves:
            try:
                row.append(self.paths.value(fields, path))
            except UnclearError:
                row.append(None)
                fault = fault or row_fault(path.text, "duplicate_key")
            except BadLineError as error:
                row.append(None)
                fault = fault or row_fault(path.text, error.reason)
        self.numbers.append(number)
        self.values.append(row)
        self.row_faults.append(fault)

    def batch(self) -> LeafBatch:
        leaves = self.paths.leaves
        by_leaf = zip(*self.values, strict=True) if self.values else ((),) * len(leaves)
        columns = {
            column: pa.array(values, pa.string())
            for (_, column), values in zip(leaves, by_leaf, strict=True)
        }
        numbers = pa.array(self.numbers, pa.int64())
        row_faults = pa.array(self.row_faults, pa.string())
        return LeafBatch(batch_of(numbers, columns, row_faults), self.faults)


def _batches(lines: JsonLines, paths: _Paths, keys: dict[str, None]) -> Iterator[LeafBatch]:
    gathered = _Gathered(paths)
    for number, line in lines:
        try:
            fields = parse_line(line, decode_written)
            if not fields.keys() <= keys.keys():
                keys.update(dict.fromkeys(fields))
            gathered.add(number, fields)
        except BadLineError as error:
            gathered.faults.append(RowFault(number, error.column, error.reason))
        if len(gathered.numbers) + len(gathered.faults) >= intake_limits.ROWS_PER_BATCH:
            yield gathered.batch()
            gathered = _Gathered(paths)
    yield gathered.batch()


def scalar_text(value: Any) -> str | None:
    """The value as it is written. Raises BadLineError for what is no single value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ";".join(value)
    if value is not None and not isinstance(value, str):
        raise BadLineError("bad_json")
    if value is not None and not encodable(value):
        raise BadLineError("bad_encoding")
    return value
