"""What the readers of sources hand on: the values that paths lead to, as numbered columns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.intake.batches import ROW_FAULT, RowFault
from anonymizer.intake.raw_source import RawSource
from anonymizer.sources.expression_paths import required_paths
from anonymizer.sources.field_paths import file_path
from anonymizer.sources.source_catalogue import Source


@dataclass(frozen=True)
class LeafBatch:
    """Some rows: `row_number`, a column for each path, and `row_fault` (see `intake.batches`).

    `faults` are rows of which nothing can be read.
    """

    rows: pa.RecordBatch
    faults: list[RowFault] = field(default_factory=list)


@dataclass(frozen=True)
class LeafReading:
    """A file of a source being read; `found` and `rows` are known once all batches are read.

    `found` has the paths that the file has, `columns` the names of all its columns.
    """

    batches: Iterator[LeafBatch]
    found: Callable[[], frozenset[str]]
    columns: Callable[[], tuple[str, ...]]
    rows: Callable[[], int]


def require_paths(
    file: RawSource, source: Source, leaves: Mapping[str, str], found: frozenset[str]
) -> None:
    """Raise InputRejected `schema_missing:<paths>` where a path that is read is not there."""
    read = set(map(file_path, leaves))
    lacking = [
        text
        for text, alternatives in required_paths(source.settings).items()
        if read & set(alternatives) and not found.intersection(alternatives)
    ]
    if lacking:
        detail = (
            f"source {source.name} of sources.yaml maps what the file does not have: "
            f"{', '.join(lacking)}. Correct the mapping (audience source check {source.name}), or "
            "write `optional: true` where it may be absent"
        )
        raise file.reject(f"schema_missing:{','.join(lacking)}", detail)


def legible(column: pa.Array, path: str, faults: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The column as text, null where it is not UTF-8; and the faults with those of this column."""
    try:
        return column.cast(pa.string()), faults
    except pa.ArrowInvalid:
        pass
    values = [_decoded(value) for value in column.to_pylist()]
    texts = pa.array(values, pa.string())
    bad = pc.and_(column.is_valid(), texts.is_null())
    reason = f"{_plain(path)} bad_encoding"
    return texts, pc.if_else(pc.and_(bad, faults.is_null()), reason, faults)


def row_fault(path: str, reason: str) -> str:
    """The fault of a row in the form of `row_fault`."""
    return f"{_plain(path)} {reason}"


def _plain(path: str) -> str:
    """A path without blanks, which part column and reason."""
    return path.replace(" ", "_")


def _decoded(value: bytes | None) -> str | None:
    try:
        return value.decode("utf-8") if value is not None else None
    except UnicodeDecodeError:
        return None


def without_faults(rows: int) -> pa.Array:
    """A column `row_fault` of rows that have none."""
    return pa.nulls(rows, pa.string())


def batch_of(numbers: pa.Array, leaves: dict[str, pa.Array], faults: pa.Array) -> pa.RecordBatch:
    """The rows of a batch from their columns."""
    return pa.record_batch({"row_number": numbers, **leaves, ROW_FAULT: faults})
