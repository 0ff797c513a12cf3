"""The whole path on the sample world, held against independent counts of the raw files."""

import csv
import gzip
import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from demonstration import ROOT, Demo
from plain_count import BANDS, PlainCount
from scanning import found

from data_samples.textfiles import read_text
from data_samples.world import DEMO

FIRST = DEMO.start
DAYS = [DEMO.day(number) for number in range(DEMO.days)]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

Cell = tuple[str, str, str]


def counted(home: Path, day: date) -> dict[str, Counter[Cell]]:
    """People of every cell, as the pipeline counted them."""
    reach: dict[str, Counter[Cell]] = defaultdict(Counter)
    rows = pq.read_table(home / "private" / "reach" / f"day={day.isoformat()}.parquet").to_pylist()
    for row in rows:
        cell = (row["gender"], row["age_band"], row["region"])
        reach[row["subject_id"]][cell] += row["people"]
    return reach


def exported(home: Path, day: date) -> list[dict[str, str]]:
    rows = []
    for path in sorted((home / "published" / "exports").glob(f"*/*{day.isoformat()}*/*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows += list(csv.DictReader(file))
    return rows


def test_the_demo_tells_a_newcomer_what_came_out(demo: Demo) -> None:
    statements = [line for line in demo.printed.splitlines() if "accessed the advertising" in line]
    assert len(statements) >= 12
    for promised in (
        r"^  [\d,]+ men under 40 accessed .* on \d+ \w+ 2026$",
        r"^  [\d,]+ women in Central Jakarta accessed ",
        r"^Named     [\d,]+ of [\d,]+ named segments are published",
    ):
        assert re.search(promised, demo.printed, re.MULTILINE), promised
    released = "34 days, 4 weeks, 1 month, 1 week of interests, 1 month of the audience"
    assert f"Released  {released}: " in demo.printed
    assert "segments.duckdb" in demo.printed
    assert "exports" in demo.printed


def test_how_exact_figures_are_is_measured(demo: Demo) -> None:
    """The sentence in the docs is what the demo's figures and counts come to."""
    script = [sys.executable, "benchmarks/figure_errors.py", "--home", str(demo.home)]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True)
    table, sentence = done.stdout.splitlines()[:-1], done.stdout.splitlines()[-1]
    assert any(line.startswith("| campaign-week |") for line in table)
    assert sentence in " ".join((ROOT / "docs/queries.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("day", [FIRST, FIRST + timedelta(days=6), DAYS[-1]])
def test_an_independent_count_finds_the_same_people(demo: Demo, day: date) -> None:
    fewest = PlainCount(demo.home, day, generous=False).reach()
    most = PlainCount(demo.home, day, generous=True).reach()
    reach = counted(demo.home, day)
    assert len(most) >= 3
    assert set(reach) <= set(most)
    undecidable = 0
    for campaign, people in most.items():
        ours = reach[campaign]
        assert set(ours) <= set(people), campaign
        for cell, highest in people.items():
            assert fewest[campaign][cell] <= ours[cell] <= highest, (campaign, cell)
            undecidable += fewest[campaign][cell] != highest
    assert undecidable <= 20  # contradicting copies of visits, planted by the generator


@pytest.mark.parametrize("day", DAYS)
def test_every_published_figure_is_near_the_truth_and_above_the_threshold(
    demo: Demo, day: date
) -> None:
    """Less than a rounding step away; by 14 more at most if it is shared with a near group."""
    reach = counted(demo.home, day)
    published = [row for row in exported(demo.home, day) if row["status"] == "published"]
    assert published
    shared = sharing(demo.home, day)
    for row in published:
        people = sum(n for cell, n in reach[row["subject_id"]].items() if within(cell, row))
        error = 9 + (14 if (row["subject_id"], row["segment_id"]) in shared else 0)
        assert abs(int(row["people"]) - people) <= error, row["segment_id"]
        assert people >= 50, row["segment_id"]
        assert int(row["people"]) % 10 == 0


def sharing(home: Path, day: date) -> set[tuple[str, str]]:
    """Subject and segment of the groups that have the outcome of a group judged before."""
    path = home / "private" / "protected" / f"day={day.isoformat()}.parquet"
    rows = pq.read_table(path, partitioning=None).to_pylist()
    return {(row["subject_id"], row["segment_id"]) for row in rows if row["shared"]}


AREAS = {
    "jabodetabek": ["31", "32.01", "32.16", "32.71", "32.75", "32.76", "36.03", "36.71", "36.74"],
    "java": ["31", "32", "33", "34", "35", "36"],
}
AGES = {"under_40": (18, 39), "from_40": (40, 130), "from_25_to_34": (25, 34)}


def within(cell: Cell, row: dict[str, str]) -> bool:
    gender, band, region = cell
    if row["gender"] not in {"all", gender}:
        return False
    low = int(band.rstrip("+").split("-")[0])
    if row["age"] != "all":
        if row["age"] in AGES:
            first, last = AGES[row["age"]]
        else:
            first = int(row["age"].rstrip("+").split("-")[0])
            last = next(b for a, b in BANDS if a == first)
        if not first <= low <= last:
            return False
    if row["region_code"] == "all":
        return True
    codes = AREAS.get(row["region_code"], [row["region_code"]])
    return any(region == code or region.startswith(code + ".") for code in codes)


@pytest.mark.parametrize("day", DAYS)
def test_rows_of_every_raw_file_are_accounted_for(demo: Demo, day: date) -> None:
    rows_on_disk = sum(
        lines_of(path)
        for arrival in (day, day + timedelta(days=1))
        for path in (demo.home / "raw" / "visits" / f"day={arrival.isoformat()}").iterdir()
        if not path.name.startswith("_")
    )
    account = ledger_account(demo.home, day)
    settled = account["counted"] + account["duplicates"]
    settled += sum(account["excluded"].values()) + sum(account["quarantined"].values())
    assert account["read"] == settled
    assert account["read"] == rows_on_disk


def lines_of(path: Path) -> int:
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:  # type: ignore[operator]
        if ".csv" in path.name:
            return sum(1 for fields in csv.reader(file) if fields) - 1
        return sum(1 for line in file if line.strip())


def ledger_account(home: Path, day: date) -> dict[str, Any]:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        entries = [json.loads(text) for (text,) in ledger.execute("SELECT kept FROM ledger")]
    (body,) = [e["body"] for e in entries if e["subject"] == f"campaign-day-{day.isoformat()}"
               and "rows" in e["body"]]  # fmt: skip
    account: dict[str, Any] = body["rows"]["visits"]
    return account


def test_nothing_that_identifies_a_person_left_the_raw_zone(demo: Demo) -> None:
    words: set[str] = set()
    for name, values in (
        ("profiles", ("user_id", "email", "phone")),
        ("visits", ("visit_id", "cookie_id", "ip")),
    ):
        folder = min((demo.home / "raw" / name).iterdir())
        rows = [row for path in folder.glob(f"{name}-*") for row in read_text(path)]
        words |= {row[one] or "" for row in rows[:30] for one in values if row.get(one)}
    long_enough = sorted(word.lower().encode() for word in words if len(word) >= 8)
    assert len(long_enough) > 50
    assert found(long_enough, demo.home, leave_out={"raw"}) == []
