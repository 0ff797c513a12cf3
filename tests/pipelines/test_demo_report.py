"""What a demo prints at its end is counted right, and its commands can be typed."""

import csv
import re
import shlex
from datetime import date, timedelta

import pytest
from running import call

from anonymizer.model.segments import load_catalogue
from anonymizer.storage.home import Home
from cli.demo_report import print_demo
from pipelines.accounts import final_accounts

DAYS = [date(2026, 11, 1) + timedelta(days=number) for number in range(3)]


@pytest.mark.alternate("words of commands")
def test_a_demo_ends_with_what_is_published_and_what_to_type_next(
    released_home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    print_demo(released_home)
    said = capsys.readouterr().out
    named = {segment.id for segment in load_catalogue(released_home.segments).named.values()}
    rows = [
        row
        for path in released_home.exports.glob("*/campaign-day-*/*.csv")
        for row in csv.DictReader(path.open(encoding="utf-8-sig", newline=""))
        if row["segment_id"] in named
    ]
    published = sum(row["status"] == "published" for row in rows)
    assert 0 < published < len(rows)
    assert f"Named     {published:,} of {len(rows):,} named segments" in said
    assert "Released  3 days: " in said
    assert re.search(r"^Possible  [\d,]+ of [\d,]+ segments with enough people", said, re.MULTILINE)
    accounts = [final_accounts(released_home, day)["visits"] for day in DAYS]
    of_these_days = sum(one.read - one.excluded["other_day"] for one in accounts)
    counted = sum(one.counted for one in accounts)
    assert (
        f"Visits    {of_these_days:,} rows read, {counted:,} of them count for a campaign" in said
    )
    commands = [line.split("audience ")[1] for line in said.splitlines() if "  audience " in line]
    assert len(commands) == 6
    assert commands.pop() == "ui"
    for command in commands:
        if "--last week" not in command:  # no week has ended
            done = call(*shlex.split(command))
            assert done.returncode == 0, (command, done.stderr)
