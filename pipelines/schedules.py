"""The daily schedule, and one for each longer series."""

from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from anonymizer.model.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_DAY,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    INTEREST_WEEK,
    Series,
)
from pipelines.first_day import has_begun
from pipelines.jobs import Job
from pipelines.landed_days import newest_complete_day
from pipelines.partitions import Calendar
from pipelines.releasable_periods import releasable_periods
from pipelines.resources import Installation

# After the days, one after the other: what is wider is judged against what is narrower.
_AFTER = {
    CAMPAIGN_WEEK: timedelta(minutes=60),
    CAMPAIGN_MONTH: timedelta(minutes=90),
    INTEREST_WEEK: timedelta(minutes=120),
    AUDIENCE_MONTH: timedelta(minutes=150),
}
# As long as working data of an unreleased period can be there, and no longer than that matters.
_LOOKED_BACK = timedelta(days=40)


def schedules(jobs: Mapping[Series, Job], calendar: Calendar) -> list[dg.ScheduleDefinition]:
    """All of them, in the policy's time zone."""
    longer = [when_closed(series, jobs[series], calendar) for series in _AFTER]
    return [every_day(jobs[CAMPAIGN_DAY], calendar), *longer]


def every_day(job: Job, calendar: Calendar) -> dg.ScheduleDefinition:
    """The schedule of the days."""

    @dg.schedule(
        name="every_day",
        job=job,
        cron_schedule=calendar.cron(),
        execution_timezone=calendar.zone,
        description="Runs the latest day for which no more visits may arrive: late_days + 1 days "
        "ago.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, installation: Installation
    ) -> dg.RunRequest | dg.SkipReason:
        timing = installation.policy().timing
        day = newest_complete_day(context.scheduled_execution_time, timing)
        key = day.isoformat()
        if not has_begun(day, timing):
            return dg.SkipReason(
                f"{key} is before the first day, {timing.first_day}; to begin earlier set "
                "timing.first_day in policy.yaml and start Dagster again"
            )
        return dg.RunRequest(run_key=f"daily:{key}", partition_key=key)

    return schedule


def when_closed(series: Series, job: Job, calendar: Calendar) -> dg.ScheduleDefinition:
    """A schedule that runs each period of a series once it has closed, until it is released."""

    @dg.schedule(
        name=f"{job.name.removeprefix('release_')}_when_closed",
        job=job,
        cron_schedule=calendar.cron(_AFTER[series]),
        execution_timezone=calendar.zone,
        description=f"Looks every morning for a {series.period_kind} that closed with the last "
        "day's run (open_days after its end, once its days and the narrower periods "
        "are released), and runs it; one that was held is tried again the next "
        "morning.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, installation: Installation
    ) -> list[dg.RunRequest] | dg.SkipReason:
        zone = ZoneInfo(installation.policy().timing.timezone)
        today = context.scheduled_execution_time.astimezone(zone).date()
        releasable = releasable_periods(
            installation.home, installation.ledger(), series, today - _LOOKED_BACK, today
        )
        if not releasable:
            return dg.SkipReason(f"every {series.period_kind} that has closed is released")
        return [
            dg.RunRequest(
                run_key=f"{series.release_id(period)}:{today}",
                partition_key=period.start.isoformat(),
            )
            for period in releasable
        ]

    return schedule
