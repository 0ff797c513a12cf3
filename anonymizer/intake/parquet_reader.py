"""Reads Parquet: checks types by the schema, reads the contract's columns alone."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt
from numpy.typing import NDArray

from anonymizer.intake import intake_limits
from anonymizer.intake.batches import FileReading, RawBatch
from anonymizer.intake.contract import Header, Kind, RawTable, check_header
from anonymizer.intake.parquet_batches import Piece, is_list, pieces
from anonymizer.intake.raw_source import RawSource
from anonymizer.storage.parquet_pages import (
    DICTIONARY,
    PLAIN,
    SHARED_PREFIX,
    Page,
    Unreadable,
    pages,
)

_MAGIC = b"PAR1"
_UUID_WIDTH = 36
_UUID_DIGITS = [place for place in range(_UUID_WIDTH) if place not in (8, 13, 18, 23)]
_HEXADECIMAL = np.array([list(b"%02x" % octet) for octet in range(256)], np.uint8)
UNREADABLE = (pa.ArrowException, OSError, ValueError)


def read_parquet(source: RawSource, table: RawTable) -> FileReading:
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
    except UNREADABLE:
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
    texts = _texts(file.metadata, schema, header)
    expansion = check_expansion(source, file.metadata, header, texts)
    try:
        encoded = pq.ParquetFile(
            source.stored(),
            metadata=file.metadata,
            read_dictionary=[path for path in texts if path not in expansion.decoded],
            page_checksum_verification=True,
            coerce_int96_timestamp_unit="us",
        )
    except UNREADABLE:
        raise source.reject("corrupt", "the Parquet footer cannot be read") from None
    batches = _batches(source, encoded, table, header, expansion.rows)
    return FileReading(lambda: header, batches, lambda: int(file.metadata.num_rows))


@dataclass
class _Expansion:
    """How many rows to read at a time; `decoded` are columns that have to be decoded for that.

    Arrow reads a column of texts with its dictionary only if all pages are plain or refer to it.
    """

    rows: int = intake_limits.ROWS_PER_BATCH
    decoded: set[str] = field(default_factory=set)

    def limit(self, rows: int) -> None:
        """Read at most so many rows at a time, and at least one."""
        self.rows = max(min(self.rows, rows), 1)

    def learn(self, path: str, pages: "_Pages") -> None:
        """Take account of a column of texts."""
        if pages.encodings - DICTIONARY - {PLAIN}:
            self.decoded.add(path)
            # Each value can be as long as a page, or as a dictionary.
            if pages.encodings & (DICTIONARY | {SHARED_PREFIX}):
                self.limit(intake_limits.MOST_DECODED // max(pages.largest, 1))


@dataclass
class _Pages:
    """The pages of a column taken together; `largest` and `expanded` in bytes, decompressed."""

    expanded: int = 0
    values: int = 0
    largest: int = 0
    encodings: set[int] = field(default_factory=set)

    def add(self, page: Page) -> None:
        """Count one more page."""
        self.expanded += page.expanded
        self.values += page.values
        self.largest = max(self.largest, page.expanded)
        if page.values:
            self.encodings.add(page.encoding)

    def join(self, other: "_Pages") -> None:
        """Count those of another row group."""
        self.expanded += other.expanded
        self.values += other.values
        self.largest = max(self.largest, other.largest)
        self.encodings |= other.encodings


def check_expansion(
    source: RawSource, metadata: pq.FileMetaData, header: Header, texts: Collection[str]
) -> _Expansion:
    """Refuse what expands too far, by the headers of its pages.

    What is decompressed at once is part of one row group.
    """
    all_groups, found = 0, _Expansion()
    columns = {path: _Pages() for path in texts}
    for number in range(metadata.num_row_groups):
        group, expanded = metadata.row_group(number), 0
        for chunk in _chunks(group, header):
            of_chunk, path = _pages_of(source, chunk), chunk.path_in_schema
            expanded += of_chunk.expanded
            columns.setdefault(path, _Pages()).join(of_chunk)
        all_groups += expanded
        if all_groups > source.limits.expanded:
            raise source.reject("too_large", "its columns expand beyond the limit")
        if expanded > intake_limits.MOST_IN_A_GROUP:
            problem = f"a row group expands to more than {intake_limits.MOST_IN_A_GROUP >> 20} MiB"
            raise source.reject("too_large", f"{problem}; write smaller row groups")
        found.limit(intake_limits.MOST_DECODED * max(group.num_rows, 1) // max(expanded, 1))
    for path in texts:
        found.learn(path, columns[path])
    return found


def _chunks(group: pq.RowGroupMetaData, header: Header) -> Iterator[pq.ColumnChunkMetaData]:
    for position in range(group.num_columns):
        chunk = group.column(position)
        if chunk.path_in_schema.split(".")[0] in header.present:
            yield chunk


def _pages_of(source: RawSource, chunk: pq.ColumnChunkMetaData) -> _Pages:
    """All pages of a column chunk."""
    positions = [chunk.data_page_offset]  # 0 where there is no such page
    if chunk.has_dictionary_page:
        positions.append(chunk.dictionary_page_offset or 0)
    start = min((place for place in positions if place > 0), default=0)
    found = _Pages()
    try:
        for page in pages(source.descriptor, start, chunk.total_compressed_size):
            found.add(page)
    except (Unreadable, OSError, OverflowError):
        raise source.reject("corrupt", "a Parquet page cannot be read") from None
    if found.values > intake_limits.MOST_VALUES:
        raise source.reject(
            "too_large", f"a column has more than {intake_limits.MOST_VALUES:,} values"
        )
    return found


def _texts(metadata: pq.FileMetaData, schema: pa.Schema, header: Header) -> list[str]:
    """Paths of the columns whose values can be of any length."""
    found = []
    for position in range(metadata.num_columns):
        path = metadata.schema.column(position).path
        name = path.split(".")[0]
        if name in header.present:
            kind = schema.field(name).type
            kind = _plain_type(kind.value_type if is_list(kind) else kind)
            if is_text(kind) or is_bytes(kind):
                found.append(path)
    return found


def _batches(
    source: RawSource, file: pq.ParquetFile, table: RawTable, header: Header, rows: int
) -> Iterator[RawBatch]:
    in_utc = int96_columns(file)
    batches = file.iter_batches(rows, columns=list(header.present), use_threads=False)
    first, expanded = 1, 0
    while True:
        try:
            batch = next(batches, None)
        except UNREADABLE:
            raise source.reject("corrupt", "a Parquet page cannot be read") from None
        if batch is None:
            return
        for piece in pieces(with_zones(batch, in_utc), source.limits.field + 1):
            expanded += piece.decoded
            if expanded > source.limits.expanded:
                raise source.reject("too_large", "its columns expand beyond the limit")
            yield RawBatch(_plain_rows(source, piece, table.columns, first))
            first += piece.rows.num_rows


def int96_columns(file: pq.ParquetFile) -> frozenset[str]:
    """Columns of times as Hive, Impala and old Spark write them: in UTC, though no type says so."""
    columns = (file.schema.column(number) for number in range(len(file.schema)))
    return frozenset(column.path for column in columns if column.physical_type == "INT96")


def with_zones(batch: pa.RecordBatch, in_utc: Collection[str]) -> pa.RecordBatch:
    """The batch with the zone of the columns that are in UTC."""
    for name in [name for name in batch.schema.names if name in in_utc]:
        position = batch.schema.get_field_index(name)
        column = batch.column(position).view(pa.timestamp("us", "UTC"))
        batch = batch.set_column(position, name, column)
    return batch


def _plain_rows(
    source: RawSource, piece: Piece, kinds: Mapping[str, Kind], first: int
) -> pa.RecordBatch:
    """The rows as text and zoned timestamps, as the text formats give them."""
    batch = piece.rows
    columns = {"row_number": pa.array(range(first, first + batch.num_rows), pa.int64())}
    for name in batch.schema.names:
        try:
            column = batch.column(name)
            if is_list(column.type):
                columns[name] = _joined(column, piece.too_long[name], source.limits.field + 1)
            else:
                columns[name] = _plain(column, kinds[name])
        except pa.ArrowException:
            raise source.reject(f"schema_type:{name}", "values do not cast exactly") from None
    return pa.record_batch(columns)


def _fits(found: pa.DataType, kind: Kind) -> bool:
    found = _plain_type(found)
    plain = is_text(found) or is_bytes(found) or bool(pt.is_null(found))
    return plain or _NATIVE[kind](found)


def _is_list_of_text(found: pa.DataType) -> bool:
    return is_list(found) and is_text(_plain_type(found.value_type))


def _plain_type(found: pa.DataType) -> pa.DataType:
    """The type without its dictionary."""
    return found.value_type if pt.is_dictionary(found) else found


def is_text(found: pa.DataType) -> bool:
    """Text that is annotated as such."""
    return bool(pt.is_string(found) or pt.is_large_string(found) or pt.is_string_view(found))


def is_bytes(found: pa.DataType) -> bool:
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
        return uuid_texts(column)
    if is_bytes(column.type):
        return column.cast(pa.binary())
    if kind == "instant" and pt.is_timestamp(column.type):
        return exact_instants(column)
    if kind == "date" and not is_text(column.type):
        column = _exact_dates(column)
    if is_text(column.type):
        return column.cast(pa.binary() if pt.is_string(column.type) else pa.large_binary())
    return column.cast(pa.string())


def _joined(column: pa.Array, too_long: NDArray[np.bool_], longest: int) -> pa.Array:
    """The elements of each list as one text; a text that is too long where they would be one."""
    positions = np.cumsum(~too_long) - 1
    kept = column.filter(pa.array(~too_long))
    values = kept.flatten()
    if pt.is_dictionary(values.type):
        values = values.dictionary_decode()
    offsets = pc.subtract(kept.offsets, kept.offsets[0]) if len(kept) else kept.offsets
    make = pa.LargeListArray if pt.is_large_list(kept.type) else pa.ListArray
    texts = pc.binary_join(make.from_arrays(offsets, values, mask=kept.is_null()), ";")
    if too_long.any():
        texts = pc.take(texts, pa.array(positions, pa.int64(), mask=too_long))
        texts = pc.if_else(pa.array(too_long), pa.scalar("-" * longest, texts.type), texts)
    return texts.cast(pa.binary() if is_text(texts.type) else texts.type)


def uuid_texts(column: pa.Array) -> pa.Array:
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


def exact_instants(column: pa.Array) -> pa.Array:
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
