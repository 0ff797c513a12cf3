"""The Dagster code location: it only assembles. Loading it needs no network, home or data."""

import dagster as dg

from pipelines.arrivals import ARRIVALS, files_readable
from pipelines.assets import intake, people, publication, reach
from pipelines.assets.series import GRAPHS
from pipelines.blocking import plausible
from pipelines.checks import CHECKS
from pipelines.deadlines import REQUESTS, every_hour, requests_in_time
from pipelines.jobs import DAILY, LONGER_JOBS
from pipelines.resources import PATIENCE_SECONDS, Installation, Writing
from pipelines.schedules import WHEN_CLOSED, every_day
from pipelines.sensors import landing, run_failed
from pipelines.series_checks import checks_of

defs = dg.Definitions(
    assets=[
        *dg.load_assets_from_modules([intake, people, reach, publication]),
        *(made for graph in GRAPHS.values() for made in graph),
    ],
    asset_checks=[
        *CHECKS,
        plausible,
        *(check for series in GRAPHS for check in checks_of(series)),
        files_readable,
        requests_in_time,
    ],
    jobs=[DAILY, *LONGER_JOBS.values(), ARRIVALS, REQUESTS],
    schedules=[every_day, *WHEN_CLOSED, every_hour],
    sensors=[landing, run_failed],
    resources={
        "installation": Installation(),
        "writing": Writing(patience_seconds=PATIENCE_SECONDS),
    },
    executor=dg.in_process_executor,
)
