"""A week in whose middle campaigns begin to be counted in parts, from raw files to releases."""

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from running import Done, call
from two_logins import OFFICER, ROLES, login

from anonymizer.model.policy import Promise
from anonymizer.storage.home import Home

pytestmark = pytest.mark.slow

MONDAY, THURSDAY = date(2026, 11, 2), date(2026, 11, 5)
DAYS = [MONDAY + timedelta(days=number) for number in range(9)]
WEEK = "campaign-week-2026-W45"
RULE = f"""campaign_parts:
  - from_day: {THURSDAY}
    column: device
    parts:
      mobile: {{english: Mobile, indonesian: Ponsel, values: [mobile]}}
      desktop: {{english: Desktop, indonesian: Komputer, values: [desktop]}}
"""


def device_of(user: str, visit: str) -> str:
    """Most people have one device; some visits are made with another."""
    kinds = ("mobile", "mobile", "desktop")
    other = sha256(visit.encode()).digest()[0] < 40
    return "tablet" if other else kinds[sha256(user.encode()).digest()[0] % 3]


def with_devices(folder: Path) -> None:
    for path in folder.rglob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        user, visit = header.index("user_id"), header.index("visit_id")
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*header, "device"])
            writer.writerows(
                [*row, device_of(row[user], row[visit])] if len(row) == len(header) else row
                for row in rows
            )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Nine days and their week, released under a rule that begins on the Thursday."""
    home = Home(tmp_path_factory.mktemp("parts") / "home")
    size = ("--people", "3000", "--days", "10", "--visits", "40000", "--campaigns", "2")
    for words in (
        ("init",),
        ("sample", *size, "--advertisers", "1", "--start", str(MONDAY), "--layout", "csv"),
    ):
        assert call(*words, "--home", home.root).returncode == 0
    with_devices(home.raw / "visits")
    text = home.policy.read_text(encoding="utf-8")
    assert "campaign_parts: []\n" in text
    home.policy.write_text(text.replace("campaign_parts: []\n", RULE), encoding="utf-8")
    done = call("run", "--from", str(MONDAY), "--to", str(DAYS[-1]), "--home", home.root)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def figures(home: Home, release: str) -> Iterator[tuple[str, str, int]]:
    """Subject, segment and people of everything that is published."""
    for row in pq.read_table(home.releases / release / "figures.parquet").to_pylist():
        if row["status"] == "published":
            yield row["subject_id"], row["segment_id"], row["people"]


def subjects(home: Home, release: str) -> dict[str, tuple[str, str]]:
    """First and last day of each campaign and part that has a table."""
    facts = json.loads((home.releases / release / "release.json").read_text())
    return {one["id"]: (one["starts_on"], one["ends_on"]) for one in facts["subjects"]}


def codes(found: Sequence[str]) -> set[str]:
    return {name.partition(".")[2] for name in found}


def test_days_have_the_whole_or_the_parts_and_the_week_has_both(home: Home) -> None:
    for day in DAYS:
        found = subjects(home, f"campaign-day-{day}")
        assert codes([*found]) == ({""} if day < THURSDAY else {"mobile", "desktop", "other"})
    found = subjects(home, WEEK)
    assert codes([*found]) == {"", "mobile", "desktop", "other"}
    for name, (starts, ends) in found.items():
        if "." in name:
            assert starts >= str(THURSDAY), name
        else:
            assert ends == str(THURSDAY - timedelta(days=1)), name


def test_no_figure_counts_more_people_than_came_with_the_device(home: Home) -> None:
    """The people of the raw files, whoever of them is eligible, bound every figure of a part."""
    people: dict[tuple[str, str], set[str]] = {}
    for path in (home.raw / "visits").rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row.get("device") and row["occurred_at"][:10].count("-") == 2:
                    place = (path.parent.name, row["device"])
                    people.setdefault(place, set()).add(row["user_id"])
    error = Promise().error_of((Promise().rounding,))
    shown = 0
    for day in DAYS[3:]:
        arrivals = [f"day={day}", f"day={day + timedelta(days=1)}"]
        for name, _, counted in figures(home, f"campaign-day-{day}"):
            device = {"other": "tablet"}.get(name.partition(".")[2], name.partition(".")[2])
            came = set().union(*(people.get((a, device), set()) for a in arrivals))
            assert Promise().k <= counted <= len(came) + error
            shown += 1
    assert shown


def test_a_run_again_changes_nothing_and_everything_is_proved(home: Home) -> None:
    assert call("verify", "--home", home.root).returncode == 0
    before = {path: path.read_bytes() for path in home.releases.rglob("*") if path.is_file()}
    done = call("run", "--from", THURSDAY, "--to", THURSDAY, "--home", home.root)
    assert done.returncode == 0
    assert before == {path: path.read_bytes() for path in before}


TRIED = """
campaign_parts:
  - from_day: 2026-12-01
    column: device
    parts:
      mobile: {english: Mobile, indonesian: Ponsel, values: [mobile]}
      desktop: {english: Desktop, indonesian: Komputer, values: [desktop]}
"""


def test_parts_are_tried_on_a_released_day(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the rule of the home: whole it is what was released, each campaign has three parts."""
    mine = Home(tmp_path / "home")
    shutil.copytree(home.root, mine.root, symlinks=True)
    text = mine.policy.read_text(encoding="utf-8")
    mine.policy.write_text(text.replace("roles: {}", ROLES), encoding="utf-8")
    monkeypatch.setenv("AUDIENCE_HOME", str(mine.root))
    path = tmp_path / "parts.yaml"
    path.write_text(TRIED)

    def tried(*words: str) -> Done:
        with login(OFFICER):
            return call("whatif", "--campaign-parts", path, *words)

    done = tried("--period", str(DAYS[1]), "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["campaign_parts"]
    whole, parts = found["whole"], found["parts"]
    assert whole["published"] == len(list(figures(home, f"campaign-day-{DAYS[1]}")))
    assert parts["tables"] == 3 * whole["tables"]
    assert whole["people"] <= parts["people"] <= 3 * whole["people"], "people come for two parts"
    assert tried("--period", "2026-W44").returncode == 2
    path.write_text(TRIED.replace("column: device", "column: product_category"))
    refused = tried("--period", str(DAYS[1]))
    assert (refused.returncode, "advertising_cookies" in refused.stderr) == (2, True)
    path.write_text(
        TRIED + TRIED.split("campaign_parts:")[1].replace("12-01", "12-08").lstrip("\n")
    )
    refused = tried()
    assert refused.returncode == 2
    assert "parts.yaml" in refused.stderr
