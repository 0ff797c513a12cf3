"""The questions of the readers have the right answers on the demo, read again in another way.

An answer is what the command of docs/questions.md prints. What it should be is read here from the
files of the home alone: released figures, raw files, working files and the ledger.
"""

import csv
import gzip
import hashlib
import json
import re
import shlex
import shutil
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from demonstration import ROOT, Demo
from running import call

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

PAGE = (ROOT / "docs/questions.md").read_text(encoding="utf-8")
CAMPAIGN = "cmp-0003"  # Year-End Sale
DAY, WEEK, MONTH = "campaign-day-2026-10-31", "campaign-week-2026-W44", "campaign-month-2026-10"
_QUESTION = re.compile(r"^\*\*(\d)\. .*?^```sh\n(.*?)```$", re.MULTILINE | re.DOTALL)


def questions() -> dict[tuple[str, int], str]:
    """The command of each question, by reader and number."""
    return {
        (section.split("\n")[0], int(number)): block.strip()
        for section in PAGE.split("\n## ")[1:]
        for number, block in _QUESTION.findall(section)
    }


@dataclass(frozen=True)
class World:
    """A copy of the demo, in the folder in which commands of the page are called."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "demo"

    def ask(self, line: str, code: int = 0) -> str:
        """What a command says on both streams, in words without the widths of tables."""
        done = call(
            *shlex.split(line)[1:],
            environment={"AUDIENCE_HOME": str(self.home), "COLUMNS": "200"},
            folder=self.folder,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return str(done.stdout) + str(done.stderr)

    def facts(self, line: str) -> Any:
        """The same for programs."""
        done = call(
            *shlex.split(line)[1:],
            "--json",
            environment={"AUDIENCE_HOME": str(self.home)},
            folder=self.folder,
        )
        return json.loads(done.stdout)

    def figures(self, release: str, campaign: str = CAMPAIGN) -> dict[str, int]:
        """Published people by segment, as the release has them."""
        rows = pd.read_parquet(self.home / "published/releases" / release / "figures.parquet")
        own = rows[(rows["subject_id"] == campaign) & (rows["status"] == "published")]
        return dict(zip(own["segment_id"], own["people"].astype(int), strict=True))

    def entries(self) -> list[dict[str, Any]]:
        """The public ledger, an entry a line."""
        text = (self.home / "published/ledger.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def raw(self, table: str) -> Iterator[dict[str, str]]:
        """Rows of the CSV and JSON files of a table."""
        for path in sorted((self.home / "raw" / table).rglob("*.*")):
            if path.suffix == ".jsonl":
                lines = path.read_text(encoding="utf-8").splitlines()
                yield from (json.loads(line) for line in lines if line.startswith("{"))
            elif path.suffixes[:1] == [".csv"]:
                opened = gzip.open if path.suffix == ".gz" else open
                with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
                    yield from csv.DictReader(file)


@pytest.fixture
def world(demo: Demo, tmp_path: Path) -> World:
    shutil.copytree(demo.home, tmp_path / "demo", ignore=shutil.ignore_patterns("dagster"))
    return World(tmp_path)


Check = Callable[[World, str], None]
CHECKS: dict[tuple[str, int], Check] = {}


def answers(reader: str, number: int) -> Callable[[Check], Check]:
    def registered(check: Check) -> Check:
        CHECKS[reader, number] = check
        return check

    return registered


def test_every_question_has_its_check() -> None:
    """Those of analysts are in docs/queries.md, with answers of their own."""
    assert questions().keys() == CHECKS.keys()
    assert len(CHECKS) == 24


@pytest.mark.parametrize(("reader", "number"), CHECKS)
def test_a_question_is_answered(world: World, reader: str, number: int) -> None:
    CHECKS[reader, number](world, questions()[reader, number])


# ----- ad-ops


@answers("Ad-ops", 1)
def statements_of_a_week(world: World, line: str) -> None:
    figures, said = world.figures(WEEK), world.ask(line)
    everyone = f"{figures['everyone']:,} people accessed the advertising link of Year-End Sale"
    assert f"{everyone} from 26 October to 1 November 2026" in said
    sentences = re.findall(r"^([\d,]+) .* accessed the advertising link of ", said, re.MULTILINE)
    assert len(sentences) >= 10
    assert {int(one.replace(",", "")) for one in sentences} <= set(figures.values())


@answers("Ad-ops", 2)
def statements_in_indonesian(world: World, line: str) -> None:
    release = world.home / "published/releases" / MONTH
    segments = pd.read_parquet(release / "segments.parquet")
    in_central_jakarta = set(segments.loc[segments["region"] == "31.71", "id"])
    figures = {
        people
        for campaign in pd.read_parquet(release / "figures.parquet")["subject_id"].unique()
        for segment, people in world.figures(MONTH, campaign).items()
        if segment in in_central_jakarta
    }
    sentences = [one for one in world.ask(line).splitlines() if "mengakses tautan iklan" in one]
    assert len(sentences) >= 5
    assert all("di Jakarta Pusat" in one and "pada bulan Oktober 2026" in one for one in sentences)
    assert {int(one.split()[0].replace(".", "")) for one in sentences} <= figures


@answers("Ad-ops", 3)
def exports_of_an_advertiser(world: World, line: str) -> None:
    (found,) = world.facts(line)
    folder = world.home / "published/exports/adv-01" / WEEK
    assert (found["advertiser"], found["release"]) == ("adv-01", WEEK)
    assert found["campaigns"] == len(list(folder.glob("*.csv")))
    assert WEEK in world.ask(line)


@answers("Ad-ops", 4)
def a_file_is_as_released(world: World, line: str) -> None:
    folder = world.folder / shlex.split(line)[-1]
    certified = json.loads((folder / "certificate.json").read_text(encoding="utf-8"))["files"]
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "certificate.json"
    }
    assert digests == certified
    world.ask(line)
    changed = next(folder.glob("*.csv"))
    changed.write_bytes(changed.read_bytes().replace(b"0", b"1", 1))
    assert changed.name in world.ask(line, code=4)


@answers("Ad-ops", 5)
def suppressed_segments_and_what_to_offer(world: World, line: str) -> None:
    figures, found = world.figures(DAY), world.facts(line)
    named = set(yaml.safe_load((world.home / "segments.yaml").read_text())["named"])
    assert {one["id"] for one in found} == named - figures.keys()
    for one in found:
        assert figures[one["nearest"]["id"]] == one["nearest"]["people"]


@answers("Ad-ops", 6)
def a_package_has_all_files(world: World, line: str) -> None:
    world.ask(line)
    (path,) = world.folder.glob("*.zip")
    folder = world.home / "published/exports/adv-01" / WEEK
    files = {one.name: one.read_bytes() for one in folder.iterdir()}
    with zipfile.ZipFile(path) as packed:
        found = {Path(name).name: packed.read(name) for name in packed.namelist()}
    assert found == files


@answers("Ad-ops", 7)
def a_segment_by_week(world: World, line: str) -> None:
    expected = {
        f"2026-W{week}": world.figures(f"campaign-week-2026-W{week}")["women"]
        for week in range(41, 45)
    }
    assert {row["period"]: row["people"] for row in world.facts(line)} == expected
    said = world.ask(line)
    assert all(f"{people:,}" in said for people in expected.values())


@answers("Ad-ops", 8)
def an_account_for_a_client(world: World, line: str) -> None:
    assert "client" in world.ask(line)
    with sqlite3.connect(world.home / "portal/accounts.sqlite") as accounts:
        kept = "\n".join(accounts.iterdump())
    assert re.search(r"'client'.*'ad_ops'", kept)
    assert "adv-01" in kept


# ----- data engineer


@answers("Data engineer", 1)
def a_day_would_run(world: World, line: str) -> None:
    rows = {row["table"]: row for row in world.facts(line)["rows"]}
    for table in ("campaigns", "requests", "consents"):
        assert rows[table]["read"] == sum(1 for _ in world.raw(table)), table
    for row in rows.values():
        parts = ("counted", "excluded", "quarantined", "duplicates")
        assert row["read"] == sum(row[part] for part in parts)
    assert "2026-10-31" in world.ask(line)


@answers("Data engineer", 2)
def rows_that_were_refused(world: World, line: str) -> None:
    kept = pd.read_parquet(
        world.home / "private/quarantine/day=2026-10-31.parquet", partitioning=None
    )
    found = world.facts(line)
    assert len(found["quarantined_rows"]) == 5
    counted = Counter[str]()
    for row in found["by_reason"]:
        counted[row["reason"]] += row["rows"]
    assert counted == Counter(kept["reason"])


@answers("Data engineer", 3)
def what_is_missing(world: World, line: str) -> None:
    landed = {
        path.name.removeprefix("day=") for path in (world.home / "raw/visits").glob("day=2026-*")
    }
    released = {path.name[-10:] for path in world.home.glob("published/releases/campaign-day-*")}
    found = world.facts(line)
    assert found["days"] == []
    assert {text.split()[0] for text in found["unreleased"]} == landed - released


@answers("Data engineer", 4)
def late_days(world: World, line: str) -> None:
    assert line.endswith("# exit 4")
    command = line.partition("  #")[0]
    found = world.facts(command)
    last = max(path.name[-10:] for path in world.home.glob("published/releases/campaign-day-*"))
    assert found["newest_released_day"] == last
    assert found["healthy"] is False
    assert found["releases"] == len(list(world.home.glob("published/releases/*")))
    assert min(found["late_days"]) > last
    assert date.fromisoformat(min(found["late_days"])).toordinal() - date.fromisoformat(
        last
    ).toordinal() == 1  # fmt: skip
    assert "2026-11-04" in world.ask(command, code=4)


@answers("Data engineer", 5)
def columns_of_a_log(world: World, line: str) -> None:
    path = world.folder / shlex.split(line)[-1]
    with path.open(encoding="utf-8-sig", newline="") as file:
        columns = set(next(csv.reader(file)))
    proposed = yaml.safe_load(world.ask(line))
    text = json.dumps(proposed)
    assert '"visit_id"' in text
    for column in ("user_id", "occurred_at", "url"):
        assert column in columns
        assert f'"{column}": "{column}"' in text


@answers("Data engineer", 6)
def settings_are_right(world: World, line: str) -> None:
    world.ask(line)
    policy = world.home / "policy.yaml"
    policy.write_text(policy.read_text(encoding="utf-8").replace("\n  k: 50", "\n  kk: 50"))
    assert "kk" in world.ask(line, code=2)


@answers("Data engineer", 7)
def a_backup_has_everything(world: World, line: str) -> None:
    said = world.ask(line)
    kept = world.folder / shlex.split(line)[-1]
    assert world.entries()[-1]["hash"] in said
    for part in ("published", "private"):
        own = {
            str(path.relative_to(world.home)): path.read_bytes()
            for path in (world.home / part).rglob("*")
            if path.is_file() and part == "published"
        }
        assert {name: (kept / name).read_bytes() for name in own} == own
    assert not (kept / "secret.key").exists()


@answers("Data engineer", 8)
def the_version_of_a_release(world: World, line: str) -> None:
    shown, _ = json.JSONDecoder().raw_decode(world.ask(line))
    release = json.loads(
        (world.home / "published/releases" / DAY / "release.json").read_text(encoding="utf-8")
    )
    (entry,) = (one for one in world.entries() if one["hash"] == shown["hash"])
    assert entry["sequence"] == shown["sequence"]
    assert shown["body"]["code"].startswith("0.")
    assert shown["body"]["policy"] == release["policy_digest"]


# ----- privacy officer


@answers("Privacy officer", 1)
def what_is_promised(world: World, line: str) -> None:
    promise = yaml.safe_load((world.home / "policy.yaml").read_text(encoding="utf-8"))["promise"]
    said = world.ask(line)
    for words in (
        f"at least {promise['k']} different people",
        f"fewer than {promise['inference_k']} people",
        f"multiples of {promise['rounding']}",
        f"at most {promise['campaigns_per_person']} campaigns",
        f"less than {promise['min_account_days']} days",
    ):
        assert words in " ".join(said.split()), words


@answers("Privacy officer", 2)
def everything_is_as_released(world: World, line: str) -> None:
    releases = len(list(world.home.glob("published/releases/*")))
    said = world.ask(line)
    assert f"{len(world.entries())} entries, {releases} releases" in said
    assert world.entries()[-1]["hash"] in said
    path = next((world.home / "published/releases" / DAY).glob("figures.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "figures.parquet" in world.ask(line, code=4)


@answers("Privacy officer", 3)
def who_changed_the_settings(world: World, line: str) -> None:
    with sqlite3.connect(world.home / "ledger.sqlite") as ledger:
        recorded = "\n".join(ledger.iterdump()).count("'settings'")
    found = world.facts(line)
    assert len(found) == recorded == 1
    released = json.loads(
        (world.home / "published/releases" / DAY / "release.json").read_text(encoding="utf-8")
    )
    assert released["policy_digest"].startswith(found[0]["policy"])


@answers("Privacy officer", 4)
def open_requests(world: World, line: str) -> None:
    """Runs carry out objections; what people have to answer is open."""
    asked = Counter(row["kind"] for row in world.raw("requests"))
    found = world.facts(line)
    assert Counter(row["kind"] for row in found) == {
        kind: asked[kind] for kind in ("access", "correct")
    }
    assert all(row["status"] == "overdue" for row in found)


@answers("Privacy officer", 5)
def what_is_held_about_a_person(world: World, line: str) -> None:
    person = shlex.split(line)[-1]
    profiles = sum(row["user_id"].strip() == person for row in world.raw("profiles"))
    consents = sum(row["user_id"].strip() == person for row in world.raw("consents"))
    visits = sum((row.get("user_id") or "").strip() == person for row in world.raw("visits"))
    said = world.ask(line)
    assert min(profiles, consents, visits) > 0, "nobody has this id"
    for name, rows in (
        ("Identity and contact", profiles),
        ("Consents", consents),
        ("Visits", visits),
    ):
        assert re.search(rf"^{name}: {rows:,} rows?$", said, re.MULTILINE), name


@answers("Privacy officer", 6)
def closed_and_erased_people_are_gone(world: World, line: str) -> None:
    reports = world.home.glob("private/retention/*.json")
    removed = sum(sum(json.loads(path.read_text())["closed_rows"].values()) for path in reports)
    found = world.facts(line)
    told = sum(row["number"] for row in found["removed_so_far"] if "closed" in row["what"])
    assert told == removed > 0
    assert found["to_be_removed_by_the_next_run"] == []
    assert "Rows of erased people in working files: 0." in world.ask(line)


@answers("Privacy officer", 7)
def what_a_plain_threshold_gives_away(world: World, line: str) -> None:
    """Figures of 50 or more people that a plain count has, read from working files."""
    found = world.facts(line)
    assert found["released"]["small"] == found["released"]["exact"] == 0
    assert found["naive"]["exact"] > 0
    published = 0
    for path in world.home.glob("published/releases/*/figures.parquet"):
        rows = pd.read_parquet(path)
        published += int((rows["status"] == "published").sum())
    assert found["both"] <= found["released"]["figures"] <= published
    assert f"{found['naive']['figures']:,}" in world.ask(line)


@answers("Privacy officer", 8)
def what_the_authority_gets(world: World, line: str) -> None:
    world.ask(line)
    pages = {
        path.name: path.read_text(encoding="utf-8")
        for path in (world.home / "evidence/en").glob("*.md")
    }
    assert len(pages) == 7
    advertisers = {
        path.name for path in (world.home / "published/exports").iterdir() if path.name != "_all"
    }
    assert f"written for {len(advertisers)} advertisers" in pages["record-of-processing.md"]
    releases = Counter(
        re.sub(r"-\d.*$", "", path.name) for path in world.home.glob("published/releases/*")
    )
    for series, number in releases.items():
        assert f"* {series}: {number} release" in pages["impact-assessment.md"]
    assert world.entries()[-1]["hash"] in pages["README.md"]
