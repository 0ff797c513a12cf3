"""Reads Parquet: checks types by the schema, reads the contract's columns alone."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from anonymizer.intake.batches import ROWS_PER_BATCH, RawBatch, Reading
from anonymizer.intake.contract import Header, Kind, RawTable, check_header
from anonymizer.intake.opening import Source

_MAGIC = b"PAR1"
_UUID_WIDTH = 36
_UUID_DIGITS = [place for place in range(_UUID_WIDTH) if place not in (8, 13, 18, 23)]
_HEXADECIMAL = np.array([list(b"%02x" % octet) for octet in range(256)], np.uint8)
_UNREADABLE = (pa.ArrowException, OSError, ValueError)


def read_parquet(source: Source, table: RawTable) -> Reading:
    """The rows of a Parquet file.

    Raises InputRejected: `wrong_format`, `corrupt`, `too_large`, and for its schema
    `duplicate_column`, `schema_missing:<columns>`, `schema_type:<columns>`.
    """
    if not source.begins_with(_MAGIC):
        raise source.reject("wrong_format", "this is not Parquet")
    try:
        file = pq.ParquetFile(
            source.stored(), page_checksum_verification=True, coerce_int96_timestamp_unit="us"
        )
        schema = file.schema_arrow
    except _UNREADABLE:
        raise source.reject("corrupt", "the Parquet footer cannot be read") from None
    header = check_header(table, schema.names, source.name, source.digest)
    wrong = {
        column: _EXPECTED[table.columns[column]]
        for column in header.present
        if not _fits(schema.field(column).type, table.columns[column])
    }
    if wrong:
        remedies = "; ".join(f"write {column} as {expected}" for column, expected in wrong.items())
        raise source.reject(f"schema_type:{','.join(wrong)}", remedies)
    _check_expansion(source, file.metadata, header)
    batches = _batches(source, file, table, header)
    return Reading(lambda: header, batches, lambda: int(file.metadata.num_rows))


def _check_expansion(source: Source, metadata: pq.FileMetaData, header: Header) -> None:
    expanded = 0
    for group in range(metadata.num_row_groups):
        for position in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(position)
            if chunk.path_in_schema.split(".")[0] in header.present:
                expanded += chunk.total_uncompressed_size
    if expanded > source.limits.expanded:
        raise source.reject("too_large", "its columns expand beyond the limit")


def _batches(
    source: Source, file: pq.ParquetFile, table: RawTable, header: Header
) -> Iterator[RawBatch]:
    batches = file.iter_batches(ROWS_PER_BATCH, columns=list(header.present), use_threads=False)
    in_utc = _of_int96(file)
    first, expanded = 1, 0
    while True:
        try:
            batch = next(batches, None)
        except _UNREADABLE:
            raise source.reject("corrupt", "a Parquet page cannot be read") from None
        if batch is None:
            return
        expanded += batch.nbytes
        if expanded > source.limits.expanded:
            raise source.reject("too_large", "its columns expand beyond the limit")
        for name in in_utc.intersection(batch.schema.names):
            position = batch.schema.get_field_index(name)
            zoned = batch.column(position).view(pa.timestamp("us", "UTC"))
            batch = batch.set_column(position, name, zoned)
        yield RawBatch(_plain_rows(source, batch, table.columns, first))
        first += batch.num_rows


def _of_int96(file: pq.ParquetFile) -> frozenset[str]:
    """Columns of times as Hive, Impala and old Spark write them: in UTC, though no type says so."""
    columns = (file.schema.column(number) for number in range(len(file.schema)))
    return frozenset(column.path for column in columns if column.physical_type == "INT96")


def _plain_rows(
    source: Source, batch: pa.RecordBatch, kinds: Mapping[str, Kind], first: int
) -> pa.RecordBatch:
    """The batch as text and zoned timestamps, as the text formats give it."""
    columns = {"row_number": pa.array(range(first, first + batch.num_rows), pa.int64())}
    for name in batch.schema.names:
        try:
            columns[name] = _plain(batch.column(name), kinds[name])
        except pa.ArrowException:
            raise source.reject(f"schema_type:{name}", "values do not cast exactly") from None
    return pa.record_batch(columns)


def _fits(found: pa.DataType, kind: Kind) -> bool:
    if pt.is_dictionary(found):
        found = found.value_type
    plain = _is_text(found) or _is_bytes(found) or bool(pt.is_null(found))
    return plain or _NATIVE[kind](found)


def _is_list_of_text(found: pa.DataType) -> bool:
    return (pt.is_list(found) or pt.is_large_list(found)) and _is_text(found.value_type)


def _is_text(found: pa.DataType) -> bool:
    return bool(pt.is_string(found) or pt.is_large_string(found) or pt.is_string_view(found))


def _is_bytes(found: pa.DataType) -> bool:
    """Text whose writer did not annotate it as such."""
    return bool(pt.is_binary(found) or pt.is_large_binary(found) or pt.is_binary_view(found))


def _is_whole(found: pa.DataType) -> bool:
    return bool(pt.is_integer(found) or (pt.is_decimal(found) and found.scale == 0))


def _is_uuid(found: pa.DataType) -> bool:
    return bool(found == pa.uuid())


# Types that are taken besides text, by what the column must be.
_NATIVE: Mapping[Kind, Callable[[pa.DataType], bool]] = {
    "user": lambda found: _is_whole(found) or _is_uuid(found),
    "identifier": lambda found: _is_whole(found) or _is_uuid(found),
    "text": lambda _: False,
    "word": lambda _: False,
    "instant": pt.is_timestamp,
    "date": lambda found: pt.is_date(found) or (pt.is_timestamp(found) and found.tz is None),
    "boolean": lambda found: pt.is_boolean(found) or pt.is_integer(found),
    "codes": _is_list_of_text,
}


# What a refusal asks for.
_EXPECTED: Mapping[Kind, str] = {
    "user": "text, a whole number, DECIMAL with scale 0 or UUID",
    "identifier": "text, a whole number, DECIMAL with scale 0 or UUID",
    "text": "text",
    "word": "text",
    "instant": "TIMESTAMP in UTC or text with a zone",
    "date": "DATE or text",
    "boolean": "BOOLEAN or text",
    "codes": "text or a list of text",
}


def _plain(column: pa.Array, kind: Kind) -> pa.Array:
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_uuid(column.type):
        return _uuids(column)
    if _is_bytes(column.type):
        return column.cast(pa.binary())
    if kind == "instant" and pt.is_timestamp(column.type):
        return _instants(column)
    if kind == "date" and not _is_text(column.type):
        column = _exact_dates(column)
    if kind == "codes" and not _is_text(column.type):
        column = pc.binary_join(column, ";")
    if _is_text(column.type):
        return column.cast(pa.binary() if pt.is_string(column.type) else pa.large_binary())
    return column.cast(pa.string())


def _uuids(column: pa.Array) -> pa.Array:
    """16 bytes each as text with hyphens."""
    size, stored = len(column), column.storage
    octets = np.frombuffer(stored.buffers()[1], np.uint8)
    octets = octets[stored.offset * 16 : (stored.offset + size) * 16]
    text = np.full((size, _UUID_WIDTH), ord("-"), np.uint8)
    text[:, _UUID_DIGITS] = _HEXADECIMAL[octets].reshape(size, len(_UUID_DIGITS))
    buffers = [None, pa.py_buffer(text.tobytes())]
    written = pa.Array.from_buffers(pa.binary(_UUID_WIDTH), size, buffers).cast(pa.binary())
    return pc.if_else(column.is_valid(), written, None)


def _exact_dates(column: pa.Array) -> pa.Array:
    """Dates; raises ArrowInvalid when a value has a time of day, which a cast would cut off."""
    days = column.cast(pa.date32())
    if pt.is_timestamp(column.type) and not days.cast(column.type).equals(column):
        raise pa.ArrowInvalid
    return days


def _instants(column: pa.Array) -> pa.Array:
    """Microseconds in UTC; without a zone as text, to be judged like a time in a text file.

    What does not fit microseconds becomes the year 1970, which is out of range for every column.
    """
    unit, zone = column.type.unit, column.type.tz
    scale = {"s": 1_000_000, "ms": 1_000, "us": 1}.get(unit)
    counted = column.cast(pa.int64())
    if scale is None:
        micros = pc.divide(counted, 1_000)
    else:
        bound = (1 << 57) // scale  # some 4,500 years: surely out of range, surely no overflow
        fits = pc.and_(pc.greater(counted, -bound), pc.less(counted, bound))
        micros = pc.multiply(pc.if_else(fits, counted, 0), scale)
    instants = micros.cast(pa.timestamp("us"))
    return instants.cast(pa.timestamp("us", "UTC")) if zone else instants.cast(pa.string())
