"""From raw files to exports through the real command: what is there, what is final, what leaks."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest
from running import COMMAND, start

from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from pipelines.stages.accounts import final_accounts

Audience = Callable[..., subprocess.CompletedProcess[str]]
DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")
RANGE = ("run", "--from", DAYS[0], "--to", DAYS[-1])


def published_bytes(home: Home) -> dict[str, str]:
    """Digest of every release and export file; the database is compared by content."""
    folders = (home.releases, home.exports)
    return {
        str(path.relative_to(home.published)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def figures(home: Home) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home.database), read_only=True) as connection:
        return connection.execute("SELECT * FROM figures ORDER BY ALL").fetchall()


def released(home: Home) -> list[str]:
    return [
        entry.subject.removeprefix("campaign-day-") for entry in Ledger.open(home.ledger).releases()
    ]


def materialized(home: Home, asset: str) -> set[str]:
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        return set(instance.get_materialized_partitions(dg.AssetKey(asset)))


def test_a_range_is_one_run_with_everything_in_it(released_world: Home) -> None:
    assert released(released_world) == list(DAYS)
    assert len(list(released_world.exports.glob("*/*/manifest.json"))) == 6
    assert figures(released_world)
    with dg.DagsterInstance.from_config(str(released_world.dagster)) as instance:
        (run,) = instance.get_runs()
    assert run.status == dg.DagsterRunStatus.SUCCESS
    for asset in ("accepted_rows", "protected_tables", "campaign_release", "segments_database"):
        assert materialized(released_world, asset) == set(DAYS)


def test_every_check_passed_on_every_day(released_world: Home) -> None:
    with sqlite3.connect(released_world.dagster / "history" / "runs" / "index.db") as connection:
        results = connection.execute(
            "SELECT check_name, partition, execution_status FROM asset_check_executions"
        ).fetchall()
    by_day = {(name, day) for name, day, _ in results if day}

    assert {status for _, _, status in results} == {"SUCCEEDED"}
    assert len(by_day) == 13 * len(DAYS)


def test_rows_are_accounted_for_on_every_day(released_world: Home) -> None:
    for day in DAYS:
        accounts = final_accounts(released_world, date.fromisoformat(day))
        assert set(accounts) == {"profiles", "visits", "campaigns", "consents", "requests"}
        assert accounts["visits"].quarantined
        assert accounts["visits"].excluded["guest"]


@pytest.mark.slow
def test_running_again_changes_no_byte(released_home: Home, audience: Audience) -> None:
    before, shown = published_bytes(released_home), figures(released_home)
    done = audience(*RANGE)

    assert done.returncode == 0, done.stderr
    assert "released before" in done.stdout
    assert published_bytes(released_home) == before
    assert figures(released_home) == shown
    assert released(released_home) == list(DAYS)


@pytest.mark.slow
def test_a_killed_run_is_done_again_and_gives_the_same_bytes_as_any_other(
    fresh_home: Home, released_world: Home
) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([COMMAND, *RANGE], **quiet) as killed:
        while not list(fresh_home.private.glob("journal/eligibility/*")):
            assert killed.poll() is None
            time.sleep(0.01)
        killed.kill()
    done = start(*RANGE, environment={"PYTHONHASHSEED": "7", "TZ": "America/New_York"})

    assert done.returncode == 0, done.stderr
    with dg.DagsterInstance.from_config(str(fresh_home.dagster)) as instance:
        statuses = [run.status.value for run in instance.get_runs()]
    assert statuses == ["SUCCESS", "FAILURE"]
    assert published_bytes(fresh_home) == published_bytes(released_world)


@pytest.mark.slow
def test_working_data_is_kept_no_longer_than_the_policy_says(
    fresh_home: Home, audience: Audience
) -> None:
    policy = fresh_home.policy.read_text().replace("private_days: 40", "private_days: 34")
    fresh_home.policy.write_text(policy)
    assert audience("run", "--from", DAYS[0], "--to", DAYS[0]).returncode == 0
    of_today = fresh_home.working_file("people", date.fromisoformat(DAYS[0]))
    for day in (date(2026, 9, 28), date(2026, 9, 29)):
        shutil.copy(of_today, fresh_home.working_file("people", day))
    assert audience("run", "--from", DAYS[1], "--to", DAYS[1]).returncode == 0

    kept = {path.stem for path in (fresh_home.private / "people").iterdir()}
    assert kept == {"day=2026-09-29", f"day={DAYS[0]}", f"day={DAYS[1]}"}
    assert released(fresh_home) == list(DAYS[:2])


@pytest.mark.slow
def test_a_held_day_holds_no_other(fresh_home: Home, audience: Audience) -> None:
    policy = fresh_home.policy.read_text().replace("late_days: 1", "late_days: 0")
    fresh_home.policy.write_text(policy)
    broken = fresh_home.raw / "visits" / "day=2026-11-02" / "broken.parquet"
    broken.write_bytes(b"PAR1 but not for long")
    done = audience(*RANGE)

    assert done.returncode == 3
    assert "2026-11-02 intake: " in done.stderr
    assert "broken.parquet" in done.stderr
    assert released(fresh_home) == ["2026-11-01", "2026-11-03"]
    assert len(list(fresh_home.exports.glob("*/*/manifest.json"))) == 4
    assert {row[6] for row in figures(fresh_home)} == {"2026-11-01", "2026-11-03"}
    for asset in ("accepted_rows", "campaign_reach", "campaign_release", "segments_database"):
        assert materialized(fresh_home, asset) == {"2026-11-01", "2026-11-03"}
    with dg.DagsterInstance.from_config(str(fresh_home.dagster)) as instance:
        (run,) = instance.get_runs()
    assert run.tags["audience/held"] == "2026-11-02"

    broken.unlink()
    done = audience("backfill", "--to", "2026-11-03")
    assert done.returncode == 0, done.stderr
    assert released(fresh_home) == ["2026-11-01", "2026-11-03", "2026-11-02"]


CANARIES = {
    "profiles": {
        "user_id": "canary-user-4e1",
        "full_name": "Canaryname",
        "email": "canary-4e1@example.invalid",
        "phone": "+62 811 0000 4111",
        "address": "Canarystreet 41",
        "gender": "L",
        "birth_date": "1990-02-03",
        "region_code": "31.71",
        "registered_at": "2020-01-01T00:00:00Z",
    },
    "visits": {
        "visit_id": "canary-visit-4e2",
        "user_id": "canary-user-4e1",
        "cookie_id": "canary-cookie-4e3",
        "occurred_at": "2026-11-01T05:00:00Z",
        "url": "https://www.example.invalid/canary-path-4e4",
        "referrer": "https://ref.example.invalid/canary-ref-4e5",
        "ip": "203.0.113.241",
        "user_agent": "Canaryagent/4.1",
    },
}
QUARANTINED = {
    "visit_id": "canary-visit-4f1",
    "user_id": "canary-user-4f2",
    "occurred_at": "canary-time-4f3",
    "url": "https://www.example.invalid/canary-path-4f4",
}
UNKNOWN_COLUMN = "canary-unknown-4f5"
NO_CANARY = {"L", "1990-02-03", "31.71", "2020-01-01T00:00:00Z", "2026-11-01T05:00:00Z"}


def plant(home: Home) -> set[str]:
    """Rows of a made-up person in every identifying column; returns what must not be found."""
    for table, row in CANARIES.items():
        folder = home.raw / table / ("day=2026-11-01")
        header = [*row, "unknown_column"]
        lines = [header, [*row.values(), UNKNOWN_COLUMN]]
        if table == "visits":
            lines.append([QUARANTINED.get(name, "") for name in row] + [UNKNOWN_COLUMN])
        text = "\n".join(",".join(f'"{value}"' for value in line) for line in lines)
        (folder / "planted.csv").write_text(text + "\n")
    values = {value for row in CANARIES.values() for value in row.values()}
    return (values | set(QUARANTINED.values()) | {UNKNOWN_COLUMN}) - NO_CANARY


def contents(home: Home) -> Iterator[tuple[Path, str]]:
    """Every file outside raw/, as its bytes and as what its format hides in compression."""
    for path in home.root.rglob("*"):
        if not path.is_file() or home.raw in path.parents:
            continue
        yield path, path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            yield path, str(pq.read_table(path, partitioning=None).to_pylist())
            yield path, str(pq.read_metadata(path).to_dict())
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                yield path, "".join(book.read(name).decode("latin-1") for name in book.namelist())
    yield home.database, str(figures(home))


def test_no_identifying_value_is_anywhere_but_in_the_raw_zone(
    fresh_home: Home, audience: Audience
) -> None:
    canaries = plant(fresh_home)
    done = audience("run", "--from", DAYS[0], "--to", DAYS[0])
    assert done.returncode == 0, done.stderr
    reasons = final_accounts(fresh_home, date(2026, 11, 1))["visits"].quarantined
    assert reasons["bad_time"]

    found = {
        (path.name, canary)
        for path, content in contents(fresh_home)
        for canary in canaries
        if canary.lower() in content.lower()
    }
    assert found == set()
    assert not any(canary in done.stdout + done.stderr for canary in canaries)
    # The scan finds what it looks for: the dropped column's name is listed, its values are not.
    assert any("unknown_column" in content for _, content in contents(fresh_home))


def test_statements_say_what_was_released(released_home: Home, audience: Audience) -> None:
    lines = audience("statements", "--day", "2026-11-02", "--limit", "5").stdout.splitlines()

    assert len(lines) == 5
    for line in lines:
        people = int(line.split()[0].replace(",", ""))
        assert people >= 50
        assert people % 10 == 0
        assert line.endswith("on 2 November 2026")


@pytest.mark.slow
def test_the_demo_is_idempotent(released_home: Home, audience: Audience) -> None:
    before = published_bytes(released_home)
    done = audience("demo")

    assert done.returncode == 0
    assert "already released" in done.stderr
    assert "accessed the advertising link" in done.stdout
    assert published_bytes(released_home) == before


def test_the_journal_holds_counts_and_codes_alone(released_world: Home) -> None:
    for path in (released_world.private / "journal").rglob("*.json"):
        entry = json.loads(path.read_text())
        assert set(entry) == {"stage", "day", "seconds", "facts", "trouble"}
        assert entry["trouble"] is None
