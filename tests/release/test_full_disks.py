"""A disk that fills at any size: nothing lost, nothing half published, the right exit code.

The whole run, by the hundred: `benchmarks/full_disk.py`.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import duckdb
import pytest
from interrupted_run import run
from release_world import DAY, content, release

from anonymizer.exports import database
from anonymizer.exports.database import build_database
from anonymizer.exports.verification import verify_folder
from anonymizer.model.errors import Held, NoSpace
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from pipelines.instance.full_disk import explaining_full_disks, tells_of_a_full_disk

NEXT = date(2026, 11, 23)
# Bytes left: in the ledger's journal, the staged release, the exports, the database, and enough.
ROOM = [0, 30_000, 90_000, 400_000, 2_100_000, 12_000_000]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    position = tmp_path / "disk"
    position.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "none", str(position)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs the right to do so")
    yield position
    subprocess.run(["umount", "-l", str(position)], check=True)


def fill(disk: Path, room: int) -> Path:
    filler, state = disk / "filler", os.statvfs(disk)
    filler.write_bytes(bytes(state.f_bavail * state.f_frsize - room))
    return filler


def public(home: Home) -> dict[str, bytes]:
    """Everything published but the database, whose bytes DuckDB does not promise."""
    return {name: c for name, c in content(home.published).items() if name != "segments.duckdb"}


def figures(home: Home) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home.database), read_only=True) as connection:
        return connection.sql("FROM figures ORDER BY ALL").fetchall()


@pytest.mark.parametrize("room", ROOM)
def test_wherever_the_disk_fills_the_old_state_stands_and_the_next_run_ends_the_same(
    room: int, one_day: Home, two_days: Home, disk: Path
) -> None:
    home = Home(shutil.copytree(one_day.root, disk / "home"))
    before, chain = public(home), home.public_ledger.read_bytes()
    old = home.database.read_bytes()
    filler = fill(disk, room)
    if room == ROOM[-1]:
        run(home, NEXT)
    else:
        with pytest.raises(NoSpace) as refused:
            run(home, NEXT)
        assert refused.value.exit_code == 6
        assert home.database.read_bytes() == old
    del before["ledger.jsonl"]
    assert before.items() <= public(home).items()
    assert home.public_ledger.read_bytes().startswith(chain)
    verify_folder(home.published)
    Ledger.open(home.ledger).verify()
    assert figures(home)
    assert not list(home.published.glob(".segments*"))
    filler.unlink()
    run(home, NEXT)
    assert public(home) == public(two_days)
    assert figures(home) == figures(two_days)
    assert verify_folder(home.published).unfinished == ()


HARM: Mapping[str, str] = {
    "a value": "UPDATE figures SET people = people + 10 WHERE segment_id = 'everyone'",
    "a row": "DELETE FROM figures WHERE segment_id = 'everyone'",
    "a name": "UPDATE campaigns SET campaign = 'other'",
    "a comment": "COMMENT ON TABLE figures IS 'other'",
    "a macro": "DROP MACRO TABLE segment",
}


@pytest.mark.parametrize("harm", HARM)
def test_what_is_read_back_otherwise_does_not_replace_the_old_database(
    harm: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is changed between writing and reading, as a disk might do."""
    released = release(home, DAY).release
    build_database([released], home)
    old = home.database.read_bytes()
    honest = database._read_back

    def changed(path: Path) -> Mapping[str, object]:
        with duckdb.connect(str(path)) as connection:
            connection.execute(HARM[harm])
        return honest(path)

    monkeypatch.setattr(database, "_read_back", changed)
    with pytest.raises(NoSpace, match="read back"):
        build_database([released], home)
    assert home.database.read_bytes() == old
    assert not list(home.published.glob(".segments*"))


def test_a_file_that_is_cut_short_is_noticed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    released = release(home, DAY).release
    honest = database._read_back

    def cut(path: Path) -> Mapping[str, object]:
        os.truncate(path, path.stat().st_size // 2)
        return honest(path)

    monkeypatch.setattr(database, "_read_back", cut)
    with pytest.raises(NoSpace):
        build_database([released], home)
    assert not home.database.exists()


def test_other_libraries_that_find_no_room_end_with_6(disk: Path) -> None:
    """As Dagster does, which keeps its records in SQLite."""
    fill(disk, 0)

    def record() -> None:
        try:
            with sqlite3.connect(disk / "records.db") as records:
                records.execute("CREATE TABLE runs (id)")
        except sqlite3.Error as error:
            raise RuntimeError("the run could not be recorded") from error

    with pytest.raises(NoSpace) as refused, explaining_full_disks():
        record()
    assert refused.value.exit_code == 6
    with pytest.raises(NoSpace), explaining_full_disks():
        (disk / "more").write_bytes(bytes(8192))


def test_other_errors_stay_what_they_are() -> None:
    for error in (RuntimeError("x"), FileNotFoundError(2, "No such file"), Held("x", "y")):
        with pytest.raises(type(error)) as kept, explaining_full_disks():
            raise error
        assert kept.value is error
    assert not tells_of_a_full_disk("a full name")
