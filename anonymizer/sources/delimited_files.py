"""Reads CSV of any delimiter, with or without quoting and header, by the strict reader of intake.

Bytes are exchanged on the way: the delimiter and the comma, and where nothing is quoted the
quotation mark and a control character. Both are exchanged back in the values. So the rules of RFC
4180, the count of rows and their numbers are the same for every delimiter.
"""

import csv
import io
from dataclasses import dataclass

import pyarrow as pa

from anonymizer.intake import intake_limits
from anonymizer.intake.contract import TABLES, RawTable
from anonymizer.intake.csv_reader import read_csv
from anonymizer.intake.raw_source import Expanded, RawSource
from anonymizer.intake.readers import split_compression
from anonymizer.sources.leaf_batches import (
    LeafBatch,
    LeafReading,
    batch_of,
    legible,
    require_paths,
    without_faults,
)
from anonymizer.sources.source_catalogue import Source

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_STANDS_FOR_QUOTE = "\x1e"


@dataclass(frozen=True)
class _ExchangedSource(RawSource):
    """A raw file whose bytes are exchanged while they are read; `head` goes before them."""

    exchange: bytes = b""
    head: bytes = b""

    def expanded(self, compression: str) -> Expanded:
        """The exchanged bytes, from the start."""
        return Expanded(self, _Exchanged(super().expanded(compression), self))


class _Exchanged:
    """A stream that exchanges bytes."""

    def __init__(self, stream: io.RawIOBase, source: _ExchangedSource) -> None:
        self._stream, self._exchange, self._head = stream, source.exchange, source.head
        self._waiting: bytes | None = None  # of what was read, what was more than was asked for

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        if self._waiting is None:
            begin = self._stream.read(len(_BYTE_ORDER_MARK)) or b""
            self._waiting = self._head + begin.removeprefix(_BYTE_ORDER_MARK)
        content = self._waiting if size < 0 else self._waiting[:size]
        self._waiting = self._waiting[len(content) :]
        if len(content) != size:
            content += self._stream.read(size - len(content) if size >= 0 else -1) or b""
        return content.translate(self._exchange)


def read_delimited(file: RawSource, source: Source, leaves: dict[str, str]) -> LeafReading:
    """The values of the columns that a source maps.

    Raises InputRejected as `csv_reader.read_csv`, and `schema_missing:<columns>`.
    """
    settings = source.settings
    exchange = _exchange(settings.delimiter, quoted=settings.quoting != "none")
    names = {path: path.translate(exchange) for path in leaves}
    table = RawTable(source.table, dict.fromkeys(names.values(), "identifier"), (), ())
    delimiter = "\t" if settings.delimiter == "tab" else settings.delimiter
    head = f"{delimiter.join(settings.header)}\n".encode() if settings.header else b""
    exchanged = _ExchangedSource(
        file.name,
        file.digest,
        file.size,
        file.descriptor,
        file.limits,
        file.streams,
        exchange=_byte_table(exchange),
        head=head,
    )
    _, compression = split_compression(file)
    # Before the rows: all streams of a file share one position.
    columns = tuple(name.translate(exchange) for name in _header(exchanged, compression))
    reading = read_csv(exchanged, table, compression, _shortest(source, leaves))
    present = set(reading.header().present)
    found = frozenset(path for path, name in names.items() if name in present)
    require_paths(file, source, leaves, found)
    byte_table = exchanged.exchange
    batches = (
        LeafBatch(
            _leaf_rows(batch.rows, leaves, names, byte_table),
            batch.faults,
        )
        for batch in reading.batches
    )
    return LeafReading(batches, lambda: found, lambda: columns, reading.rows)


def _shortest(source: Source, leaves: dict[str, str]) -> int | None:
    """Of how many fields a row is that must not be lost among the lines of another."""
    table = TABLES[source.table]
    return min(len(table.required), len(leaves)) if table.objections else None


def _header(file: RawSource, compression: str) -> list[str]:
    """The names in the first line, those of fields that are never read among them."""
    line = io.BufferedReader(file.expanded(compression)).readline(intake_limits.LONGEST_ROW)
    return next(csv.reader([line.decode("utf-8-sig", errors="replace")]), [])


def _exchange(delimiter: str, *, quoted: bool) -> dict[int, int]:
    """Which characters stand for which, both ways."""
    pairs = [] if delimiter == "," else [(",", "\t" if delimiter == "tab" else delimiter)]
    if not quoted:
        pairs.append(('"', _STANDS_FOR_QUOTE))
    return {ord(one): ord(other) for pair in pairs for one, other in (pair, tuple(reversed(pair)))}


def _byte_table(exchange: dict[int, int]) -> bytes:
    return bytes(exchange.get(octet, octet) for octet in range(256))


def _leaf_rows(
    rows: pa.RecordBatch, leaves: dict[str, str], names: dict[str, str], exchange: bytes
) -> pa.RecordBatch:
    faults = without_faults(rows.num_rows)
    columns: dict[str, pa.Array] = {}
    for path, column in leaves.items():
        if names[path] in rows.schema.names:
            octets = _exchanged_values(rows.column(names[path]), exchange)
            columns[column], faults = legible(octets, path, faults)
        else:
            columns[column] = pa.nulls(rows.num_rows, pa.string())
    return batch_of(rows.column("row_number"), columns, faults)


def _exchanged_values(column: pa.Array, exchange: bytes) -> pa.Array:
    """The values with their bytes exchanged back; no length changes."""
    validity, offsets, octets = column.buffers()
    if octets is None:
        return column
    back = pa.py_buffer(octets.to_pybytes().translate(exchange))
    return pa.Array.from_buffers(
        pa.binary(), len(column), [validity, offsets, back], offset=column.offset
    )
