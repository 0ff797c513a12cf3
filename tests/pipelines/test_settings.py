"""Which settings apply to which period, as the ledger keeps them."""

import subprocess
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from two_logins import approve_by_two

from anonymizer.model.errors import ConfigurationError, Held, LedgerBroken
from anonymizer.model.periods import Period
from anonymizer.release.ledger import RELEASE, Ledger
from anonymizer.release.public_ledger import read_public_ledger
from anonymizer.release.settings import (
    Revision,
    SettingsTexts,
    applying,
    revisions,
)
from anonymizer.release.settings_change import record_settings
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands.init import create_home
from pipelines.resources.resources import Installation

Audience = Callable[..., subprocess.CompletedProcess[str]]
SECRET = Secret(bytes(range(32)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = create_home(Home(tmp_path / "home"))
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    return home


@pytest.fixture
def ledger(home: Home) -> Ledger:
    return Ledger.open(home.ledger)


def settle(home: Home, ledger: Ledger, text: str | None = None) -> Revision:
    if text is not None:
        home.policy.write_text(text)
    return record_settings(home, ledger, SECRET)


def release(ledger: Ledger, period: str) -> None:
    kind = Period.from_id(period).kind
    ledger.append(RELEASE, f"campaign-{kind}-{period}", {"period": period, "files": {}})


def test_the_first_settings_apply_to_everything(home: Home, ledger: Ledger) -> None:
    first = settle(home, ledger)

    assert applying(revisions(ledger), date.min) == first
    assert first.meaning().policy.promise.k == 50
    assert settle(home, ledger) == first
    assert len(ledger.entries()) == 1


def test_a_change_applies_from_the_next_period_on(home: Home, ledger: Ledger) -> None:
    settle(home, ledger)
    for day in ("2026-11-17", "2026-11-16"):
        release(ledger, day)
    settle(home, ledger, "promise: {k: 60}\n")
    known = revisions(ledger)

    def floor(period: str) -> int:
        revision = applying(known, Period.from_id(period).start)
        assert revision
        return revision.meaning().policy.promise.k

    periods = ("2026-11-17", "2026-11-18", "2026-W47", "2026-W48", "2026-11", "2026-12")
    assert [floor(period) for period in periods] == [50, 60, 50, 60, 50, 60]


def test_a_week_that_is_released_ahead_of_its_days_has_begun_too(
    home: Home, ledger: Ledger
) -> None:
    settle(home, ledger)
    release(ledger, "2026-W47")
    assert settle(home, ledger, "promise: {k: 60}\n").first_day == date(2026, 11, 23)


def test_settings_that_come_back_are_a_revision_of_their_own(home: Home, ledger: Ledger) -> None:
    text = home.policy.read_text()
    settle(home, ledger)
    release(ledger, "2026-11-17")
    settle(home, ledger, "promise: {k: 60}\n")
    release(ledger, "2026-11-18")
    home.policy.write_text(text)
    approve_by_two(home, ledger, SECRET)
    settle(home, ledger)
    known = revisions(ledger)

    assert [revision.number for revision in known] == [1, 2, 3]
    found = [applying(known, date(2026, 11, day)) for day in (17, 18, 19)]
    assert found == list(known)
    assert known[0].digests == known[2].digests != known[1].digests


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n",
        "effort: {threads: 1}\n",
        "retention: {closed_years: 4}\n",
        "intake: {max_file_megabytes: 8}\n",
    ],
)
def test_what_bears_on_no_figure_is_no_revision(home: Home, ledger: Ledger, text: str) -> None:
    settle(home, ledger)
    settle(home, ledger, text)
    assert len(revisions(ledger)) == 1


def test_changed_segments_are_a_revision_too(home: Home, ledger: Ledger) -> None:
    settle(home, ledger)
    home.segments.write_text("cross_tables: {age: [all]}\n")
    assert len(settle(home, ledger).meaning().catalogue) < 5_000
    assert len(revisions(ledger)) == 2


def test_a_period_has_its_own_promise_and_the_effort_of_today(home: Home, ledger: Ledger) -> None:
    settle(home, ledger)
    release(ledger, "2026-11-17")
    settle(home, ledger, "promise: {k: 60}\neffort: {threads: 1}\n")
    installation = Installation.of(Home.from_environment())
    old, new = (
        installation.terms(Period.from_id(day)).policy for day in ("2026-11-17", "2026-11-18")
    )

    assert (old.promise.k, new.promise.k) == (50, 60)
    assert old.effort.threads == new.effort.threads == 1
    assert old.digest == revisions(ledger)[0].digests["policy"]


def test_a_ledger_without_settings_goes_by_the_files(home: Home, ledger: Ledger) -> None:
    release(ledger, "2026-11-17")
    home.policy.write_text("promise: {k: 60}\n")
    terms = Installation.of(Home.from_environment()).terms(Period.from_id("2026-11-17"))
    assert terms.policy.promise.k == 60
    assert settle(home, ledger).first_day is None


def test_all_mistakes_of_both_files_are_told_and_nothing_is_recorded(
    home: Home, ledger: Ledger
) -> None:
    home.policy.write_text("promise: {k: 3, rounding: 0}\n")
    home.segments.write_text("named: {one: {english: a}}\n")
    with pytest.raises(ConfigurationError) as refused:
        settle(home, ledger)

    places = " ".join(fault.place for fault in refused.value.faults)
    for place in ("promise.k", "promise.rounding", "named.one.indonesian"):
        assert place in places
    assert not home.ledger.exists()


def test_only_digests_and_the_first_day_are_public(home: Home, ledger: Ledger) -> None:
    settle(home, ledger, "# the k of spring\npromise: {k: 60}\n")
    (link,) = read_public_ledger(home.public_ledger)

    assert link.shown is not None
    assert set(link.shown["body"]) == {"first_day", "digests", "approvals"}
    assert "spring" not in home.public_ledger.read_text()
    assert "spring" in ledger.entries()[0].body["policy_text"]


def test_no_new_ledger_is_begun_beside_releases(home: Home, ledger: Ledger) -> None:
    (home.releases / "campaign-day-2026-11-17").mkdir(parents=True)
    with pytest.raises(LedgerBroken, match="the ledger is missing"):
        settle(home, ledger)
    assert not home.ledger.exists()


def test_old_settings_that_this_version_refuses_hold_their_periods_alone(
    home: Home, ledger: Ledger
) -> None:
    settle(home, ledger)
    segments = (files("anonymizer") / "defaults" / "segments.yaml").read_text()
    refused = Revision(1, None, SettingsTexts("promise: {wit: 3}\n", segments), {})
    with pytest.raises(Held, match=r"(?s)settings no\. 1 of the ledger.*promise\.wit"):
        refused.meaning()
    assert settle(home, ledger).meaning()


def test_the_history_of_settings_is_shown(home: Home, audience: Audience) -> None:
    ledger = Ledger.open(home.ledger)
    settle(home, ledger)
    release(ledger, "2026-11-17")
    unchanged = audience("policy", "history")
    home.policy.write_text("promise: {k: 60}\n")
    waiting = audience("policy", "history")
    settle(home, ledger)
    shown = audience("policy", "history")

    assert "the beginning" in unchanged.stdout
    assert "next run" not in unchanged.stderr
    assert "next run" in waiting.stderr.replace("\n", " ")
    assert "2026-11-18" in shown.stdout
