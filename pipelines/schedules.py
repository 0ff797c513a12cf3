"""The daily schedule, and one for each longer series."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from anonymizer.series import AUDIENCE_MONTH, CAMPAIGN_MONTH, CAMPAIGN_WEEK, INTEREST_WEEK, Series
from pipelines.due import due_periods
from pipelines.first_day import has_begun
from pipelines.jobs import DAILY, LONGER_JOBS, job_name
from pipelines.landing import RUN_AT, day_due
from pipelines.partitions import ZONE
from pipelines.resources import Installation

# After the day, and one after the other: what is wider is judged against what is narrower.
_CLOSED_AT = {
    CAMPAIGN_WEEK: "0 4 * * *",
    CAMPAIGN_MONTH: "30 4 * * *",
    INTEREST_WEEK: "0 5 * * *",
    AUDIENCE_MONTH: "30 5 * * *",
}
# As long as working data of an unreleased period can be there, and no longer than that matters.
_LOOKED_BACK = timedelta(days=40)


@dg.schedule(
    job=DAILY,
    cron_schedule=f"{RUN_AT.minute} {RUN_AT.hour} * * *",
    execution_timezone=ZONE,
    description="Runs the latest day of which nothing may arrive any more: late_days + 1 days ago.",
)
def every_day(
    context: dg.ScheduleEvaluationContext, installation: Installation
) -> dg.RunRequest | dg.SkipReason:
    """One run for one day; asking twice for the same day starts one run."""
    timing = installation.policy().timing
    day = day_due(context.scheduled_execution_time, timing)
    key = day.isoformat()
    if not has_begun(day, timing):
        return dg.SkipReason(
            f"{key} is before the first day, {timing.first_day}; to begin earlier set "
            "timing.first_day in policy.yaml and start Dagster again"
        )
    return dg.RunRequest(run_key=f"daily:{key}", partition_key=key)


def when_closed(series: Series) -> dg.ScheduleDefinition:
    """A schedule that runs each period of a series once it has closed, until it is released."""

    @dg.schedule(
        name=f"{job_name(series).removeprefix('release_')}_when_closed",
        job=LONGER_JOBS[series],
        cron_schedule=_CLOSED_AT[series],
        execution_timezone=ZONE,
        description=f"Looks every morning for a {series.period_kind} that closed with the last "
        "day's run (open_days after its end, once its days and what is narrower are released), "
        "and runs it; one that was held is tried again the next morning.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, installation: Installation
    ) -> list[dg.RunRequest] | dg.SkipReason:
        today = context.scheduled_execution_time.astimezone(ZoneInfo(ZONE)).date()
        due = due_periods(
            installation.home, installation.ledger(), series, today - _LOOKED_BACK, today
        )
        if not due:
            return dg.SkipReason(f"no {series.period_kind} has closed that is not released")
        return [
            dg.RunRequest(
                run_key=f"{series.release_id(period)}:{today}",
                partition_key=period.start.isoformat(),
            )
            for period in due
        ]

    return schedule


WHEN_CLOSED = [when_closed(series) for series in LONGER_JOBS]
