"""Reach: how many people each campaign reached on the day, by cell. True counts, private."""

from datetime import date

import dagster as dg

from anonymizer.counting import count_reach
from anonymizer.periods import Period
from pipelines.accounts import account_facts
from pipelines.assets.people import ELIGIBILITY
from pipelines.columns import REACH
from pipelines.metadata import rows_table
from pipelines.partitions import DAYS, SINGLE_RUN
from pipelines.resources import Installation, Writing
from pipelines.stages import RETRIES, Outcome, Stage

REACHING = Stage("reach", assets=("campaign_reach",), after=ELIGIBILITY.name)


@dg.asset(
    deps=["accepted_rows", "eligible_people"],
    partitions_def=DAYS,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    group_name="reach",
    owners=["team:data-engineering"],
    kinds={"duckdb", "parquet"},
    metadata={"dagster/column_schema": REACH},
)
def campaign_reach(
    context: dg.AssetExecutionContext,
    installation: Installation,
    writing: Writing,  # noqa: ARG001  held for the run
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Distinct people who accessed each campaign's link, by gender, age band and regency."""

    def count(day: date) -> Outcome:
        terms = installation.terms(Period("day", day))
        with installation.engine(spill=True) as engine:
            reach = count_reach(engine, installation.home, day, terms.policy, terms.secret)
        return Outcome(
            facts={"account": account_facts(reach.account), "tables": reach.tables},
            metadata={
                "campaign_reach": {
                    "tables": reach.tables,
                    "visits_by_reason": rows_table({"visits": reach.account}),
                }
            },
        )

    REACHING.work_through(context, installation.home, count)
    return dg.MaterializeResult()
