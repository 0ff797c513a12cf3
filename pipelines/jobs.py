"""A job for the days and one for each longer series: all its stages and their checks."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from anonymizer.model.series import CAMPAIGN_DAY, Series
from pipelines.flow import Flow

Job = Any  # what `define_asset_job` returns has no public name


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
