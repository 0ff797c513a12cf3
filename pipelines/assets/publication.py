"""Publication: release, exports and the analysts' database, in one step under one lock.

The gate stands inside: figures are audited before anything is written, and what was published
before stays as it is. One step, so that a held day cannot keep the others of the run from
their exports and from the database.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.counting import load_counted
from anonymizer.database import build_database
from anonymizer.exports.withdrawing import in_circulation
from anonymizer.exports.writing import write_exports
from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.periods import Period
from anonymizer.policy import Policy
from anonymizer.publishing import Facts, Publication, load_releases, publish, released
from anonymizer.release import PUBLISHED, Campaign, Release, audit
from anonymizer.secret import Secret
from pipelines import journal
from pipelines.accounts import settled_accounts
from pipelines.assets.protection import PROTECTION
from pipelines.evidence import evidence_kept
from pipelines.figures import read_figures
from pipelines.partitions import DAYS, SINGLE_RUN, ZONE
from pipelines.resources import Installation, Writing
from pipelines.sealing import attempt
from pipelines.stages import RETRIES, Outcome, Stage, Tried, failure
from pipelines.upkeep import remove_what_may_not_stay
from pipelines.workers import heedful_workers

PUBLICATION = Stage(
    "publication",
    assets=("campaign_release", "exports", "segments_database"),
    after=PROTECTION.name,
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
            "campaign_release",
            deps=["protected_tables", "campaign_reach"],
            skippable=True,
            description="All campaign tables of a day, attacked by the auditor, written down in "
            "the ledger and final from then on. One that does not withstand is held.",
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
    """Audit, release, export, and rebuild the database; held days are reported at the end."""
    home, ledger = installation.home, installation.ledger()
    secret = cache(installation.secret)

    def export(release: Release) -> tuple[Path, ...]:
        return write_exports(release, home, ledger, secret())

    def publish_day(day: date) -> Outcome:
        terms = installation.terms(Period("day", day))
        policy, catalogue = terms.policy, terms.catalogue
        before = released(home, ledger, terms.secret, "campaign", Period("day", day))
        if before:  # final: what the data say now does not matter any more
            return _outcome(before, export(before.release), len(catalogue))
        counted = load_counted(home, day, catalogue)
        if not counted:
            return _nothing_to_release()
        figures = read_figures(home, day, [table.key for table in counted], catalogue)
        with evidence_kept(home, day):
            workers = heedful_workers(policy.effort)
            audited = audit(figures, counted, catalogue, policy.promise, workers)
        published = publish(audited, _facts(home, day, policy), home, ledger, terms.secret)
        return _outcome(published, export(published.release), len(catalogue))

    tried = PUBLICATION.work_through(context, home, publish_day)
    entries = [attempted.entry for attempted in tried]
    days = [entry.day for entry in entries]
    unfinished = attempt(lambda: _finish(home, ledger, secret(), days))
    if unfinished:
        raise failure([replace(entry, trouble=entry.trouble or unfinished) for entry in entries])
    if any(entry.trouble for entry in entries):
        _log_good_days(context, tried)
        raise failure(entries)
    for asset in PUBLICATION.assets:
        yield dg.MaterializeResult(asset_key=asset)


def _log_good_days(context: dg.AssetExecutionContext, tried: Sequence[Tried]) -> None:
    """Materialize what was published, day by day: the step fails, these days do not."""
    for attempted in tried:
        if not attempted.entry.trouble:
            for asset, metadata in attempted.metadata.items():
                day = attempted.entry.day.isoformat()
                context.log_event(dg.AssetMaterialization(asset, metadata=metadata, partition=day))


def _finish(home: Home, ledger: Ledger, secret: Secret, days: Sequence[date]) -> None:
    """What a run does once, whatever became of its days."""
    build_database(in_circulation(load_releases(home, ledger), ledger), home)
    remove_what_may_not_stay(home, days, ledger, secret)


def _facts(home: Home, day: date, policy: Policy) -> Facts:
    """What the ledger records beside the figures, from what the stages wrote down."""
    intake = journal.read(home, "intake", day)
    assert intake is not None, "a day enters publication through intake"
    return Facts(
        policy=policy,
        campaigns=[_campaign(row) for row in _campaign_rows(home, day)],
        inputs=intake.facts["inputs"],
        accounts=settled_accounts(home, day),
        code_version=version("audience"),
    )


def _campaign_rows(home: Home, day: date) -> list[dict[str, Any]]:
    path = home.working_file("campaigns", day)
    rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
    return rows


def _campaign(row: Mapping[str, Any]) -> Campaign:
    regions = row["target_regions"]
    return Campaign(
        id=row["campaign_id"],
        name=row["campaign_name"],
        advertiser_id=row["advertiser_id"],
        advertiser_name=row["advertiser_name"],
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        target_regions=None if regions is None else tuple(regions),
    )


def _nothing_to_release() -> Outcome:
    return Outcome(
        {"already_released": False, "campaigns": 0, "published": 0, "withheld": 0},
        {"campaign_release": {"note": "no campaign ran on this day; there is nothing to release"}},
    )


def _outcome(published: Publication, folders: Sequence[Path], segments: int) -> Outcome:
    release = published.release
    figures = pc.sum(pc.equal(release.figures["status"], PUBLISHED)).as_py() or 0
    facts = {
        "release": release.id,
        "number": release.number,
        "already_released": published.already_released,
        "campaigns": len(release.campaigns),
        "published": figures,
        "withheld": segments * len(release.campaigns) - figures,
    }
    return Outcome(
        facts,
        {
            "campaign_release": facts,
            "exports": {"advertisers": len(folders), "campaigns": len(release.campaigns)},
            "segments_database": {"newest_release": release.id},
        },
    )
