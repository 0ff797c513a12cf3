"""A large table is in few large files, and little of it is text."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anonymizer.storage.home import Home
from data_samples import raw_folders
from data_samples.world import WorldOptions, generate

OPTIONS = WorldOptions(people=300, days=1, visits=3_000, advertisers=2, campaigns=4, dirt_share=0.0)


def test_rows_of_a_large_table_are_in_few_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_folders, "_LARGE_ROWS", 2_000)
    monkeypatch.setattr(raw_folders, "_LARGE_FILE_ROWS", 1_000)
    monkeypatch.setattr(raw_folders, "_MOST_TEXT_ROWS", 10)
    generate(OPTIONS, Home(tmp_path))
    folder = tmp_path / "raw" / "visits" / f"day={OPTIONS.start}"
    rows = [pq.read_metadata(path).num_rows for path in sorted(folder.glob("*.parquet"))]
    assert len(rows) == 2
    (lines,) = (path.read_text(encoding="utf-8") for path in folder.glob("*.jsonl"))
    assert 0 < len(lines.splitlines()) <= 10
