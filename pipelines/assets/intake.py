"""Accepted and quarantined rows: the only step that sees raw values."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from functools import cache
from typing import Any

import dagster as dg

from anonymizer.decisions import treatments
from anonymizer.intake.taking_in import Intake, take_in
from anonymizer.periods import Period
from anonymizer.requests import unmatched
from anonymizer.retention import prune
from pipelines.accounts import account_facts
from pipelines.columns import QUARANTINE, VISITS
from pipelines.metadata import counts_table, rows_table
from pipelines.objections import tell_objections
from pipelines.partitions import DAYS, SINGLE_RUN, days_of
from pipelines.resources import Installation, Writing
from pipelines.stages import RETRIES, Outcome, Stage

RAW_TABLES = ("profiles", "visits", "campaigns", "consents", "requests")
_LISTED = 100  # more are in the list of: audience rights review
INTAKE = Stage("intake", assets=("accepted_rows", "quarantined_rows"))

raw_tables = [
    dg.AssetSpec(
        dg.AssetKey(["raw", name]),
        description=f"`raw/{name}/`, as it was delivered. Read only; docs/raw-contract.md.",
        group_name="landing",
        owners=["team:data-engineering"],
        kinds={"file"},
    )
    for name in RAW_TABLES
]


@dg.multi_asset(
    name="intake",
    partitions_def=DAYS,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    group_name="intake",
    specs=[
        dg.AssetSpec(
            "accepted_rows",
            deps=raw_tables,
            description="Profiles, consents, requests, campaigns and the day's visits that passed "
            "every check, under keyed hashes. No name, address, URL or id leaves this step.",
            owners=["team:data-engineering"],
            kinds={"duckdb", "parquet"},
            metadata={"dagster/column_schema": VISITS},
        ),
        dg.AssetSpec(
            "quarantined_rows",
            deps=raw_tables,
            description="Rows that were set aside: file, row number, column and reason. "
            "Pointers into the raw zone, no values.",
            owners=["team:data-engineering"],
            kinds={"duckdb", "parquet"},
            metadata={"dagster/column_schema": QUARANTINE},
        ),
    ],
)
def intake(
    context: dg.AssetExecutionContext,
    installation: Installation,
    writing: Writing,  # noqa: ARG001
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Read the raw files of each day; read = counted + excluded + quarantined + duplicates."""

    first = min(days_of(context.partition_keys))
    begin = cache(installation.record_settings)
    codings = cache(installation.codings)

    objections: dict[bytes, bool] = {}

    def take(day: date) -> Outcome:
        begin()
        if day == first:  # no day of the run can need what is older
            prune(installation.home, installation.policy(), newest=first)
        terms = installation.terms(Period("day", day))
        with installation.engine(spill=False) as engine:
            taken = take_in(
                installation.home,
                day,
                terms.policy,
                terms.secret,
                engine,
                now=time.time(),
                interests=terms.catalogue.interests,
                decisions=treatments(installation.ledger()),
                codings=codings(),
            )
        for key, matched in taken.objections.items():
            objections[key] = objections.get(key, False) or matched
        return _outcome(taken, unmatched(taken.objections, installation.ledger()))

    INTAKE.work_through(context, installation.home, take)
    tell_objections(context, installation, objections)
    for asset in INTAKE.assets:
        yield dg.MaterializeResult(asset_key=asset)


def intake_facts(taken: Intake, lost: int) -> Mapping[str, Any]:
    """What later steps and reports need to know of a day that was taken in."""
    used = [file for file in taken.files if file.status in ("accepted", "mapping")]
    return {
        "accounts": {table: account_facts(account) for table, account in taken.accounts.items()},
        "inputs": {file.name: file.sha256 for file in used},
        "unmatched": lost,
        "unmapped": {**taken.unmapped, **taken.unstated},
        "people": dict(taken.people),
        "ignored": dict(taken.ignored),
        "unread": dict(Counter(row.table for row in taken.unread)),
        "warnings": [asdict(warned) for warned in taken.warnings],
    }


def _outcome(taken: Intake, lost: int) -> Outcome:
    visits = taken.accounts["visits"]
    return Outcome(
        facts=intake_facts(taken, lost),
        metadata={
            "accepted_rows": {
                "dagster/partition_row_count": visits.counted,
                "rows_by_reason": rows_table(taken.accounts),
                "files": counts_table(
                    ("file", "status", "reason", "rows"),
                    [(file.name, file.status, file.reason, file.rows) for file in taken.files],
                ),
                "dropped_columns": counts_table(
                    ("table", "column"),
                    [
                        (table, name)
                        for table, names in taken.dropped_columns.items()
                        for name in names
                    ],
                ),
                "objections_that_match_no_one": lost,
                "unread_objections": counts_table(
                    ("file", "row", "column", "reason"),
                    [
                        (row.file, row.place.row, row.column, row.reason)
                        for row in taken.unread[:_LISTED]
                    ],
                ),
                "warnings": counts_table(
                    ("table", "code", "count", "file"),
                    [(one.table, one.code, one.count, one.file) for one in taken.warnings],
                ),
            },
            "quarantined_rows": {
                "dagster/partition_row_count": sum(
                    sum(account.quarantined.values()) for account in taken.accounts.values()
                ),
                "rows_by_reason": counts_table(
                    ("table", "reason", "rows"),
                    [
                        (account.table, reason, rows)
                        for account in taken.accounts.values()
                        for reason, rows in sorted(account.quarantined.items())
                    ],
                ),
            },
        },
    )
