"""The deadline of requests: an asset check and an alert, before it and at it.

It looks at the raw requests as they are now and runs on its own, every hour: a request falls due
whether or not a day is released.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from anonymizer.rights.requests import RequestState, Status
from pipelines import run_limits
from pipelines.automation.run_settings import config_of_runs
from pipelines.resources.resources import Installation
from pipelines.stages.objection_report import alert_once, read_states


@dg.asset_check(
    asset=dg.AssetKey(["raw", "requests"]),
    name="requests_in_time",
    description="No request is overdue (open for more than 3 x 24 hours) or becomes overdue "
    "within a day.",
)
def requests_in_time(
    context: dg.AssetCheckExecutionContext, installation: Installation
) -> dg.AssetCheckResult:
    """Judge every request as of now; what is late, or will be soon, is told once as an alert."""
    result, alert = judge_deadlines(read_states(installation), datetime.now(UTC))
    if alert:
        names = "".join(sorted(f"{status} {name}\n" for status, name in alert))
        name = f"requests-{hashlib.sha256(names.encode()).hexdigest()[:16]}"
        content = {
            "kind": "requests_due",
            "overdue": [name for status, name in alert if status == "overdue"],
            "due_soon": [name for status, name in alert if status == "due soon"],
            "message": "requests have to be answered within 3 x 24 hours: audience rights list",
        }
        alert_once(context.log, installation.home, name, content)
    return result


def judge_deadlines(
    found: Sequence[RequestState], now: datetime
) -> tuple[dg.AssetCheckResult, list[tuple[Status, str]]]:
    """The check's result as of `now`, and status and name of what is late or will be soon."""
    statuses = Counter(state.status(now) for state in found)
    late = [
        (state.status(now), state.name)
        for state in found
        if state.status(now) in ("overdue", "due soon")
    ]
    overdue = statuses["overdue"] > 0
    metadata: dict[str, Any] = {
        **{status.replace(" ", "_"): count for status, count in statuses.items()},
        "late": [f"{name}: {status}" for status, name in late[: run_limits.REQUESTS_LISTED]],
    }
    severity = dg.AssetCheckSeverity.ERROR if overdue else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=not late, severity=severity, metadata=metadata), late


REQUESTS = dg.define_asset_job(
    "requests",
    selection=dg.AssetSelection.checks(requests_in_time),
    executor_def=dg.in_process_executor,
    description="Check whether requests are answered in time.",
)


def every_hour(zone: str) -> dg.ScheduleDefinition:
    """One look an hour."""

    @dg.schedule(
        name="every_hour",
        job=REQUESTS,
        cron_schedule="5 * * * *",
        execution_timezone=zone,
        description="Looks every hour for requests that are overdue or become overdue within a "
        "day.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        key = f"requests:{context.scheduled_execution_time:%Y-%m-%dT%H}"
        return dg.RunRequest(key, config_of_runs())

    return schedule
