"""What the landing sensor asks for when files come, change, or come too late."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from anonymizer.model.policy import Policy
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from pipelines import run_limits
from pipelines.definitions import defs
from pipelines.partitions.landed_days import landed_days
from pipelines.resources.resources import Installation

DAYS = ["2026-11-01", "2026-11-02", "2026-11-03"]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


class Sensor:
    """The sensor with the cursor that it would have in the daemon."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._repository = defs.get_repository_def()
        self._cursor: str | None = None

    def look(self) -> list[dg.RunRequest]:
        """The runs asked for."""
        context = dg.build_sensor_context(
            self._instance,
            cursor=self._cursor,
            repository_def=self._repository,
            resources={"installation": Installation.of(Home.from_environment())},
        )
        result = self._repository.get_sensor_def("landing").evaluate_tick(context)
        self._cursor = result.cursor
        return list(result.run_requests or [])

    def days(self) -> set[str]:
        """The days asked for, as far as they are of the sample world."""
        return {day for request in self.look() for day in days_of(request)} & set(DAYS)


def days_of(request: dg.RunRequest) -> list[str]:
    """The partitions of a run, in order."""
    if alone := request.tags.get("dagster/partition"):
        return [alone]
    whole = request.partition_key_range
    assert whole is not None
    first, last = date.fromisoformat(whole.start), date.fromisoformat(whole.end)
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


@pytest.fixture
def sensor(instance: dg.DagsterInstance) -> Sensor:
    return Sensor(instance)


def add_file(folder: Path, *, seconds_ago: float = 3_600) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "more.csv"
    path.write_text(
        "visit_id,occurred_at,url\n" * (path.stat().st_size + 1 if path.exists() else 1)
    )
    moment = time.time() - seconds_ago
    os.utime(path, (moment, moment))
    return path


def test_days_that_have_landed_and_are_due_are_one_run_in_order(
    fresh_home: Home, sensor: Sensor
) -> None:
    rest(fresh_home)
    (request,) = sensor.look()

    # The fourth folder holds late visits of the third day: a run of it would only be held.
    assert days_of(request) == DAYS


def test_a_day_is_asked_for_once_its_late_visits_have_a_folder(
    fresh_home: Home, sensor: Sensor
) -> None:
    rest(fresh_home)
    sensor.look()
    (fresh_home.raw / "visits" / "day=2026-11-05").mkdir()

    assert [days_of(request) for request in sensor.look()] == [["2026-11-04"]]


def test_a_gap_makes_two_runs(fresh_home: Home, sensor: Sensor) -> None:
    rest(fresh_home)
    (fresh_home.raw / "visits" / "day=2026-11-05").mkdir()
    (fresh_home.raw / "visits" / "day=2026-11-06").mkdir()
    shutil.rmtree(fresh_home.raw / "visits" / "day=2026-11-03")

    assert [days_of(request) for request in sensor.look()] == [[DAYS[0]]]
    assert [days_of(request) for request in sensor.look()] == [["2026-11-04", "2026-11-05"]]
    assert sensor.look() == []


def test_later_days_wait_for_the_run_of_earlier_ones(
    fresh_home: Home, sensor: Sensor, instance: dg.DagsterInstance
) -> None:
    rest(fresh_home)
    job = defs.resolve_job_def("release_days")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)

    assert not sensor.days()
    instance.report_run_failed(run)
    assert sensor.days() == set(DAYS)


def test_a_run_whose_process_is_gone_is_not_waited_for(
    fresh_home: Home,
    sensor: Sensor,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest(fresh_home)
    instance.create_run_for_job(
        defs.resolve_job_def("release_days"), status=dg.DagsterRunStatus.STARTED
    )
    assert not sensor.days()
    monkeypatch.setattr(run_limits, "QUIET_SECONDS", 0)
    with exclusive(fresh_home):
        assert not sensor.days()
    assert sensor.days() == set(DAYS)


def test_what_was_asked_for_is_not_asked_again(fresh_home: Home, sensor: Sensor) -> None:
    rest(fresh_home)

    assert sensor.look()
    assert sensor.look() == []


def test_a_sensor_that_was_reset_asks_for_the_same_run(
    fresh_home: Home, instance: dg.DagsterInstance
) -> None:
    rest(fresh_home)
    keys = [[request.run_key for request in Sensor(instance).look()] for _ in range(2)]

    assert keys[0] == keys[1]


def test_a_rewritten_file_asks_anew_for_the_days_that_read_it(
    fresh_home: Home, sensor: Sensor
) -> None:
    rest(fresh_home)
    (before,) = sensor.look()
    add_file(fresh_home.raw / "visits" / "day=2026-11-02")
    (after,) = sensor.look()

    assert days_of(after) == ["2026-11-01", "2026-11-02"]
    assert after.run_key != before.run_key


def test_a_file_that_still_changes_is_left_alone(fresh_home: Home, sensor: Sensor) -> None:
    rest(fresh_home)
    add_file(fresh_home.raw / "visits" / "day=2026-11-03", seconds_ago=1)

    assert sensor.days() == {"2026-11-01"}


def test_a_released_day_is_reported_and_never_run_again(
    released_home: Home, sensor: Sensor
) -> None:
    rest(released_home)
    assert not sensor.days()
    add_file(released_home.raw / "visits" / "day=2026-11-01")

    assert not sensor.days()
    (alert,) = (released_home.root / "alerts").iterdir()
    content = json.loads(alert.read_text())
    assert (content["kind"], content["day"]) == ("rewritten_after_release", "2026-11-01")

    alert.unlink()
    sensor.look()
    assert not list((released_home.root / "alerts").iterdir())


def test_a_request_of_a_person_is_no_rewriting(released_home: Home, sensor: Sensor) -> None:
    rest(released_home)
    sensor.look()
    add_file(released_home.raw / "requests")
    sensor.look()

    assert not (released_home.root / "alerts").exists()


def test_only_names_sizes_and_times_are_looked_at(fresh_home: Home) -> None:
    timing = Policy.load(fresh_home.policy).timing
    rest(fresh_home)
    before = list(landed_days(fresh_home, timing, date(2026, 1, 1)))
    for path in fresh_home.raw.rglob("*.parquet"):
        stat = path.stat()
        path.write_bytes(b"\0" * stat.st_size)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert list(landed_days(fresh_home, timing, date(2026, 1, 1))) == before


def test_days_before_the_window_are_not_looked_at(fresh_home: Home) -> None:
    timing = Policy.load(fresh_home.policy).timing
    since = date(2026, 11, 2)

    assert min(day.day for day in landed_days(fresh_home, timing, since)) == since
    assert not list(landed_days(fresh_home, timing, since + timedelta(days=9)))


def rest(home: Home) -> None:
    """Let all files have rested for an hour."""
    moment = time.time() - 3_600
    for path in home.raw.rglob("*"):
        if path.is_file():
            os.utime(path, (moment, moment))
