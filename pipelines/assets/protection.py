"""Protected tables: the figures that may be published, rounded, with the proof behind them."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from anonymizer.counting import load_counted
from anonymizer.periods import Period
from anonymizer.protection.day import Terms, protect_tables
from anonymizer.protection.suppression import Protected
from pipelines.assets.reach import REACHING
from pipelines.columns import PROTECTED
from pipelines.figures import write_figures
from pipelines.metadata import counts_table
from pipelines.partitions import DAYS, SINGLE_RUN
from pipelines.resources import Installation, Writing
from pipelines.stages import RETRIES, Outcome, Stage
from pipelines.workers import heedful_workers

PROTECTION = Stage("protection", assets=("protected_tables",), after=REACHING.name)


@dg.asset(
    deps=["campaign_reach"],
    partitions_def=DAYS,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    group_name="protection",
    owners=["team:privacy"],
    kinds={"python", "parquet"},
    metadata={"dagster/column_schema": PROTECTED},
)
def protected_tables(
    context: dg.AssetExecutionContext,
    installation: Installation,
    writing: Writing,  # noqa: ARG001  held for the run
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Floor, keyed rounding and suppression, proved by linear programming; the rest is withheld."""
    home = installation.home

    def protect_day(day: date) -> Outcome:
        terms = installation.terms(Period("day", day))
        policy, catalogue = terms.policy, terms.catalogue
        protected = protect_tables(
            load_counted(home, day, catalogue),
            Terms(catalogue, policy.promise, terms.secret, policy.effort),
            heedful_workers(policy.effort),
        )
        write_figures(home, day, [table.figures for table in protected], catalogue)
        return protection_outcome(protected, len(catalogue), PROTECTION.assets[0])

    PROTECTION.work_through(context, home, protect_day)
    return dg.MaterializeResult()


def protection_outcome(protected: Sequence[Protected], segments: int, asset: str) -> Outcome:
    """Counts only; which figure was withheld for what stays within the suppressor."""
    lowest = min((t.floor_reached for t in protected if t.floor_reached is not None), default=None)
    published = sum(len(table.figures.segments) for table in protected)
    facts = {
        "tables": len(protected),
        "published": published,
        "withheld": segments * len(protected) - published,
        "withheld_for_inference": sum(len(table.withheld_for_inference) for table in protected),
        "floor_reached": lowest,
    }
    by_table = counts_table(
        ("subject", "published", "withheld", "withheld_for_inference", "floor_reached", "ms"),
        [
            (
                table.figures.key.subject_id,
                len(table.figures.segments),
                segments - len(table.figures.segments),
                len(table.withheld_for_inference),
                table.floor_reached or 0,
                round(1000 * table.seconds),
            )
            for table in protected
        ],
    )
    known = {name: value for name, value in facts.items() if value is not None}
    return Outcome(facts, {asset: {**known, "by_subject": by_table}})
