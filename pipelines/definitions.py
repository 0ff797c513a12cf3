"""The Dagster code location: it only assembles. Loading it needs no network, home or data."""

import dagster as dg

from pipelines.assets import intake, people, protection, publication, reach
from pipelines.checks import CHECKS
from pipelines.jobs import DAILY
from pipelines.resources import PATIENCE_SECONDS, Installation, Writing
from pipelines.schedules import every_day
from pipelines.sensors import landing, run_failed

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([intake, people, reach, protection, publication]),
    asset_checks=CHECKS,
    jobs=[DAILY],
    schedules=[every_day],
    sensors=[landing, run_failed],
    resources={
        "installation": Installation(),
        "writing": Writing(patience_seconds=PATIENCE_SECONDS),
    },
    executor=dg.in_process_executor,
)
