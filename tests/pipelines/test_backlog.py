"""What `audience backfill` finds to do."""

import os
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from anonymizer.storage.home import Home
from cli.backlog import missing_days, unread_folders, unreleased, unreleased_days
from pipelines.messages.trouble import Trouble
from pipelines.stages.journal import JournalEntry, write

DAYS = [date(2026, 11, day) for day in (1, 2, 3)]


def test_everything_is_missing_before_the_first_run(fresh_home: Home) -> None:
    assert missing_days(fresh_home) == unreleased_days(fresh_home) == DAYS


def test_nothing_is_missing_after_it(released_home: Home) -> None:
    assert missing_days(released_home) == []


def test_lost_exports_and_a_lost_database_are_missing(released_home: Home) -> None:
    shutil.rmtree(next(released_home.exports.glob("*/campaign-day-2026-11-02")))
    assert missing_days(released_home) == [DAYS[1]]
    assert unreleased_days(released_home) == []
    shutil.rmtree(released_home.exports)
    assert missing_days(released_home) == DAYS


def test_a_lost_database_alone_is_missing(released_home: Home) -> None:
    released_home.database.unlink()
    assert missing_days(released_home) == [DAYS[2]]


def test_days_before_the_first_one_hold_up_nothing(fresh_home: Home) -> None:
    for day in ("2025-12-30", "2025-12-31"):
        (fresh_home.raw / "visits" / f"day={day}").mkdir()
    assert missing_days(fresh_home) == DAYS


def test_a_day_without_a_campaign_is_done(fresh_home: Home) -> None:
    write(fresh_home, JournalEntry("publication", DAYS[0], 0.1, {"campaigns": 0}))
    assert missing_days(fresh_home) == DAYS[1:]


@pytest.mark.alternate("interrupted runs")
def test_backfill_writes_what_was_lost_as_it_was(released_home: Home, audience) -> None:  # type: ignore[no-untyped-def]
    def exports() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in released_home.exports.rglob("*") if p.is_file()}

    before = exports()
    shutil.rmtree(next(released_home.exports.glob("*/campaign-day-2026-11-02")))
    released_home.database.unlink()
    done = audience("backfill")
    assert done.returncode == 0, done.stderr
    assert exports() == before
    assert released_home.database.exists()


def test_asking_for_what_is_not_published_says_so(released_home: Home, audience) -> None:  # type: ignore[no-untyped-def]
    for words, said in (
        (("--day", "2026-12-31"), "no figures are published for 2026-12-31"),
        (("--advertiser", "nobody"), "no advertiser is called 'nobody'"),
    ):
        done = audience("statements", *words)
        assert done.returncode == 2
        assert said in done.stderr


def reasons(home: Home, now: datetime = datetime(2026, 11, 29, tzinfo=UTC)) -> dict[str, str]:
    return {str(found.day): f"{found.reason}: {found.detail}" for found in unreleased(home, now)}


def folder(
    home: Home, day: str, content: bytes | None = b"visit_id,user_id,occurred_at,url\n"
) -> Path:
    made = home.raw / "visits" / f"day={day}"
    made.mkdir(exist_ok=True)
    if content is not None:
        (made / "x.csv").write_bytes(content)
        os.utime(made / "x.csv", (1_700_000_000, 1_700_000_000))
    return made


def test_every_landed_day_without_figures_has_a_reason(released_home: Home) -> None:
    """The last folder holds late visits of the sample's last day, so it is a day that landed."""
    known = reasons(released_home)
    assert list(known) == ["2026-11-04"]
    assert known["2026-11-04"] == (
        "waiting for late arrivals: raw/visits/day=2026-11-05 should have arrived by 2026-11-06 "
        "03:00 Asia/Jakarta; deliver it, or an empty folder with _SUCCESS if there were no visits"
    )
    folder(released_home, "2026-10-30")
    folder(released_home, "2026-11-19", None)
    (folder(released_home, "2026-11-20", None) / "_SUCCESS").touch()
    folder(released_home, "2026-11-24", b"visit_id,url\ncanary,canary\n")
    folder(released_home, "2026-11-28")
    folder(released_home, "2026-12-24")
    write(released_home, JournalEntry("publication", date(2026, 11, 4), 0.1, {"tables": 0}))
    known = reasons(released_home)
    assert {day: text.split(":")[0] for day, text in known.items()} == {
        "2026-10-30": "before the first day",
        "2026-11-04": "no campaign",
        "2026-11-19": "empty folder",
        "2026-11-20": "empty folder",
        "2026-11-24": "broken",
        "2026-11-28": "waiting for late arrivals",
        "2026-12-24": "in the future",
    }
    assert "timing.first_day" in known["2026-10-30"]
    assert "visits/day=2026-11-24/x.csv" in known["2026-11-24"]
    assert "canary" not in known["2026-11-24"]
    assert "until 2026-11-30 03:00 Asia/Jakarta" in known["2026-11-28"]
    assert "2026-11-29 in Asia/Jakarta" in known["2026-12-24"]


def test_a_day_that_went_wrong_says_how(fresh_home: Home) -> None:
    assert reasons(fresh_home)["2026-11-01"].startswith("not run yet: audience run --from")
    held = Trouble("implausible", "held, implausible: 2 measures\n  - a", 4, stage="publication")
    write(fresh_home, JournalEntry("publication", DAYS[0], 0.1, trouble=held))
    refused = Trouble("empty_file", "1 raw file(s) rejected\n  - visits/v.csv", 3, stage="intake")
    write(fresh_home, JournalEntry("intake", DAYS[1], 0.1, trouble=refused))
    known = reasons(fresh_home)
    assert known["2026-11-01"] == "held: implausible: 2 measures - a"
    assert known["2026-11-02"] == "broken: 1 raw file(s) rejected - visits/v.csv"


def test_a_withdrawn_day_is_listed(released_home: Home, audience) -> None:  # type: ignore[no-untyped-def]
    done = audience("withdraw-release", "campaign-day-2026-11-02", "--reason", "Delivered twice")
    assert done.returncode == 0, done.stderr
    assert reasons(released_home)["2026-11-02"] == "withdrawn: Delivered twice"


@pytest.mark.parametrize("name", ["day=20261105", "day=2026-13-01", "2026-11-05", "stray.csv"])
def test_what_is_no_day_is_listed(released_home: Home, name: str) -> None:
    """Python reads 20261105 as a day, but no folder of that day would be found."""
    path = released_home.raw / "visits" / name
    path.touch() if name.endswith(".csv") else path.mkdir()
    (released_home.raw / "visits" / ".hidden").touch()
    (released_home.raw / "visits" / "day=2026-11-05.tmp").mkdir()
    assert unread_folders(released_home) == [
        f"raw/visits/{name} is not read: name it day=YYYY-MM-DD"
    ]
    assert list(reasons(released_home)) == ["2026-11-04"]


def test_backfill_says_that_nothing_is_missing_only_where_it_is_so(
    released_home: Home, audience
) -> None:  # type: ignore[no-untyped-def]
    done = audience("backfill")
    assert done.returncode == 0, done.stderr
    assert "Nothing is missing" not in done.stdout + done.stderr
    assert "1 landed day(s) have no valid figures:" in done.stdout
    assert "2026-11-04 waiting for late arrivals: " in " ".join(done.stdout.split())
    within = audience("backfill", "--to", "2026-11-03")
    assert (
        "Nothing is missing: every landed day between --from and --to is released." in within.stderr
    )
    assert "2026-11-04" not in within.stdout
