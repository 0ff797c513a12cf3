"""Opens a raw file once, safely, and proves that what was read is what was hashed."""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from anonymizer.intake import intake_limits
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.model.errors import InputRejected
from anonymizer.model.policy import IntakeLimits
from anonymizer.storage.object_tree import ObjectPath

_MEGABYTE = 1_000_000
_BYTES_PER_CHARACTER = 4  # at most, in UTF-8
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Limits:
    """Bytes that a file may have, as it lies there and expanded, and that a field may have."""

    stored: int
    expanded: int
    field: int

    @classmethod
    def of(cls, intake: IntakeLimits) -> "Limits":
        """The limits as the policy states them."""
        return cls(
            intake.max_file_megabytes * _MEGABYTE,
            intake.max_expanded_megabytes * _MEGABYTE,
            intake.max_field_characters * _BYTES_PER_CHARACTER,
        )


@dataclass(frozen=True)
class RawSource:
    """An open raw file: its bytes are those of `digest`."""

    name: str
    digest: str
    size: int
    descriptor: int
    limits: Limits
    streams: list[io.BufferedReader] = field(default_factory=list)
    mapping: object = None  # what reads it instead of the reader of its extension

    def reject(self, reason: str, detail: str = "") -> InputRejected:
        """The refusal of this file, to be raised."""
        return InputRejected(self.name, reason, self.digest, detail)

    def begins_with(self, *magics: bytes) -> bool:
        """Whether the first bytes are one of these."""
        return os.pread(self.descriptor, 4, 0).startswith(magics)

    def stored(self) -> io.BufferedReader:
        """The bytes as they lie there, from the start."""
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        self.streams.append(os.fdopen(self.descriptor, "rb", closefd=False))
        return self.streams[-1]

    def expanded(self, compression: str) -> "Expanded":
        """The bytes without their compression (`gzip`, `zstd` or empty), from the start."""
        stream = self.stored()
        if not compression:
            return Expanded(self, stream)
        return Expanded(self, pa.CompressedInputStream(pa.PythonFile(stream, "r"), compression))


class Expanded(io.RawIOBase):
    """Bytes without their compression; raises InputRejected `too_large` at the limit.

    Nothing is expanded ahead of what is read.
    """

    def __init__(self, source: RawSource, stream: "io.BufferedReader | pa.NativeFile") -> None:
        super().__init__()
        self._source, self._stream = source, stream
        self.total = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, without a copy on the way; none at the end."""
        return self._read(size)

    def readinto(self, buffer: object) -> int:
        """Fill `buffer`; 0 at the end."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        content = self._read(len(view))
        view[: len(content)] = content
        return len(content)

    def _read(self, size: int) -> bytes:
        try:
            content: bytes = self._stream.read(size)
        except (OSError, pa.ArrowException, EOFError):
            raise self._source.reject("corrupt", "it cannot be decompressed") from None
        self.total += len(content)
        if self.total > self._source.limits.expanded:
            limit = self._source.limits.expanded // _MEGABYTE
            raise self._source.reject("too_large", f"expands to more than {limit} MB")
        return content


@contextmanager
def opened(file: LandedFile, limits: Limits) -> Iterator[RawSource]:
    """Open `file` without following links or waiting on pipes; check it again on leaving.

    Raises InputRejected: `empty_file`, `too_large`, `not_a_file`, `unreadable`,
    `manifest_digest`, and `changed` when its bytes, size or time differ after reading.
    """
    descriptor = _descriptor(file, limits)
    try:
        before = os.fstat(descriptor)
        _check_kind(file, before)
        _check_size(file, before.st_size, limits)
        digest = _digest(descriptor)
        if file.promised and file.promised != digest:
            raise InputRejected(file.name, "manifest_digest", digest)
        mapping = file.path.mapping if isinstance(file.path, ObjectPath) else None
        source = RawSource(file.name, digest, before.st_size, descriptor, limits, mapping=mapping)
        try:
            yield source
        finally:
            # Arrow may be reading ahead still; the next file that is opened has this number.
            for stream in source.streams:
                stream.close()
        after = os.fstat(descriptor)
        same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        if not same or _digest(descriptor) != digest:
            raise InputRejected(file.name, "changed", digest, "it was written to while being read")
    finally:
        os.close(descriptor)


def _descriptor(file: LandedFile, limits: Limits) -> int:
    """Of the file itself, or of a copy of an object, which is not made of one that is too large."""
    path = file.path
    if isinstance(path, ObjectPath) and not path.filed:
        _check_size(file, path.lstat().st_size, limits)
        return path.fetch()
    local = path.filed if isinstance(path, ObjectPath) else path
    assert isinstance(local, Path), "of these two kinds"
    try:
        return os.open(local, _FLAGS)
    except OSError as error:
        raise InputRejected(file.name, "unreadable", detail=type(error).__name__) from None


def _check_kind(file: LandedFile, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InputRejected(file.name, "not_a_file")


def _check_size(file: LandedFile, size: int, limits: Limits) -> None:
    if size == 0:
        raise InputRejected(file.name, "empty_file")
    if size > limits.stored:
        limit = limits.stored // _MEGABYTE
        raise InputRejected(file.name, "too_large", detail=f"the limit is {limit} MB")


def _digest(descriptor: int) -> str:
    """SHA-256 of the whole file, through the open descriptor."""
    total, offset = hashlib.sha256(), 0
    while chunk := os.pread(descriptor, intake_limits.HASHED_BYTES, offset):
        total.update(chunk)
        offset += len(chunk)
    return total.hexdigest()
