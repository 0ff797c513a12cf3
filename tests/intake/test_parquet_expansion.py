"""Small Parquet files that would fill the memory: known by their pages, read in bounded pieces."""

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.intake import intake_limits
from anonymizer.intake.contract import TABLES
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.intake.parquet_batches import decoded_sizes, pieces
from anonymizer.intake.parquet_reader import read_parquet
from anonymizer.intake.raw_source import Limits, opened
from anonymizer.model.errors import InputRejected
from anonymizer.storage.parquet_pages import Unreadable, pages

MEGABYTE = 1_000_000
LIMITS = Limits(4_096 * MEGABYTE, 16_384 * MEGABYTE, 4 * 8_192)
MARGIN = 1_500 * MEGABYTE  # of address space beside what Python and Arrow have when they are loaded


def repeated(text: str, rows: int) -> pa.Array:
    """One text in a dictionary and so many references to it."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def visits(rows: int, **columns: pa.Array) -> pa.Table:
    return pa.table(
        {
            "visit_id": repeated("v", rows),
            "user_id": repeated("u", rows),
            "occurred_at": repeated("2026-01-01T00:00:00Z", rows),
            "url": repeated("https://example.invalid/", rows),
            **columns,
        }
    )


def campaigns(rows: int, regions: pa.Array) -> pa.Table:
    names = ("campaign_id", "advertiser_id", "advertiser_name", "campaign_name", "link_url")
    texts = {name: repeated("x", rows) for name in names}
    days = {name: repeated("2026-01-01", rows) for name in ("starts_on", "ends_on")}
    return pa.table({**texts, **days, "target_regions": regions})


def long_lists(rows: int, each: int) -> pa.Array:
    offsets = pa.array(np.arange(rows + 1, dtype=np.int64) * each)
    return pa.LargeListArray.from_arrays(offsets, repeated("31", rows * each))


BOMBS: dict[str, tuple[str, Callable[[], pa.Table], dict[str, object]]] = {
    "10 GB of one text": (
        "visits",
        lambda: visits(10_000, url=repeated("x" * MEGABYTE, 10_000)),
        {},
    ),
    "10 GB in many row groups": (
        "visits",
        lambda: visits(10_000, url=repeated("x" * MEGABYTE, 10_000)),
        {"row_group_size": 500},
    ),
    "10 GB in many columns": (
        "visits",
        lambda: visits(
            2_000,
            **{
                name: repeated("x" * MEGABYTE, 2_000)
                for name in ("visit_id", "user_id", "url", "user_agent", "product_category")
            },
        ),
        {},
    ),
    "100 GB of one text": (
        "visits",
        lambda: visits(100_000, url=repeated("x" * MEGABYTE, 100_000)),
        {},
    ),
    "lists of a million": ("campaigns", lambda: campaigns(20, long_lists(20, MEGABYTE)), {}),
    "lists of long texts": (
        "campaigns",
        lambda: campaigns(
            10_000,
            pa.ListArray.from_arrays(
                pa.array(np.arange(10_001, dtype=np.int32)), repeated("x" * MEGABYTE, 10_000)
            ),
        ),
        {},
    ),
    "run-length encoded booleans": (
        "consents",
        lambda: pa.table(
            {
                "user_id": repeated("u", 5 * MEGABYTE),
                "purpose": repeated("use", 5 * MEGABYTE),
                "granted": pa.array(np.ones(5 * MEGABYTE, bool)),
                "decided_at": repeated("2026-01-01T00:00:00Z", 5 * MEGABYTE),
            }
        ),
        {
            "column_encoding": {"granted": "RLE"},
            "use_dictionary": ["user_id", "purpose", "decided_at"],
        },
    ),
}

_READ = """
import resource, sys
from pathlib import Path
import pyarrow.parquet, duckdb
from anonymizer.model.errors import InputRejected
from anonymizer.intake.parquet_reader import read_parquet
from anonymizer.intake.contract import TABLES
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.intake.raw_source import Limits, opened
path, table, margin = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + margin, used + margin))
rows = 0
try:
    with opened(LandedFile(table, path, path.name), Limits(*map(int, sys.argv[4:]))) as source:
        for batch in read_parquet(source, TABLES[table]).batches:
            rows += batch.rows.num_rows
except InputRejected as rejected:
    print(rejected.reason)
else:
    print(rows)
"""


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_would_fill_the_memory_is_read_within_a_limit(bomb: str, tmp_path: Path) -> None:
    """Not a measurement: with more than the margin, the process would fail."""
    table, make, options = BOMBS[bomb]
    path = tmp_path / f"{table}.parquet"
    made = make()
    pq.write_table(made, path, compression="zstd", store_schema=False, **options)
    assert path.stat().st_size < 200_000
    expected = "too_large" if bomb.startswith("100 GB") else str(len(made))
    assert read_in_a_process(path, table) == expected


def read_in_a_process(path: Path, table: str) -> str:
    """The number of rows, or why the file is refused, of a process that has no more memory."""
    limits = (LIMITS.stored, LIMITS.expanded, LIMITS.field)
    done = subprocess.run(
        [sys.executable, "-c", _READ, *map(str, (path, table, MARGIN, *limits))],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )
    assert done.returncode == 0, done.stderr[-1_000:]
    return done.stdout.strip()


def read(path: Path, table: str, limits: Limits = LIMITS) -> pa.Table:
    with opened(LandedFile(table, path, path.name), limits) as source:
        return pa.Table.from_batches([b.rows for b in read_parquet(source, TABLES[table]).batches])


def reason(path: Path, table: str, limits: Limits = LIMITS) -> str:
    with pytest.raises(InputRejected) as refused:
        read(path, table, limits)
    return refused.value.reason


def test_what_is_too_long_is_cut_and_still_too_long(tmp_path: Path) -> None:
    long = "\u20ac" * 40_000
    column = pa.array([long, "https://example.invalid/", None, "y" * LIMITS.field])
    pq.write_table(visits(4, url=column), tmp_path / "v.parquet")
    found = read(tmp_path / "v.parquet", "visits")["url"].to_pylist()
    assert found[1:] == [b"https://example.invalid/", None, b"y" * LIMITS.field]
    assert LIMITS.field - 4 < len(found[0]) <= LIMITS.field + 1
    assert found[0].decode("utf-8") in long

    lists = pa.array([["31", "32.71"], None, ["31"] * 20_000, [], ["32"]])
    pq.write_table(campaigns(5, lists), tmp_path / "c.parquet")
    codes = read(tmp_path / "c.parquet", "campaigns")["target_regions"].to_pylist()
    assert codes[:2] + codes[3:] == [b"31;32.71", None, b"", b"32"]
    assert len(codes[2]) > LIMITS.field


def test_a_row_group_that_expands_too_far_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(visits(10, url=pa.array(["x" * 10_000] * 10)), tmp_path / "v.parquet")
    monkeypatch.setattr(intake_limits, "MOST_IN_A_GROUP", 5_000)
    assert reason(tmp_path / "v.parquet", "visits") == "too_large"


def test_a_list_of_too_many_values_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(campaigns(2, long_lists(2, 1_000)), tmp_path / "c.parquet")
    assert len(read(tmp_path / "c.parquet", "campaigns")) == 2
    monkeypatch.setattr(intake_limits, "MOST_VALUES", 1_999)
    assert reason(tmp_path / "c.parquet", "campaigns") == "too_large"


def test_the_footer_is_not_believed(tmp_path: Path) -> None:
    """A page says what it expands to, whatever the footer says about its column."""
    path = tmp_path / "v.parquet"
    pq.write_table(visits(100, url=pa.array([f"{n:0100000d}" for n in range(100)])), path)
    limits = Limits(LIMITS.stored, 5 * MEGABYTE, LIMITS.field)
    assert reason(path, "visits", limits) == "too_large"
    chunk = pq.read_metadata(path).row_group(0).column(3)
    size = chunk.total_uncompressed_size
    assert size > 5 * MEGABYTE
    content = path.read_bytes()
    honest, lie = _varint(size), _varint(1_000)
    filling = [128] * (len(honest) - len(lie) - 1)
    lie = bytes([*(byte | 128 for byte in lie), *filling, 0])  # as long as the number it replaces
    assert content.count(honest) >= 1
    path.write_bytes(content.replace(honest, lie))
    assert pq.read_metadata(path).row_group(0).column(3).total_uncompressed_size == 1_000
    assert reason(path, "visits", limits) == "too_large"


def _varint(number: int) -> bytes:
    number *= 2
    found = []
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_are_those_of_the_file(version: str, tmp_path: Path) -> None:
    """All rows, and as many bytes as the footer of an honest writer says."""
    path = tmp_path / "v.parquet"
    texts = pa.array([None if n % 7 == 0 else f"{n % 900}" * 5 for n in range(30_000)])
    numbers = pa.array(np.arange(30_000))
    pq.write_table(
        pa.table({"t": texts, "n": numbers}), path, data_page_version=version, data_page_size=5_000
    )
    with path.open("rb") as file:
        for position in range(2):
            chunk = pq.read_metadata(path).row_group(0).column(position)
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            found = list(pages(file.fileno(), start, chunk.total_compressed_size))
            assert sum(page.values for page in found) == 30_000
            assert len(found) > 2
            expanded = sum(page.expanded for page in found)
            assert expanded <= chunk.total_uncompressed_size < expanded + 200 * len(found)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_page_header_are_unreadable_or_end(content: bytes) -> None:
    path = Path("/dev/shm") / "pages-of-a-test"
    path.write_bytes(content)
    with path.open("rb") as file, contextlib.suppress(Unreadable):
        assert sum(1 for _ in pages(file.fileno(), 0, len(content))) <= len(content)
    path.unlink()


@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=40), st.integers(1, 60))
def test_pieces_are_the_batch_and_fit(texts: list[str | None], most: int) -> None:
    column = pa.array(texts, pa.string()).dictionary_encode()
    batch = pa.RecordBatch.from_arrays([column], ["t"])
    before, intake_limits.MOST_DECODED = intake_limits.MOST_DECODED, most
    try:
        found = list(pieces(batch, 1_000))
    finally:
        intake_limits.MOST_DECODED = before
    back = [text for piece in found for text in piece.rows.column(0).to_pylist()]
    assert back == texts
    lengths = [len((text or "").encode()) for text in texts]
    assert decoded_sizes(column).tolist() == lengths
    for piece in found:
        assert piece.decoded <= most or piece.rows.num_rows == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd"},
        {"use_dictionary": False},
        {"data_page_version": "2.0"},
        {"version": "1.0"},
    ],
    ids=str,
)
@pytest.mark.parametrize("groups", [(0,), (), (3, 0, 2), (0, 4)], ids=str)
def test_files_and_row_groups_without_rows_are_read(
    groups: tuple[int, ...], options: dict[str, object], tmp_path: Path
) -> None:
    """Spark writes a part without rows as a file of its own."""
    path, columns = tmp_path / "x.parquet", TABLES["requests"].columns
    schema = pa.schema([(name, pa.string()) for name in columns])
    with pq.ParquetWriter(path, schema, **options) as writer:
        for rows in groups:
            writer.write_table(pa.table([["v"] * rows] * len(columns), schema=schema))
    assert rows_of(path, "requests") == sum(groups)


def rows_of(path: Path, table: str) -> int:
    with opened(LandedFile(table, path, path.name), LIMITS) as source:
        return sum(batch.rows.num_rows for batch in read_parquet(source, TABLES[table]).batches)


@pytest.mark.slow
def test_long_texts_that_share_their_beginnings_are_read_within_a_limit(tmp_path: Path) -> None:
    """A million bytes each, but for the first stored as a length (DELTA_BYTE_ARRAY)."""
    path = tmp_path / "visits.parquet"
    part = visits(100, url=pa.array(["x" * MEGABYTE] * 100))
    schema = pa.schema([(name, pa.string()) for name in part.column_names])
    options = {"column_encoding": {"url": "DELTA_BYTE_ARRAY"}, "use_dictionary": False}
    with pq.ParquetWriter(path, schema, compression="zstd", store_schema=False, **options) as file:
        for _ in range(30):
            file.write_table(part.cast(schema))
    assert path.stat().st_size < 500_000
    assert read_in_a_process(path, "visits") == "3000"


def test_texts_in_every_encoding_are_read(tmp_path: Path) -> None:
    path, texts = tmp_path / "x.parquet", [f"{n:05}" * 3 for n in range(5_000)]
    columns = list(TABLES["requests"].columns)
    table = pa.table([texts] * len(columns), columns)
    for encoding in ("PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"):
        kinds = dict.fromkeys(columns[1:], encoding)
        pq.write_table(table, path, use_dictionary=columns[:1], column_encoding=kinds)
        found = read(path, "requests")
        for name in columns:
            assert found[name].cast(pa.string()).to_pylist() == texts, (encoding, name)


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("rows", [0, 1, 200_000])
def test_what_duckdb_writes_is_read(rows: int, version: str, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    columns = ", ".join(f"'v' || i AS {name}" for name in TABLES["requests"].columns)
    duckdb.sql(
        f"COPY (SELECT {columns} FROM range({rows}) t(i)) TO '{path}' "
        f"(FORMAT parquet, PARQUET_VERSION {version})"
    )
    assert rows_of(path, "requests") == rows
