"""Which weeks and months can be released, and what keeps the others.

A period is due when nothing that bears on it may arrive any more (the run of its closing day has
taken everything in), its days are released, and so is what is narrower than it: what is wider is
judged against what is narrower. A period of which not all days are at hand is never released.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from anonymizer.counting.inputs import inputs_missing
from anonymizer.exports.export_folders import faulty_exports
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy, Timing
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.model.windows import closing_day
from anonymizer.release.corrections import open_order
from anonymizer.release.ledger import Ledger
from anonymizer.release.settings import applying, revisions
from anonymizer.storage.home import Home
from pipelines.partitions.first_day import has_begun
from pipelines.stages import journal

# A period bears on days this long after its last, the longest time that one stays open.
_LONGEST_OPEN = timedelta(days=7)


@dataclass(frozen=True)
class PeriodHistory:
    """What has been released and what is at hand, as it stood when it was read."""

    home: Home
    released: frozenset[str]
    timing: Timing
    ledger: Ledger

    @classmethod
    def read(cls, home: Home, ledger: Ledger) -> "PeriodHistory":
        """Raises LedgerBroken when the ledger cannot be trusted."""
        present = (entry.subject for entry in ledger.releases())
        whole = frozenset(name for name in present if (home.releases / name).is_dir())
        return cls(home, whole, Policy.load(home.policy).timing, ledger)

    def timing_of(self, period: Period) -> Timing:
        """When the period closes is what its own settings say."""
        revision = applying(revisions(self.ledger), period.start)
        return revision.meaning().policy.timing if revision else self.timing

    def is_finished(self, series: Series, period: Period) -> bool:
        """Whether the period is released, or has gone through and had no table."""
        if series.release_id(period) in self.released:
            return True
        entry = journal.read(self.home, series.stage("publication"), period.end)
        if entry is None or entry.trouble:
            return False
        return bool(entry.facts.get("tables", entry.facts.get("campaigns")) == 0)

    def is_complete(self, series: Series, period: Period) -> bool:
        """Whether it is settled, no correction is ordered and its exports are as recorded."""
        if open_order(self.ledger, series, period):
            return False
        name = series.release_id(period)
        return self.is_finished(series, period) and not faulty_exports(self.home, self.ledger, name)

    def obstacle(self, series: Series, period: Period) -> str:
        """Why the period cannot be released now; empty when it can."""
        missing = inputs_missing(self.home, series, period, self.timing_of(period))
        if missing:
            return f"{len(missing)} of its days are not available, first {missing[0]}"
        for day in period.days:
            if not self.is_finished(CAMPAIGN_DAY, Period("day", day)):
                return f"{day} is not released"
        for other, narrower in _narrower(series, period):
            if not self.is_finished(other, narrower) and not inputs_missing(
                self.home, other, narrower, self.timing_of(narrower)
            ):
                return f"{other.release_id(narrower)} comes first"
        return ""


def releasable_periods(
    home: Home, ledger: Ledger, series: Series, first: date, last: date
) -> tuple[Period, ...]:
    """The periods that days from `first` to `last` bear on and that can be released now.

    In order; those that are released and exported already are left out. Raises LedgerBroken.
    """
    history = PeriodHistory.read(home, ledger)
    return tuple(
        period
        for period in overlapping_periods(series, first, last, history)
        if not history.is_complete(series, period) and not history.obstacle(series, period)
    )


def overlapping_periods(
    series: Series, first: date, last: date, history: PeriodHistory
) -> Iterator[Period]:
    """Every period that has ended and that a day from `first` to `last` bears on."""
    today = datetime.now(ZoneInfo(history.timing.timezone)).date()
    period = Period.of(series.period_kind, first - _LONGEST_OPEN)
    while period.start <= last:
        open_until = closing_day(period, history.timing)
        begun = has_begun(period.start, history.timing)
        if open_until >= first and begun and period.end < today:
            yield period
        period = Period.of(series.period_kind, period.end + timedelta(days=1))


def stretches_of(periods: tuple[Period, ...]) -> list[tuple[Period, Period]]:
    """First and last period of each unbroken row."""
    found: list[tuple[Period, Period]] = []
    for period in periods:
        if found and found[-1][1].end + timedelta(days=1) == period.start:
            found[-1] = (found[-1][0], period)
        else:
            found.append((period, period))
    return found


def _narrower(series: Series, period: Period) -> Iterator[tuple[Series, Period]]:
    """The longer periods of other series that are released before this one: weeks in a month."""
    for other in series.judged_after:
        if other == CAMPAIGN_DAY:
            continue
        if other.period_kind == series.period_kind:
            yield other, period
            continue
        inner = sorted({Period.of(other.period_kind, day) for day in period.days})
        yield from ((other, one) for one in inner if one.end <= period.end)
