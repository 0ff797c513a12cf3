"""What campaigns in parts would publish of a released day, beside what it publishes undivided.

The day is taken in again, because nothing of a column is kept that divides no campaign, into a
folder that goes afterwards. For those alone who may approve settings.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach, load_counted
from anonymizer.intake.day_intake import take_in
from anonymizer.model.campaign_parts import PartRule, PartRules
from anonymizer.model.codings import read_codings
from anonymizer.model.configuration import Settings, load
from anonymizer.model.errors import ConfigurationError, Disclosure, Fault, why_unreadable
from anonymizer.model.policy import Policy
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.rights.decisions import treatments
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.engine import Engine
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from cli.scratch import scratch_home
from cli.setting_trials import ReleasedPeriod, TrialCounts, TrialGround, counts_of
from pipelines.resources.resources import PeriodTerms
from pipelines.stages.period_release import ForeseenRelease, foresee, foresee_period

OPTION = "--campaign-parts"


class _PartsFile(Settings):
    """A file that has the section of `policy.yaml`, and nothing else."""

    campaign_parts: PartRules = Field(min_length=1, max_length=1)


@dataclass(frozen=True)
class TriedDay:
    """A day undivided or in parts: what it would publish, and the processor seconds of its proofs.

    `refused` says why the gate would publish nothing.
    """

    counts: TrialCounts = field(default_factory=TrialCounts)
    seconds: float = 0.0
    refused: str = ""

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        counts = {**asdict(self.counts), "reasons": dict(self.counts.reasons)}
        suppressed = self.counts.suppressed
        return {
            **counts,
            "suppressed": suppressed,
            "cpu_seconds": round(self.seconds, 2),
            "refused": self.refused,
        }


@dataclass(frozen=True)
class PartTrial:
    """A released day without the rule that is tried, and with it."""

    release: str
    column: str
    whole: TriedDay
    parts: TriedDay


def read_rule(path: Path) -> PartRule:
    """The one rule of a file that has `campaign_parts` as in `policy.yaml`.

    Raises ConfigurationError with every mistake.
    """
    try:
        (rule,) = load(path, _PartsFile).campaign_parts
    except OSError as error:
        raise ConfigurationError([Fault(str(path), why_unreadable(error))]) from None
    return rule


def try_parts(ground: TrialGround, released: ReleasedPeriod, rule: PartRule) -> PartTrial:
    """The released day under the recorded settings, and under these with the rule from it on.

    Raises ConfigurationError for a period of several days, InputsRejected and Held as intake does.
    """
    if released.series != CAMPAIGN_DAY:
        problem = f"{released} is not a day of campaigns"
        remedy = "name a released day: --series campaign-day --period 2026-11-02"
        raise ConfigurationError([Fault(OPTION, problem, remedy)])
    recorded = ground.recorded.policy
    if recorded.lacks_consent_for([rule]):
        problem = "the recorded settings lack advertising_cookies in eligibility.purposes"
        remedy = "parts by product_category count people with this consent only: require it first"
        raise ConfigurationError([Fault(OPTION, problem, remedy)])
    day = released.period.end
    parted = (rule.model_copy(update={"from_day": day}),)
    with scratch_home(ground.home.raw) as scratch:
        terms = _terms(ground, {"campaign_parts": parted})
        _take(ground, scratch, terms, released)
        counted = load_counted(scratch, day, terms.catalogue)
        parts = _measured(
            lambda: foresee(ground.home, scratch, ground.ledger, terms, day, counted), released
        )
    whole = _measured(
        lambda: foresee_period(
            ground.home, ground.ledger, CAMPAIGN_DAY, released.period, _terms(ground, {})
        ),
        released,
    )
    return PartTrial(str(released), rule.column, whole, parts)


def _terms(ground: TrialGround, changes: dict[str, Any]) -> PeriodTerms:
    """Those recorded last, changed; in one thread, so that its seconds are those of the work."""
    effort = ground.today.effort.model_copy(update={"threads": 1})
    policy = ground.recorded.policy.running_as(ground.today)
    policy = policy.model_copy(update={"effort": effort, **changes})
    return PeriodTerms(policy, ground.recorded.catalogue, ground.secret)


def _take(ground: TrialGround, scratch: Home, terms: PeriodTerms, released: ReleasedPeriod) -> None:
    """Take in and count a day in the folder, from the raw zone of the home."""
    day, policy, secret = released.period.end, terms.policy, terms.secret
    columns = frozenset(rule.column for rule in policy.campaign_parts)
    with _engine(policy, None) as engine:
        take_in(
            scratch,
            day,
            policy,
            secret,
            engine,
            now=time.time(),
            interests=terms.catalogue.interests,
            decisions=treatments(ground.ledger),
            codings=read_codings(policy.codings, ground.home.root),
            raw=source_root(ground.home, parts=columns),
        )
    spill = scratch.root / "spill"
    spill.mkdir()
    with _engine(policy, spill) as engine:
        find_eligible(engine, scratch, day, policy, secret)
        count_reach(engine, scratch, day, policy, secret)


def _engine(policy: Policy, spill: Path | None) -> AbstractContextManager[Engine]:
    return DuckDB(memory_megabytes=policy.effort.memory_megabytes, threads=1, spill=spill)


def _measured(work: Callable[[], ForeseenRelease], released: ReleasedPeriod) -> TriedDay:
    begun = time.process_time()
    try:
        foreseen = work()
    except Disclosure as error:
        refused = f"the gate would hold {released}: {len(error.findings)} finding(s)"
        return TriedDay(seconds=time.process_time() - begun, refused=refused)
    seconds = time.process_time() - begun
    return TriedDay(counts_of(foreseen), seconds)
