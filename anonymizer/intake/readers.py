"""Chooses the reader of a raw file: its own mapping, otherwise by its extension."""

from typing import Protocol, runtime_checkable

from anonymizer.intake.batches import FileReading
from anonymizer.intake.contract import RawTable
from anonymizer.intake.csv_reader import read_csv
from anonymizer.intake.json_lines import read_json_lines
from anonymizer.intake.parquet_reader import read_parquet
from anonymizer.intake.raw_source import RawSource

_COMPRESSIONS = {".gz": ("gzip", b"\x1f\x8b"), ".zst": ("zstd", b"\x28\xb5\x2f\xfd")}


@runtime_checkable
class FileMapping(Protocol):
    """Reads files that are not laid out as the raw contract says."""

    @property
    def parquet(self) -> bool:
        """Whether they are Parquet."""
        ...

    def read(self, source: RawSource, table: RawTable) -> FileReading:
        """The rows of a file in the contract's columns. Raises InputRejected."""
        ...


def read(source: RawSource, table: RawTable) -> FileReading:
    """The rows of a file, whatever its format; each reader documents its refusals.

    Raises InputRejected `unknown_format` for other extensions and `wrong_format` for a
    compressed file that is not.
    """
    if isinstance(source.mapping, FileMapping):
        return source.mapping.read(source, table)
    if source.name.endswith(".parquet"):
        return read_parquet(source, table)
    name, compression = split_compression(source)
    if name.endswith(".csv"):
        return read_csv(source, table, compression)
    if name.endswith((".jsonl", ".ndjson")):
        return read_json_lines(source, table, compression)
    raise source.reject("unknown_format", "use .parquet, .csv or .jsonl, also with .gz or .zst")


def split_compression(source: RawSource) -> tuple[str, str]:
    """The name of a file without what says that it is compressed, and how it is.

    Raises InputRejected `wrong_format` for a compressed file that is not.
    """
    for extension, (kind, magic) in _COMPRESSIONS.items():
        if source.name.endswith(extension):
            if not source.begins_with(magic):
                raise source.reject("wrong_format", f"this is not {kind}")
            return source.name.removesuffix(extension), kind
    return source.name, ""
