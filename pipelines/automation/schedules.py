"""The daily schedule, and one for each longer series."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
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
from anonymizer.storage.files import sha256
from pipelines import run_limits
from pipelines.assets.jobs import Job, close_abandoned, is_running, was_asked_for
from pipelines.automation.run_settings import config_of_runs, range_tags
from pipelines.messages.event_log import log_event
from pipelines.partitions.first_day import has_begun
from pipelines.partitions.landed_days import Landed, landed_days, newest_complete_day
from pipelines.partitions.partitions import Calendar
from pipelines.partitions.releasable_periods import releasable_periods
from pipelines.partitions.run_times import note_run_times
from pipelines.resources.release_history import released_days
from pipelines.resources.resources import Installation
from pipelines.stages.journal import has_nothing_to_publish

# After the days, one after the other: what is wider is judged against what is narrower.
_AFTER = {
    CAMPAIGN_WEEK: timedelta(minutes=60),
    CAMPAIGN_MONTH: timedelta(minutes=90),
    INTEREST_WEEK: timedelta(minutes=120),
    AUDIENCE_MONTH: timedelta(minutes=150),
}
# Entries of the ledger that no person decides.
_WRITTEN_BY_RUNS = frozenset(
    {"release", "exports", "pointer", "settings", "safeguards", "erasure", "requests_taken"}
)


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
        description="Runs the latest day for which no more visits may arrive (late_days + 1 days "
        "ago), preceded by days of the week before that have landed since the newest release.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, installation: Installation
    ) -> dg.RunRequest | dg.SkipReason:
        home, timing = installation.home, installation.policy().timing
        note_run_times(home, calendar.times)
        newest = newest_complete_day(context.scheduled_execution_time, timing)
        if not has_begun(newest, timing):
            return dg.SkipReason(
                f"{newest} is before the first day, {timing.first_day}; to begin earlier set "
                "timing.first_day in policy.yaml and start Dagster again"
            )
        close_abandoned(context.instance, home, job.name)
        if is_running(context.instance, job.name):
            return dg.SkipReason("days are being run")
        released = released_days(installation.ledger())
        if newest in released or has_nothing_to_publish(home, newest):
            return dg.SkipReason(f"{newest} is done")
        landed = [
            one
            for one in landed_days(
                home, timing, max(newest - run_limits.CAUGHT_UP, timing.first_day)
            )
            if one.day <= newest
        ]
        key = f"daily:{newest}:{_digest(installation, landed)}"
        if was_asked_for(context.instance, job.name, key):
            return dg.SkipReason(
                f"{newest} was run with these files, settings and decisions already"
            )
        first = min([*_missed(installation, landed, released), newest])
        log_event("days_asked_for", first=first.isoformat(), last=newest.isoformat())
        return dg.RunRequest(key, config_of_runs(), range_tags(first, newest))

    return schedule


def _missed(
    installation: Installation, landed: Sequence[Landed], released: frozenset[date]
) -> list[date]:
    """Landed days after the newest release. One that was held is tried again before later ones."""
    since = max(released, default=date.min)
    return [
        one.day
        for one in landed
        if one.day > since and not has_nothing_to_publish(installation.home, one.day)
    ]


def _digest(installation: Installation, landed: Sequence[Landed]) -> str:
    """Of what decides about days: the files, the settings, and decisions in the ledger."""
    home, codings = installation.home, installation.policy().codings
    mappings = [one.file for one in (codings.region, codings.target_regions) if one.file]
    settings = [home.policy, home.segments, home.sources, *(home.root / one for one in mappings)]
    decided = sum(one.kind not in _WRITTEN_BY_RUNS for one in installation.ledger().entries())
    content = [
        *(one.inputs for one in landed),
        *(sha256(path) if path.is_file() else "" for path in settings),
        str(decided),
    ]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:32]


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
            installation.home, installation.ledger(), series, today - run_limits.LOOKED_BACK, today
        )
        if not releasable:
            return dg.SkipReason(f"every {series.period_kind} that has closed is released")
        return [
            dg.RunRequest(
                run_key=f"{series.release_id(period)}:{today}",
                run_config=config_of_runs(),
                partition_key=period.start.isoformat(),
            )
            for period in releasable
        ]

    return schedule
