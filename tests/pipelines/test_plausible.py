"""An implausible day is held until it is accepted by somebody or delivered again."""

import csv
import gzip
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checking import outcome

from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.periods import Period

DAY = "2026-11-01"
Audience = Callable[..., subprocess.CompletedProcess[str]]
MEASURES = ["people: age_not_known", "visits: age_not_known"]


def without_births(folder: Path) -> None:
    """Profiles as they are when the source no longer fills `birth_date`."""
    for path in folder.glob("profiles*.parquet"):
        rows = pq.read_table(path, partitioning=None)
        place, column = rows.column_names.index("birth_date"), rows["birth_date"]
        rows = rows.set_column(place, "birth_date", pa.nulls(len(rows), column.type))
        pq.write_table(rows, path)
    for path in folder.glob("profiles*.csv.gz"):
        header, *rows = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
        place, out = header.index("birth_date"), io.StringIO()
        blank = [[*row[:place], "", *row[place + 1 :]] for row in rows]
        csv.writer(out).writerows([header, *blank])
        path.write_bytes(gzip.compress(out.getvalue().encode()))


@pytest.fixture
def profiles(fresh_home: Home) -> Path:
    """The folder of the snapshot of the day, broken; the right one is kept beside the home."""
    folder = fresh_home.raw / "profiles" / f"day={DAY}"
    shutil.copytree(folder, fresh_home.root.parent / "right")
    without_births(folder)
    return folder


def test_an_implausible_day_is_held_until_it_is_accepted(
    fresh_home: Home, profiles: Path, audience: Audience
) -> None:
    run = ("run", "--from", DAY, "--to", DAY)
    held = audience(*run)
    assert held.returncode == 4, held.stdout
    said = " ".join((held.stdout + held.stderr).split())
    assert "held: implausible" in said
    assert "people: age_not_known" in said
    assert "birth_date in raw/profiles" in said
    assert f"audience accept --day {DAY}" in said
    assert not list(fresh_home.releases.glob("*"))
    passed, shown = outcome("campaign_reach", "plausible", Period.from_id(DAY).end)
    assert not passed
    assert [row["measure"] for row in shown["measures"]] == MEASURES

    unfit = audience("accept", "--day", DAY, "--reason", "ask anna@example.com")
    assert unfit.returncode == 2
    accepted = audience("accept", "--day", DAY, "--reason", "Births are no longer collected.")
    assert accepted.returncode == 0, accepted.stderr
    (entry,) = [e for e in Ledger.open(fresh_home.ledger).entries() if e.kind == "acceptance"]
    assert entry.body["reason"] == "Births are no longer collected."
    assert entry.body["measures"] == MEASURES
    assert entry.body["by"]
    assert entry.body["salt"]
    assert len(fresh_home.public_ledger.read_text().splitlines()) == entry.sequence
    assert "by" not in (entry.link.shown or {})["body"]
    assert audience(*run).returncode == 0
    assert outcome("campaign_reach", "plausible", Period.from_id(DAY).end)[0]


def test_an_acceptance_is_about_one_delivery(
    fresh_home: Home, profiles: Path, audience: Audience
) -> None:
    """The same mistake in other files is held again; right files need no acceptance."""
    run = ("run", "--from", DAY, "--to", DAY)
    assert audience(*run).returncode == 4
    assert audience("accept", "--day", DAY, "--reason", "It is right.").returncode == 0
    extra = profiles / "profiles-02.csv"
    extra.write_text("user_id,registered_at\nu-new,2024-01-01T00:00:00+07:00\n")
    assert audience(*run).returncode == 4
    shutil.rmtree(profiles)
    shutil.copytree(fresh_home.root.parent / "right", profiles)
    assert audience(*run).returncode == 0


def test_only_a_held_day_can_be_accepted(released_home: Home, audience: Audience) -> None:
    refused = audience("accept", "--day", DAY, "--reason", "It is right.")
    assert refused.returncode == 2
    assert "plausible" in refused.stderr
