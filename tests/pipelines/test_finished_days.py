"""A released day of which nothing has changed is recognised; any change has it done in full."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anonymizer.model.codings import Codings
from anonymizer.release import corrections
from anonymizer.storage.home import Home
from pipelines.messages.trouble import Trouble
from pipelines.stages import finished_days, journal
from pipelines.stages.finished_days import FINISHED_AS, FinishedDays
from pipelines.stages.journal import JournalEntry

DAY = date(2026, 11, 22)
STAGES = ("intake", "eligibility", "reach", "publication")


class Ledger:
    """What a ledger says of one released day, without one."""

    def __init__(self) -> None:
        self.kinds = ["settings", "release", "exports"]

    def entries(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(kind=kind, sequence=n) for n, kind in enumerate(self.kinds)]


class Installed:
    """An installation whose settings can be changed."""

    def __init__(self, home: Home) -> None:
        self.home, self.own, self.settings = home, Ledger(), "policy"

    def ledger(self) -> Ledger:
        return self.own

    def terms(self, _: object) -> SimpleNamespace:
        return SimpleNamespace(
            policy=SimpleNamespace(
                model_dump_json=lambda: self.settings, timing=SimpleNamespace(late_days=1)
            ),
            catalogue=SimpleNamespace(digest="catalogue"),
            secret=SimpleNamespace(fingerprint="key"),
        )


def days_of(installed: Installed) -> FinishedDays:
    """A run of its own."""
    return FinishedDays(cast("Any", installed), cast("Any", lambda: Codings({}, {})))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A home in which the day is taken in, counted, released and marked."""
    home = Home(tmp_path)
    for name in ("campaigns/a.csv", "consents/a.csv", "profiles/day=2026-11-20/a.csv",
                 "visits/day=2026-11-22/a.csv", "visits/day=2026-11-23/a.csv"):  # fmt: skip
        write(home.raw / name)
    for stage in ("campaigns", "profiles", "consents", "requests", "visits", "quarantine",
                  "people", "excluded", "reach", "overlaps"):  # fmt: skip
        write(home.working_file(stage, DAY))
    monkeypatch.setattr(finished_days, "newest", lambda *_: "a release")
    monkeypatch.setattr(finished_days, "open_order", lambda *_: None)
    found = Installed(home)
    for stage in STAGES:
        journal.write(home, JournalEntry(stage, DAY, 0.1, {"rows": 3}))
    run = days_of(found)
    assert not run.has(DAY)
    journal.write(home, JournalEntry("publication", DAY, 0.1, {FINISHED_AS: run.mark(DAY)}))
    return found


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("content", encoding="utf-8")


def test_a_day_of_which_nothing_has_changed_is_finished(installed: Installed) -> None:
    run = days_of(installed)
    assert run.has(DAY)
    stage = cast("Any", SimpleNamespace(name="reach", assets=("campaign_reach",)))
    assert run.reuse(stage, DAY).facts == {"rows": 3}
    write(installed.home.raw / "visits/day=2026-11-24/a.csv")  # of no concern to the day
    write(installed.home.raw / "profiles/day=2026-11-23/a.csv")
    installed.own.kinds += ["release", "exports"]  # of another day
    assert days_of(installed).has(DAY)


def rewrite(path: Path) -> None:
    """Other content of the same size and with the same date."""
    before = path.stat()
    path.write_text("another", encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Installed], object]] = {
    "a new visits file": lambda one: write(one.home.raw / "visits/day=2026-11-22/b.csv"),
    "a late visits file": lambda one: write(one.home.raw / "visits/day=2026-11-23/b.csv"),
    "newer profiles": lambda one: write(one.home.raw / "profiles/day=2026-11-22/a.csv"),
    "a first request": lambda one: write(one.home.raw / "requests/a.csv"),
    "other content": lambda one: rewrite(one.home.raw / "consents/a.csv"),
    "a file less": lambda one: (one.home.raw / "campaigns/a.csv").unlink(),
    "a working file less": lambda one: one.home.working_file("people", DAY).unlink(),
    "rows removed": lambda one: rewrite(one.home.working_file("visits", DAY)),
    "other settings": lambda one: setattr(one, "settings", "other"),
    "a decision": lambda one: one.own.kinds.append("decision"),
    "held since": lambda one: journal.write(
        one.home, JournalEntry("intake", DAY, 0.1, trouble=Trouble("no_rows", "none", 4))
    ),
    "no mark": lambda one: journal.write(one.home, JournalEntry("publication", DAY, 0.1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_day_of_which_something_has_changed_is_done_again(
    change: str, installed: Installed
) -> None:
    CHANGES[change](installed)
    assert not days_of(installed).has(DAY)


@pytest.mark.parametrize("name", ["newest", "open_order"])
def test_a_day_without_release_or_with_an_order_is_done(
    name: str, installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished_days, name, lambda *_: None if name == "newest" else "an order")
    assert callable(getattr(corrections, name))
    assert not days_of(installed).has(DAY)


def test_what_landed_after_a_run_began_is_not_taken_for_what_it_took_in(
    installed: Installed,
) -> None:
    run = days_of(installed)
    run.has(DAY)
    write(installed.home.raw / "requests/a.csv")
    marked = run.mark(DAY)
    journal.write(installed.home, JournalEntry("publication", DAY, 0.1, {FINISHED_AS: marked}))
    assert not days_of(installed).has(DAY)


def test_without_intake_in_the_run_nothing_is_marked(installed: Installed) -> None:
    assert days_of(installed).mark(DAY) == ""
