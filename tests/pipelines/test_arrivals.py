"""A broken file is reported when it lands, while its day still waits for late arrivals."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from anonymizer.model.policy import Policy
from anonymizer.storage.home import Home
from pipelines.definitions import defs
from pipelines.partitions.waiting_days import broken_of, waiting_days
from pipelines.resources.resources import Installation

TODAY = datetime.now(ZoneInfo("Asia/Jakarta")).date()
GOOD = b"visit_id,user_id,occurred_at,url\n"
BROKEN = b"visitId,user_id,time\ncanary,canary,canary\n"


def land(home: Home, content: bytes, name: str = "v.csv", *, days_ago: int = 0) -> Path:
    """A file for a day whose window is open, rested for an hour, in a home that begins long ago."""
    text = home.policy.read_text().replace("first_day: 2026-11-01", "first_day: 2020-01-01")
    home.policy.write_text(text)
    path = home.raw / "visits" / f"day={TODAY - timedelta(days=days_ago)}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    rest(home)
    return path


def rest(home: Home) -> None:
    moment = time.time() - 3_600
    for path in home.raw.rglob("*"):
        if path.is_file():
            os.utime(path, (moment, moment))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def check(instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    done = defs.resolve_job_def("arrivals").execute_in_process(
        instance=instance,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    (evaluation,) = done.get_asset_check_evaluations()
    return evaluation


def test_a_broken_file_of_a_day_that_waits_is_told_once(
    fresh_home: Home, instance: dg.DagsterInstance
) -> None:
    path = land(fresh_home, BROKEN)
    name = str(path.relative_to(fresh_home.raw))
    found = check(instance)
    assert not found.passed
    (said,) = found.metadata["broken"].value  # type: ignore[misc]
    assert said.startswith(name)
    assert "schema_missing:visit_id,occurred_at,url" in said
    (alert,) = (fresh_home.root / "alerts").glob("broken-*.json")
    content = json.loads(alert.read_text())
    assert content["kind"] == "broken_files"
    assert content["files"] == [{"file": name, "reason": "schema_missing:visit_id,occurred_at,url"}]
    assert "canary" not in alert.read_text() + said
    alert.unlink()
    alert.write_text("{}")
    check(instance)
    assert alert.read_text() == "{}"
    path.write_bytes(GOOD)
    rest(fresh_home)
    assert check(instance).passed


@pytest.mark.slow
def test_a_day_that_is_due_or_released_is_left_to_its_run(released_home: Home) -> None:
    land(released_home, BROKEN)
    policy, now = Policy.load(released_home.policy), datetime.now(UTC)
    (released_home.raw / "visits" / "day=2026-11-03" / "x.csv").write_bytes(BROKEN)
    assert waiting_days(released_home, policy, frozenset(), now)[-1] == TODAY
    assert waiting_days(released_home, policy, frozenset([TODAY]), now)[-1:] != [TODAY]
    late = now + timedelta(days=3)
    assert TODAY not in waiting_days(released_home, policy, frozenset(), late)


def test_a_file_is_read_once_for_all_days(fresh_home: Home) -> None:
    """Days share profiles, consents and the folders of late arrivals."""
    land(fresh_home, BROKEN)
    land(fresh_home, BROKEN, "w.csv", days_ago=1)
    (fresh_home.raw / "consents" / "bad.csv").write_bytes(b"")
    rest(fresh_home)
    days = [TODAY - timedelta(days=1), TODAY]
    found = broken_of(fresh_home, days, Policy.load(fresh_home.policy))
    assert [refusal.file for refusal in found] == [
        "consents/bad.csv",
        f"visits/day={days[0]}/w.csv",
        f"visits/day={days[1]}/v.csv",
    ]


def look(instance: dg.DagsterInstance, cursor: str | None) -> tuple[list[str], str | None]:
    """The jobs that the landing sensor asks for, and its next cursor."""
    repository = defs.get_repository_def()
    context = dg.build_sensor_context(
        instance,
        cursor=cursor,
        repository_def=repository,
        resources={"installation": Installation.of(Home.from_environment())},
    )
    result = repository.get_sensor_def("landing").evaluate_tick(context)
    return [request.job_name or "" for request in result.run_requests or []], result.cursor


def test_the_sensor_asks_for_the_check_when_files_of_a_waiting_day_change(
    fresh_home: Home, instance: dg.DagsterInstance
) -> None:
    path = land(fresh_home, BROKEN)
    first, cursor = look(instance, None)
    assert first.count("arrivals") == 1
    again, cursor = look(instance, cursor)
    assert "arrivals" not in again
    path.write_bytes(GOOD)
    fresh, cursor = look(instance, cursor)
    assert "arrivals" not in fresh, "it has not rested"
    rest(fresh_home)
    rested, _ = look(instance, cursor)
    assert rested.count("arrivals") == 1
