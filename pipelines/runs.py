"""Runs a range of days in this process, as a run that Dagster's pages show."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import dagster as dg

from anonymizer.model.errors import AudienceError, ConfigurationError, Fault, NoSpace
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy, Timing
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from pipelines import interruption
from pipelines.event_log import is_on, log_event
from pipelines.first_day import has_begun
from pipelines.flow import job_name
from pipelines.full_disk import explaining_full_disks, tells_of_a_full_disk
from pipelines.health import update_metrics
from pipelines.held_days import HeldDay, held_days
from pipelines.instance import prepare_instance
from pipelines.open_files import open_instance
from pipelines.progress import Listener, listening
from pipelines.workers import lasting_processes

_FIRST_TAG, _LAST_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_DAY_TAG = "dagster/partition"
_COMMAND_LINE = {"audience/started_by": "command line"}
SILENT: Mapping[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Result = TypeVar("Result")


@dataclass(frozen=True)
class Finished:
    """A run that has ended, as recorded in the instance."""

    run_id: str
    succeeded: bool
    held: tuple[HeldDay, ...]
    stopped_by: int | None = None
    without_room: bool = False

    @property
    def exit_code(self) -> int:
        """0, that of a signal, a full disk or the first held day, or 1 when it failed otherwise."""
        if self.stopped_by:
            return interruption.exit_code(self.stopped_by)
        if self.succeeded:
            return 0
        if self.without_room:
            return NoSpace.exit_code
        return self.held[0].trouble.exit_code if self.held else AudienceError.exit_code


def run_days(
    home: Home,
    first: date,
    last: date,
    listener: Listener,
    on_signal: Callable[[], None] = lambda: None,
) -> Finished:
    """Run the job over all days from `first` to `last`. Raises Busy when another run writes.

    Days that are held do not stop the others; `Finished` says which and why. SIGINT and SIGTERM
    stop the run in good order; `on_signal` is called when one arrives.
    """
    _check_range(first, last, Policy.load(home.policy).timing)
    return _run(home, job_name(CAMPAIGN_DAY), first, last, listener, on_signal)


def run_periods(
    home: Home, series: Series, first: Period, last: Period, listener: Listener
) -> Finished:
    """Run the job of a series over all periods from one to another, as `run_days` does."""
    return _run(home, job_name(series), first.start, last.start, listener)


def _run(
    home: Home,
    job: str,
    first: date,
    last: date,
    listener: Listener,
    on_signal: Callable[[], None] = lambda: None,
) -> Finished:
    with (
        explaining_full_disks(),
        exclusive(home),
        open_instance(prepare_instance(home)) as instance,
    ):
        _close_abandoned(instance)
        with listening(listener), lasting_processes(), interruption.heeding_signals(on_signal):
            result = _outside_main_thread(lambda: _execute(home, instance, job, first, last))
            stopped_by = interruption.received()
        failures = [event for event in result.all_events if event.is_step_failure]
        held = tuple(held_days(result.get_asset_check_evaluations()))
        room = any(tells_of_a_full_disk(str(event.event_specific_data)) for event in failures)
        succeeded = result.success and not held
        update_metrics(home)
        done = Finished(result.run_id, succeeded, held, stopped_by, without_room=room)
        log_event(
            "run_ended",
            "info" if succeeded else "error",
            job=job,
            run_id=done.run_id,
            first=first.isoformat(),
            last=last.isoformat(),
            held=len(held),
            exit_code=done.exit_code,
        )
        return done


def _execute(
    home: Home, instance: dg.DagsterInstance, job: str, first: date, last: date
) -> dg.ExecuteInProcessResult:
    from pipelines.assembly import definitions_of  # noqa: PLC0415  its sensors import this module

    return (
        definitions_of(home)
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={**range_tags(first, last), **_COMMAND_LINE},
            run_config=SILENT,
        )
    )


def _outside_main_thread(work: Callable[[], Result]) -> Result:
    """Do the work in a thread, where neither Dagster nor DuckDB can turn signals into errors.

    The main thread waits and keeps its own handlers.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  raised again by who waits
            failed.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,), name="run")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def _close_abandoned(instance: dg.DagsterInstance) -> None:
    """Mark runs of killed processes as failed: whoever has the lock knows that none is alive."""
    alive = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    for run in instance.get_runs(dg.RunsFilter(statuses=alive, tags=_COMMAND_LINE)):
        instance.report_run_failed(run, "The process of this run ended before the run did.")


def config_of_runs() -> Mapping[str, Any]:
    """Of runs that the daemon starts: where events are written, Dagster's own lines are not."""
    return SILENT if is_on() else {}


def range_tags(first: date, last: date) -> dict[str, str]:
    """What makes a run one of all days, or periods, from one to another.

    One alone is a partition: Dagster records results of checks with it only then.
    """
    if first == last:
        return {_DAY_TAG: first.isoformat()}
    return {_FIRST_TAG: first.isoformat(), _LAST_TAG: last.isoformat()}


def days_of_run(tags: Mapping[str, str]) -> Sequence[str]:
    """First and last day of a run, from its tags."""
    chosen = (tags.get(_FIRST_TAG), tags.get(_LAST_TAG), tags.get(_DAY_TAG))
    return sorted({day for day in chosen if day})


def _check_range(first: date, last: date, timing: Timing) -> None:
    if first > last:
        raise ConfigurationError([Fault("--from", f"{first} is after {last}", "swap them")])
    asked = (("--from", first), ("--to", last))
    faults = [fault for option, day in asked if (fault := fault_of_day(option, day, timing))]
    if faults:
        raise ConfigurationError(faults)


def fault_of_day(option: str, day: date, timing: Timing) -> Fault | None:
    """Why a day that an option names cannot be run, whatever has landed for it."""
    today = datetime.now(ZoneInfo(timing.timezone)).date()
    if not has_begun(day, timing):
        problem = f"{day} is before the first day, {timing.first_day}"
        remedy = "choose a later day, or set timing.first_day in policy.yaml to an earlier one"
        return Fault(option, problem, remedy)
    if day >= today:
        problem = "has not ended yet" if day == today else "is in the future"
        zone = f"it is {today} in {timing.timezone}"
        return Fault(option, f"{day} {problem}: {zone}", "only days that have ended can be run")
    return None
