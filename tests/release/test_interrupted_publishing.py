"""Killed at any point: the release before stands, and the next run finishes the job once."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from interrupted_run import NEXT, POINTS, run, run_and_die
from recovery import recover
from release_world import DAY, SECRET, content, release

from anonymizer.exports.database import build_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.model.errors import Busy, Held, LedgerBroken, NoSpace
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive


def public(home: Home) -> dict[str, bytes]:
    """Everything published but the database, whose bytes DuckDB does not promise."""
    return {
        name: content_
        for name, content_ in content(home.published).items()
        if name != "segments.duckdb"
    }


def figures(home: Home) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home.database), read_only=True) as connection:
        return connection.sql("FROM figures ORDER BY ALL").fetchall()


@pytest.mark.slow
@pytest.mark.parametrize("point", sorted(set(POINTS) - {"never"}))
def test_a_killed_run_is_finished_by_the_next(
    point: str, home: Home, one_day: Home, two_days: Home
) -> None:
    shutil.copytree(one_day.root, home.root)
    before = public(home)
    assert run_and_die(home, point) == -signal.SIGKILL

    ledger = Ledger.open(home.ledger)
    after = public(home)
    assert after["ledger.jsonl"].startswith(before.pop("ledger.jsonl"))
    assert before.items() <= after.items()
    assert figures(home)
    recover(home, ledger)
    logged = {entry.subject for entry in ledger.releases()}
    assert {path.name for path in home.releases.iterdir()} == logged
    assert len(load_releases(home, ledger)) == len(logged)

    run(home, NEXT)
    assert public(home) == public(two_days)
    assert figures(home) == figures(two_days)
    assert ledger.entries() == Ledger.open(two_days.ledger).entries()
    assert not list(home.published.glob(".segments*"))


@pytest.mark.alternate("interrupted runs")
def test_recovery_finishes_what_the_ledger_holds_and_removes_the_rest(home: Home) -> None:
    run_and_die(home, "between state and ledger")
    assert content(home.published / ".staging")
    assert recover(home, Ledger.open(home.ledger)) == ()
    assert content(home.published) == {}
    run_and_die(home, "between ledger and rename")
    assert recover(home, Ledger.open(home.ledger)) == ("campaign-day-2026-11-23",)
    assert recover(home, Ledger.open(home.ledger)) == ()


@pytest.mark.alternate("interrupted runs")
def test_a_staged_folder_that_was_changed_is_not_finished(home: Home) -> None:
    run_and_die(home, "between ledger and rename")
    staged = next((home.published / ".staging" / "releases").iterdir())
    (staged / "figures.parquet").write_bytes(b"other figures")
    with pytest.raises(Held, match="run its period again"):
        recover(home, Ledger.open(home.ledger))
    run(home, NEXT)
    assert len(load_releases(home, Ledger.open(home.ledger))) == 1


@pytest.mark.alternate("equal bytes")
@pytest.mark.parametrize("seed", ["0", "1"])
def test_bytes_depend_on_neither_time_zone_nor_hash_seed(
    seed: str, home: Home, two_days: Home
) -> None:
    run(home, DAY)
    zone = "America/New_York" if seed == "0" else "Asia/Jayapura"
    assert run_and_die(home, "never", PYTHONHASHSEED=seed, TZ=zone) == 0
    assert public(home) == public(two_days)


def test_of_two_runs_at_once_one_is_busy_at_once(home: Home) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home.root)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(Busy, match=str(holder.pid)):
            run(home, DAY)
        assert content(home.published) == {}
    finally:
        holder.kill()
        holder.wait()
    run(home, DAY)  # the lock of a dead process is free


_HOLD = """
import sys, time
from pathlib import Path
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
with exclusive(Home(Path(sys.argv[1]))):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_process_may_enter_its_own_lock_again(home: Home) -> None:
    with exclusive(home), exclusive(home):
        pass
    with exclusive(home):
        taken = subprocess.run(
            [sys.executable, "-c", _HOLD, str(home.root)], capture_output=True, check=False
        )
        assert b"Busy" in taken.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Home]:
    """A home on a file system of its own, with little room."""
    position = tmp_path / "small"
    position.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=640k", "none", str(position)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs the right to do so")
    yield Home(position)
    subprocess.run(["umount", "-l", str(position)], check=True)


def fill(home: Home, leave: int) -> None:
    """Take all room but `leave` bytes."""
    free = os.statvfs(home.root)
    (home.root / "filler").write_bytes(b"\0" * max(free.f_bavail * free.f_frsize - leave, 0))


@pytest.mark.alternate("interrupted runs")
def test_on_a_full_disk_the_release_before_stands(small_disk: Home) -> None:
    release(small_disk, DAY)
    before = public(small_disk)
    ledger = Ledger.open(small_disk.ledger)
    refusals = 0
    for leave in range(0, 120_000, 4096):
        fill(small_disk, leave)
        try:
            release(small_disk, NEXT)
        except NoSpace:
            refusals += 1
            assert public(small_disk) == before
            assert ledger.verify() == 1
        else:
            break
        finally:
            (small_disk.root / "filler").unlink()
    assert refusals > 3
    assert len(load_releases(small_disk, ledger)) == 2


def test_on_a_full_disk_exports_and_database_stay_as_they_were(small_disk: Home) -> None:
    published = release(small_disk, DAY).release
    before = public(small_disk)
    fill(small_disk, 12_000)
    with pytest.raises(NoSpace):
        write_exports(published, small_disk, Ledger.open(small_disk.ledger), SECRET)
    with pytest.raises(NoSpace):
        build_database([published], small_disk)
    assert public(small_disk) == before
    assert not list(small_disk.published.glob(".segments*"))


def test_a_disk_that_cannot_keep_what_it_is_given_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(home, DAY)
    before = content(home.published)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(NoSpace):
        release(home, NEXT)
    assert content(home.published) == before
    assert Ledger.open(home.ledger).verify() == 1


@pytest.mark.alternate("interrupted runs")
def test_an_interrupted_history_that_cannot_be_trusted_is_held(home: Home) -> None:
    run(home, DAY)
    run_and_die(home, "between ledger and rename")
    home.ledger.unlink()
    before = content(home.published)
    with pytest.raises(LedgerBroken, match="ledger is missing"):
        recover(home, Ledger.open(home.ledger))
    assert content(home.published) == before
