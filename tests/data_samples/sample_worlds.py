"""A reader of raw files that shares no code with the generator."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.storage.home import Home
from data_samples.world import WorldOptions, WorldSummary, generate

ROOT = Path(__file__).parents[2]
# The design's raw contract, written out again: columns, and those that may not be null.
CONTRACT = {
    "profiles": "user_id* full_name email phone address gender birth_date region_code "
    "registered_at* closed_at",
    "visits": "visit_id* user_id cookie_id occurred_at* url* referrer product_category ip "
    "user_agent duration_ms page_response_ms interactions exit_method",
    "campaigns": "campaign_id* advertiser_id* advertiser_name* campaign_name* link_url* "
    "starts_on* ends_on* target_regions",
    "consents": "user_id* purpose* granted* decided_at*",
    "requests": "request_id* user_id* kind* requested_at*",
}
MEDIUM = WorldOptions(people=6_000, days=5, visits=30_000, dirt_share=0.01)


@dataclass(frozen=True)
class World:
    options: WorldOptions
    home: Home
    summary: WorldSummary

    def files(self, table: str) -> list[Path]:
        return sorted(
            path
            for path in (self.home.raw / table).rglob("*")
            if path.is_file() and not path.name.startswith("_")
        )

    def typed(self, table: str) -> pa.Table:
        parts = [pq.read_table(f) for f in self.files(table) if f.suffix == ".parquet"]
        return pa.concat_tables(parts)


def unpack(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    elif path.suffix == ".zst":
        content = pa.CompressedInputStream(pa.py_buffer(content), "zstd").read()
    return content.decode("utf-8-sig")


def lists_of(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV file, header first."""
    yield from csv.reader(io.StringIO(unpack(path), newline=""))


def raw_rows(path: Path) -> Iterator[dict[str, object]]:
    """Rows as they stand; CSV rows with a wrong number of fields are left out."""
    if path.suffix == ".parquet":
        yield from pq.read_table(path).to_pylist()
    elif path.suffix == ".jsonl":
        yield from (json.loads(line) for line in unpack(path).split("\n") if line)
    else:
        header, *rows = lists_of(path)
        yield from (dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header))


def build(options: WorldOptions, root: Path) -> World:
    home = Home(root)
    return World(options, home, generate(options, home))


def checksums(root: Path) -> dict[str, int]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): zlib.crc32(path.read_bytes()) for path in files}


def columns(table: str) -> list[str]:
    return CONTRACT[table].replace("*", "").split()


def required(table: str) -> list[str]:
    return re.findall(r"(\w+)\*", CONTRACT[table])


def reference(name: str) -> list[dict[str, str]]:
    with (ROOT / "data_samples" / "reference" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
