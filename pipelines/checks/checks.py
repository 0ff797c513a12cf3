"""Asset checks of every series: what each stage says of itself, compared with what is on disk.

They tell engineers; they are no gate. The gate is part of publication, before the write. The check
that is `blocking` stands for that gate: an implausible day is not released, and its run fails.
A check covers every period of its run, and each has its own result in Dagster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from anonymizer.exports.database import count_figures
from anonymizer.exports.export_folders import faulty_exports
from anonymizer.exports.withdrawal import in_circulation
from anonymizer.intake.quarantine import most_frequent, read_pointers
from anonymizer.model.accounting import RowAccount
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.series import CAMPAIGN_DAY, Series, first_edition
from anonymizer.release.publication import load_release
from anonymizer.storage.home import Home
from pipelines.checks import verdicts
from pipelines.checks.held_days import NOT_HELD, judge_entry, summary
from pipelines.checks.verdicts import CheckVerdict
from pipelines.messages.metadata import counts_table
from pipelines.messages.trouble import Trouble, attempt
from pipelines.partitions.partitions import days_of, partition_key
from pipelines.resources.release_history import release_of
from pipelines.resources.resources import Installation
from pipelines.stages import journal
from pipelines.stages.accounts import read_account
from pipelines.stages.flow import Flow

Judge = Callable[[Installation, Series, Period], CheckVerdict]


@dataclass(frozen=True)
class Check:
    """A check of an asset: a function that judges one period; its docstring describes it."""

    asset: str
    stage: str
    name: str
    description: str
    judge: Judge | None = None  # none: the journal says whether the stage held the period
    blocking: bool = False

    @classmethod
    def of(cls, asset: str, stage: str, judge: Judge) -> "Check":
        """A check of what a stage made."""
        blocking = judge is verdicts.plausible
        return cls(asset, stage, judge.__name__, judge.__doc__ or "", judge, blocking)


def checks_of(series: Series) -> tuple[Check, ...]:
    """The checks of the assets of a series; a day has an intake and a database of its own."""
    flow = Flow(series)
    holding = [
        Check(
            flow.release if flow.release in stage.assets else stage.assets[0],
            stage.name,
            NOT_HELD,
            f"The {series.period_kind} passed {stage.name}; if it did not, this check states "
            "where it is held and why.",
        )
        for stage in flow.stages
    ]
    found = [
        (flow.people, "eligibility", verdicts.one_row_a_person),
        (flow.reach, "reach", verdicts.reach_within_people),
        (flow.protected, "publication", verdicts.threshold_reached),
        (flow.protected, "publication", verdicts.near_sets),
        (flow.release, "publication", verdicts.figures_in_range),
        (flow.release, "publication", verdicts.intruder_attack),
        *(_OF_DAYS if series == CAMPAIGN_DAY else _of_longer(flow)),
    ]
    return (
        *holding,
        *(Check.of(asset, series.stage(stage), judge) for asset, stage, judge in found),
    )


def judge_days(
    context: dg.AssetExecutionContext, check: Check, series: Series, installation: Installation
) -> dg.AssetCheckResult:
    """Judge every period of the run."""
    kind = series.period_kind
    periods = [Period.of(kind, day) for day in days_of(context.partition_keys)]
    return report(
        context,
        check,
        {
            partition_key(kind, period.end): _judge(check, series, installation, period)
            for period in periods
        },
    )


def report(
    context: dg.AssetExecutionContext, check: Check, found: Mapping[str, CheckVerdict]
) -> dg.AssetCheckResult:
    """One result for the step; in a range, be it of one, one evaluation more for each period."""
    for key, verdict in () if context.has_partition_key else found.items():
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(check.asset),
            check_name=check.name,
            passed=verdict.passed,
            metadata=verdict.metadata,
            severity=_severity(verdict),
            blocking=check.blocking,
            partition=key,
        )
        # Recorded like a materialization; only the annotation leaves it out.
        context.op_execution_context.log_event(evaluation)  # type: ignore[arg-type]
    if len(found) == 1:
        (only,) = found.values()
        return _result(check, only)
    failed = [key for key, verdict in found.items() if not verdict.passed]
    tables = {**summary(found), **verdicts.measures_by_day(found)}
    said = {"days": len(found), "days_not_passed": failed, **tables}
    warns = all(verdict.warns for verdict in found.values() if not verdict.passed)
    return _result(check, CheckVerdict(not failed, said, warns=warns))


def _result(check: Check, verdict: CheckVerdict) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=verdict.passed,
        asset_key=check.asset,
        check_name=check.name,
        metadata=verdict.metadata,
        severity=_severity(verdict),
    )


def _severity(verdict: CheckVerdict) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.WARN if verdict.warns else dg.AssetCheckSeverity.ERROR


def _judge(
    check: Check, series: Series, installation: Installation, period: Period
) -> CheckVerdict:
    """The verdict on a period; one that is held, or cannot be judged, does not pass."""
    judge = check.judge
    if judge is None:
        return judge_entry(installation.home, check.stage, period.end)
    entry = journal.read(installation.home, check.stage, period.end)
    if entry is None or entry.trouble:
        trouble = entry.trouble if entry else None
        said = _said_of_held(installation.home, period.end, trouble)
        # `not_held` fails for it. A run that holds a period is not a failed run.
        return CheckVerdict(passed=False, metadata=said, warns=check.blocking)
    result = attempt(lambda: judge(installation, series, period))
    if isinstance(result, Trouble):
        return CheckVerdict(passed=False, metadata={"state": f"{result.code}: {result.message}"})
    return result


def _said_of_held(home: Home, day: date, trouble: Trouble | None) -> dict[str, Any]:
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


def rows_balance(installation: Installation, series: Series, period: Period) -> CheckVerdict:  # noqa: ARG001
    """Read = counted + excluded + quarantined + duplicates, and the files hold that many rows."""
    accounts = _intake_accounts(installation.home, period.end)
    accepted = _rows(installation.home, "visits", period.end)
    set_aside = _rows(installation.home, "quarantine", period.end)
    quarantined = sum(sum(account.quarantined.values()) for account in accounts.values())
    return CheckVerdict(
        passed=accepted == accounts["visits"].counted and set_aside == quarantined,
        metadata={"visits_in_file": accepted, "quarantined_in_file": set_aside},
    )


def quarantine_share(installation: Installation, series: Series, period: Period) -> CheckVerdict:  # noqa: ARG001
    """The share of bad rows is at most half of what would hold the day."""
    limit = installation.policy().intake.max_quarantined_share / 2
    accounts = _intake_accounts(installation.home, period.end)
    shares = {
        name: sum(account.quarantined.values()) / account.read
        for name, account in accounts.items()
        if account.read
    }
    frequent = _most_frequent(installation.home, period.end)
    return CheckVerdict(
        passed=max(shares.values(), default=0) <= limit,
        metadata={**shares, "limit": limit, "most_frequent": frequent},
    )


def ledger_verified(installation: Installation, series: Series, period: Period) -> CheckVerdict:  # noqa: ARG001
    """The chain of the ledger holds, and the release is byte for byte what it records."""
    ledger = installation.ledger()
    entries = ledger.verify()
    entry = release_of(ledger, period.end)
    if entry is not None:
        load_release(installation.home, ledger, entry.subject)
    return CheckVerdict(passed=True, metadata={"entries": entries})


def exports_as_recorded(installation: Installation, series: Series, period: Period) -> CheckVerdict:  # noqa: ARG001
    """Every exported file is there with the digest that the ledger recorded, and no other."""
    ledger = installation.ledger()
    entry = release_of(ledger, period.end)
    if entry is None:
        return CheckVerdict(passed=True, metadata={"note": verdicts.NOTHING_RELEASED})
    first = first_edition(entry.subject)
    faulty = faulty_exports(installation.home, ledger, first)
    return CheckVerdict(not faulty, {"faulty": faulty})


def database_is_complete(
    installation: Installation,
    series: Series,  # noqa: ARG001
    period: Period,
) -> CheckVerdict:
    """The database holds as many figures of the day's release as it has, none if withdrawn."""
    ledger = installation.ledger()
    entry = release_of(ledger, period.end)
    if entry is None:
        return CheckVerdict(passed=True, metadata={"note": verdicts.NOTHING_RELEASED})
    release = load_release(installation.home, ledger, entry.subject)
    released = sum(one.figures.num_rows for one in in_circulation([release], ledger))
    held = count_figures(installation.home, entry.subject)
    return CheckVerdict(held == released, {"in_release": released, "in_database": held})


_OF_DAYS: tuple[tuple[str, str, Judge], ...] = (
    ("accepted_rows", "intake", rows_balance),
    ("quarantined_rows", "intake", quarantine_share),
    ("campaign_reach", "reach", verdicts.plausible),
    ("campaign_release", "publication", ledger_verified),
    ("exports", "publication", exports_as_recorded),
    ("segments_database", "publication", database_is_complete),
)


def _of_longer(flow: Flow) -> tuple[tuple[str, str, Judge], ...]:
    return ((flow.release, "publication", verdicts.release_as_recorded),)


def _intake_accounts(home: Home, day: date) -> dict[str, RowAccount]:
    entry = journal.read(home, "intake", day)
    assert entry is not None, "a day is judged only when the journal has it"
    return {name: read_account(facts) for name, facts in entry.facts["accounts"].items()}


def _rows(home: Home, stage: str, day: date) -> int:
    return int(pq.read_metadata(home.working_file(stage, day)).num_rows)
