"""A large table is drawn in portions and lies in few large files, and little of it is text."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anonymizer.storage.home import Home
from data_samples import portions, raw_folders
from data_samples.textfiles import read_text
from data_samples.world import WorldOptions, WorldSummary, generate

OPTIONS = WorldOptions(
    people=2_500, days=2, visits=9_000, advertisers=2, campaigns=4, dirt_share=0.01
)
LARGE, PORTION, FILE = 2_000, 500, 1_200


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, WorldSummary]:
    """Sizes from which a table is large are small here."""
    monkeypatch.setattr(portions, "_LARGE", LARGE)
    monkeypatch.setattr(portions, "PORTION", PORTION)
    monkeypatch.setattr(raw_folders, "_LARGE_FILE_ROWS", FILE)
    monkeypatch.setattr(raw_folders, "_MOST_TEXT_ROWS", 10)
    return tmp_path / "raw", generate(OPTIONS, Home(tmp_path))


def ids_in(folder: Path, column: str) -> Counter[str]:
    """How often each id stands in the files of a folder."""
    found: Counter[str] = Counter()
    for path in sorted(folder.glob("*.*")):
        if path.suffix == ".parquet":
            found.update(pq.read_table(path, partitioning=None)[column].to_pylist())
        else:
            found.update(row.get(column) or "" for row in read_text(path))
    return found


def test_rows_of_a_large_table_are_in_few_files(world: tuple[Path, WorldSummary]) -> None:
    raw, _ = world
    for folder in (raw / "visits" / f"day={OPTIONS.day(0)}", *(raw / "profiles").iterdir()):
        sizes = [pq.read_metadata(path).num_rows for path in sorted(folder.glob("*.parquet"))]
        assert len(sizes) > 1, folder
        assert all(FILE <= size <= FILE + 2 * PORTION for size in sizes[:-1]), folder
        text = [path for path in folder.iterdir() if path.suffix in (".jsonl", ".gz")]
        rows = sum(len(read_text(path)) for path in text)
        assert 0 < rows < 0.25 * sum(sizes), folder


def test_no_visit_of_a_large_day_is_lost_or_made_twice(world: tuple[Path, WorldSummary]) -> None:
    raw, summary = world
    found: Counter[str] = Counter()
    for folder in (raw / "visits").iterdir():
        found += ids_in(folder, "visit_id")
    found.pop("", None)  # a kind of bad row
    names = [name for name in found if name.startswith("v")]
    missing = summary.planted["visits.missing_visit_id"]
    assert len(names) == OPTIONS.visits - missing
    for number in range(OPTIONS.days):
        prefix = f"v{OPTIONS.day(number):%Y%m%d}-"
        serials = {int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)}
        assert len(serials) > LARGE
        assert max(serials) <= len(serials) + missing, "they count on from portion to portion"


def test_every_profile_of_a_large_snapshot_is_there_once_or_repeated_on_purpose(
    world: tuple[Path, WorldSummary],
) -> None:
    raw, _ = world
    newest = max((raw / "profiles").iterdir())
    found = ids_in(newest, "user_id")
    twice = sum(times > 1 for times in found.values())
    assert OPTIONS.people * 0.97 < len(found) <= OPTIONS.people * 1.02
    assert twice < 0.05 * len(found)
