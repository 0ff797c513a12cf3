"""A job for the days and one for each longer series: all its stages and their checks."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from anonymizer.model.series import CAMPAIGN_DAY, Series
from pipelines.flow import Flow

Job = Any  # what `define_asset_job` returns has no public name
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def is_running(instance: dg.DagsterInstance, job: str) -> bool:
    """Whether days are being run or are about to be: what comes later has to wait for them."""
    wanted = dg.RunsFilter(job_name=job, statuses=_UNFINISHED)
    return instance.get_runs_count(wanted) > 0


def was_asked_for(instance: dg.DagsterInstance, job: str, run_key: str) -> bool:
    """Whether a run was begun under the key. Of schedules, Dagster asks that for one tick alone."""
    wanted = dg.RunsFilter(job_name=job, tags={"dagster/run_key": run_key})
    return instance.get_runs_count(wanted) > 0


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
