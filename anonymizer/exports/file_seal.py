"""The seal inside a workbook or Parquet file, so that the file can be checked on its own.

A sealed statement names the release, the recipient and the file, and has a digest of everything
else in the file: all parts of a workbook but its properties, or all values of a Parquet file. A CSV
file has no room for a seal; its digest is in the certificate.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.exports.parquet_file import SCHEMA
from anonymizer.exports.workbook_parts import (
    LONGEST_PROPERTY,
    SEAL_PROPERTIES,
    NoWorkbook,
    content_digest,
    properties_of,
)
from anonymizer.model.errors import Held
from anonymizer.release.release import Release
from anonymizer.storage.files import canonical_json
from anonymizer.storage.secret import Secret
from anonymizer.storage.signature import opened, sealed

METADATA = b"audience_seal"
_FORMAT = "2"
_FIELDS = ("provider", "recipient", "release", "file", "format", "content")


@dataclass(frozen=True)
class FileSeal:
    """What the seal in a file states, and the fingerprint of the key that sealed it.

    `intact` says whether everything else in the file is what was sealed.
    """

    provider: str
    recipient: str
    release: str
    file: str
    key: str
    intact: bool


@dataclass(frozen=True)
class Sealer:
    """Seals the files of one folder."""

    release: Release
    recipient: str
    secret: Secret

    def document(self, file: str, content: str) -> dict[str, Any]:
        """The sealed statement about a file with this digest of its content."""
        statement = {
            "provider": self.release.provider[:LONGEST_PROPERTY],
            "recipient": self.recipient,
            "release": self.release.id,
            "file": file,
            "format": _FORMAT,
            "content": content,
        }
        return sealed(statement, self.secret)

    def properties(self, file: str, content: str) -> Mapping[str, str]:
        """The same as properties of a workbook."""
        document = self.document(file, content)
        seal = document["seal"]
        values = [*(document[field] for field in _FIELDS), seal["signature"], seal["public_key"]]
        return dict(zip(SEAL_PROPERTIES, values, strict=True))

    def parquet(self, table: pa.Table, file: str) -> pa.Table:
        """A table with the seal in its metadata."""
        document = self.document(file, _digest_of(table))
        metadata = {METADATA: json.dumps(document, ensure_ascii=False)}
        return table.replace_schema_metadata(metadata)


def read_seal(name: str, content: bytes, key: str = "") -> FileSeal | None:
    """The seal in a file, proved to be made with `key` if one is given; None without a seal.

    Raises Held `certificate` when the seal does not fit, or a file cannot be read.
    """
    try:
        if name.lower().endswith(".xlsx"):
            return _of_workbook(content, key)
        if name.lower().endswith(".parquet"):
            return _of_parquet(content, key)
    except (NoWorkbook, pa.ArrowException, OSError, ValueError, RecursionError) as error:
        problem = f"{name} cannot be read ({type(error).__name__})"
        raise Held("certificate", f"{problem}; ask the sender for a new copy") from None
    return None


def _of_workbook(content: bytes, key: str) -> FileSeal | None:
    values = properties_of(content)
    if not values:
        return None
    texts = [values.get(name, "") for name in SEAL_PROPERTIES]
    *statement, signature, public = texts
    seal = {"algorithm": "Ed25519", "public_key": public, "signature": signature}
    document = {**dict(zip(_FIELDS, statement, strict=True)), "seal": seal}
    return _opened(document, key, content_digest(content))


def _of_parquet(content: bytes, key: str) -> FileSeal | None:
    file = pq.ParquetFile(io.BytesIO(content))
    held = (file.schema_arrow.metadata or {}).get(METADATA)
    if held is None:
        return None
    document = json.loads(held)
    digest = ""
    if file.schema_arrow.remove_metadata().equals(SCHEMA):
        digest = _digest_of(file.read())
    return _opened(document if isinstance(document, dict) else {}, key, digest)


def _digest_of(table: pa.Table) -> str:
    """The digest of the values, row by row, as they are: a text that is empty is not a null."""
    columns = [[*map(_json, column.to_pylist())] for column in table.columns]
    lines = map(",".join, zip(*columns, strict=True))
    return hashlib.sha256("".join([f"[{line}]\n" for line in lines]).encode()).hexdigest()


def _json(value: Any) -> str:
    """A value in canonical JSON; of a date its text."""
    return encode_basestring(value) if isinstance(value, str) else _known_json(value)


@lru_cache(maxsize=4096)
def _known_json(value: Any) -> str:
    return canonical_json(value.isoformat() if isinstance(value, date) else value)


def _opened(document: Mapping[str, Any], key: str, content: str) -> FileSeal:
    statement, found = opened(document, key)
    texts = {field: str(statement.get(field, "")) for field in _FIELDS}
    if texts["format"] != _FORMAT:
        problem = "the seal was made by another version of the program"
        raise Held("certificate", f"{problem}; check the file with its certificate")
    return FileSeal(
        texts["provider"],
        texts["recipient"],
        texts["release"],
        texts["file"],
        found,
        texts["content"] == content,
    )
