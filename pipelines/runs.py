"""Runs a range of days in this process, as a run that Dagster's pages show."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import dagster as dg

from anonymizer.model.errors import AudienceError, ConfigurationError, Fault, NoSpace
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy, Timing
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from pipelines.assembly import definitions_of
from pipelines.automation.health import update_metrics
from pipelines.automation.run_settings import SILENT, range_tags
from pipelines.checks.held_days import HeldDay, held_days
from pipelines.instance.full_disk import explaining_full_disks, tells_of_a_full_disk
from pipelines.instance.instance import prepare_instance
from pipelines.instance.open_files import open_instance
from pipelines.messages.event_log import log_event
from pipelines.messages.progress import Listener, listening
from pipelines.partitions.first_day import fault_of_day
from pipelines.resources import interruption
from pipelines.resources.workers import lasting_processes
from pipelines.stages.flow import job_name

_COMMAND_LINE = {"audience/started_by": "command line"}
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


def _check_range(first: date, last: date, timing: Timing) -> None:
    if first > last:
        raise ConfigurationError([Fault("--from", f"{first} is after {last}", "swap them")])
    asked = (("--from", first), ("--to", last))
    faults = [fault for option, day in asked if (fault := fault_of_day(option, day, timing))]
    if faults:
        raise ConfigurationError(faults)
