"""Values inside of JSON that a field has as text: `contexts{json}.data[0].data.id`.

The readers of files read the text; here the values that paths lead to in it take its place. Text
that is no JSON, or repeats a key on the way, has no value. Where the column is required, more would
be counted without it, or the row may be an objection, the row cannot be read (`bad_json`,
`duplicate_key`), also if the path is `optional`: that says that a file may lack the field.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from anonymizer.intake.batches import ROW_FAULT
from anonymizer.intake.contract import TABLES
from anonymizer.intake.json_lines import BadLineError, decode_written
from anonymizer.sources.expression_paths import paths_of
from anonymizer.sources.field_paths import (
    EndsError,
    FieldPath,
    LackingError,
    UnclearError,
    file_path,
    inner_path,
    value_at,
)
from anonymizer.sources.json_files import scalar_text
from anonymizer.sources.leaf_batches import LeafBatch, LeafReading, row_fault
from anonymizer.sources.source_catalogue import Source

Reader = Callable[[dict[str, str]], LeafReading]


def read_with_embedded(source: Source, leaves: dict[str, str], read: Reader) -> LeafReading:
    """What `read` reads for paths into the file, with the values inside of texts."""
    outer = {
        path: f"c{number}" for number, path in enumerate(dict.fromkeys(map(file_path, leaves)))
    }
    if outer.keys() == leaves.keys():
        return read(leaves)
    reading = read(outer)
    embedded = _Embedded(source, leaves, outer)
    return replace(reading, batches=embedded.batches(reading.batches))


@dataclass(frozen=True)
class _Embedded:
    """The paths of a source by their numbered columns, and those of the texts that are read."""

    source: Source
    leaves: Mapping[str, str]
    outer: Mapping[str, str]

    def batches(self, batches: Iterator[LeafBatch]) -> Iterator[LeafBatch]:
        """Each batch with the columns of `leaves`."""
        for batch in batches:
            yield LeafBatch(self._rows(batch.rows), batch.faults)

    def _rows(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        columns = {"row_number": rows.column("row_number")}
        faults: list[str | None] = rows.column(ROW_FAULT).to_pylist()
        for path, column in self.leaves.items():
            read = rows.column(self.outer[file_path(path)])
            inner = inner_path(path)
            columns[column] = read if inner is None else self._values(read, inner, faults)
        columns[ROW_FAULT] = pa.array(faults, pa.string())
        return pa.record_batch(columns)

    def _values(self, texts: pa.Array, path: FieldPath, faults: list[str | None]) -> pa.Array:
        """The values that a path leads to; notes the rows that cannot be read without them."""
        found = _Found(path, path.text in self._certain)
        encoded = texts.cast(pa.string()).dictionary_encode()
        values = [found.value(text) for text in encoded.dictionary.to_pylist()]
        needed = path.text in self._needed
        for row, index in enumerate(encoded.indices.to_pylist() if needed and found.bad else ()):
            reason = None if index is None else found.bad.get(index)
            if reason and faults[row] is None:
                faults[row] = row_fault(path.text, reason)
        return pa.array(values, pa.string()).take(encoded.indices)

    @cached_property
    def _filters(self) -> frozenset[str]:
        settings = self.source.settings
        return frozenset((*settings.keep, *settings.drop, *settings.present))

    @cached_property
    def _certain(self) -> frozenset[str]:
        """Without these it is not known whether a row is an objection."""
        settings = self.source.settings
        filters = frozenset((*settings.keep, *settings.present))
        return filters if TABLES[self.source.table].objections else frozenset()

    @cached_property
    def _needed(self) -> frozenset[str]:
        """The paths without whose value a row cannot be read."""
        table, settings = TABLES[self.source.table], self.source.settings
        if table.objections:
            return frozenset(self.leaves)
        of_columns = {
            path
            for column, expression in settings.columns.items()
            if column in table.required or column in table.narrowing
            for path in paths_of(expression)
        }
        return self._filters | of_columns


@dataclass
class _Found:
    """Reads one path in distinct texts; `bad` has the reasons of those that cannot be read."""

    path: FieldPath
    is_certain: bool
    bad: dict[int, str] = field(default_factory=dict)
    _read: int = 0

    def value(self, text: str) -> str | None:
        number, self._read = self._read, self._read + 1
        if not text.strip():
            return None
        try:
            document: Any = {self.path.column: decode_written(text.strip())}
            return scalar_text(value_at(document, self.path))
        except EndsError:
            return None
        except LackingError:
            if self.is_certain:
                self.bad[number] = "no_key"
        except UnclearError:
            self.bad[number] = "duplicate_key"
        except BadLineError as error:
            self.bad[number] = error.reason
        except (ValueError, RecursionError):
            self.bad[number] = "bad_json"
        return None
