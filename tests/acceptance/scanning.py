"""Reads all that a file could hide: compressed pages, statistics, database rows, archives."""

import gzip
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq


def contents(path: Path) -> Iterator[bytes]:
    """The raw bytes of a file, then everything that its format packs away."""
    raw = path.read_bytes()
    yield path.name.encode()
    yield raw
    if path.suffix == ".parquet":
        yield from _parquet(path)
    elif path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif path.suffix == ".gz":
        yield gzip.decompress(raw)
    elif raw.startswith(b"SQLite format 3"):
        yield from _sqlite(path)
    elif path.suffix == ".duckdb":
        yield from _duckdb(path)


def _parquet(path: Path) -> Iterator[bytes]:
    file = pq.ParquetFile(path)
    for group in range(file.metadata.num_row_groups):
        for column in range(file.metadata.num_columns):
            yield str(file.metadata.row_group(group).column(column).statistics).encode()
    for batch in file.iter_batches():
        for column_values in batch.columns:
            yield repr(column_values.to_pylist()).encode()


def _sqlite(path: Path) -> Iterator[bytes]:
    with sqlite3.connect(path) as connection:
        connection.text_factory = bytes
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            for row in connection.execute(f'SELECT * FROM "{name.decode()}"'):
                yield repr(row).encode()


def _duckdb(path: Path) -> Iterator[bytes]:
    with duckdb.connect(str(path), read_only=True) as connection:
        for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            yield repr(connection.execute(f'SELECT * FROM "{name}"').fetchall()).encode()
        yield repr(connection.execute("SELECT * FROM duckdb_columns()").fetchall()).encode()


def found(words: list[bytes], folder: Path, leave_out: set[str]) -> list[str]:
    """`file: word` for each word that stands anywhere under `folder`."""
    hits = []
    for path in sorted(folder.rglob("*")):
        top = path.relative_to(folder).parts[0]
        if top in leave_out or not path.is_file() or path.is_symlink():
            continue
        for text in contents(path):
            lowered = text.lower()
            hits += [f"{path.relative_to(folder)}: {word!r}" for word in words if word in lowered]
    return hits
