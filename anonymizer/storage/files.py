"""Files that are either whole or not there: written beside their place, fsynced, renamed.

Their modes are stated, never left to the umask: a file is its owner's alone unless it is published.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonymizer.model.errors import NoSpace
from anonymizer.storage import storage_limits

if TYPE_CHECKING:
    import pyarrow as pa


PUBLIC, PRIVATE = 0o644, 0o600
_FOLDERS = {PUBLIC: 0o755, PRIVATE: 0o700}


def write_parquet(table: "pa.Table", path: Path, *, mode: int = PRIVATE) -> None:
    """Write `table`, replacing what was there. Equal rows in equal order give equal bytes."""
    import pyarrow.parquet as pq  # noqa: PLC0415  slow to import, and many commands write JSON only

    # Page boundaries follow the chunks of a table, and these follow threads.
    whole = table.combine_chunks()
    _write(path, lambda temporary: pq.write_table(whole, temporary, compression="zstd"), mode)


def read_rows(
    path: Path, columns: Sequence[str] | None = None, *, memory_map: bool = False
) -> "pa.Table":
    """The rows of one Parquet file. Raises OSError and ArrowInvalid.

    The file is opened as what it is: looking for a data set first takes up to eight times as long.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415  see write_parquet

    with pq.ParquetFile(path, memory_map=memory_map) as file:
        return file.read(columns=columns)


def write_parquet_stream(rows: "pa.RecordBatchReader", path: Path) -> int:
    """Write rows as `write_parquet` does, some at a time; returns how many. Raises NoSpace."""
    import pyarrow as pa  # noqa: PLC0415  see write_parquet
    import pyarrow.parquet as pq  # noqa: PLC0415  see write_parquet

    written = 0

    def fill(temporary: Path) -> None:
        nonlocal written
        with pq.ParquetWriter(temporary, rows.schema, compression="zstd") as writer:
            for batches in _portions(rows, storage_limits.ROWS_OF_A_GROUP):
                # Page boundaries follow the chunks of a table, and these follow threads.
                group = pa.Table.from_batches(batches, rows.schema).combine_chunks()
                writer.write_table(group, row_group_size=storage_limits.ROWS_OF_A_GROUP)
                written += group.num_rows

    _write(path, fill, PRIVATE)
    return written


def take_over(source: Path, target: Path) -> None:
    """Rename a finished private file to its place, durably, replacing what was there.

    Raises NoSpace.
    """
    try:
        make_folder(target.parent)
        source.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise NoSpace(target.parent.name, type(error).__name__) from None


def write_bytes(content: bytes, path: Path, *, mode: int = PRIVATE) -> None:
    """Write `content`, replacing what was there. Raises NoSpace."""
    _write(path, lambda temporary: temporary.write_bytes(content), mode)


def write_new(content: bytes, path: Path) -> None:
    """Write a new private file in place of none, not even of a link. Raises NoSpace.

    One that cannot be written whole is removed.
    """
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(path, flags, PRIVATE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, PRIVATE)  # whatever the umask
                file.write(content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise NoSpace(str(path.parent), type(error).__name__) from None


def make_folder(folder: Path, mode: int = PRIVATE) -> None:
    """Make a folder for files of this mode, and what is missing above it, whatever the umask."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    folder.mkdir(exist_ok=True)
    folder.chmod(_FOLDERS[mode])


def canonical_json(content: Any) -> str:
    """JSON in its one form: equal content gives equal text. Refuses NaN and unknown types."""
    return json.dumps(
        content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def sha256(path: Path) -> str:
    """The digest of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def move_into_place(source: Path, target: Path) -> None:
    """Publish a finished file or folder by renaming it, durably; raises NoSpace.

    A folder replaces nothing.
    """
    try:
        make_folder(target.parent, PUBLIC)
        _sync(source)
        source.replace(target)
        _sync(target.parent)
        _sync(target.parent.parent)
    except OSError as error:
        raise NoSpace(target.parent.name, type(error).__name__) from None


def _write(path: Path, fill: Callable[[Path], object], mode: int) -> None:
    """Fill a temporary file in the folder of `path` and rename it; raises NoSpace."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        make_folder(path.parent, mode)
        # Made with the mode of a secret: what it holds is not seen before it has its own.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
        temporary.chmod(PRIVATE)
        fill(temporary)
        temporary.chmod(mode)
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise NoSpace(path.parent.name, type(error).__name__) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _portions(batches: Iterable["pa.RecordBatch"], size: int) -> Iterator[list["pa.RecordBatch"]]:
    """The rows in portions of this size, the last one smaller; without rows one that is empty."""
    portion: list[pa.RecordBatch] = []
    room, first = size, True
    for batch in batches:
        start = 0
        while batch.num_rows - start >= room:
            yield [*portion, batch.slice(start, room)]
            start += room
            portion, room, first = [], size, False
        if start < batch.num_rows:
            portion.append(batch.slice(start))
            room -= batch.num_rows - start
    if portion or first:
        yield portion


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
