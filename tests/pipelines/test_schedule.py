"""Which days the schedule runs, evaluated as Dagster does it; and at which times."""

import atexit
import shutil
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.release.ledger import RELEASE, Ledger
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from pipelines import run_limits
from pipelines.assembly import assemble
from pipelines.assets import jobs
from pipelines.automation.run_settings import range_tags
from pipelines.definitions import defs
from pipelines.instance.instance import make_storage, prepare_instance
from pipelines.instance.open_files import open_instance
from pipelines.partitions.run_times import RunTimes, note_run_times, run_times_of
from pipelines.resources.resources import Installation
from pipelines.runs import run_days
from pipelines.stages import journal

JAKARTA = ZoneInfo("Asia/Jakarta")
LAST = date(2026, 11, 3)  # of the sample; what arrives late for it has a folder too


HELD = {jobs.HELD_TAG: "2026-11-03"}


@cache
def empty_storage() -> Path:
    """Dagster's tables without a run: to make them takes longer than to ask the schedule."""
    folder = prepare_instance(Home(Path(mkdtemp())))
    atexit.register(shutil.rmtree, folder.parent)
    make_storage(folder)
    return folder


def tick(
    moment: datetime, asked_for: str = "", state: str = "SUCCESS", tags: Mapping[str, str] = HELD
) -> ScheduleExecutionData:
    """In an instance with one run, if any: of the days, under a key, in a state, with tags."""
    repository = defs.get_repository_def()
    with (
        TemporaryDirectory() as copy,
        open_instance(Path(shutil.copytree(empty_storage(), copy, dirs_exist_ok=True))) as instance,
        dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=moment,
            repository_def=repository,
            resources={"installation": Installation.of(Home.from_environment())},
        ) as context,
    ):
        if asked_for:
            instance.create_run_for_job(
                defs.resolve_job_def("release_days"),
                tags={"dagster/run_key": asked_for, **tags},
                status=dg.DagsterRunStatus(state),
            )
        return repository.get_schedule_def("every_day").evaluate_tick(context)


def days(request: dg.RunRequest) -> dict[str, str]:
    """Tags of the days that are to be run."""
    return {name: day for name, day in request.tags.items() if "partition" in name}


def test_it_runs_at_three_in_jakarta() -> None:
    schedule = defs.get_repository_def().get_schedule_def("every_day")

    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 * * *", "Asia/Jakarta")


@pytest.mark.parametrize(
    ("late_days", "day"), [(1, "2026-11-21"), (0, "2026-11-22"), (3, "2026-11-19")]
)
def test_a_day_is_run_when_nothing_of_it_may_arrive_any_more(
    fresh_home: Home, late_days: int, day: str
) -> None:
    text = fresh_home.policy.read_text()
    fresh_home.policy.write_text(text.replace("late_days: 1", f"late_days: {late_days}"))

    (request,) = tick(datetime(2026, 11, 23, 3, tzinfo=JAKARTA)).run_requests

    assert days(request) == {"dagster/partition": day}
    assert request.run_key.startswith(f"daily:{day}:")


def test_the_local_calendar_decides_not_that_of_the_server(fresh_home: Home) -> None:
    utc = datetime(2026, 11, 22, 20, tzinfo=ZoneInfo("UTC"))  # 03:00 on the 23rd in Jakarta

    (request,) = tick(utc).run_requests
    assert days(request) == {"dagster/partition": "2026-11-21"}


def test_before_the_first_day_it_says_so(fresh_home: Home) -> None:
    text = fresh_home.policy.read_text()
    fresh_home.policy.write_text(text.replace("first_day: 2026-11-01", "first_day: 2026-11-22"))
    result = tick(datetime(2026, 11, 23, 3, tzinfo=JAKARTA))

    assert result.run_requests == []
    assert "2026-11-21 is before the first day, 2026-11-22" in (result.skip_message or "")
    assert "timing.first_day" in (result.skip_message or "")
    assert tick(datetime(2026, 11, 24, 3, tzinfo=JAKARTA)).run_requests


def at(day: date, late_days: int = 1) -> datetime:
    """When the schedule looks for a day."""
    return datetime.combine(day + timedelta(days=1 + late_days), time(3), JAKARTA)


def release(home: Home, day: date) -> None:
    body = {"period": day.isoformat(), "files": {}}
    Ledger.open(home.ledger).append(RELEASE, f"{CAMPAIGN_DAY.id}-{day}", body)


def asked(home: Home, day: date) -> tuple[dict[str, str], str]:
    assert home == Home.from_environment()
    (request,) = tick(at(day)).run_requests
    assert request.run_key is not None
    return days(request), request.run_key


@pytest.mark.alternate("days that the schedule asks for")
def test_what_was_left_out_is_run_first_and_once_for_the_same_files(fresh_home: Home) -> None:
    first = LAST - timedelta(days=2)
    assert asked(fresh_home, LAST)[0] == range_tags(first, LAST)
    release(fresh_home, first)
    tags, key = asked(fresh_home, LAST)
    assert tags == range_tags(first + timedelta(days=1), LAST)
    release(fresh_home, first + timedelta(days=1))
    assert asked(fresh_home, LAST) == (range_tags(LAST, LAST), key)
    for state, said in (
        ("FAILURE", "2026-11-03 was run with these files, settings and decisions already"),
        ("SUCCESS", "2026-11-03 was run with these files, settings and decisions already"),
        ("CANCELED", "2026-11-03 was run with these files, settings and decisions already"),
        ("STARTED", "days are being run"),
    ):
        assert tick(at(LAST), key, state).skip_message == said
    assert tick(at(LAST), "another key", "FAILURE").run_requests
    (fresh_home.raw / "visits" / f"day={LAST}" / "again.csv").write_text("visit_id\n")
    assert asked(fresh_home, LAST)[1] != key
    release(fresh_home, LAST)
    assert "2026-11-03 is done" in (tick(at(LAST)).skip_message or "")


@pytest.mark.alternate("days that the schedule asks for")
def test_what_may_have_passed_is_run_again(fresh_home: Home) -> None:
    key = asked(fresh_home, LAST)[1]
    for tags in ({}, {**HELD, **jobs.MAY_PASS}):
        assert tick(at(LAST), key, "FAILURE", tags).run_requests
    assert tick(at(LAST), key, "SUCCESS", {**HELD, **jobs.MAY_PASS}).run_requests
    assert not tick(at(LAST), key, "SUCCESS", HELD).run_requests


@pytest.mark.alternate("days that the schedule asks for")
def test_decisions_and_settings_ask_for_a_held_day_again(fresh_home: Home) -> None:
    keys = [asked(fresh_home, LAST)[1]]
    ledger = Ledger.open(fresh_home.ledger)
    ledger.append("exports", f"{CAMPAIGN_DAY.id}-2026-10-01", {"files": {}})
    assert asked(fresh_home, LAST)[1] == keys[0]
    ledger.append("acceptance", "2026-11-03", {"reason": "A holiday.", "measures": []})
    keys.append(asked(fresh_home, LAST)[1])
    for path in (fresh_home.policy, fresh_home.segments, fresh_home.sources):
        path.write_text((path.read_text() if path.exists() else "") + "# other\n")
        keys.append(asked(fresh_home, LAST)[1])
    assert len(set(keys)) == len(keys)


@pytest.mark.alternate("days that the schedule asks for")
@pytest.mark.parametrize(("lost", "may_pass"), [("secret.key", True), ("raw/campaigns", False)])
def test_a_run_says_whether_what_held_its_days_may_pass(
    fresh_home: Home, lost: str, may_pass: bool
) -> None:
    (fresh_home.root / lost).rename(fresh_home.root / "lost")
    done = run_days(fresh_home, LAST, LAST, lambda _: None)
    assert done.held
    with open_instance(fresh_home.dagster) as instance:
        run = instance.get_run_by_id(done.run_id)
        assert run
        assert jobs.HELD_TAG in run.tags
        assert (jobs.MAY_PASS.items() <= run.tags.items()) is may_pass


@pytest.mark.alternate("days that the schedule asks for")
def test_a_run_whose_process_is_gone_stops_no_later_one(
    fresh_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = range_tags(LAST - timedelta(days=2), LAST)
    key = asked(fresh_home, LAST)[1]
    monkeypatch.setattr(run_limits, "QUIET_SECONDS", 0)
    for state in ("NOT_STARTED", "STARTING", "STARTED", "CANCELING"):
        # With the same key, too: its days were not run to the end.
        (request,) = tick(at(LAST), key, state).run_requests
        assert days(request) == first
        with exclusive(fresh_home):
            assert tick(at(LAST), key, state).skip_message == "days are being run"
    assert tick(at(LAST), key, "FAILURE").skip_message


@pytest.mark.alternate("days that the schedule asks for")
def test_a_run_whose_process_is_gone_has_failed(
    fresh_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.instance_for_test() as instance:
        job = defs.resolve_job_def("release_days")
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        jobs.close_abandoned(instance, fresh_home, job.name)  # heard of a moment ago
        assert jobs.is_running(instance, job.name)
        monkeypatch.setattr(run_limits, "QUIET_SECONDS", 0)
        jobs.close_abandoned(instance, fresh_home, "another")
        assert jobs.is_running(instance, job.name)
        jobs.close_abandoned(instance, fresh_home, job.name)
        found = instance.get_run_by_id(run.run_id)
        assert found
        assert found.status is dg.DagsterRunStatus.FAILURE


@pytest.mark.alternate("days that the schedule asks for")
def test_a_day_before_the_newest_release_is_left_to_whoever_delivers_it(fresh_home: Home) -> None:
    release(fresh_home, LAST - timedelta(days=1))
    assert asked(fresh_home, LAST)[0] == range_tags(LAST, LAST)


@pytest.mark.alternate("days that the schedule asks for")
def test_no_more_than_a_week_is_caught_up(fresh_home: Home) -> None:
    late = LAST + timedelta(days=6)
    shutil.rmtree(fresh_home.raw / "visits" / "day=2026-11-04")
    assert asked(fresh_home, late)[0] == range_tags(LAST - timedelta(days=1), late)
    later = late + timedelta(days=5)
    assert asked(fresh_home, later)[0] == range_tags(later, later)


def test_a_day_without_a_campaign_is_done(fresh_home: Home) -> None:
    journal.write(fresh_home, journal.JournalEntry("publication", LAST, 0.0, facts={"tables": 0}))
    assert "is done" in (tick(at(LAST)).skip_message or "")


def test_the_environment_says_when_and_a_component_before_it(
    fresh_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIENCE_SCHEDULE", "every 5 minutes")
    repository = assemble(Installation.of(fresh_home), fresh_home).get_repository_def()
    crons = {one.name: one.cron_schedule for one in repository.schedule_defs}
    assert crons.pop("every_hour") == "5 * * * *"
    assert set(crons.values()) == {"*/5 * * * *"}
    repository = assemble(
        Installation.of(fresh_home), fresh_home, RunTimes(time(22, 30))
    ).get_repository_def()
    assert repository.get_schedule_def("every_day").cron_schedule == "30 22 * * *"
    assert repository.get_schedule_def("audience_month_when_closed").cron_schedule == "0 1 * * *"


@pytest.mark.parametrize("text", ["every 7 minutes", "every 60 minutes", "3:00", "* * * * *", " "])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no time of a schedule"):
        RunTimes.read(text)


def test_a_home_remembers_the_times_of_the_daemon(
    fresh_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(run_times_of(fresh_home)) == "03:00"
    monkeypatch.setenv("AUDIENCE_SCHEDULE", "04:30")
    assert str(run_times_of(fresh_home)) == "04:30"
    tick(at(LAST))  # these definitions were built without the variable
    assert str(run_times_of(fresh_home)) == "03:00"
    for times in (RunTimes(time(6, 15)), RunTimes(None, 20)):
        note_run_times(fresh_home, times)
        assert run_times_of(fresh_home) == times
    (fresh_home.private / "schedule.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"schedule\.json"):
        run_times_of(fresh_home)
