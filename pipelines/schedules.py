"""The daily schedule."""

import dagster as dg

from pipelines.jobs import DAILY
from pipelines.landing import RUN_AT, day_due, has_begun
from pipelines.partitions import ZONE
from pipelines.resources import Installation


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
    if not has_begun(day):
        return dg.SkipReason(
            f"{key} is before the first day; set AUDIENCE_FIRST_DAY to begin there"
        )
    return dg.RunRequest(run_key=f"daily:{key}", partition_key=key)
