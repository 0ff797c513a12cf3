"""Assembles the definitions of one installation. That needs no network, secret or data."""

import dagster as dg

from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.storage.home import Home
from pipelines.assets.assets import graphs
from pipelines.assets.jobs import jobs_of
from pipelines.assets.lineage import raw_tables
from pipelines.automation.arrivals import ARRIVALS, files_readable
from pipelines.automation.deadlines import REQUESTS, every_hour, requests_in_time
from pipelines.automation.deliveries import deliveries, deliveries_sensor
from pipelines.automation.schedules import schedules
from pipelines.automation.sensors import days_held, landing_sensor, run_failed
from pipelines.partitions.partitions import Calendar
from pipelines.partitions.run_times import RunTimes
from pipelines.resources.resources import Installation


def assemble(
    installation: Installation, home: Home, times: RunTimes | None = None
) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors that work on an installation.

    Without `times`, days are run when `$AUDIENCE_SCHEDULE` says. `home` is where the policy is read
    now, for partitions and schedules; each run goes by the policy as it is then.
    """
    calendar = Calendar.of(home, times or RunTimes.from_environment())
    assets = graphs(calendar)
    jobs = jobs_of(assets)
    return dg.Definitions(
        assets=[*raw_tables(calendar), *assets.values()],
        asset_checks=[files_readable, requests_in_time],
        jobs=[*jobs.values(), ARRIVALS, REQUESTS, deliveries],
        schedules=[*schedules(jobs, calendar), every_hour(calendar.zone)],
        sensors=[
            landing_sensor(jobs[CAMPAIGN_DAY], calendar),
            run_failed,
            days_held,
            deliveries_sensor(),
        ],
        resources={"installation": installation},
        executor=dg.in_process_executor,
    )


def definitions_of(home: Home) -> dg.Definitions:
    """The definitions that work on a home."""
    return assemble(Installation.of(home), home)
