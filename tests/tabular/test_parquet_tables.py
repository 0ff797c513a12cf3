"""Parquet for `audience protect` and `audience audit`: sized before it is decoded.

Small files that would fill the memory are refused by a limit that the message states, or read with
each text once; what reading takes stays below the limit.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.audit.export_file import known_dimension
from anonymizer.audit.published_file import read_published
from anonymizer.model.errors import ConfigurationError
from anonymizer.storage import storage_limits
from anonymizer.storage.parquet_tables import TextColumn, read_texts
from anonymizer.storage.text_columns import read_columns

MEGABYTE = 1_000_000
LIMIT = 1_000  # megabytes


def repeated(text: str, rows: int) -> pa.Array:
    """One text in a dictionary and so many references to it."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def lists(rows: int, each: int) -> pa.Array:
    offsets = pa.array(np.arange(rows + 1, dtype=np.int64) * each)
    return pa.LargeListArray.from_arrays(offsets, repeated("x" * 1_000, rows * each))


def many(rows: int) -> pa.Table:
    return pa.table({"g": repeated("m", rows), "status": repeated("published", rows)})


# What is made, how it is written, and the beginning of what is said; empty for what is read.
BOMBS: dict[str, tuple[Callable[[], pa.Table], dict[str, object], str]] = {
    "10 GB of one text": (lambda: pa.table({"g": repeated("x" * MEGABYTE, 10_000)}), {}, ""),
    "10 GB in many row groups": (
        lambda: pa.table({"g": repeated("x" * MEGABYTE, 10_000)}), {"row_group_size": 1_000}, ""),
    "fifteen million rows": (lambda: many(15 * MEGABYTE), {}, "MB of memory"),
    "texts that share their beginning": (
        lambda: pa.table({"g": pa.array(["x" * 100_000 + str(n) for n in range(4_000)])}),
        {"column_encoding": {"g": "DELTA_BYTE_ARRAY"}, "use_dictionary": False}, "MB of memory"),
    "wide values of a fixed size": (
        lambda: pa.table({"g": pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(600, np.int32)),
            pa.array([b"x" * MEGABYTE], pa.binary(MEGABYTE)))}), {}, "MB of memory"),
    "lists": (lambda: pa.table({"g": lists(100, 1_000)}), {}, "of the type"),
}  # fmt: skip

_READ = """
import resource, sys
from pathlib import Path
import numpy, pyarrow.parquet, pyarrow.compute
from anonymizer.storage import storage_limits
from anonymizer.model.errors import ConfigurationError
from anonymizer.storage.text_columns import read_columns
from anonymizer.audit.published_file import _read
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
before = peak()
storage_limits.MOST_MEGABYTES = int(sys.argv[3])
try:
    kept = {"protect": read_columns, "audit": _read}[sys.argv[2]](Path(sys.argv[1]))
except ConfigurationError as error:
    print(error, file=sys.stderr)
print(peak() - before)
"""


def read_in_a_process(path: Path, command: str, limit: int) -> tuple[int, str]:
    """Bytes of memory that reading took, and what is said of the file."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path), command, str(limit)],
        capture_output=True, text=True, check=False,
        env={"PYTHONPATH": ":".join(sys.path), "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1_000:]
    return int(done.stdout), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", ["protect", "audit"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_does_not_fill_the_memory(bomb: str, command: str, tmp_path: Path) -> None:
    make, options, said = BOMBS[bomb]
    path = tmp_path / "cells.parquet"
    pq.write_table(make(), path, compression="zstd", store_schema=False, **options)
    assert path.stat().st_size < 500_000
    taken, told = read_in_a_process(path, command, LIMIT)
    assert taken < LIMIT * MEGABYTE
    if "memory" in said:
        assert f"the limit is {LIMIT:,} MB" in told
    elif said:
        assert "of the type" in told
    else:
        assert not told


UNLIKE = pa.array([f"code-{n}" for n in range(600_000)])
WITHIN: dict[str, tuple[Callable[[], pa.Table], dict[str, object]]] = {
    "different texts": (lambda: pa.table({"g": UNLIKE}), {"use_dictionary": False}),
    "different texts in a dictionary": (lambda: pa.table({"g": UNLIKE}), {}),
    "few texts": (lambda: many(1_500_000), {}),
    "numbers": (lambda: pa.table({"n": np.arange(800_000)}), {}),
    "lengths apart from texts": (
        lambda: pa.table({"g": UNLIKE}),
        {"column_encoding": {"g": "DELTA_LENGTH_BYTE_ARRAY"}, "use_dictionary": False}),
    "long texts": (lambda: pa.table({"g": ["x" * 9_000 + str(n) for n in range(3_000)]}), {}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", ["protect", "audit"])
@pytest.mark.parametrize("kind", WITHIN)
def test_what_is_read_takes_less_than_the_limit(
    kind: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is what the file is said to need, so that it is tight."""
    make, options = WITHIN[kind]
    path = tmp_path / "cells.parquet"
    pq.write_table(make(), path, **options)
    monkeypatch.setattr(storage_limits, "MOST_MEGABYTES", 0)
    with pytest.raises(ConfigurationError) as refused:
        read_texts(path)
    needed = int(str(refused.value).split("may take ")[1].split(" MB")[0].replace(",", "")) + 1
    taken, told = read_in_a_process(path, command, needed)
    assert not told
    assert taken < needed * MEGABYTE


def test_the_footer_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is what the pages say of themselves."""
    path = tmp_path / "cells.parquet"
    pq.write_table(pa.table({"g": [f"{n:0100000d}" for n in range(100)]}), path)
    size = pq.read_metadata(path).row_group(0).column(0).total_uncompressed_size
    honest, lie = varint(size), varint(1_000)
    filling = [128] * (len(honest) - len(lie) - 1)
    content = path.read_bytes()
    path.write_bytes(content.replace(honest, bytes([*(byte | 128 for byte in lie), *filling, 0])))
    assert pq.read_metadata(path).row_group(0).column(0).total_uncompressed_size == 1_000
    monkeypatch.setattr(storage_limits, "MOST_MEGABYTES", 140)
    with pytest.raises(ConfigurationError, match="the limit is 140 MB"):
        read_columns(path)


def varint(number: int) -> bytes:
    number *= 2
    found = []
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


@pytest.mark.parametrize("rows_in_a_group", [2, 100])
@pytest.mark.parametrize("dictionary", [True, False])
def test_texts_are_those_of_the_file(
    rows_in_a_group: int, dictionary: bool, tmp_path: Path
) -> None:
    rows = ["b", "a", None, "b", "", "c", None, "a"]
    made = pa.table({"g": pa.array(rows), "n": [3, 1, None, 3, 2, 2, 1, 10**12]})
    path = tmp_path / "cells.parquet"
    pq.write_table(made, path, row_group_size=rows_in_a_group, use_dictionary=dictionary)
    found = read_texts(path)
    for name in made.column_names:
        column = found[name]
        assert isinstance(column, TextColumn)
        expected = ["" if value is None else str(value) for value in made[name].to_pylist()]
        assert [column.texts[row] for row in column.rows] == expected
        assert column.texts == tuple(dict.fromkeys(expected))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    twice = pa.Table.from_arrays([pa.array(["m"]), pa.array([1])], ["g", "g"])
    pq.write_table(twice, path)
    for read in (read_columns, lambda file: read_published(file, {})):
        with pytest.raises(ConfigurationError, match="column g: this name occurs twice"):
            read(path)


def test_the_groups_beside_an_export_are_sized_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = tmp_path / "exports" / "adv-1" / "campaign-day-2026-11-01" / "c.csv"
    groups = tmp_path / "releases" / "campaign-day-2026-11-01" / "groups.parquet"
    for file in (export, groups):
        file.parent.mkdir(parents=True)
    pq.write_table(pa.table({"leaves": lists(100, 1_000)}), groups)
    monkeypatch.setattr(storage_limits, "MOST_MEGABYTES", 140)
    with pytest.raises(ConfigurationError, match=r"groups\.parquet: it may take"):
        known_dimension(export, "age", {"under 40"})
