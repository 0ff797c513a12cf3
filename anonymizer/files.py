"""Files that are either whole or not there: written beside their place, fsynced, renamed."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.errors import NoSpace


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write `table`, replacing what was there. Equal rows in equal order give equal bytes."""
    # Page boundaries follow the chunks of a table, and these follow threads.
    whole = table.combine_chunks()
    _write(path, lambda temporary: pq.write_table(whole, temporary, compression="zstd"))


def write_bytes(content: bytes, path: Path) -> None:
    """Write `content`, replacing what was there."""
    _write(path, lambda temporary: temporary.write_bytes(content))


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    """Fill a temporary file in the folder of `path` and rename it; raises NoSpace."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fill(temporary)
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise NoSpace(path.parent.name, type(error).__name__) from None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
