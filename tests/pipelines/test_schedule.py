"""Which day the schedule runs, evaluated as Dagster does it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from anonymizer.storage.home import Home
from pipelines.definitions import defs
from pipelines.resources import Installation

JAKARTA = ZoneInfo("Asia/Jakarta")


def tick(moment: datetime) -> ScheduleExecutionData:
    repository = defs.get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=moment,
            repository_def=repository,
            resources={"installation": Installation.of(Home.from_environment())},
        )
        return repository.get_schedule_def("every_day").evaluate_tick(context)


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

    assert request.partition_key == day
    assert request.run_key == f"daily:{day}"


def test_the_local_calendar_decides_not_that_of_the_server(fresh_home: Home) -> None:
    utc = datetime(2026, 11, 22, 20, tzinfo=ZoneInfo("UTC"))  # 03:00 on the 23rd in Jakarta

    assert [request.partition_key for request in tick(utc).run_requests] == ["2026-11-21"]


def test_before_the_first_day_it_says_so(fresh_home: Home) -> None:
    text = fresh_home.policy.read_text()
    fresh_home.policy.write_text(text.replace("first_day: 2026-11-01", "first_day: 2026-11-22"))
    result = tick(datetime(2026, 11, 23, 3, tzinfo=JAKARTA))

    assert result.run_requests == []
    assert "2026-11-21 is before the first day, 2026-11-22" in (result.skip_message or "")
    assert "timing.first_day" in (result.skip_message or "")
    assert tick(datetime(2026, 11, 24, 3, tzinfo=JAKARTA)).run_requests
