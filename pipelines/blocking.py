"""The asset check that blocks: an implausible day does not reach publication.

Dagster blocks a run, not a day. The step fails when no day of its run can be released any more: a
run of one day ends here, and its release is not begun. In a range with other days the check
fails for the day alone, and publication, which has the same gate, leaves that day out.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import dagster as dg

from anonymizer.acceptances import ACCEPTANCE
from anonymizer.corrections import newest, open_order
from anonymizer.counting import campaigns_of
from anonymizer.errors import Held
from anonymizer.home import Home
from anonymizer.periods import Period
from anonymizer.plausibility import Deviation
from anonymizer.series import CAMPAIGN_DAY
from pipelines import journal
from pipelines.assets.publication import PUBLICATION
from pipelines.assets.reach import REACHING
from pipelines.checks import log_evaluation, said_of_held
from pipelines.metadata import counts_table
from pipelines.partitions import DAYS, days_of
from pipelines.plausible import explained, implausible, places, subject_of
from pipelines.progress import Step, announce
from pipelines.resources import Installation
from pipelines.sealing import Trouble, attempt, trouble_of
from pipelines.stages import failure
from pipelines.verdicts import Verdict

_COLUMNS = ("measure", "expected", "found", "limit", "file", "column", "rows")
_ASSET, _NAME = "campaign_reach", "plausible"


@dataclass(frozen=True)
class _Judged:
    """The verdict on a day; `trouble` is why it cannot be released, if so."""

    verdict: Verdict
    trouble: Trouble | None = None

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """An error where the day is held; a warning where the check stops nothing."""
        return dg.AssetCheckSeverity.ERROR if self.trouble else dg.AssetCheckSeverity.WARN


@dg.asset_check(
    asset=_ASSET,
    name=_NAME,
    description="The day looks like the days before it. If not, it is held: it is not published "
    "until somebody accepts it (audience accept) or its files are delivered again.",
    blocking=True,
    partitions_def=DAYS,
)
def plausible(
    context: dg.AssetCheckExecutionContext, installation: Installation
) -> dg.AssetCheckResult:
    """Compare each day of the run with the days before it; see `anonymizer.plausibility`."""
    judged = {day: _judge(installation, day) for day in days_of(context.partition_keys)}
    held = {day: one.trouble for day, one in judged.items() if one.trouble}
    blocks = len(held) == len(judged)
    if blocks or len(judged) > 1:
        for day, one in judged.items():
            log_evaluation(context, _evaluation(day, one))
    if blocks:
        raise failure([_hold(installation.home, day, trouble) for day, trouble in held.items()])
    if len(judged) == 1:
        (only,) = judged.values()
        return _result(only.verdict)
    failed = [day.isoformat() for day, one in judged.items() if not one.verdict.passed]
    return _result(Verdict(not failed, {"days": len(judged), "days_not_passed": failed}))


def _result(verdict: Verdict) -> dg.AssetCheckResult:
    """What does not block the run."""
    warning = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=verdict.passed, metadata=verdict.metadata, severity=warning)


def _evaluation(day: date, judged: _Judged) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(_ASSET),
        check_name=_NAME,
        passed=judged.verdict.passed,
        metadata=judged.verdict.metadata,
        severity=judged.severity,
        blocking=True,
        partition=day.isoformat(),
    )


def _judge(installation: Installation, day: date) -> _Judged:
    """Whether a day can be released. What cannot be judged is left to publication, which fails."""
    reached = journal.read(installation.home, REACHING.name, day)
    if reached is None or reached.trouble:
        trouble = reached.trouble if reached else None
        return _Judged(
            Verdict(passed=False, metadata=said_of_held(installation.home, day, trouble)), trouble
        )
    found = attempt(lambda: _compare(installation, day))
    if isinstance(found, Trouble):
        return _Judged(Verdict(passed=False, metadata={"state": f"{found.code}: {found.message}"}))
    return found


def _compare(installation: Installation, day: date) -> _Judged:
    home, ledger = installation.home, installation.ledger()
    odd = implausible(home, day, installation.policy().plausibility)
    accepted = ledger.find(ACCEPTANCE, subject_of(home, day)) is not None
    said: dict[str, Any] = {"measures": _table(home, day, odd), "accepted": accepted}
    if not odd or accepted:
        return _Judged(Verdict(passed=True, metadata=said))
    said["what_happened"] = explained(home, day, odd)
    if note := _not_to_be_released(installation, day):
        return _Judged(Verdict(passed=False, metadata={**said, "note": note}))
    return _Judged(
        Verdict(passed=False, metadata=said), trouble_of(Held("implausible", said["what_happened"]))
    )


def _not_to_be_released(installation: Installation, day: date) -> str:
    """Why a run of the day releases nothing new; empty if it does."""
    period, ledger = Period("day", day), installation.ledger()
    if newest(ledger, CAMPAIGN_DAY, period) and not open_order(ledger, CAMPAIGN_DAY, period):
        return "the day is released, which is final"
    if not campaigns_of(installation.home, CAMPAIGN_DAY, period).num_rows:
        return "no campaign ran on this day; there is nothing to release"
    return ""


def _table(home: Home, day: date, odd: tuple[Deviation, ...]) -> dg.TableMetadataValue:
    """What is out of its limits, and where to look; one line a file."""
    return counts_table(
        _COLUMNS,
        [
            (one.measure, one.expected, one.found, one.limit, *where)
            for one in odd
            for where in _where(home, day, one)
        ],
    )


def _where(home: Home, day: date, deviation: Deviation) -> list[tuple[str, str, str]]:
    """File, column and rows; without a file, where to look in words."""
    found = places(home, day, deviation)
    if not found:
        return [(deviation.look_at, "", "")]
    return [(one.file, one.column, ", ".join(map(str, one.rows))) for one in found]


def _hold(home: Home, day: date, trouble: Trouble) -> journal.Entry:
    """Write down that the day is held before publication, as publication would."""
    stage = PUBLICATION.name
    held = trouble if trouble.stage else replace(trouble, stage=stage)
    entry = journal.Entry(stage, day, 0.0, trouble=held)
    journal.write(home, entry)
    announce(Step(stage, day, done=False))
    announce(Step(stage, day, done=True, held=True))
    return entry
