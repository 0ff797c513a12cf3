"""kill -9 at every step of publication: what was published stands, the next run finishes it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pytest
from correction_world import FIRST, SECOND, correct, release_wrong
from interrupted_run import run
from recovery import recover
from release_world import DAY as RELEASED
from release_world import content
from rotation import ALL, DAY

from anonymizer.exports.verification import verify_folder
from anonymizer.release.corrections import find_order
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.home import Home
from cli.release_summary import verify_published

NEXT = date(2026, 11, 23)
MOST_KILLS = 50 if ALL else 10
RECIPIENTS = ("jaya", "maju")
Try = Callable[[Home, int], tuple[int, int]]


@contextmanager
def nursery(work: str) -> Iterator[Try]:
    """Do the work in a child that is killed at a step; its exit code and steps."""
    script = Path(__file__).with_name("nursery.py")
    process = subprocess.Popen(
        [sys.executable, str(script), work],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def attempt(home: Home, step: int) -> tuple[int, int]:
        assert process.stdin is not None
        assert process.stdout is not None
        print(home.root, step, file=process.stdin, flush=True)
        code, taken = process.stdout.readline().split()
        return int(code), int(taken)

    yield attempt
    process.communicate(timeout=30)


def public(home: Home) -> dict[str, bytes]:
    """Everything published but the database, whose bytes DuckDB does not promise."""
    return {name: c for name, c in content(home.published).items() if name != "segments.duckdb"}


@pytest.mark.slow
def test_killed_at_any_step_nothing_is_lost_and_the_next_run_ends_as_if_undisturbed(
    tmp_path: Path,
) -> None:
    first = Home(tmp_path / "first")
    run(first, RELEASED)
    with nursery(NEXT.isoformat()) as attempt:
        kill_at_every_step(attempt, first, tmp_path)


def kill_at_every_step(attempt: Try, first: Home, tmp_path: Path) -> None:
    before = public(first)
    chain = before.pop("ledger.jsonl")
    undisturbed = copy(first, tmp_path / "undisturbed")
    code, steps = attempt(undisturbed, 0)
    assert code == 0
    assert steps >= 50
    unfinished = set[str]()
    for step in steps_of_the_day(steps):
        home = copy(first, tmp_path / "killed")
        assert attempt(home, step) == (-9, step)

        assert before.items() <= public(home).items()
        assert public(home)["ledger.jsonl"].startswith(chain)
        with duckdb.connect(str(home.database), read_only=True) as database:
            assert database.sql("FROM figures").fetchall()
        ledger = Ledger.open(home.ledger)
        unfinished.update(told_of(home, ledger))
        recover(home, ledger)
        assert len(load_releases(home, ledger)) == len(ledger.releases())

        run(home, NEXT)
        assert public(home) == public(undisturbed)
        assert Ledger.open(home.ledger).entries() == Ledger.open(undisturbed.ledger).entries()
        assert not list(home.published.glob(".segments*"))
    assert verify_folder(home.published) == verify_folder(undisturbed.published)
    assert verify_folder(home.published).unfinished == ()
    possible = {
        "releases/campaign-day-2026-11-23 is staged but not in place yet",
        "the exports of campaign-day-2026-11-23 are not written yet",
        "exports/jaya/campaign-day-2026-11-23 is staged but not in place yet",
        "exports/maju/campaign-day-2026-11-23 is staged but not in place yet",
        "segments.duckdb is not up to date: it lacks the newest changes",
        "ledger.jsonl lacks the newest entries",
    }
    assert unfinished == possible if ALL else unfinished <= possible
    assert len(unfinished) > 1


def steps_of_the_day(steps: int) -> range:
    """Some of all steps, evenly spread; others the next day."""
    apart = max(1, steps // MOST_KILLS)
    return range(1 + DAY % apart, steps + 1, apart)


def told_of(home: Home, ledger: Ledger) -> set[str]:
    """What both commands name as unfinished; neither raises an alarm."""
    own, public_part = verify_published(home, ledger), verify_folder(home.published)
    if "ledger.jsonl lacks the newest entries" not in own.unfinished:
        assert own.unfinished == public_part.unfinished
    return {*own.unfinished, *public_part.unfinished}


@pytest.mark.slow
def test_a_correction_that_is_killed_at_any_step_is_no_alarm_and_is_completed(
    tmp_path: Path,
) -> None:
    """From the order to the database."""
    first = Home(tmp_path / "first")
    release_wrong(first)
    before = {n: c for n, c in public(first).items() if n != "ledger.jsonl"}
    undisturbed, unfinished = copy(first, tmp_path / "undisturbed"), set[str]()
    with nursery("correction") as attempt:
        code, steps = attempt(undisturbed, 0)
        assert code == 0
        for step in steps_of_the_day(steps):
            home = copy(first, tmp_path / "killed")
            assert attempt(home, step) == (-9, step)
            assert before.items() <= public(home).items()
            ledger = Ledger.open(home.ledger)
            unfinished.update(told_of(home, ledger))
            recover(home, ledger)
            correct(home, ordered=find_order(ledger, SECOND))
            assert public(home) == public(undisturbed)
            assert ledger.entries() == Ledger.open(undisturbed.ledger).entries()
    assert told_of(undisturbed, Ledger.open(undisturbed.ledger)) == set()
    assert not ALL or f"the exports of {FIRST} have no notice of the correction yet" in unfinished
    assert unfinished <= {
        f"releases/{SECOND} is staged but not in place yet",
        f"the exports of {SECOND} are not written yet",
        *(f"exports/{name}/{SECOND} is staged but not in place yet" for name in RECIPIENTS),
        *(f"exports/{name}/{FIRST} was corrected and has no notice yet" for name in RECIPIENTS),
        f"the exports of {FIRST} have no notice of the correction yet",
        "segments.duckdb is not up to date: it lacks the newest changes",
        "ledger.jsonl lacks the newest entries",
    }


def copy(home: Home, position: Path) -> Home:
    shutil.rmtree(position, ignore_errors=True)
    shutil.copytree(home.root, position)
    return Home(position)
