"""Publication: suppression, release, exports and analysts' database, in one step and one lock.

Groups of a day are judged against those of the days before it, in the order of the ledger, so a
day is suppressed after the day before it was released. The gate is part of the step: figures are
checked before anything is written, and what was published before stays as it is. One step, so that
a held day cannot keep the others of the run from their exports and from the database.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg

from anonymizer.database import build_database
from anonymizer.exports.withdrawing import in_circulation
from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.periods import Period, PeriodKind
from anonymizer.publishing import load_releases
from anonymizer.secret import Secret
from anonymizer.series import CAMPAIGN_DAY
from pipelines.assets.reach import REACHING
from pipelines.columns import PROTECTED
from pipelines.partitions import DAYS, SINGLE_RUN, ZONE, partition_key
from pipelines.releasing import release_period
from pipelines.resources import Installation, Writing
from pipelines.sealing import attempt
from pipelines.stages import RETRIES, Outcome, Stage, Tried, failure
from pipelines.upkeep import remove_what_may_not_stay

PUBLICATION = Stage(
    "publication",
    assets=("protected_tables", "campaign_release", "exports", "segments_database"),
    after=REACHING.name,
)
_ON_TIME = dg.FreshnessPolicy.cron(
    deadline_cron="0 6 * * *", lower_bound_delta=timedelta(hours=3), timezone=ZONE
)


@dg.multi_asset(
    name="publication",
    partitions_def=DAYS,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    group_name="publication",
    specs=[
        dg.AssetSpec(
            "protected_tables",
            deps=["campaign_reach"],
            skippable=True,
            description="The figures that may be published of each campaign: threshold, near "
            "sets, keyed rounding and secondary suppression, with a proof for every cell.",
            owners=["team:privacy"],
            kinds={"python", "parquet"},
            metadata={"dagster/column_schema": PROTECTED},
        ),
        dg.AssetSpec(
            "campaign_release",
            deps=["protected_tables"],
            skippable=True,
            description="All campaign tables of a day, verified by the independent checker, "
            "recorded in the ledger and final from then on. A day that does not pass is held.",
            owners=["team:privacy", "team:data-engineering"],
            kinds={"python", "parquet"},
            freshness_policy=_ON_TIME,
        ),
        dg.AssetSpec(
            "exports",
            deps=["campaign_release"],
            skippable=True,
            description="CSV, XLSX and Parquet of each campaign, with a manifest, in a folder for "
            "each advertiser and release.",
            owners=["team:ad-ops"],
            kinds={"csv", "excel", "parquet"},
            freshness_policy=_ON_TIME,
        ),
        dg.AssetSpec(
            "segments_database",
            deps=["campaign_release"],
            skippable=True,
            description="The analysts' DuckDB file: every figure released so far and nothing "
            "else, rebuilt beside the old one and swapped in.",
            owners=["team:analytics"],
            kinds={"duckdb"},
            freshness_policy=_ON_TIME,
        ),
    ],
)
def publication(
    context: dg.AssetExecutionContext,
    installation: Installation,
    writing: Writing,  # noqa: ARG001  held for the run
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Suppress, check, release, export, rebuild the database; held days are reported at the end."""
    home, ledger = installation.home, installation.ledger()

    def publish_day(day: date) -> Outcome:
        return _outcome(release_period(installation, ledger, CAMPAIGN_DAY, Period("day", day)))

    tried = PUBLICATION.work_through(context, home, publish_day)
    entries = [attempted.entry for attempted in tried]
    days = [entry.day for entry in entries]
    unfinished = attempt(lambda: finish(home, ledger, installation.secret(), days))
    if unfinished:
        raise failure([replace(entry, trouble=entry.trouble or unfinished) for entry in entries])
    if any(entry.trouble for entry in entries):
        log_good_days(context, tried)
        raise failure(entries)
    for asset in PUBLICATION.assets:
        yield dg.MaterializeResult(asset_key=asset)


def log_good_days(
    context: dg.AssetExecutionContext, tried: Sequence[Tried], kind: PeriodKind = "day"
) -> None:
    """Materialize what was published, day by day: the step fails, these days do not."""
    for attempted in tried:
        if not attempted.entry.trouble:
            for asset, metadata in attempted.metadata.items():
                key = partition_key(kind, attempted.entry.day)
                context.log_event(dg.AssetMaterialization(asset, metadata=metadata, partition=key))


def finish(home: Home, ledger: Ledger, secret: Secret, days: Sequence[date]) -> None:
    """What a run does once, whatever became of its days."""
    build_database(in_circulation(load_releases(home, ledger), ledger), home)
    remove_what_may_not_stay(home, days, ledger, secret)


def _outcome(facts: Mapping[str, Any]) -> Outcome:
    if not facts["tables"]:
        note = "no campaign ran on this day; there is nothing to release"
        return Outcome(facts, {"campaign_release": {"note": note}})
    return Outcome(
        facts,
        {
            "protected_tables": {"tables": facts["tables"], "published": facts["published"]},
            "campaign_release": facts,
            "exports": {"advertisers": facts["recipients"], "campaigns": facts["tables"]},
            "segments_database": {"newest_release": facts["release"]},
        },
    )
