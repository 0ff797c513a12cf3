"""Asset checks of the days: what each stage says of itself, compared with what is on disk.

They tell engineers; they are no gate. The gate is part of publication, before the write. The one
that blocks is in `blocking.py`. A check covers every day of its run, and each day has its own
result in Dagster.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from anonymizer.accounting import RowAccount
from anonymizer.database import count_figures
from anonymizer.errors import Held
from anonymizer.exports.withdrawing import in_circulation
from anonymizer.exports.writing import faulty_exports
from anonymizer.home import Home
from anonymizer.intake.quarantined import most_frequent, read_pointers
from anonymizer.periods import Period, PeriodKind
from anonymizer.publishing import load_release
from anonymizer.series import CAMPAIGN_DAY, Series, first_edition
from pipelines import journal, verdicts
from pipelines.accounts import read_account
from pipelines.history import release_of
from pipelines.metadata import counts_table
from pipelines.partitions import PARTITIONS, days_of, partition_key
from pipelines.resources import Installation
from pipelines.sealing import Trouble, attempt
from pipelines.verdicts import Verdict

Judge = Callable[[Installation, date], Verdict]
SeriesJudge = Callable[[Installation, Series, Period], Verdict]
CHECKS: list[dg.AssetChecksDefinition] = []


def check_of(
    asset: str,
    stage: str,
    kind: PeriodKind = "day",
    checks: list[dg.AssetChecksDefinition] = CHECKS,
) -> Callable[[Judge], Judge]:
    """Make an asset check of a function that judges one day; its docstring describes it.

    A week or month is judged like a day, by its last one. The check is added to `checks`.
    """

    def register(judge: Judge) -> Judge:
        @dg.asset_check(
            asset=asset,
            name=judge.__name__,
            description=judge.__doc__,
            partitions_def=PARTITIONS[kind],
        )
        def check(
            context: dg.AssetCheckExecutionContext, installation: Installation
        ) -> dg.AssetCheckResult:
            days = [Period.of(kind, day).end for day in days_of(context.partition_keys)]
            verdicts = {
                partition_key(kind, day): _judge(judge, stage, installation, day) for day in days
            }
            return _report(context, asset, judge.__name__, verdicts)

        checks.append(check)
        return judge

    return register


def add_check(
    series: Series,
    asset: str,
    stage: str,
    judge: SeriesJudge,
    checks: list[dg.AssetChecksDefinition],
) -> None:
    """Make an asset check of a function that judges a period of any series."""

    def of_last_day(installation: Installation, day: date) -> Verdict:
        return judge(installation, series, Period.of(series.period_kind, day))

    of_last_day.__name__, of_last_day.__doc__ = judge.__name__, judge.__doc__
    check_of(asset, series.stage(stage), series.period_kind, checks)(of_last_day)


def _judge(judge: Judge, stage: str, installation: Installation, day: date) -> Verdict:
    """The verdict on a day; one that is held, or cannot be judged, does not pass."""
    entry = journal.read(installation.home, stage, day)
    if entry is None or entry.trouble:
        trouble = entry.trouble if entry else None
        return Verdict(passed=False, metadata=said_of_held(installation.home, day, trouble))
    result = attempt(lambda: judge(installation, day))
    if isinstance(result, Trouble):
        return Verdict(passed=False, metadata={"state": f"{result.code}: {result.message}"})
    return result


def said_of_held(home: Home, day: date, trouble: Trouble | None) -> dict[str, Any]:
    """Why a day is held; and with too many bad rows, where they are and why they are bad."""
    if trouble is None:
        return {"state": "held: not_ready"}
    said: dict[str, Any] = {
        "state": f"held: {trouble.code}",
        "what_happened": trouble.message,
    }
    if trouble.code == "too_many_bad_rows" and trouble.exit_code == Held.exit_code:
        said["most_frequent"] = _most_frequent(home, day)
    return said


def _most_frequent(home: Home, day: date) -> dg.TableMetadataValue:
    """The most frequent reasons of quarantined rows: file, column, reason, rows and examples."""
    return counts_table(
        ("file", "column", "reason", "rows", "examples"),
        [
            (one.file, one.column, one.reason, one.rows, ", ".join(map(str, one.examples)))
            for one in most_frequent(read_pointers(home, day))
        ],
    )


def _report(
    context: dg.AssetCheckExecutionContext,
    asset: str,
    name: str,
    verdicts: Mapping[str, Verdict],
) -> dg.AssetCheckResult:
    """One result for the step; in a range, one evaluation more for each day."""
    if len(verdicts) == 1:
        (only,) = verdicts.values()
        return dg.AssetCheckResult(passed=only.passed, metadata=only.metadata)
    for key, verdict in verdicts.items():
        log_evaluation(
            context,
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(asset),
                check_name=name,
                passed=verdict.passed,
                metadata=verdict.metadata,
                partition=key,
            ),
        )
    failed = [key for key, verdict in verdicts.items() if not verdict.passed]
    return dg.AssetCheckResult(
        passed=not failed, metadata={"days": len(verdicts), "days_not_passed": failed}
    )


def log_evaluation(
    context: dg.AssetCheckExecutionContext, evaluation: dg.AssetCheckEvaluation
) -> None:
    """Record the result of one day at once, whatever the step returns."""
    # Recorded like a materialization; only the annotation leaves it out.
    context.op_execution_context.log_event(evaluation)  # type: ignore[arg-type]


@check_of("accepted_rows", "intake")
def rows_balance(installation: Installation, day: date) -> Verdict:
    """Read = counted + excluded + quarantined + duplicates, and the files hold that many rows."""
    accounts = _intake_accounts(installation.home, day)
    accepted = _rows(installation.home, "visits", day)
    set_aside = _rows(installation.home, "quarantine", day)
    quarantined = sum(sum(account.quarantined.values()) for account in accounts.values())
    return Verdict(
        passed=accepted == accounts["visits"].counted and set_aside == quarantined,
        metadata={"visits_in_file": accepted, "quarantined_in_file": set_aside},
    )


@check_of("quarantined_rows", "intake")
def quarantine_share(installation: Installation, day: date) -> Verdict:
    """The share of bad rows is at most half of what would hold the day."""
    limit = installation.policy().intake.max_quarantined_share / 2
    accounts = _intake_accounts(installation.home, day)
    shares = {
        name: sum(account.quarantined.values()) / account.read
        for name, account in accounts.items()
        if account.read
    }
    frequent = _most_frequent(installation.home, day)
    return Verdict(
        passed=max(shares.values(), default=0) <= limit,
        metadata={**shares, "limit": limit, "most_frequent": frequent},
    )


@check_of("campaign_release", "publication")
def ledger_verified(installation: Installation, day: date) -> Verdict:
    """The chain of the ledger holds, and the release is byte for byte what it records."""
    ledger = installation.ledger()
    entries = ledger.verify()
    entry = release_of(ledger, day)
    if entry is not None:
        load_release(installation.home, ledger, entry.subject)
    return Verdict(passed=True, metadata={"entries": entries})


@check_of("exports", "publication")
def exports_as_recorded(installation: Installation, day: date) -> Verdict:
    """Every exported file is there with the digest that the ledger recorded, and no other."""
    ledger = installation.ledger()
    entry = release_of(ledger, day)
    if entry is None:
        return Verdict(passed=True, metadata={"note": verdicts.NOTHING_RELEASED})
    first = first_edition(entry.subject)
    faulty = [f for f in faulty_exports(installation.home, ledger) if f"/{first}" in f]
    return Verdict(not faulty, {"faulty": faulty})


@check_of("segments_database", "publication")
def database_is_complete(installation: Installation, day: date) -> Verdict:
    """The database holds as many figures of the day's release as it has, none if withdrawn."""
    ledger = installation.ledger()
    entry = release_of(ledger, day)
    if entry is None:
        return Verdict(passed=True, metadata={"note": verdicts.NOTHING_RELEASED})
    release = load_release(installation.home, ledger, entry.subject)
    released = sum(one.figures.num_rows for one in in_circulation([release], ledger))
    held = count_figures(installation.home, entry.subject)
    return Verdict(held == released, {"in_release": released, "in_database": held})


for _asset, _stage, _of_period in (
    ("eligible_people", "eligibility", verdicts.one_row_a_person),
    ("campaign_reach", "reach", verdicts.reach_within_people),
    ("protected_tables", "publication", verdicts.threshold_reached),
    ("protected_tables", "publication", verdicts.near_sets),
    ("campaign_release", "publication", verdicts.figures_in_range),
    ("campaign_release", "publication", verdicts.intruder_attack),
):
    add_check(CAMPAIGN_DAY, _asset, _stage, _of_period, CHECKS)


def _intake_accounts(home: Home, day: date) -> dict[str, RowAccount]:
    entry = journal.read(home, "intake", day)
    assert entry is not None, "a day is judged only when the journal has it"
    return {name: read_account(facts) for name, facts in entry.facts["accounts"].items()}


def _rows(home: Home, stage: str, day: date) -> int:
    return int(pq.read_metadata(home.working_file(stage, day)).num_rows)
