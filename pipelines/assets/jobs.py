"""A job for the days and one for each longer series: all its stages and their checks."""

import time
from collections.abc import Mapping
from typing import Any

import dagster as dg

from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.storage.home import Home
from anonymizer.storage.lock import is_free
from pipelines import run_limits
from pipelines.stages.flow import Flow

Job = Any  # what `define_asset_job` returns has no public name
_BEGUN = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_UNFINISHED = [dg.DagsterRunStatus.QUEUED, *_BEGUN]
HELD_TAG = "audience/held"  # shown in the list of runs, where a run with held days is no failure
MAY_PASS = {"audience/may_pass": "true"}


def close_abandoned(instance: dg.DagsterInstance, home: Home, job: str) -> None:
    """Mark runs of the job as failed whose process is gone, as after a crash of the machine.

    Dagster itself does not notice that. Nobody writes in the home, and they have been quiet for a
    while. A queued run has no process yet; the daemon starts it.
    """
    begun = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_BEGUN))
    if not begun or not is_free(home):
        return
    for record in begun:
        run = record.dagster_run
        if time.time() - _last_heard(instance, record) >= run_limits.QUIET_SECONDS:
            instance.add_run_tags(run.run_id, MAY_PASS)
            instance.report_run_failed(run, "The process of this run ended before the run did.")


def _last_heard(instance: dg.DagsterInstance, record: dg.RunRecord) -> float:
    events = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False)
    return max([one.timestamp for one in events.records] or [record.create_timestamp.timestamp()])


def is_running(instance: dg.DagsterInstance, job: str) -> bool:
    """Whether days are being run or are about to be: what comes later has to wait for them."""
    wanted = dg.RunsFilter(job_name=job, statuses=_UNFINISHED)
    return instance.get_runs_count(wanted) > 0


def was_asked_for(instance: dg.DagsterInstance, job: str, run_key: str) -> bool:
    """Whether a run under the key came to an end that it would come to again.

    A failure that held no day may pass, and so may what held one if it is neither in the files nor
    in the settings. Of schedules, Dagster asks for a key within one tick alone.
    """
    wanted = dg.RunsFilter(job_name=job, tags={"dagster/run_key": run_key})
    return any(
        not MAY_PASS.items() <= run.tags.items()
        and (run.status is not dg.DagsterRunStatus.FAILURE or HELD_TAG in run.tags)
        for run in instance.get_runs(wanted)
    )


def jobs_of(assets: Mapping[Series, dg.AssetsDefinition]) -> dict[Series, Job]:
    """The job of each series."""
    return {
        series: dg.define_asset_job(
            Flow(series).job,
            selection=dg.AssetSelection.assets(*made.keys),
            executor_def=dg.in_process_executor,
            description="From raw visits to exports and the analysts' database, for a day or a "
            "range."
            if series == CAMPAIGN_DAY
            else f"Releases of {series.id}: for a period or a range of periods.",
        )
        for series, made in assets.items()
    }
