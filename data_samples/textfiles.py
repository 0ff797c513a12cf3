"""Text files of raw rows: CSV (plain, gzip, zstd) and JSON lines, read and written.

The same rows give the same bytes: no file holds a time stamp or a name of its own.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from data_samples.dirt import EXTRA_FIELD
from data_samples.raw_schemas import Row

_WIB_US = 7 * 3_600 * 1_000_000
LIST_SEPARATOR = ";"


def text_rows(table: pa.Table) -> list[Row]:
    """The rows as text files have them: moments in Jakarta time, lists with semicolons."""
    columns = [_as_text(table.column(field.name), field.type) for field in table.schema]
    return [dict(zip(table.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def _as_text(column: pa.ChunkedArray, kind: pa.DataType) -> list[str | None]:
    if pa.types.is_list(kind):
        column = pc.binary_join(column, LIST_SEPARATOR)
    elif pa.types.is_timestamp(kind):
        local = pc.add(column.cast(pa.int64()), _WIB_US)
        millis = pc.multiply(pc.divide(local, 1_000), 1_000)
        unit = "ms" if pc.all(pc.equal(millis, local)).as_py() is not False else "us"
        text = local.cast(pa.timestamp("us")).cast(pa.timestamp(unit)).cast(pa.string())
        column = pc.binary_join_element_wise(pc.replace_substring(text, " ", "T"), "+07:00", "")
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts


def write_text(
    path: Path, rows: Iterable[Row], schema: pa.Schema, *, windows: bool = False
) -> None:
    """Write the rows in the format that the name says; `windows` adds a BOM and CRLF to CSV."""
    if path.suffix == ".jsonl":
        content = _json_lines(rows, schema)
    else:
        content = _delimited(rows, schema.names, "\r\n" if windows else "\n")
        content = "\ufeff" + content if windows else content
    path.write_bytes(_packed(content.encode(), path.suffix))


def _delimited(rows: Iterable[Row], columns: Sequence[str], line_end: str) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=line_end)
    writer.writerow(columns)
    writer.writerows(row.values() for row in rows)
    return buffer.getvalue()


def _json_lines(rows: Iterable[Row], schema: pa.Schema) -> str:
    numbers = {field.name for field in schema if pa.types.is_integer(field.type)}
    decisions = {field.name for field in schema if pa.types.is_boolean(field.type)}

    def value(column: str, text: str | None) -> str | int | bool | None:
        if column in numbers and text is not None and text.isdigit():
            return int(text)
        if column in decisions and text in {"true", "false"}:
            return text == "true"
        return text

    lines = (
        json.dumps(
            {column: value(column, text) for column, text in row.items()}, ensure_ascii=False
        )
        for row in rows
    )
    return "".join(f"{line}\n" for line in lines)


def _packed(content: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(content, mtime=0)
    if suffix == ".zst":
        packed: bytes = pa.Codec("zstd").compress(content, asbytes=True)
        return packed
    return content


def read_text(path: Path) -> list[Row]:
    """The rows of a text file, as they stand; rows of a CSV may have extra or missing keys."""
    content = _unpacked(path).decode("utf-8-sig")
    if path.suffix == ".jsonl":
        return [
            {column: _json_text(value) for column, value in json.loads(line).items()}
            for line in content.split("\n")[:-1]
        ]
    header, *rows = csv.reader(io.StringIO(content, newline=""))
    return [
        {name: field or None for name, field in zip([*header, EXTRA_FIELD], row, strict=False)}
        for row in rows
    ]


def _json_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        with pa.CompressedInputStream(str(path), "zstd") as stream:
            content: bytes = stream.read()
        return content
    return path.read_bytes()
