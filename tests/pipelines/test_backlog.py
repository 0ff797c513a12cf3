"""What `audience backfill` finds to do."""

import shutil
from datetime import date
from pathlib import Path

from anonymizer.home import Home
from pipelines.backlog import missing_days, unreleased_days
from pipelines.journal import Entry, write

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
    write(fresh_home, Entry("publication", DAYS[0], 0.1, {"campaigns": 0}))
    assert missing_days(fresh_home) == DAYS[1:]


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
    for words in (("--day", "2026-12-31"), ("--advertiser", "nobody")):
        done = audience("statements", *words)
        assert done.returncode == 2
        assert f"nothing is published for {words[1]}" in done.stderr
