"""What each asset is, whose it is and what it is made from, as Dagster's pages show it.

landing zone -> 1 intake -> 2 people -> 3 reach -> 4 publication; a group for each longer series
"""

from collections.abc import Iterator

import dagster as dg

from anonymizer.model.series import CAMPAIGN_DAY
from pipelines import run_limits
from pipelines.assets.column_schemas import (
    DATABASE,
    EXPORT,
    PEOPLE,
    PROTECTED,
    QUARANTINE,
    REACH,
    RELEASE,
    VISITS,
)
from pipelines.partitions.partitions import Calendar
from pipelines.stages.flow import Flow

RAW_TABLES = ("profiles", "visits", "campaigns", "consents", "requests")
_ENGINEERS, _PRIVACY, _AD_OPS = "team:data-engineering", "team:privacy", "team:ad-ops"
_WORDS = {
    "campaign-day": "people who accessed a campaign's link on the day",
    "campaign-week": "people who accessed a campaign's link in an ISO week",
    "campaign-month": "people who accessed a campaign's link in a month",
    "interest-week": "people who viewed products of a category in the 30 days to a week's end",
    "audience-month": "everyone who counts at the end of a month",
}


def raw_tables(calendar: Calendar) -> list[dg.AssetSpec]:
    """The landing zone. Visits have a folder a day; of the rest the newest files are read."""
    return [
        dg.AssetSpec(
            dg.AssetKey(["raw", name]),
            description=f"`raw/{name}/`, as it was delivered. Read only; see docs/raw-contract.md.",
            group_name="landing",
            owners=[_ENGINEERS],
            kinds={"file"},
            partitions_def=calendar.folders if name == "visits" else None,
        )
        for name in RAW_TABLES
    ]


def specs_of(flow: Flow, calendar: Calendar) -> list[dg.AssetSpec]:
    """The assets of a series, in the order of the flow."""
    intake = _intake(calendar) if flow.series == CAMPAIGN_DAY else ()
    return [*intake, *_counted(flow, calendar), *_published(flow, calendar)]


def _intake(calendar: Calendar) -> Iterator[dg.AssetSpec]:
    deps = [
        dg.AssetDep(
            dg.AssetKey(["raw", name]),
            partition_mapping=calendar.late_folders if name == "visits" else None,
        )
        for name in RAW_TABLES
    ]
    yield dg.AssetSpec(
        "accepted_rows",
        deps=deps,
        skippable=True,
        description="Profiles, consents, requests, campaigns and the day's visits that passed "
        "every check, under keyed hashes. No name, address, URL or id leaves this step.",
        group_name="intake",
        owners=[_ENGINEERS],
        kinds={"duckdb", "parquet"},
        metadata={"dagster/column_schema": VISITS},
    )
    yield dg.AssetSpec(
        "quarantined_rows",
        deps=deps,
        skippable=True,
        description="Quarantined rows: file, row number, column and reason. Pointers into the "
        "raw zone, no values.",
        group_name="intake",
        owners=[_ENGINEERS],
        kinds={"duckdb", "parquet"},
        metadata={"dagster/column_schema": QUARANTINE},
    )


def _counted(flow: Flow, calendar: Calendar) -> Iterator[dg.AssetSpec]:
    rows = dg.AssetDep("accepted_rows")
    if flow.series != CAMPAIGN_DAY:
        rows = dg.AssetDep("accepted_rows", partition_mapping=calendar.days_read(flow.series))
    words = _WORDS[flow.series.id]
    yield dg.AssetSpec(
        flow.people,
        deps=[rows],
        skippable=True,
        description=f"Who counts, under a pseudonym, among {words}: adults with an open account "
        "who consented and did not withdraw.",
        group_name=_group(flow, "people"),
        owners=[_ENGINEERS, _PRIVACY],
        kinds={"duckdb", "parquet"},
        metadata={"dagster/column_schema": PEOPLE},
    )
    yield dg.AssetSpec(
        flow.reach,
        deps=[rows, flow.people],
        skippable=True,
        description=f"True counts by gender, age band and regency, private: {words}. "
        "Days are never added up.",
        group_name=_group(flow, "reach"),
        owners=[_ENGINEERS],
        kinds={"duckdb", "parquet"},
        metadata={"dagster/column_schema": REACH},
    )


def _published(flow: Flow, calendar: Calendar) -> Iterator[dg.AssetSpec]:
    yield dg.AssetSpec(
        flow.protected,
        deps=[flow.reach],
        skippable=True,
        description="The figures that may be published: threshold, near sets, keyed rounding and "
        "secondary suppression, with a proof for every cell.",
        group_name=_group(flow, "publication"),
        owners=[_PRIVACY],
        kinds={"python", "parquet"},
        metadata={"dagster/column_schema": PROTECTED},
    )
    yield dg.AssetSpec(
        flow.release,
        deps=[flow.protected, *(Flow(before).release for before in flow.series.judged_after)],
        skippable=True,
        description=f"The release: {_WORDS[flow.series.id]}. Verified by the independent checker, "
        "recorded in the ledger, and final from then on. A release that does not "
        "pass is held.",
        group_name=_group(flow, "publication"),
        owners=[_PRIVACY, _ENGINEERS, _AD_OPS],
        kinds={"python", "parquet"},
        metadata={"dagster/column_schema": RELEASE},
        freshness_policy=_on_time(calendar) if flow.series == CAMPAIGN_DAY else None,
    )
    if flow.series == CAMPAIGN_DAY:
        yield from _made_of_releases(flow, calendar)


def _on_time(calendar: Calendar) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.cron(
        deadline_cron=calendar.deadline(run_limits.DELIVERED_BY),
        lower_bound_delta=run_limits.DELIVERED_BY,
        timezone=calendar.zone,
    )


def _made_of_releases(flow: Flow, calendar: Calendar) -> Iterator[dg.AssetSpec]:
    """What advertisers and analysts get; of the day alone, since its run makes that of all."""
    yield dg.AssetSpec(
        "exports",
        deps=[flow.release],
        skippable=True,
        description="CSV, XLSX and Parquet of each campaign, with a manifest, in a folder for "
        "each advertiser and release.",
        group_name=_group(flow, "publication"),
        owners=[_AD_OPS],
        kinds={"csv", "excel", "parquet"},
        metadata={"dagster/column_schema": EXPORT},
        freshness_policy=_on_time(calendar),
    )
    yield dg.AssetSpec(
        "segments_database",
        deps=[flow.release],
        skippable=True,
        description="The analysts' DuckDB file: every figure released so far and nothing "
        "else. It is rebuilt separately and then replaces the old file.",
        group_name=_group(flow, "publication"),
        owners=["team:analytics"],
        kinds={"duckdb"},
        metadata={"dagster/column_schema": DATABASE},
        freshness_policy=_on_time(calendar),
    )


def _group(flow: Flow, name: str) -> str:
    return name if flow.series == CAMPAIGN_DAY else flow.group
