"""A day held for bad rows names them on the screen, in Dagster and in `audience quarantine`."""

import json
import subprocess
from collections.abc import Callable
from datetime import date

import pytest
from checking import outcome

from anonymizer.storage.home import Home

Audience = Callable[..., subprocess.CompletedProcess[str]]
DAY = "2026-11-01"
FILE = f"visits/day={DAY}/bad.jsonl"
RUN = ("run", "--from", DAY, "--to", DAY)


@pytest.fixture
def held_home(fresh_home: Home, audience: Audience) -> Home:
    """More than a fifth of the visits have a time that is none, and a few no address."""
    rows = [
        {
            "visit_id": f"bad-{n}",
            "user_id": "u1",
            "occurred_at": "canary-time",
            "url": "https://x.example/",
        }
        for n in range(8_000)
    ]
    for n in range(6):
        rows[n] |= {"url": "", "occurred_at": f"{DAY}T10:00:00+07:00"}
    path = fresh_home.raw / FILE
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return fresh_home


@pytest.mark.slow
def test_a_held_day_names_its_most_frequent_faults_everywhere(
    held_home: Home, audience: Audience
) -> None:
    done = audience(*RUN)
    assert done.returncode == 4
    said = " ".join(done.stderr.split())
    fault = f"{FILE}, column occurred_at: bad_time, 7,994 row(s), for example 7, 8, 9, 10, 11"
    assert fault in said
    assert f"audience quarantine --day {DAY}" in said
    passed, shown = outcome("quarantined_rows", "quarantine_share", date.fromisoformat(DAY))
    assert not passed
    assert fault in shown["what_happened"]
    table = [dict(record.data) for record in shown["most_frequent"].records]
    assert table[0] == {
        "file": FILE,
        "column": "occurred_at",
        "reason": "bad_time",
        "rows": 7994,
        "examples": "7, 8, 9, 10, 11",
    }
    listed = audience("quarantine", "--day", DAY, "--reason", "no_url", "--limit", "3")
    assert listed.returncode == 0, listed.stderr
    rows = [line.split() for line in listed.stdout.splitlines() if FILE in line]
    assert [row[3] for row in rows] == ["1", "2", "3"]
    assert any("no_url" in line and FILE not in line for line in listed.stdout.splitlines())
    assert "rows are listed" in listed.stderr
    everything = audience("quarantine", "--day", DAY, "--limit", "0")
    assert everything.stdout.count(FILE) == 8_000
    assert "rows are listed" not in everything.stderr
    backfilled = audience("backfill", "--to", DAY)
    assert backfilled.returncode == 4
    assert f"{DAY} held: too_many_bad_rows" in " ".join(backfilled.stdout.split())
    assert "Nothing is missing" not in backfilled.stdout + backfilled.stderr
    for text in (said, str(shown), everything.stdout, backfilled.stdout):
        assert "canary" not in text


def test_a_reason_that_no_row_has_is_told_with_those_there_are(
    released_home: Home, audience: Audience
) -> None:
    wrong = audience("quarantine", "--day", DAY, "--reason", "nope")
    assert wrong.returncode == 2
    told = " ".join(wrong.stderr.split())
    assert "the reasons of the day: bad_quoting, bad_time, conflicting_id" in told
    missing = audience("quarantine", "--day", "2026-11-20")
    assert missing.returncode == 2
    assert "audience run --from 2026-11-20" in " ".join(missing.stderr.split())


@pytest.mark.alternate("words of commands")
def test_rows_of_an_earlier_reading_are_said_to_be_so(
    released_home: Home, audience: Audience
) -> None:
    assert "earlier" not in audience("quarantine", "--day", DAY).stderr
    (released_home.raw / FILE).write_text("")
    assert audience(*RUN).returncode == 3
    listed = audience("quarantine", "--day", DAY)
    assert listed.returncode == 0
    assert "empty_file" in listed.stderr
    assert "earlier" in listed.stderr
