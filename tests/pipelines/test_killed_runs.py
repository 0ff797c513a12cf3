"""kill -9 of the real command, and two of it at once: the end is as if nothing had happened."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from anonymizer.home import Home

WORDS = ("run", "--from", "2026-11-01", "--to", "2026-11-03")
Audience = Callable[..., subprocess.CompletedProcess[str]]


def published(home: Home) -> dict[str, bytes]:
    """Every published byte but those of the database, which DuckDB does not promise."""
    return {
        str(path.relative_to(home.published)): path.read_bytes()
        for path in sorted(home.published.rglob("*"))
        if path.is_file() and path != home.database
    }


def start() -> subprocess.Popen[bytes]:
    command = Path(sys.executable).with_name("audience")
    return subprocess.Popen([command, *WORDS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


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
