"""The figures as partitioned Parquet: the rows of the database, whatever happened before."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import release_world
from correction_world import FIRST, correct, release_wrong
from interrupted_run import NEXT
from release_world import DAY, SECRET, content, release
from test_database_growth import SMALLER, changed

from anonymizer.exports import partition_update
from anonymizer.exports.database_growth import update_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.partition_update import are_current, follow_figures, update_figures
from anonymizer.exports.verification import verify_folder
from anonymizer.exports.withdrawal import withdraw
from anonymizer.model.errors import Held, NoSpace
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release
from anonymizer.storage.files import move_into_place
from anonymizer.storage.home import Home

COLUMNS = """release_id, subject_kind, subject_id, subject, advertiser_id, period_kind, period,
    period_start, period_end, segment_id, status, people, people_least, people_most, rounding"""
DAY_FILE = "series=campaign-day/period_start=2026-11-22/figures.parquet"
NEXT_FILE = "series=campaign-day/period_start=2026-11-23/figures.parquet"
AFTER = date(2026, 11, 24)
Rows = list[tuple[object, ...]]


@pytest.fixture
def two(two_days: Home, tmp_path: Path) -> Home:
    """Two days with their database, not to be shared."""
    return Home(shutil.copytree(two_days.root, tmp_path / "home"))


def finish(home: Home, *, wanted: bool = True) -> None:
    """What a run does at its end."""
    ledger = Ledger.open(home.ledger)
    update_database(home, ledger)
    update_figures(home, ledger, wanted=wanted)


def export(home: Home, release_id: str) -> None:
    ledger = Ledger.open(home.ledger)
    write_exports(load_release(home, ledger, release_id), home, ledger, SECRET)


def in_database(home: Home) -> Rows:
    with duckdb.connect(str(home.database), read_only=True) as database:
        return database.sql(f"SELECT {COLUMNS} FROM figures ORDER BY ALL").fetchall()


def in_files(home: Home) -> Rows:
    return duckdb.sql(
        f"SELECT {COLUMNS} FROM read_parquet('{home.figures}/**/*.parquet') ORDER BY ALL"
    ).fetchall()


def in_polars(home: Home) -> Rows:
    """The same by another program, in the order of the database."""
    frame = pl.scan_parquet(f"{home.figures}/**/*.parquet", hive_partitioning=True).collect()
    with duckdb.connect() as connection:
        connection.register("given", frame)
        return connection.sql(f"SELECT {COLUMNS} FROM given ORDER BY ALL").fetchall()


def assert_as_the_database(home: Home) -> None:
    rows = in_database(home)
    assert rows
    assert in_files(home) == rows
    assert in_polars(home) == rows
    unfinished = verify_folder(home.published).unfinished
    assert not [text for text in unfinished if not text.startswith("the exports of ")]


def files(home: Home) -> set[str]:
    return set(content(home.figures))


def test_every_series_has_the_rows_of_the_database(all_series: Home, tmp_path: Path) -> None:
    home = Home(shutil.copytree(all_series.root, tmp_path / "home"))
    finish(home)
    assert_as_the_database(home)
    series = {name.split("/")[0] for name in files(home)}
    assert series == {
        f"series={name}"
        for name in ("campaign-day", "campaign-week", "campaign-month", "interest-week",
                     "audience-month")
    }  # fmt: skip


def test_a_run_writes_the_files_of_its_own_periods_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(home, DAY)
    finish(home)
    before = (home.figures / DAY_FILE).stat().st_ino

    def refuse(*_: object) -> None:
        raise AssertionError("all releases are read")

    monkeypatch.setattr(partition_update, "load_releases", refuse)
    release(home, NEXT)
    finish(home)
    assert (home.figures / DAY_FILE).stat().st_ino == before
    assert_as_the_database(home)


def test_grown_files_have_the_bytes_of_those_that_are_written_at_once(home: Home) -> None:
    for day in (DAY, NEXT):
        release(home, day)
        finish(home)
    grown = content(home.figures)
    finish(home, wanted=False)
    assert not home.figures.exists()
    finish(home)
    assert content(home.figures) == grown


def test_a_withdrawn_period_has_no_file(two: Home) -> None:
    finish(two)
    withdraw(FIRST, "Delivered twice", two, Ledger.open(two.ledger), SECRET)
    assert files(two) == {NEXT_FILE}
    assert_as_the_database(two)


def test_a_withdrawal_adds_no_files_where_there_are_none(two: Home) -> None:
    withdraw(FIRST, "Delivered twice", two, Ledger.open(two.ledger), SECRET)
    assert not two.figures.exists()


def test_a_corrected_period_has_its_correction(home: Home) -> None:
    release_wrong(home)
    finish(home)
    wrong = in_files(home)
    correct(home)
    finish(home)
    assert files(home) == {DAY_FILE}
    assert in_files(home) != wrong
    assert {row[0] for row in in_files(home)} == {f"{FIRST}~2"}
    assert_as_the_database(home)


def test_a_corrected_release_is_at_no_moment_in_place_of_its_correction(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_wrong(home)
    correct(home)
    placed = []

    def place(source: Path, target: Path) -> None:
        placed.append(pq.ParquetFile(source).read(["release_id"])["release_id"][0].as_py())
        move_into_place(source, target)

    monkeypatch.setattr(partition_update, "move_into_place", place)
    finish(home)
    assert placed == [f"{FIRST}~2"]


def test_an_area_that_is_defined_anew_has_two_ids(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(home, DAY)
    finish(home)
    new = changed("men", SMALLER)
    monkeypatch.setattr(release_world, "catalogue", lambda: new)
    release(home, NEXT)
    finish(home)
    assert any("@1" in str(row[9]) for row in in_files(home))
    assert_as_the_database(home)


@pytest.mark.parametrize("after", range(4))
def test_what_a_kill_leaves_is_finished_by_the_next_run(
    after: int, two: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers see whole files at every moment; `verify` lists what is left to do."""

    class KilledError(BaseException):
        """Nothing of the product catches it."""

    done = []

    def killed(*given: Path) -> None:
        if len(done) == after:
            raise KilledError
        done.append(given)
        move_into_place(*given)

    finish(two)
    correct_figures = content(two.figures)
    finish(two, wanted=False)
    release(two, AFTER)
    update_database(two, Ledger.open(two.ledger))
    with monkeypatch.context() as patched:
        patched.setattr(partition_update, "move_into_place", killed)
        if after < 3:
            with pytest.raises(KilledError):
                finish(two)
            assert not are_current(two, Ledger.open(two.ledger), wanted=True)
            there = content(two.figures) if two.figures.exists() else {}
            assert len(there) == after
            assert there.items() <= correct_figures.items() or after == 3
        else:
            finish(two)
    export(two, f"campaign-day-{AFTER}")
    if 0 < after < 3:
        unfinished = verify_folder(two.published).unfinished
        assert (
            len([text for text in unfinished if text.endswith("is not written yet")]) == 3 - after
        )
    finish(two)
    assert are_current(two, Ledger.open(two.ledger), wanted=True)
    assert not list(two.published.glob(".figures*"))
    assert_as_the_database(two)


@pytest.mark.parametrize("change", ["withdrawn", "corrected", "redefined"])
def test_a_kill_before_files_follow_the_database_is_no_fault(
    change: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_wrong(home)
    release(home, NEXT)
    export(home, f"campaign-day-{NEXT}")
    finish(home)
    ledger = Ledger.open(home.ledger)
    monkeypatch.setattr("anonymizer.exports.withdrawal.follow_figures", lambda *_: None)
    if change == "withdrawn":
        withdraw(FIRST, "Delivered twice", home, ledger, SECRET)
    elif change == "corrected":
        correct(home)
    else:
        new = changed("men", SMALLER)
        monkeypatch.setattr(release_world, "catalogue", lambda: new)
        release(home, AFTER)
        export(home, f"campaign-day-{AFTER}")
        update_database(home, ledger)
    unfinished = verify_folder(home.published).unfinished
    assert f"figures/{DAY_FILE} is not up to date" in unfinished
    finish(home)
    assert_as_the_database(home)


def edited(path: Path) -> None:
    rows = pq.ParquetFile(path).read()
    place = rows.schema.get_field_index("people")
    more = pa.array([None if n is None else n + 10 for n in rows["people"].to_pylist()], pa.int64())
    pq.write_table(rows.set_column(place, rows.schema.field(place), more), path)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "edited": (lambda folder: edited(folder / DAY_FILE), DAY_FILE),
    "no file of Parquet": (lambda folder: (folder / DAY_FILE).write_bytes(b"1"), DAY_FILE),
    "of another day": (
        lambda folder: shutil.copy(folder / DAY_FILE, folder / NEXT_FILE),
        NEXT_FILE,
    ),
    "added": (
        lambda folder: shutil.copy(folder / DAY_FILE, folder / "more.parquet"),
        "more.parquet",
    ),
    "hidden": (lambda folder: (folder / ".note").write_text("x", encoding="utf-8"), ".note"),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_file_that_was_changed_is_a_fault_and_the_next_run_repairs_it(
    name: str, two: Home
) -> None:
    finish(two)
    change, told = FAULTS[name]
    change(two.figures)
    with pytest.raises(Held) as raised:
        verify_folder(two.published)
    assert f"figures/{told} differs from what was released" in str(raised.value)
    finish(two)
    assert_as_the_database(two)


def test_a_lost_file_is_written_by_the_next_run(two: Home) -> None:
    finish(two)
    (two.figures / DAY_FILE).unlink()
    unfinished = verify_folder(two.published).unfinished
    assert unfinished == (f"figures/{DAY_FILE} is not written yet",)
    finish(two)
    assert_as_the_database(two)


def test_without_the_setting_files_are_removed_and_none_are_written(two: Home) -> None:
    finish(two, wanted=False)
    assert not two.figures.exists()
    finish(two)
    finish(two, wanted=False)
    assert not two.figures.exists()
    assert are_current(two, Ledger.open(two.ledger), wanted=False)
    follow_figures(two, Ledger.open(two.ledger))
    assert not two.figures.exists()


def test_a_full_disk_leaves_what_was_there(two: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(two)
    before = content(two.figures)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    release(two, AFTER)
    monkeypatch.setattr(partition_update, "write_parquet", full)
    with pytest.raises(NoSpace):
        finish(two)
    assert content(two.figures) == before


def test_everyone_may_read_the_files(two: Home) -> None:
    finish(two)
    modes = {path.stat().st_mode & 0o777 for path in two.figures.rglob("*.parquet")}
    assert modes == {0o644}
    assert {path.stat().st_mode & 0o777 for path in two.figures.rglob("*=*")} == {0o755}
