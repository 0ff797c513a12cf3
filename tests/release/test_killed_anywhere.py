"""kill -9 at every step of publication: what was published stands, the next run finishes it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from interrupted_run import run
from release_world import DAY, content

from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.publishing import load_releases, recover
from anonymizer.verification import verify_folder

NEXT = date(2026, 11, 23)
MOST_KILLS = 50
Try = Callable[[Home, int], tuple[int, int]]


@pytest.fixture(scope="module")
def attempt() -> Iterator[Try]:
    """Publish the second day in a child that is killed at a step; its exit code and steps."""
    script = Path(__file__).with_name("nursery.py")
    nursery = subprocess.Popen(
        [sys.executable, str(script), NEXT.isoformat()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def attempt(home: Home, step: int) -> tuple[int, int]:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        print(home.root, step, file=nursery.stdin, flush=True)
        code, taken = nursery.stdout.readline().split()
        return int(code), int(taken)

    yield attempt
    nursery.communicate(timeout=30)


def public(home: Home) -> dict[str, bytes]:
    """Everything published but the database, whose bytes DuckDB does not promise."""
    return {name: c for name, c in content(home.published).items() if name != "segments.duckdb"}


@pytest.mark.slow
def test_killed_at_any_step_nothing_is_lost_and_the_next_run_ends_as_if_undisturbed(
    attempt: Try, tmp_path: Path
) -> None:
    first = Home(tmp_path / "first")
    run(first, DAY)
    before = public(first)
    chain = before.pop("ledger.jsonl")
    undisturbed = copy(first, tmp_path / "undisturbed")
    code, steps = attempt(undisturbed, 0)
    assert code == 0
    assert steps >= 50
    unfinished = set[str]()
    for step in range(1, steps + 1, max(1, steps // MOST_KILLS)):
        home = copy(first, tmp_path / "killed")
        assert attempt(home, step) == (-9, step)

        assert before.items() <= public(home).items()
        assert public(home)["ledger.jsonl"].startswith(chain)
        with duckdb.connect(str(home.database), read_only=True) as database:
            assert database.sql("FROM figures").fetchall()
        told = verify_folder(home.published).unfinished  # no alarm: the next run completes it
        unfinished.update(told)
        ledger = Ledger.open(home.ledger)
        recover(home, ledger)
        assert len(load_releases(home, ledger)) == len(ledger.releases())

        run(home, NEXT)
        assert public(home) == public(undisturbed)
        assert Ledger.open(home.ledger).entries() == Ledger.open(undisturbed.ledger).entries()
        assert not list(home.published.glob(".segments*"))
    assert verify_folder(home.published) == verify_folder(undisturbed.published)
    assert verify_folder(home.published).unfinished == ()
    assert unfinished == {
        "releases/campaign-day-2026-11-23 is ready and waits for its place",
        "the exports of campaign-day-2026-11-23 are to be written",
        "exports/jaya/campaign-day-2026-11-23 is ready and waits for its place",
        "exports/maju/campaign-day-2026-11-23 is ready and waits for its place",
        "segments.duckdb is to be built again: it lacks what was done last",
    }


def copy(home: Home, place: Path) -> Home:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(home.root, place)
    return Home(place)
