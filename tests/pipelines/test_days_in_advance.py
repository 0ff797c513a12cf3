"""Days that processes of their own take in and count become what one process makes of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from checking import defs

from anonymizer.storage.home import Home
from anonymizer.storage.processes import Advance
from pipelines.automation.run_settings import range_tags
from pipelines.stages import journal
from pipelines.stages.days_in_advance import dealt

WORDS = ("run", "--from", "2026-11-01", "--to", "2026-11-03")
Audience = Callable[..., subprocess.CompletedProcess[str]]
TWO_DAYS_ARE_ENOUGH = "from pipelines import run_limits; run_limits.FEWEST_DAYS = 2; "


@pytest.fixture
def in_advance(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Three days are many; what was asked for and came from another process."""
    monkeypatch.setattr("pipelines.run_limits.FEWEST_DAYS", 2)
    take, taken = Advance.take, list[object]()

    def noted(advance: Advance[object, object], key: object) -> object:
        result = take(advance, key)
        if result is not None:
            taken.append(key)
        return result

    monkeypatch.setattr(Advance, "take", noted)
    return taken


def files(home: Home) -> dict[str, bytes]:
    """Every byte that is published or worked with, but for times and DuckDB's own files."""
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for root in (home.published, home.private)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in {".parquet", ".jsonl", ".csv", ".xlsx", ".json"}
        and "journal" not in path.parts and path.name != "database.json"
    }  # fmt: skip


def children() -> set[int]:
    lists = Path(f"/proc/{os.getpid()}/task/").glob("*/children")
    return {int(process) for listed in lists for process in listed.read_text().split()}


@pytest.mark.alternate("days in advance")
def test_two_processes_give_the_bytes_of_one(
    fresh_home: Home, released_world: Home, audience: Audience, in_advance: list[object]
) -> None:
    done = audience(*WORDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(in_advance) == 9, "three steps of three days"
    assert files(fresh_home) == files(released_world)
    for path in sorted((released_world.private / "journal").rglob("*.json")):
        mine = fresh_home.private / path.relative_to(released_world.private)
        day, stage = journal.date.fromisoformat(path.stem.removeprefix("day=")), path.parent.name
        theirs = journal.read(released_world, stage, day)
        found = journal.read(fresh_home, stage, day)
        assert mine.exists()
        assert found
        assert theirs
        ignored = {"finished_as"}
        assert {k: v for k, v in found.facts.items() if k not in ignored} == {
            k: v for k, v in theirs.facts.items() if k not in ignored
        }
    assert not list(fresh_home.private.glob("spill-*"))


@pytest.mark.alternate("days in advance")
def test_the_run_goes_on_alone_when_its_processes_are_killed(
    fresh_home: Home,
    released_world: Home,
    audience: Audience,
    in_advance: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add, added = Advance.add, list[object]()
    others = children()  # servers of other tests

    def killed(advance: Advance[object, object], key: object, item: object) -> None:
        add(advance, key, item)
        added.append(key)
        if len(added) == 3:
            for process in children() - others:
                os.kill(process, signal.SIGKILL)

    monkeypatch.setattr(Advance, "add", killed)
    done = audience(*WORDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(added) == 3
    assert not in_advance
    assert files(fresh_home) == files(released_world)


@pytest.mark.alternate("days in advance")
def test_a_run_that_is_killed_with_its_processes_is_finished_by_the_next(
    fresh_home: Home, released_world: Home, audience: Audience
) -> None:
    program = f"import sys; sys.argv = ['audience', *{WORDS!r}]; {TWO_DAYS_ARE_ENOUGH}"
    program += "from cli.main import command; command()"
    run = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    while run.poll() is None and not (fresh_home.private / "journal" / "intake").exists():
        time.sleep(0.01)
    run.kill()
    assert run.wait() == -signal.SIGKILL
    done = audience(*WORDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(fresh_home) == files(released_world)
    assert not list(fresh_home.private.glob("spill-*"))


@pytest.mark.alternate("days in advance")
def test_steps_that_a_run_was_not_asked_for_are_not_done(
    fresh_home: Home, monkeypatch: pytest.MonkeyPatch, in_advance: list[object]
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        done = defs.resolve_job_def("release_days").execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey("accepted_rows"), dg.AssetKey("quarantined_rows")],
            tags=range_tags(date(2026, 11, 1), date(2026, 11, 3)),
        )
    assert done.success
    assert len(in_advance) == 3
    assert not list((fresh_home.private / "people").glob("*"))


@pytest.mark.alternate("days in advance")
def test_one_thread_is_one_process(
    fresh_home: Home, audience: Audience, in_advance: list[object]
) -> None:
    text = fresh_home.policy.read_text(encoding="utf-8")
    fresh_home.policy.write_text(text.replace("  threads: 2", "  threads: 1"), encoding="utf-8")
    assert audience(*WORDS).returncode == 0
    assert not in_advance


@pytest.mark.parametrize(("days", "processes"), [(4, 2), (7, 2), (7, 3), (34, 2), (5, 8)])
def test_each_process_meets_neighbouring_days(days: int, processes: int) -> None:
    """Where all take equally long, a process goes on with the day after its last one."""
    wanted = [date(2026, 10, 1) + timedelta(days=number) for number in range(days)]
    order = dealt(wanted, processes)
    assert sorted(order) == wanted
    steps = [
        (later - earlier).days for earlier, later in zip(order, order[processes:], strict=False)
    ]
    assert steps.count(1) >= len(steps) - processes
