"""Which days of private files a period is made from, and when it closes.

A period of several days stays open for some days after its last: visits that arrive late for
their own day still count in it, and withdrawals and erasures up to then still act.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from anonymizer.model.periods import Period
from anonymizer.model.policy import Timing
from anonymizer.model.series import AUDIENCE_MONTH, CAMPAIGN_DAY, Series

# An interest is what somebody looked at on the last day of a week or the 29 days before it.
INTEREST_DAYS = 30


@dataclass(frozen=True)
class Inputs:
    """The days whose visits count, those whose late visits may be of these, and the day whose
    consents and requests are the newest that act on the period."""

    visits: tuple[date, ...]
    arrivals: tuple[date, ...]
    closing: date

    @property
    def days(self) -> tuple[date, ...]:
        """Every day that has to be taken in before the period can be counted."""
        return tuple(sorted({*self.visits, *self.arrivals, self.closing}))


def closing_day(period: Period, timing: Timing) -> date:
    """The last day whose arrivals and requests act on a period; a day closes as it ends."""
    return period.end + timedelta(days=0 if period.kind == "day" else timing.open_days)


def inputs_of(series: Series, period: Period, timing: Timing) -> Inputs:
    """The days that a period of a series is made from."""
    if series == CAMPAIGN_DAY:
        return Inputs(period.days, (), period.end)
    closing = closing_day(period, timing)
    first = period.start
    if series.kind == "interest":
        first = period.end - timedelta(days=INTEREST_DAYS - 1)
    late_from = first + timedelta(days=timing.late_days + 1)
    return Inputs(_days(first, period.end), _days(late_from, closing), closing)


def oldest_needed(arrival: date, timing: Timing) -> date:
    """The oldest day that a period which is still open on `arrival` can be made from."""
    still_open = arrival - timedelta(days=timing.open_days)
    month = Period.of(AUDIENCE_MONTH.period_kind, still_open)
    return min(month.start, still_open - timedelta(days=INTEREST_DAYS - 1))


def has_table(ran: Sequence[date], series: Series) -> bool:
    """Whether a campaign that ran on these days of a period has a table of its own there.

    One that ran on a single day of a week, or in a single ISO week of a month, would show the
    same people again.
    """
    if series.period_kind == "month":
        return len({day.isocalendar()[:2] for day in ran}) > 1
    return len(ran) > (1 if series.period_kind == "week" else 0)


def _days(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))
