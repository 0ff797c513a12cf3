"""The one job: all stages and their checks, for a day or a range of days."""

import dagster as dg

DAILY = dg.define_asset_job(
    "release_days",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="From raw visits to exports and the analysts' database, for a day or a range.",
)
