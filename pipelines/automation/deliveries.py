"""Deliveries after publication: a sensor that looks for what is waiting, and the job that delivers.

Both are there in every installation and do nothing without a destination in `deliveries.yaml`. They
are apart from the runs of periods: no release waits for a mail server, and no run fails with one.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from anonymizer.delivery.delivery_log import DeliveryLog
from anonymizer.delivery.destination_catalogue import load_destinations
from anonymizer.delivery.dispatch import (
    DeliveryOutcome,
    DeliveryTerms,
    deliver,
    is_anything_to_do,
)
from anonymizer.model.errors import AudienceError, ConfigurationError
from anonymizer.storage.home import Home
from pipelines.assets.jobs import is_running
from pipelines.automation.run_settings import config_of_runs
from pipelines.messages.event_log import log_event
from pipelines.messages.trouble import Trouble, attempt
from pipelines.resources.resources import Installation
from pipelines.stages.objection_report import alert_once

_JOB = "deliveries"
_KEY = 32  # characters of a digest


@dg.op(
    name="deliver",
    description="Announces and delivers what destinations of deliveries.yaml have not been told "
    "yet.",
)
def deliver_released(context: dg.OpExecutionContext, installation: Installation) -> None:
    """Deliver; a destination that failed is an alert, and is tried again by a later run."""
    home = installation.home
    found = attempt(
        lambda: deliver(home, load_destinations(home), DeliveryTerms(datetime.now(UTC)))
    )
    if isinstance(found, Trouble):
        raise dg.Failure(found.message, allow_retries=False)
    for one in found:
        log_event("delivery", destination=one.destination, id=one.id, outcome=one.outcome)
        if one.outcome == "failed":
            _alert(context, home, one)
    facts = {
        outcome: sum(one.outcome == outcome for one in found)
        for outcome in ("delivered", "failed", "paused")
    }
    context.add_output_metadata(facts)


def _alert(context: dg.OpExecutionContext, home: Home, failed: DeliveryOutcome) -> None:
    """Of each delivery that fails, once."""
    context.log.warning("%s: %s", failed.destination, failed.problem)
    alert: dict[str, Any] = {
        "kind": "delivery_failed",
        "destination": failed.destination,
        "changes": list(failed.changes),
        "problem": failed.problem,
        "message": f"the destination {failed.destination} did not take a delivery; it is tried "
        "again: audience deliveries",
    }
    alert_once(context.log, home, f"delivery-{failed.destination}-{failed.id[:16]}", alert)


@dg.job(
    name=_JOB,
    executor_def=dg.in_process_executor,
    description="Deliver what was released, corrected or withdrawn to the destinations of "
    "deliveries.yaml.",
)
def deliveries() -> None:
    """One step."""
    deliver_released()


def deliveries_sensor() -> dg.SensorDefinition:
    """The sensor that looks for what is waiting."""

    @dg.sensor(
        name="deliveries_waiting",
        job_name=_JOB,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for releases, corrections and withdrawals that a destination of "
        "deliveries.yaml has not been told yet, and runs the job that delivers. Does nothing "
        "without a destination.",
    )
    def deliveries_waiting(
        context: dg.SensorEvaluationContext, installation: Installation
    ) -> dg.RunRequest | dg.SkipReason:
        """Ask for a run where a destination has something waiting and is not paused."""
        home, now = installation.home, datetime.now(UTC)
        if not home.deliveries.exists():
            return dg.SkipReason("there is no deliveries.yaml")
        try:
            if not is_anything_to_do(home, load_destinations(home), now):
                return dg.SkipReason("nothing is waiting")
        except ConfigurationError:
            pass  # the run says what is wrong, once
        except AudienceError as error:
            return dg.SkipReason(str(error))
        if is_running(context.instance, _JOB):
            return dg.SkipReason("deliveries are being made")
        return dg.RunRequest(f"deliveries:{_state(home, now)}", config_of_runs())

    return deliveries_waiting


def _state(home: Home, now: datetime) -> str:
    """What decides whether another run can do more: settings, ledger, log, and the hour."""
    ledger = home.public_ledger
    content = [
        home.deliveries.read_text(encoding="utf-8", errors="replace"),
        str(ledger.stat().st_size if ledger.exists() else 0),
        str(len(DeliveryLog(home).read().lines)),
        f"{now:%Y-%m-%dT%H}",
    ]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:_KEY]
