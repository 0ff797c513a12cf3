"""Eligible people: who counts on the day, and how many do not, by reason."""

from datetime import date

import dagster as dg

from anonymizer.eligibility import find_eligible
from anonymizer.periods import Period
from pipelines.accounts import account_facts
from pipelines.assets.intake import INTAKE
from pipelines.columns import PEOPLE
from pipelines.metadata import rows_table
from pipelines.partitions import DAYS, SINGLE_RUN
from pipelines.resources import Installation, Writing
from pipelines.stages import RETRIES, Outcome, Stage

ELIGIBILITY = Stage("eligibility", assets=("eligible_people",), after=INTAKE.name)


@dg.asset(
    deps=["accepted_rows"],
    partitions_def=DAYS,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    group_name="people",
    owners=["team:data-engineering", "team:privacy"],
    kinds={"duckdb", "parquet"},
    metadata={"dagster/column_schema": PEOPLE},
)
def eligible_people(
    context: dg.AssetExecutionContext,
    installation: Installation,
    writing: Writing,  # noqa: ARG001  held for the run
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Adults with an open account who consented and did not withdraw, under a pseudonym."""

    def find(day: date) -> Outcome:
        terms = installation.terms(Period("day", day))
        with installation.engine(spill=True) as engine:
            eligibility = find_eligible(engine, installation.home, day, terms.policy, terms.secret)
        return Outcome(
            facts={"account": account_facts(eligibility.account)},
            metadata={
                "eligible_people": {
                    "people": eligibility.people,
                    "people_by_reason": rows_table({"people": eligibility.account}),
                }
            },
        )

    ELIGIBILITY.work_through(context, installation.home, find)
    return dg.MaterializeResult()
