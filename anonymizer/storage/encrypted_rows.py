"""Files of rows that nobody reads without the key: batches in order, each encrypted, and an end.

A record is the length of what follows and an AES-256-GCM ciphertext of it. Each file has a key of
its own, so that the number of a record is its nonce; the first record is a header, and the last
one, which is empty, shows that nothing was cut off. Anything that does not fit is `Unusable`.
"""

import json
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from anonymizer.storage.files import PRIVATE

_SALT_BYTES, _KEY_BYTES = 32, 32
_LENGTH = struct.Struct(">Q")
_NONCE = struct.Struct(">4xQ")
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Unusable(Exception):
    """A file that is cut off, was changed, or was written with another key."""


class EncryptedWriter:
    """Writes a new file: the header, then batches. A file that was not closed is unusable."""

    def __init__(self, path: Path, key: bytes, header: Mapping[str, Any]) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
        self._file = os.fdopen(descriptor, "wb")
        salt = os.urandom(_SALT_BYTES)
        self._cipher, self._number = _cipher(key, salt), 0
        self._file.write(salt)
        self._add(json.dumps(header).encode())

    def write(self, rows: pa.Table) -> None:
        """Add rows; none are a record without rows, which keeps the columns."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema, options=_OPTIONS) as stream:
            stream.write_table(rows)
        self._add(sink.getvalue().to_pybytes())

    def close(self) -> None:
        """Write the end, durably."""
        with self._file:
            self._add(b"")
            self._file.flush()
            os.fsync(self._file.fileno())

    def _add(self, plain: bytes) -> None:
        sealed = self._cipher.encrypt(_NONCE.pack(self._number), plain, None)
        self._file.write(_LENGTH.pack(len(sealed)))
        self._file.write(sealed)
        self._number += 1


@contextmanager
def encrypted_reader(path: Path, key: bytes) -> Iterator["EncryptedReader"]:
    """The rows of a file. Raises Unusable, at the latest at its end."""
    try:
        with path.open("rb") as file:
            yield EncryptedReader(file, key)
    except OSError as error:
        raise Unusable(type(error).__name__) from None


class EncryptedReader:
    """An open file: `header`, then `batches()`, once."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self._file, self._number = file, 0
        self._left = os.fstat(file.fileno()).st_size
        self._cipher = _cipher(key, self._take(_SALT_BYTES))
        self.header: Mapping[str, Any] = json.loads(self._next())

    def batches(self) -> Iterator[pa.Table]:
        """All rows, in portions. Raises Unusable."""
        while plain := self._next():
            yield pa.ipc.open_stream(plain).read_all()
        if self._left:
            raise Unusable("bytes after the end")

    def _next(self) -> bytes:
        sealed = self._take(*_LENGTH.unpack(self._take(_LENGTH.size)))
        try:
            plain = self._cipher.decrypt(_NONCE.pack(self._number), sealed, None)
        except InvalidTag:
            raise Unusable("not written with this key, or changed") from None
        self._number += 1
        return plain

    def _take(self, size: int) -> bytes:
        if size > self._left:
            raise Unusable("cut off")
        self._left -= size
        return self._file.read(size)


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=b"encrypted rows")
    return AESGCM(derived.derive(key))
