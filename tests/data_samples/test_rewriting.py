"""A second copy says the same in other files, formats and order."""

import itertools
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rewriting import FileFormat, rewrite, typed_rows
from sample_worlds import World, checksums, lists_of, raw_rows

from anonymizer.model.errors import ConfigurationError
from anonymizer.storage.home import Home
from data_samples.raw_schemas import SCHEMAS

FORMATS: tuple[FileFormat, ...] = ("csv", "jsonl", "parquet")


def meaning(value: object) -> object:
    """A value without its spelling: instants as instants, the rest as text."""
    if value is None or value == "":
        return None
    if isinstance(value, list):
        return ";".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat() if isinstance(value, date) else str(value)
    return instant(text) or text


def instant(text: str) -> datetime | None:
    if not re.match(r"\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$", text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def meanings(folder: Path) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for path in sorted(folder.iterdir()):
        if path.name.startswith("_"):
            continue
        if ".csv" in path.name:
            found.update(tuple(map(meaning, row)) for row in list(lists_of(path))[1:])
        else:
            found.update(tuple(map(meaning, row.values())) for row in raw_rows(path))
    return found


@pytest.mark.alternate("sample worlds")
@pytest.mark.parametrize("file_format", FORMATS)
def test_rows_mean_the_same_in_other_files(
    world: World, tmp_path: Path, file_format: FileFormat
) -> None:
    rewrite(world.home, Home(tmp_path), file_format=file_format, seed=3)
    folders = [path.parent for path in sorted(world.home.raw.rglob("_SUCCESS"))]
    for folder in folders:
        copy = tmp_path / "raw" / folder.relative_to(world.home.raw)
        assert (copy / "_SUCCESS").exists()
        assert meanings(copy) == meanings(folder)
        names = {path.name for path in folder.iterdir()} & {path.name for path in copy.iterdir()}
        assert names == {"_SUCCESS"}
    made = [path for path in (tmp_path / "raw").rglob("*.*") if not path.name.startswith("kept")]
    assert {f".{file_format}"} == {path.suffixes[0] for path in made}
    assert len(made) > len(folders)


@pytest.mark.alternate("sample worlds")
@pytest.mark.parametrize("file_format", FORMATS)
def test_rows_are_in_another_order(world: World, tmp_path: Path, file_format: FileFormat) -> None:
    def order(raw: Path) -> list[object]:
        files = sorted((raw / "visits/day=2026-11-01").glob("*.*"))
        return [row["visit_id"] for path in files for row in raw_rows(path)]

    rewrite(world.home, Home(tmp_path), file_format=file_format, seed=3)
    before, after = order(world.home.raw), order(tmp_path / "raw")
    assert sorted(map(str, before)) == sorted(map(str, after))
    assert before != after
    for path in (tmp_path / "raw/visits/day=2026-11-01").glob("part-*"):
        ids = [str(row["visit_id"]) for row in raw_rows(path)]
        rising = sum(a < b for a, b in itertools.pairwise(ids))
        assert len(ids) < 100 or 0.4 < rising / len(ids) < 0.6


def test_what_the_format_cannot_hold_keeps_its_bytes(world: World, tmp_path: Path) -> None:
    rewrite(world.home, Home(tmp_path), file_format="parquet", seed=3)
    kept = {path.read_bytes() for path in tmp_path.rglob("kept-*")}
    assert kept
    assert kept <= {path.read_bytes() for path in world.home.raw.rglob("*.*")}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("duration_ms", text) for text in ("-0", "007", "1.0", "1e3", "NaN", " 5", str(2**63))),
        *(("occurred_at", text) for text in ("2026-11-01T10:00:00", "2026-11-01", "x", None)),
        *(("visit_id", None), ("url", None)),
    ],
)
def test_a_value_that_would_change_its_meaning_gets_no_type(column: str, text: str | None) -> None:
    good = dict.fromkeys(SCHEMAS["visits"].names) | {
        "visit_id": "v1",
        "occurred_at": "2026-11-01T00:30:00.123+07:00",
        "url": "https://www.pasarkita.example/",
        "duration_ms": "5",
    }
    table = typed_rows([good], SCHEMAS["visits"])
    assert table is not None
    instant = table.column("occurred_at")[0].as_py()
    assert instant == datetime(2026, 10, 31, 17, 30, 0, 123_000, tzinfo=UTC)
    assert typed_rows([good, {**good, column: text}], SCHEMAS["visits"]) is None
    assert typed_rows([dict(list(good.items())[:-1])], SCHEMAS["visits"]) is None


@pytest.mark.slow
def test_a_tidy_world_can_be_rewritten_whole(tidy: World, tmp_path: Path) -> None:
    rewrite(tidy.home, Home(tmp_path / "lines"), file_format="jsonl", seed=3)
    rewrite(Home(tmp_path / "lines"), Home(tmp_path / "typed"), file_format="parquet", seed=4)
    assert not list(tmp_path.rglob("kept-*"))
    for folder in sorted((tidy.home.raw / "visits").iterdir()):
        copy = tmp_path / "typed/raw" / folder.relative_to(tidy.home.raw)
        assert meanings(copy) == meanings(folder)


@pytest.mark.alternate("sample worlds")
def test_a_seed_gives_the_same_copy(world: World, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        rewrite(world.home, Home(tmp_path / name), file_format="csv", seed=seed)
    assert checksums(tmp_path / "a") == checksums(tmp_path / "b")
    assert checksums(tmp_path / "a") != checksums(tmp_path / "c")


def test_mistakes_are_reported_before_anything_is_written(world: World, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(ConfigurationError) as caught:
        rewrite(
            Home(tmp_path / "none"),
            Home(tmp_path),
            file_format="paper",  # type: ignore[arg-type]
            seed=1,
        )
    assert len(caught.value.faults) == 3
    assert not list((tmp_path / "raw").iterdir())
