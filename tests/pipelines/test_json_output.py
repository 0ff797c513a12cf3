"""Commands that print a table print the same as JSON, and nothing else on stdout."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from running import Done

from anonymizer.storage.home import Home

Audience = Callable[..., Done]
DAY = "2026-11-02"


def read(audience: Audience, *words: str) -> Any:
    done = audience(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def _home(released_home: Home) -> None:
    """A released world, which the environment names."""


def test_what_stands_in_tables(audience: Audience) -> None:
    named = {row["id"] for row in read(audience, "segments")["named_segments"]}
    assert "men_under_40" in named
    entries = read(audience, "ledger", "list")
    assert f"campaign-day-{DAY}" in {row["subject"] for row in entries}
    assert read(audience, "policy", "history")[0]["number"] == 1
    removed = read(audience, "retention")
    assert removed.keys() == {"removed_so_far", "to_be_removed_by_the_next_run"}
    requests = read(audience, "rights", "list")
    assert {"request", "kind", "due", "status"} <= requests[0].keys()
    unread = read(audience, "rights", "review")
    assert {"file", "row", "column", "reason", "what_it_does"} == unread[0].keys()


@pytest.mark.alternate("words of commands")
def test_rows_of_a_day(audience: Audience) -> None:
    quarantined = read(audience, "quarantine", "--day", DAY, "--limit", "3")
    assert len(quarantined["quarantined_rows"]) == 3
    assert {"file", "row", "column", "reason"} == quarantined["quarantined_rows"][0].keys()
    reasons = quarantined["by_reason"]
    checked = read(audience, "check-input", "--day", DAY)
    visits = next(row for row in checked["rows"] if row["table"] == "visits")
    bad = sum(row["rows"] for row in reasons if row["table"] == "visits")
    assert visits["quarantined"] == bad
    assert checked["problems"] == []
    assert checked["exit_code"] == 0


def test_suppressed_segments_of_a_campaign(audience: Audience) -> None:
    found = read(audience, "suppressed", "--campaign", "cmp-0001", "--day", DAY)
    assert {"id", "name", "nearest", "reason"} == found[0].keys()


@pytest.mark.alternate("words of commands")
def test_a_run_and_a_backfill(audience: Audience) -> None:
    ran = read(audience, "run", "--from", DAY, "--to", DAY)
    assert [(row["day"], row["state"]) for row in ran["days"]] == [(DAY, "released before")]
    visits = next(row for row in ran["rows"] if row["table"] == "visits")
    assert visits["read"] == sum(
        visits[part] for part in ("counted", "excluded", "quarantined", "duplicates")
    )
    assert read(audience, "backfill")["days"] == []
