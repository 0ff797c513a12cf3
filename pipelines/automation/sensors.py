"""Sensors: what landed after the schedule had run, runs that failed, and days that were held."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from anonymizer.model.policy import Policy
from pipelines.assets.jobs import Job, close_abandoned, is_running
from pipelines.automation.arrivals import ARRIVALS
from pipelines.automation.health import update_metrics
from pipelines.automation.run_settings import config_of_runs, days_of_run, range_tags
from pipelines.checks.held_days import HeldDay, held_days
from pipelines.messages.alerts import NotDelivered, raise_alert
from pipelines.messages.event_log import log_event
from pipelines.partitions.first_day import has_begun
from pipelines.partitions.landed_days import Landed, complete_at, landed_days, runnable_days
from pipelines.partitions.partitions import Calendar
from pipelines.partitions.run_times import note_run_times
from pipelines.resources.release_history import released_days
from pipelines.resources.resources import Installation


def landing_sensor(job: Job, calendar: Calendar) -> dg.SensorDefinition:
    """The sensor that looks at the landing zone."""

    @dg.sensor(
        name="landing",
        jobs=[job, ARRIVALS],
        minimum_interval_seconds=60,
        description="Notices new and changed files in raw/. A day is run once it is due, not "
        "released, and the folders of its late visits exist, and again whenever its "
        "files change. Adjacent days are one run, and the next run starts after it "
        "has ended. For a day that waits for late visits, only the files are "
        "checked. A released day is final: a change is only reported.",
    )
    def landing(context: dg.SensorEvaluationContext, installation: Installation) -> dg.SensorResult:
        note_run_times(installation.home, calendar.times)
        look = _Look.take(installation, calendar, json.loads(context.cursor or "{}"))
        for landed in look.rewritten:
            _report_rewritten(context, installation, landed)
        requests = []
        rows = _adjacent(look.releasable)
        if rows:
            close_abandoned(context.instance, installation.home, job.name)
        if rows and not is_running(context.instance, job.name):
            requests.append(_request(rows[0], job.name))
            look.known.update({f"asked {one.day}": one.inputs for one in rows[0]})
        if look.waiting:
            key = f"arrivals:{_digest(look.waiting)}"
            requests.append(dg.RunRequest(key, config_of_runs(), job_name=ARRIVALS.name))
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(look.known))

    return landing


@dataclass(frozen=True)
class _Look:
    """What has changed since the last look, by names, sizes and times of change.

    `known` is kept for the next look; days that are due are added to it when they are asked for.
    """

    known: dict[str, str]
    rewritten: list[Landed]
    releasable: list[Landed]
    waiting: list[Landed]

    @classmethod
    def take(
        cls, installation: Installation, calendar: Calendar, before: Mapping[str, str]
    ) -> "_Look":
        """Compare the landing zone with what was known before."""
        policy, now = installation.policy(), datetime.now(UTC)
        released = released_days(installation.ledger())
        # A folder without the next one may hold nothing but late visits of the day before.
        complete = frozenset(runnable_days(installation.home, policy.timing))
        look = cls({}, [], [], [])
        since = (now - timedelta(days=policy.retention.private_days)).date()
        for landed in landed_days(installation.home, policy.timing, since):
            key = landed.day.isoformat()
            if landed.day in released:
                look.known[f"released {key}"] = landed.visits
                if before.get(f"released {key}", landed.visits) != landed.visits:
                    look.rewritten.append(landed)
            elif _ready(landed, policy, now):
                is_releasable = now >= complete_at(landed.day, policy.timing, calendar.times.first)
                if is_releasable and landed.day in complete:
                    look._note(f"asked {key}", landed, before, look.releasable)
                elif not is_releasable:
                    look.known[f"checked {key}"] = landed.inputs
                    if before.get(f"checked {key}") != landed.inputs:
                        look.waiting.append(landed)
        return look

    def _note(
        self, key: str, landed: Landed, before: Mapping[str, str], changed: list[Landed]
    ) -> None:
        if before.get(key) == landed.inputs:
            self.known[key] = landed.inputs
        else:
            changed.append(landed)


def _adjacent(landed: Sequence[Landed]) -> list[list[Landed]]:
    """Unbroken rows of days. Groups are judged in the order of releases, so they are one run."""
    rows: list[list[Landed]] = []
    for one in landed:
        if rows and rows[-1][-1].day + timedelta(days=1) == one.day:
            rows[-1].append(one)
        else:
            rows.append([one])
    return rows


def _request(days: Sequence[Landed], job: str) -> dg.RunRequest:
    """A run of adjacent days. Asking again under the same run key starts nothing."""
    first, last = days[0].day, days[-1].day
    return dg.RunRequest(
        f"landing:{first}:{last}:{_digest(days)}",
        config_of_runs(),
        job_name=job,
        tags=range_tags(first, last),
    )


def _digest(days: Sequence[Landed]) -> str:
    return hashlib.sha256("".join(day.inputs for day in days).encode()).hexdigest()[:32]


def _ready(landed: Landed, policy: Policy, now: datetime) -> bool:
    """Whether the day is one to work on and its files have rested.

    Intake would leave younger files for the next run.
    """
    rested = now.timestamp() - landed.changed_at >= policy.timing.settle_seconds
    return has_begun(landed.day, policy.timing) and rested


def _report_rewritten(
    context: dg.SensorEvaluationContext, installation: Installation, landed: Landed
) -> None:
    message = (
        f"files of {landed.day} have changed after its release; the release is final and stays as "
        "it is"
    )
    context.log.warning(message)
    _alert(
        context,
        installation,
        f"rewritten-{landed.day}-{landed.visits[:16]}",
        {"kind": "rewritten_after_release", "day": landed.day.isoformat(), "message": message},
    )


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    # Runs of the command line belong to no code location; without this they would fail unheard.
    monitor_all_code_locations=True,
    description="Writes alerts/<run>.json for a failed run and posts it to "
    "AUDIENCE_ALERT_WEBHOOK, if that is set.",
)
def run_failed(context: dg.RunFailureSensorContext, installation: Installation) -> None:
    """Say which days were held, where and by which code; never a message from outside."""
    _measure(context, installation)
    run = context.dagster_run
    failures = context.get_step_failure_events()
    alert = {
        "kind": "run_failed",
        "run_id": run.run_id,
        "job": run.job_name,
        "days": days_of_run(run.tags),
        "failed_steps": sorted(event.step_key for event in failures if event.step_key),
        "held": _held(context.instance, run.run_id),
    }
    _alert(context, installation, run.run_id, alert)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    monitor_all_code_locations=True,
    description="Writes alerts/<run>.json for a run that held a day (the run itself does not "
    "fail), and posts it to AUDIENCE_ALERT_WEBHOOK, if that is set.",
)
def days_held(context: dg.RunStatusSensorContext, installation: Installation) -> None:
    """Say which days were held, where and why."""
    _measure(context, installation)
    run = context.dagster_run
    held = _held(context.instance, run.run_id)
    if not held:
        return
    alert = {
        "kind": "days_held",
        "run_id": run.run_id,
        "job": run.job_name,
        "days": days_of_run(run.tags),
        "failed_steps": sorted({one["stage"] for one in held}),
        "held": held,
    }
    _alert(context, installation, run.run_id, alert)


def _measure(context: dg.RunStatusSensorContext, installation: Installation) -> None:
    """After each run, whoever started it: the file of `$AUDIENCE_METRICS` is written again."""
    run = context.dagster_run
    log_event(
        "run_seen",
        job=run.job_name,
        run_id=run.run_id,
        days=days_of_run(run.tags),
        status=run.status.value,
    )
    if trouble := update_metrics(installation.home):
        context.log.warning(trouble.message)


def _held(instance: dg.DagsterInstance, run_id: str) -> list[dict[str, Any]]:
    """What the checks of a run say of the days that it held."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kind)]
    found = held_days(event.asset_check_evaluation_data for event in events if event is not None)
    return [_record(one) for one in found]


def _record(held: HeldDay) -> dict[str, Any]:
    return {"day": held.day.isoformat(), **asdict(held.trouble)}


def _alert(
    context: dg.SensorEvaluationContext | dg.RunStatusSensorContext,
    installation: Installation,
    name: str,
    alert: Mapping[str, Any],
) -> None:
    log_event(
        "alert",
        "error",
        kind=alert["kind"],
        job=alert.get("job"),
        run_id=alert.get("run_id"),
        days=alert.get("days", alert.get("day")),
        codes=sorted({held["code"].partition(":")[0] for held in alert.get("held", ())}) or None,
    )
    try:
        raise_alert(installation.home, name, alert)
    except NotDelivered as error:
        context.log.warning(str(error))
