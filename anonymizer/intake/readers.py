"""Chooses the reader of a raw file by its extension."""

from anonymizer.intake.batches import FileReading
from anonymizer.intake.contract import RawTable
from anonymizer.intake.csv_reader import read_csv
from anonymizer.intake.json_lines import read_json_lines
from anonymizer.intake.parquet_reader import read_parquet
from anonymizer.intake.raw_source import RawSource

_COMPRESSIONS = {".gz": ("gzip", b"\x1f\x8b"), ".zst": ("zstd", b"\x28\xb5\x2f\xfd")}


def read(source: RawSource, table: RawTable) -> FileReading:
    """The rows of a file, whatever its format; each reader documents its refusals.

    Raises InputRejected `unknown_format` for other extensions and `wrong_format` for a
    compressed file that is not.
    """
    name, compression = source.name, ""
    if name.endswith(".parquet"):
        return read_parquet(source, table)
    for extension, (kind, magic) in _COMPRESSIONS.items():
        if name.endswith(extension):
            name, compression = name.removesuffix(extension), kind
            if not source.begins_with(magic):
                raise source.reject("wrong_format", f"this is not {kind}")
    if name.endswith(".csv"):
        return read_csv(source, table, compression)
    if name.endswith((".jsonl", ".ndjson")):
        return read_json_lines(source, table, compression)
    raise source.reject("unknown_format", "use .parquet, .csv or .jsonl, also with .gz or .zst")
