"""A job for the days and one for each longer series: all its stages and their checks."""

import dagster as dg

from anonymizer.series import Series
from pipelines.assets.series import GRAPHS

_OF_LONGER = dg.AssetSelection.assets(
    *(key for made in GRAPHS.values() for of in made for key in of.keys)
)
DAILY = dg.define_asset_job(
    "release_days",
    selection=dg.AssetSelection.all() - _OF_LONGER,
    executor_def=dg.in_process_executor,
    description="From raw visits to exports and the analysts' database, for a day or a range.",
)


def job_name(series: Series) -> str:
    """`release_campaign_week`; `release_days` is that of the days."""
    return f"release_{series.stage('series').removesuffix('_series')}"


LONGER_JOBS = {
    series: dg.define_asset_job(
        job_name(series),
        selection=dg.AssetSelection.assets(*(key for of in made for key in of.keys)),
        executor_def=dg.in_process_executor,
        description=f"Releases of {series.id}: for a period or a range of periods.",
    )
    for series, made in GRAPHS.items()
}
