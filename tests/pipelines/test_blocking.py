"""An implausible day in Dagster: a failed check that blocks its release, and no other day's."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable

import dagster as dg
import pytest
from checking import KEYS, logged
from test_plausibility_gate import MEASURES, without_births

from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from pipelines.assembly import definitions_of
from pipelines.definitions import defs

DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")
ODD = DAYS[1]
PUBLISHED = ("protected_tables", "campaign_release", "exports", "segments_database")
Audience = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def odd_home(fresh_home: Home) -> Home:
    """The profiles of the second day have no birth dates; the third day has right ones again."""
    for day in DAYS[1:]:
        (fresh_home.raw / "profiles" / f"day={day}").mkdir(exist_ok=True)
        for path in (fresh_home.raw / "profiles" / f"day={DAYS[0]}").iterdir():
            target = fresh_home.raw / "profiles" / f"day={day}" / path.name
            target.write_bytes(path.read_bytes())
    without_births(fresh_home.raw / "profiles" / f"day={ODD}")
    return fresh_home


def instance_of(home: Home) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(home.dagster))


def checks(home: Home) -> dict[tuple[str, str | None], str]:
    """The last status of each check and partition, as the pages show it."""
    with sqlite3.connect(home.dagster / "history" / "runs" / "index.db") as connection:
        rows = connection.execute(
            "SELECT check_name, partition, execution_status FROM asset_check_executions ORDER BY id"
        ).fetchall()
    return {(name, day): status for name, day, status in rows}


def evaluations(home: Home) -> list[dg.AssetCheckEvaluation]:
    """Those of the newest run, one a day and, of a range, one of all."""
    with instance_of(home) as instance:
        (run, *_) = instance.get_runs(limit=1)
        return [one for one in logged(instance, run.run_id) if one.check_name == "plausible"]


def test_the_check_blocks_what_follows() -> None:
    graph = defs.resolve_asset_graph()
    assert graph.get(KEYS["campaign_reach", "plausible"]).blocking


@pytest.mark.alternate("nothing wrong becomes final")
def test_a_run_of_one_day_fails_by_the_check_and_releases_nothing(
    odd_home: Home, audience: Audience
) -> None:
    """As Dagster's pages and its sensor start it: a run of one partition."""
    assert audience("run", "--from", DAYS[0], "--to", DAYS[0]).returncode == 0
    with instance_of(odd_home) as instance:
        done = (
            definitions_of(odd_home)
            .resolve_job_def("release_days")
            .execute_in_process(instance=instance, partition_key=ODD, raise_on_error=False)
        )
        materialized = {name: instance.get_materialized_partitions(dg.AssetKey(name))
                        for name in PUBLISHED}  # fmt: skip
    assert not done.success
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert failure.step_failure_data.error.cls_name == "DagsterAssetCheckFailedError"
    assert materialized == {name: {DAYS[0]} for name in PUBLISHED}
    assert checks(odd_home)["plausible", ODD] == "FAILED"
    (said,) = evaluations(odd_home)
    assert said.partition == ODD
    assert said.severity == dg.AssetCheckSeverity.ERROR
    measures = said.metadata["measures"]
    assert isinstance(measures, dg.TableMetadataValue)
    rows = [record.data for record in measures.records]
    assert {row["measure"] for row in rows} == set(MEASURES)
    for row in rows:
        assert row["column"] == "birth_date"
        assert row["file"].startswith(f"profiles/day={ODD}/")
        assert all(row[name] for name in ("expected", "found", "limit"))
    listed = audience("backfill", "--to", ODD)
    assert listed.returncode == 4
    assert "held" in listed.stdout


@pytest.mark.slow
def test_in_a_range_the_other_days_are_released_in_order(
    odd_home: Home, audience: Audience
) -> None:
    done = audience("run", "--from", DAYS[0], "--to", DAYS[2])
    assert done.returncode == 4, done.stdout + done.stderr
    released = [entry.subject for entry in Ledger.open(odd_home.ledger).releases()]
    assert released == [f"campaign-day-{day}" for day in DAYS if day != ODD]
    with instance_of(odd_home) as instance:
        for name in PUBLISHED:
            shown = instance.get_materialized_partitions(dg.AssetKey(name))
            assert shown == {DAYS[0], DAYS[2]}
    status = checks(odd_home)
    assert [status["plausible", day] for day in DAYS] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    (of_all,) = [one for one in evaluations(odd_home) if one.partition is None]
    measures = of_all.metadata["measures"]
    assert isinstance(measures, dg.TableMetadataValue)
    assert {(record.data["day"], record.data["measure"]) for record in measures.records} == {
        (ODD, measure) for measure in MEASURES
    }


@pytest.mark.slow
def test_a_range_with_a_day_that_is_not_there_is_no_failed_run(
    fresh_home: Home, audience: Audience
) -> None:
    shutil.rmtree(fresh_home.raw / "visits" / f"day={ODD}")
    assert audience("run", "--from", DAYS[0], "--to", DAYS[2]).returncode == 4
    released = [entry.subject for entry in Ledger.open(fresh_home.ledger).releases()]
    assert released == [f"campaign-day-{DAYS[2]}"]
    status = checks(fresh_home)
    assert [status["not_held", day] for day in DAYS] == ["FAILED", "FAILED", "SUCCEEDED"]
    with instance_of(fresh_home) as instance:
        (run, *_) = instance.get_runs(limit=1)
        assert run.status == dg.DagsterRunStatus.SUCCESS
    assert {one.severity for one in evaluations(fresh_home) if not one.passed} == {
        dg.AssetCheckSeverity.WARN
    }


@pytest.mark.slow
def test_a_range_of_held_days_is_held_day_by_day(odd_home: Home, audience: Audience) -> None:
    without_births(odd_home.raw / "profiles" / f"day={DAYS[2]}")
    assert audience("run", "--from", DAYS[0], "--to", DAYS[0]).returncode == 0
    done = audience("run", "--from", ODD, "--to", DAYS[2])
    assert done.returncode == 4
    said = " ".join((done.stdout + done.stderr).split())
    for day in DAYS[1:]:
        assert f"audience accept --day {day}" in said
        path = odd_home.private / "journal" / "publication" / f"day={day}.json"
        assert json.loads(path.read_text())["trouble"]["code"] == "implausible"
    assert checks(odd_home)["plausible", DAYS[2]] == "FAILED"
    assert audience("accept", "--day", ODD, "--reason", "It is right.").returncode == 0
    assert audience("run", "--from", ODD, "--to", ODD).returncode == 0
    assert checks(odd_home)["plausible", ODD] == "SUCCEEDED"


@pytest.mark.alternate("nothing wrong becomes final")
def test_a_released_day_is_final_whatever_its_files_are_now(
    released_home: Home, audience: Audience
) -> None:
    without_births(released_home.raw / "profiles" / f"day={DAYS[0]}")
    done = audience("run", "--from", DAYS[0], "--to", DAYS[0])
    assert done.returncode == 0, done.stdout + done.stderr
    (said,) = evaluations(released_home)
    assert not said.passed
    assert said.partition == DAYS[0]
    assert said.severity == dg.AssetCheckSeverity.WARN
    assert said.metadata["note"].value == "the day is released, which is final"
