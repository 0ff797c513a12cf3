"""A week that contains an accepted day says so; one with a day that was taken in wrong is held."""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from anonymizer.exports.verification import verify_folder
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from cli.commands.init import create_home
from cli.period_runs import release_days, release_periods
from data_samples.options import WorldOptions
from data_samples.world import generate

pytestmark = pytest.mark.slow
MONDAY, TUESDAY, WEDNESDAY, SUNDAY = (date(2026, 11, number) for number in (2, 3, 4, 8))
WEEK = "campaign-week-2026-W45"
REASON = "Births are no longer collected."
Audience = Callable[..., subprocess.CompletedProcess[str]]
WORLD = WorldOptions(
    people=400, days=7, visits=6_000, campaigns=2, advertisers=1, start=MONDAY, layout="csv"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A week, and snapshots of profiles for its Tuesday and Wednesday."""
    home = create_home(Home(tmp_path / "home"))
    text = home.policy.read_text("utf-8")
    for old, new in {"late_days: 1": "late_days: 0", "open_days: 2": "open_days: 0"}.items():
        assert old in text
        text = text.replace(old, new)
    home.policy.write_text(text, "utf-8")
    generate(WORLD, home, lambda *_: None)
    first = min(home.raw.glob("profiles/day=*"))
    for day in (TUESDAY, WEDNESDAY):
        shutil.copytree(first, home.raw / "profiles" / f"day={day}", dirs_exist_ok=True)
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    return home


def spoil(home: Home) -> dict[Path, bytes]:
    """Tuesday's profiles lose their births; returns the right files."""
    files = {p: p.read_bytes() for p in (home.raw / "profiles" / f"day={TUESDAY}").glob("*.csv")}
    for path, content in files.items():
        header, *rows = csv.reader(io.StringIO(content.decode()))
        place, out = header.index("birth_date"), io.StringIO()
        writer = csv.writer(out)
        writer.writerows([header, *([*row[:place], "", *row[place + 1 :]] for row in rows)])
        path.write_text(out.getvalue())
    assert files
    return files


def releases(home: Home) -> list[str]:
    return [entry.subject for entry in Ledger.open(home.ledger).releases()]


def test_the_certificates_of_a_week_name_the_accepted_day(home: Home, audience: Audience) -> None:
    spoil(home)
    assert release_days(home, MONDAY, SUNDAY) == 4
    assert audience("accept", "--day", str(TUESDAY), "--reason", REASON).returncode == 0
    assert release_days(home, TUESDAY, TUESDAY) == 0
    assert list(release_periods(home, MONDAY, SUNDAY)) == [0]
    assert WEEK in releases(home)
    folders = list(home.exports.glob(f"*/{WEEK}"))
    assert folders
    for folder in folders:
        certificate = json.loads((folder / "certificate.json").read_text("utf-8"))
        stated = certificate["contains_days_released_although_implausible"]
        assert list(stated["days"]) == [str(TUESDAY)]
        assert stated["days"][str(TUESDAY)]["reason"] == REASON
        checked = audience("check", folder)
        assert checked.returncode == 0, checked.stderr
        assert stated["in_words"] in " ".join(checked.stdout.split())
    assert f"Contains {TUESDAY}, which was released" in verify_folder(home.published).accepted[WEEK]
    other = next(home.exports.glob(f"*/campaign-day-{MONDAY}")) / "certificate.json"
    assert "although_implausible" not in other.read_text("utf-8")


def test_a_week_is_held_while_a_day_is_taken_in_anew_from_implausible_files(
    home: Home, audience: Audience
) -> None:
    assert release_days(home, MONDAY, SUNDAY) == 0
    right = spoil(home)
    assert release_days(home, TUESDAY, TUESDAY) == 0  # the day itself is final
    assert list(release_periods(home, MONDAY, SUNDAY)) == [4]
    assert WEEK not in releases(home)
    for path, content in right.items():
        path.write_bytes(content)
    assert release_days(home, TUESDAY, TUESDAY) == 0
    assert list(release_periods(home, MONDAY, SUNDAY)) == [0]
    assert WEEK in releases(home)


def start_campaigns_on(home: Home, day: date) -> None:
    """No campaign runs before that day."""
    for path in home.raw.glob("campaigns/**/*.csv"):
        rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        out = io.StringIO()
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "starts_on": max(row["starts_on"], str(day))} for row in rows)
        path.write_text(out.getvalue(), "utf-8")


def test_a_week_is_held_for_an_implausible_day_on_which_no_campaign_ran(
    home: Home, audience: Audience
) -> None:
    start_campaigns_on(home, WEDNESDAY)
    spoil(home)
    assert release_days(home, MONDAY, SUNDAY) == 0  # there is nothing to release of Tuesday
    assert f"campaign-day-{TUESDAY}" not in releases(home)
    assert f"campaign-day-{WEDNESDAY}" in releases(home)
    assert list(release_periods(home, MONDAY, SUNDAY)) == [4]
    assert WEEK not in releases(home)
    assert audience("accept", "--day", str(TUESDAY), "--reason", REASON).returncode == 0
    assert list(release_periods(home, MONDAY, SUNDAY)) == [0]
    stated = json.loads(next(home.exports.glob(f"*/{WEEK}/certificate.json")).read_text("utf-8"))
    assert list(stated["contains_days_released_although_implausible"]["days"]) == [str(TUESDAY)]
