"""Sensors: what landed after the schedule had run, and runs that failed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from anonymizer.policy import Policy
from pipelines.alerts import NotDelivered, raise_alert
from pipelines.arrivals import ARRIVALS
from pipelines.first_day import has_begun
from pipelines.history import released_days
from pipelines.jobs import DAILY
from pipelines.landing import Landed, due_at, landed_days
from pipelines.resources import Installation
from pipelines.runs import days_of_run, held_days, range_tags


@dg.sensor(
    jobs=[DAILY, ARRIVALS],
    minimum_interval_seconds=60,
    description="Notices new and rewritten files in raw/. An unreleased day that is due is run, "
    "again whenever its files change; adjacent days are one run, in order. Of a day that waits for "
    "late arrivals the files are checked. A released day is final: a change is only reported.",
)
def landing(context: dg.SensorEvaluationContext, installation: Installation) -> dg.SensorResult:
    """Compare names, sizes and times of change with those of the last look."""
    policy = installation.policy()
    now = datetime.now(UTC)
    released = released_days(installation.ledger())
    before: dict[str, str] = json.loads(context.cursor or "{}")
    known: dict[str, str] = {}
    due: list[Landed] = []
    waiting: list[Landed] = []
    since = (now - timedelta(days=policy.retention.private_days)).date()
    for landed in landed_days(installation.home, policy.timing, since):
        key = landed.day.isoformat()
        if landed.day in released:
            known[f"released {key}"] = landed.visits
            if before.get(f"released {key}", landed.visits) != landed.visits:
                _report_rewritten(context, installation, landed)
        elif _ready(landed, policy, now):
            asked = "asked" if now >= due_at(landed.day, policy.timing) else "checked"
            known[f"{asked} {key}"] = landed.inputs
            if before.get(f"{asked} {key}") != landed.inputs:
                (due if asked == "asked" else waiting).append(landed)
    requests = [_request(days) for days in _adjacent(due)]
    if waiting:
        requests.append(dg.RunRequest(f"arrivals:{_digest(waiting)}", job_name=ARRIVALS.name))
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(known))


def _adjacent(landed: Sequence[Landed]) -> list[list[Landed]]:
    """Unbroken rows of days. Groups are judged in the order of releases, so they are one run."""
    rows: list[list[Landed]] = []
    for one in landed:
        if rows and rows[-1][-1].day + timedelta(days=1) == one.day:
            rows[-1].append(one)
        else:
            rows.append([one])
    return rows


def _request(days: Sequence[Landed]) -> dg.RunRequest:
    """A run of adjacent days. Asking again under the same run key starts nothing."""
    first, last = days[0].day, days[-1].day
    return dg.RunRequest(
        f"landing:{first}:{last}:{_digest(days)}",
        job_name=DAILY.name,
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
        f"files of {landed.day} have changed after its release; what is released is final "
        "and stays as it is"
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
    run = context.dagster_run
    failures = context.get_step_failure_events()
    alert = {
        "kind": "run_failed",
        "run_id": run.run_id,
        "job": run.job_name,
        "days": days_of_run(run.tags),
        "failed_steps": sorted(event.step_key for event in failures if event.step_key),
        "held": held_days(failures),
    }
    _alert(context, installation, run.run_id, alert)


def _alert(
    context: dg.SensorEvaluationContext | dg.RunFailureSensorContext,
    installation: Installation,
    name: str,
    alert: Mapping[str, Any],
) -> None:
    try:
        raise_alert(installation.home, name, alert)
    except NotDelivered as error:
        context.log.warning(str(error))
