"""Reads a file of a source: its values become the raw contract's columns by one SQL statement.

    file -> values that paths lead to -> statement -> batches as those of a contract's file

What follows does not know the difference: rows keep their numbers in the file, and what cannot be
read goes into quarantine with column and reason. Of requests and consents no row is lost: one that
cannot be read keeps what could be read of it (`row_fault`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from anonymizer.intake.batches import ROW_FAULT, FileReading, RawBatch, RowFault
from anonymizer.intake.contract import Header, RawTable
from anonymizer.intake.raw_source import RawSource
from anonymizer.intake.vocabulary import plain_words
from anonymizer.sources import source_limits
from anonymizer.sources.consent_rules import with_decoded
from anonymizer.sources.delimited_files import read_delimited
from anonymizer.sources.embedded_json import read_with_embedded
from anonymizer.sources.json_files import read_nested_lines
from anonymizer.sources.leaf_batches import LeafReading, row_fault
from anonymizer.sources.mapping_statement import (
    RELATION,
    MappingStatement,
    compile_statement,
    leaves_of,
    mapped_columns,
)
from anonymizer.sources.parquet_files import read_nested_parquet
from anonymizer.sources.source_catalogue import Source
from anonymizer.storage.engine import Engine
from anonymizer.storage.engines.duckdb import DuckDB

_READERS = {
    "csv": read_delimited,
    "json": read_nested_lines,
    "parquet": read_nested_parquet,
}


@dataclass(frozen=True)
class SourceMapping:
    """Reads the files of one source."""

    source: Source

    @property
    def parquet(self) -> bool:
        """Whether its files are Parquet."""
        return self.source.settings.format == "parquet"

    def read(self, source: RawSource, table: RawTable) -> FileReading:
        """The rows of a file in those columns of `table` that the source maps.

        Raises InputRejected as the readers of the contract's files do, and `schema_missing:<paths>`
        for what the mapping needs and the file does not have; `schema_missing:<columns>` for a
        column by which the policy divides campaigns and that the source does not map.
        """
        lacking = [c for c in table.required if c not in _own_columns(self.source)]
        if lacking:
            remedy = f"map {', '.join(lacking)} in sources.yaml, or correct campaign_parts"
            raise source.reject(f"schema_missing:{','.join(lacking)}", remedy)
        leaves = self.read_leaves(source, leaves_of(self.source, table.columns))
        mapped = _MappedFile(self.source, table, leaves)
        return FileReading(lambda: mapped.header, mapped.batches(), mapped.rows, mapped.filtered)

    def read_leaves(self, source: RawSource, leaves: dict[str, str]) -> LeafReading:
        """The values that paths lead to, in numbered columns."""
        reader = _READERS[self.source.settings.format or "csv"]
        return read_with_embedded(
            self.source, leaves, lambda paths: reader(source, self.source, paths)
        )


@dataclass
class _MappedFile:
    """One file while it is read, and what was counted of it."""

    source: Source
    table: RawTable
    leaves: LeafReading
    _read: int = 0
    _given: int = 0
    _filtered: int = 0
    _statement: list[MappingStatement] = field(default_factory=list)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        own = _own_columns(self.source)
        return tuple(column for column in self.table.columns if column in own)

    @property
    def header(self) -> Header:
        """Nothing is dropped: what a source does not map is listed by its check."""
        absent = tuple(column for column in self.table.columns if column not in self.columns)
        return Header(self.columns, absent, ())

    def rows(self) -> int:
        """How many rows of the contract the file has, by the count of its reader.

        A row that is lost on the way is missing from what was given, and noticed.
        """
        lost = 0 if _leaves_out_rows(self.source) else self._filtered
        return self.leaves.rows() - self._read + self._given + lost

    def filtered(self) -> int:
        """How many rows the filters leave out."""
        return self._filtered

    def batches(self) -> Iterator[RawBatch]:
        """All rows, batch after batch."""
        with DuckDB(
            memory_megabytes=source_limits.MAPPING_MEGABYTES, threads=1, spill=None
        ) as engine:
            for batch in self.leaves.batches:
                self._read += batch.rows.num_rows + len(batch.faults)
                mapped = self._mapped(engine, batch.rows)
                given = mapped.rows.num_rows + len(mapped.faults)
                self._given += given + len(batch.faults)
                yield RawBatch(mapped.rows, [*batch.faults, *mapped.faults])

    def _mapped(self, engine: Engine, rows: pa.RecordBatch) -> RawBatch:
        if not self._statement:
            self._statement.append(statement_for(self.source, self.columns, rows))
        found = map_rows(engine, self._statement[0], rows)
        self._filtered += rows.num_rows - pc.count_distinct(found.column("row_number")).as_py()
        return split_faults(found, objections=self.table.objections)


def _own_columns(source: Source) -> frozenset[str]:
    return frozenset((*mapped_columns(source), *source.settings.columns))


def _leaves_out_rows(source: Source) -> bool:
    """Whether a row may say nothing: by its filters, or because flags that are set say nothing."""
    settings = source.settings
    values = [*settings.columns.values(), *settings.purposes.values()]
    flags = any(value.consent_mode is not None for value in values)
    return flags or bool(settings.keep or settings.drop or settings.present)


def map_rows(engine: Engine, statement: MappingStatement, rows: pa.RecordBatch) -> pa.RecordBatch:
    """What the statement makes of the values of some rows, with `fault`."""
    rows = _with_words(rows, statement)
    engine.load(RELATION, with_decoded(rows, statement.decoded, statement.leaves))
    found = engine.fetch_compiled(statement.text, statement.parameters).combine_chunks()
    engine.drop(RELATION)
    batches = found.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=found.schema)


def _with_words(rows: pa.RecordBatch, statement: MappingStatement) -> pa.RecordBatch:
    """The rows with plain words; one without a word may be an objection, so it is a fault."""
    faults = rows.column(ROW_FAULT)
    for column, path in statement.words.items():
        words = plain_words(rows.column(statement.leaves[path]).cast(pa.string()))
        lacks = pc.and_(faults.is_null(), pc.equal(pc.fill_null(words, ""), ""))
        faults = pc.if_else(lacks, row_fault(path, "no_word"), faults)
        rows = rows.append_column(column, words)
    return rows.set_column(rows.schema.get_field_index(ROW_FAULT), ROW_FAULT, faults)


def statement_for(
    source: Source, columns: tuple[str, ...], rows: pa.RecordBatch
) -> MappingStatement:
    """The statement for values of these types."""
    leaves = leaves_of(source, columns)
    types = {path: rows.schema.field(column).type for path, column in leaves.items()}
    return compile_statement(
        source,
        columns,
        frozenset(path for path, kind in types.items() if pt.is_timestamp(kind)),
        frozenset(path for path, kind in types.items() if pt.is_integer(kind)),
    )


def split_faults(rows: pa.RecordBatch, *, objections: bool) -> RawBatch:
    """The rows, and as faults those that cannot be read; of objections all are kept."""
    reasons = rows.column("fault")
    plain = rows.drop_columns(["fault"])
    if objections:
        return RawBatch(plain.append_column(ROW_FAULT, reasons) if reasons.null_count
                        < len(reasons) else plain)  # fmt: skip
    bad = reasons.is_valid()
    if not pc.any(bad).as_py():
        return RawBatch(plain)
    faults = [
        RowFault(number, *reason.split(" ", 1))
        for number, reason in zip(
            rows.column("row_number").filter(bad).to_pylist(),
            reasons.filter(bad).to_pylist(),
            strict=True,
        )
    ]
    return RawBatch(plain.filter(pc.invert(bad)), faults)
