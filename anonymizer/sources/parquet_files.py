"""Reads Parquet with values inside of values: the columns that a source maps, and no others."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from anonymizer.intake import intake_limits
from anonymizer.intake.batches import RowFault
from anonymizer.intake.contract import Header
from anonymizer.intake.parquet_batches import decoded_sizes, is_list, stretches
from anonymizer.intake.parquet_reader import (
    UNREADABLE,
    check_expansion,
    exact_instants,
    int96_columns,
    is_bytes,
    is_text,
    uuid_texts,
    with_zones,
)
from anonymizer.intake.raw_source import RawSource
from anonymizer.sources.field_paths import Element, FieldPath, Step, parse_path
from anonymizer.sources.leaf_batches import (
    LeafBatch,
    LeafReading,
    batch_of,
    legible,
    require_paths,
    row_fault,
    without_faults,
)
from anonymizer.sources.mapping_statement import id_paths
from anonymizer.sources.source_catalogue import Source

_MAGIC = b"PAR1"


@dataclass(frozen=True)
class _Opened:
    """A Parquet file with the parts of it that are read, and where each path leads."""

    file: pq.ParquetFile
    parts: list[str]
    paths: dict[str, FieldPath]
    types: dict[str, pa.DataType]
    rows: int


def read_nested_parquet(file: RawSource, source: Source, leaves: dict[str, str]) -> LeafReading:
    """The values that the paths of a source lead to.

    Raises InputRejected: `wrong_format`, `corrupt`, `too_large`, `schema_missing:<paths>` and
    `schema_type:<paths>`.
    """
    if not file.begins_with(_MAGIC):
        raise file.reject("wrong_format", "this is not Parquet")
    plain = _parquet(file)
    schema = plain.schema_arrow
    paths = {text: parse_path(text, nested=True) for text in leaves}
    types = {
        text: kind for text, path in paths.items() if (kind := _type_at(schema, path)) is not None
    }
    require_paths(file, source, leaves, frozenset(types))
    _refuse_types(file, source, types)
    parts = _parts(plain, [paths[text] for text in types])
    texts = [part for part in parts if _has_any_length(plain, part)]
    columns = tuple(dict.fromkeys(part.split(".")[0] for part in parts))
    expansion = check_expansion(file, plain.metadata, Header(columns, (), ()), texts)
    encoded = _parquet(file, [part for part in texts if part not in expansion.decoded])
    opened = _Opened(encoded, parts, paths, types, expansion.rows)
    rows = int(plain.metadata.num_rows)
    batches = _batches(file, opened, leaves)
    names = tuple(schema.names)
    return LeafReading(batches, lambda: frozenset(types), lambda: names, lambda: rows)


def _parquet(file: RawSource, dictionaries: list[str] | None = None) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(
            file.stored(),
            read_dictionary=dictionaries,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit="us",
        )
    except UNREADABLE:
        raise file.reject("corrupt", "the Parquet footer cannot be read") from None


def _type_at(schema: pa.Schema, path: FieldPath) -> pa.DataType | None:
    """The type of the value that a path leads to; None where it leads nowhere."""
    if schema.names.count(path.column) != 1:
        return None
    found: pa.DataType | None = schema.field(path.column).type
    for step in path.steps[1:]:
        found = None if found is None else _type_below(found, step)
    return found


def _type_below(kind: pa.DataType, step: Step) -> pa.DataType | None:
    if isinstance(step, Element):
        return kind.value_type if is_list(kind) else None
    if not pt.is_struct(kind) or kind.get_field_index(step) < 0:
        return None
    return kind.field(step).type


def _refuse_types(file: RawSource, source: Source, types: dict[str, pa.DataType]) -> None:
    """Raise InputRejected for values that are no single ones, and ids that lost digits."""
    of_ids = id_paths(source)
    wrong = {}
    for path, kind in types.items():
        inner = kind.value_type if pt.is_dictionary(kind) else kind
        if pt.is_nested(inner) and not (is_list(inner) and is_text(inner.value_type)):
            wrong[path] = "a path to a single value inside of it"
        elif pt.is_floating(inner) and path in of_ids:
            wrong[path] = "text or a whole number: a floating-point number does not hold every id"
    if wrong:
        remedies = "; ".join(f"{path} needs {remedy}" for path, remedy in wrong.items())
        raise file.reject(f"schema_type:{','.join(wrong)}", remedies)


def _parts(file: pq.ParquetFile, paths: list[FieldPath]) -> list[str]:
    """The columns of the file, as Parquet counts them, that the paths lead to or choose by."""
    parts = []
    for number in range(file.metadata.num_columns):
        name = file.metadata.schema.column(number).path
        if any(_is_needed(name.split("."), path) for path in paths):
            parts.append(name)
    return parts


def _is_needed(parts: list[str], path: FieldPath) -> bool:
    """Whether a column is what a path leads to, or the key by which it chooses an element."""
    names: list[str] = []
    for step in path.steps:
        if isinstance(step, str):
            names.append(step)
        elif step.key and _leads(parts, [*names, step.key]) and parts[-1] == step.key:
            return True
    return _leads(parts, names)


def _leads(parts: list[str], names: list[str]) -> bool:
    """Whether names are among the parts in this order; lists add parts of their own."""
    remaining = iter(parts)
    return parts[0] == names[0] and all(name in remaining for name in names)


def _has_any_length(file: pq.ParquetFile, part: str) -> bool:
    for number in range(file.metadata.num_columns):
        column = file.metadata.schema.column(number)
        if column.path == part:
            return bool(column.physical_type == "BYTE_ARRAY")
    return False


def _batches(file: RawSource, opened: _Opened, leaves: dict[str, str]) -> Iterator[LeafBatch]:
    in_utc = int96_columns(opened.file)
    first, expanded = 1, 0
    for batch in _decoded(file, opened):
        sizes = np.zeros(batch.num_rows, np.int64)
        for column in batch.columns:
            sizes += decoded_sizes(column)
        expanded += int(sizes.sum())
        if expanded > file.limits.expanded:
            raise file.reject("too_large", "its columns expand beyond the limit")
        numbers = np.arange(first, first + batch.num_rows)
        first += batch.num_rows
        fits = sizes <= intake_limits.LONGEST_ROW
        rows = with_zones(batch, in_utc)
        if not fits.all():
            faults = [RowFault(int(number), "", "too_long") for number in numbers[~fits]]
            yield LeafBatch(_leaf_rows(file, rows.slice(0, 0), numbers[:0], opened, leaves), faults)
            rows, numbers, sizes = rows.filter(pa.array(fits)), numbers[fits], sizes[fits]
        for start, end in stretches(sizes):
            part = rows.slice(start, end - start)
            yield LeafBatch(_leaf_rows(file, part, numbers[start:end], opened, leaves))


def _decoded(file: RawSource, opened: _Opened) -> Iterator[pa.RecordBatch]:
    """The batches of the file. Raises InputRejected `corrupt`."""
    batches = opened.file.iter_batches(opened.rows, columns=opened.parts, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except UNREADABLE:
            raise file.reject("corrupt", "a Parquet page cannot be read") from None
        if batch is None:
            return
        yield batch


def _leaf_rows(
    file: RawSource,
    batch: pa.RecordBatch,
    numbers: np.ndarray,
    opened: _Opened,
    leaves: dict[str, str],
) -> pa.RecordBatch:
    faults = without_faults(batch.num_rows)
    columns: dict[str, pa.Array] = {}
    for path, column in leaves.items():
        if path not in opened.types:
            columns[column] = pa.nulls(batch.num_rows, pa.string())
            continue
        try:
            value, unclear = _value(batch, opened.paths[path])
            columns[column], faults = _plain_value(value, path, faults)
            if unclear.any():
                new = pc.and_(pa.array(unclear), faults.is_null())
                faults = pc.if_else(new, row_fault(path, "duplicate_key"), faults)
        except pa.ArrowException:
            raise file.reject(f"schema_type:{path}", "values do not cast exactly") from None
    return batch_of(pa.array(numbers, pa.int64()), columns, faults)


def _value(batch: pa.RecordBatch, path: FieldPath) -> tuple[pa.Array, np.ndarray]:
    """The values, null where it is unclear which is meant; and the rows of which it is."""
    found = batch.column(path.column)
    unclear = np.zeros(batch.num_rows, np.bool_)
    for step in path.steps[1:]:
        if isinstance(step, Element):
            found, several = _picked(found, step)
            unclear[several] = True
        else:
            found = pc.struct_field(found, step)
    return found.dictionary_decode() if pt.is_dictionary(found.type) else found, unclear


def _picked(lists: pa.Array, element: Element) -> tuple[pa.Array, np.ndarray]:
    """Of each list the element at a position, or the one with a key; null without it.

    And the lists that have several, of which it is null as well.
    """
    parents = np.asarray(pc.list_parent_indices(lists))
    inner = lists.flatten()
    if element.key:
        keys = pc.struct_field(inner, element.key)
        keys = keys.dictionary_decode() if pt.is_dictionary(keys.type) else keys
        fits = np.asarray(pc.fill_null(pc.equal(keys, element.value), False))  # noqa: FBT003
    else:
        starts = np.searchsorted(parents, parents)
        fits = np.arange(len(parents)) - starts == element.position
    chosen = np.flatnonzero(fits)
    owners, firsts, counts = np.unique(parents[chosen], return_index=True, return_counts=True)
    indices = np.zeros(len(lists), np.int64)
    lacking = np.ones(len(lists), np.bool_)
    indices[owners], lacking[owners] = chosen[firsts], counts > 1
    return inner.take(pa.array(indices, pa.int64(), mask=lacking)), owners[counts > 1]


def _plain_value(column: pa.Array, path: str, faults: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Text, or moments in UTC."""
    kind = column.type
    if kind == pa.uuid():
        return uuid_texts(column).cast(pa.string()), faults
    if pt.is_timestamp(kind):
        return exact_instants(column), faults
    if is_list(kind):
        return pc.binary_join(column, ";").cast(pa.string()), faults
    if is_text(kind) or is_bytes(kind):
        return legible(column.cast(pa.binary()), path, faults)
    if pt.is_signed_integer(kind):
        return column.cast(pa.int64()), faults
    return column.cast(pa.string()), faults
