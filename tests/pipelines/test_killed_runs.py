"""kill -9 of the real command, and two of it at once: the end is as if nothing had happened."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rotation import DAY

from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home

WORDS = ("run", "--from", "2026-11-01", "--to", "2026-11-03")
KILLS = Path(__file__).parents[2] / "benchmarks" / "kills.py"
Audience = Callable[..., subprocess.CompletedProcess[str]]


def published(home: Home) -> dict[str, bytes]:
    """Every published byte but those of the database, which DuckDB does not promise."""
    return {
        str(path.relative_to(home.published)): path.read_bytes()
        for path in sorted(home.published.rglob("*"))
        if path.is_file() and path != home.database
    }


def start(words: Sequence[str] = WORDS) -> subprocess.Popen[bytes]:
    command = Path(sys.executable).with_name("audience")
    return subprocess.Popen([command, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(path: Path, run: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert path.exists()


@pytest.mark.slow
def test_killed_over_and_over_a_run_ends_with_the_same_bytes(
    fresh_home: Home, released_world: Home, audience: Audience
) -> None:
    """At the end of intake, of reach, in publication, and between releases."""
    for place in (
        fresh_home.private / "journal" / "intake",
        fresh_home.private / "journal" / "reach",
        fresh_home.published,
        fresh_home.releases / "campaign-day-2026-11-02",
    ):
        run = start()
        wait_for(place, run)
        run.send_signal(signal.SIGKILL)
        assert run.wait(timeout=60) == -signal.SIGKILL
    done = audience(*WORDS)
    assert done.returncode == 0, done.stdout + done.stderr
    # The same secret and the same raw files: the whole history is the same, hashes included.
    assert published(fresh_home) == published(released_world)
    assert audience("verify").returncode == 0
    assert not list(fresh_home.private.glob("spill-*"))


@pytest.mark.slow
def test_killed_at_random_moments_a_run_is_finished_once_by_the_next(tmp_path: Path) -> None:
    """Two of the kills that the benchmark makes by the hundred, each judged as there."""
    size = ("--people", "500", "--settled", "1", "--folder", str(tmp_path / "homes"))
    done = subprocess.run(
        [sys.executable, str(KILLS), "--kills", "2", "--seed", str(DAY), *size],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("2 kills, 2 recoveries, each to the undisturbed run's bytes\n")


@pytest.mark.slow
def test_told_to_stop_while_it_exports_a_run_ends_in_good_order(
    fresh_home: Home, released_world: Home, audience: Audience
) -> None:
    run = start()
    wait_for(fresh_home.published / ".staging" / "exports", run)
    run.terminate()
    assert run.wait(timeout=60) == 128 + signal.SIGTERM
    done = audience("verify")
    assert done.returncode == 0, done.stderr  # what it had begun to export it has finished
    assert audience(*WORDS).returncode == 0
    # Only the order of the ledger may differ: what a run does at its end is done twice here.
    mine, theirs = published(fresh_home), published(released_world)
    assert mine.pop("ledger.jsonl")
    assert theirs.pop("ledger.jsonl")
    assert mine == theirs


@pytest.mark.slow
def test_days_that_are_backfilled_at_once_get_the_bytes_of_days_one_by_one(
    fresh_home: Home, sample_world: Home, audience: Audience, tmp_path: Path
) -> None:
    """One is at work at a time, the others are busy and try again; the ledger has the order."""
    days = ("2026-11-03", "2026-11-02", "2026-11-01")
    at_work = {day: start(("run", "--from", day, "--to", day)) for day in days}
    deadline, busy = time.monotonic() + 240, 0
    while at_work and time.monotonic() < deadline:
        for day, run in list(at_work.items()):
            code = run.poll()
            if code == 5:
                busy += 1
                at_work[day] = start(("run", "--from", day, "--to", day))
            elif code is not None:
                assert code == 0, day
                del at_work[day]
        time.sleep(0.1)
    assert not at_work
    assert busy
    other = Home(shutil.copytree(sample_world.root, tmp_path / "one-by-one"))
    order = [entry.subject for entry in Ledger.open(fresh_home.ledger).releases()]
    for release in order:
        day = release.removeprefix("campaign-day-")
        done = audience("run", "--from", day, "--to", day, "--home", other.root)
        assert done.returncode == 0, done.stderr
    assert len(order) == len(days)
    for release in order:
        mine, theirs = (home.releases / release for home in (fresh_home, other))
        assert {file.name: file.read_bytes() for file in mine.iterdir()} == {
            file.name: file.read_bytes() for file in theirs.iterdir()
        }


@pytest.mark.slow
def test_of_two_runs_at_once_the_second_says_who_is_at_work(
    fresh_home: Home, audience: Audience
) -> None:
    first = start()
    try:
        wait_for(fresh_home.private / "journal" / "intake", first)
        second = audience(*WORDS)
        assert second.returncode == 5, second.stdout + second.stderr
        assert str(first.pid) in second.stderr
    finally:
        first.kill()
        first.wait()
    # The lock of a killed run is free: a shorter run gets through.
    done = audience("run", "--from", "2026-11-01", "--to", "2026-11-01")
    assert done.returncode == 0, done.stdout + done.stderr
