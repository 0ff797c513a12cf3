"""Which days of private files a period is made from, and when it closes.

A period of several days stays open for some days after its last: visits that arrive late for
their own day still count in it, and withdrawals and erasures up to then still act.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from anonymizer.errors import Held, first_few
from anonymizer.home import Home
from anonymizer.periods import Period
from anonymizer.policy import Timing
from anonymizer.series import AUDIENCE_MONTH, CAMPAIGN_DAY, Series

# An interest is what somebody looked at on the last day of a week or the 29 days before it.
INTEREST_DAYS = 30
_OF_EACH_DAY = ("visits", "late")
_OF_LAST_DAY = ("campaigns", "profiles")
_OF_CLOSING_DAY = ("consents", "requests")


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


def inputs_missing(home: Home, series: Series, period: Period, timing: Timing) -> tuple[date, ...]:
    """The days, in order, that have not been taken in or whose files are gone."""
    inputs = inputs_of(series, period, timing)
    each = ("visits",) if series == CAMPAIGN_DAY else _OF_EACH_DAY
    needed = {(stage, day) for day in inputs.days for stage in each}
    needed |= {(stage, period.end) for stage in _OF_LAST_DAY}
    needed |= {(stage, inputs.closing) for stage in _OF_CLOSING_DAY}
    return tuple(sorted({day for stage, day in needed if not _is_there(home, stage, day)}))


def require_inputs(home: Home, series: Series, period: Period, timing: Timing) -> Inputs:
    """What `inputs_of` says, once it is all there. Raises Held `missing_days`."""
    missing = inputs_missing(home, series, period, timing)
    if missing:
        raise Held(
            "missing_days",
            f"{series.release_id(period)} needs days that are not taken in: "
            f"{first_few(missing)}; run them first, or leave this period out",
        )
    return inputs_of(series, period, timing)


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


def _is_there(home: Home, stage: str, day: date) -> bool:
    return home.working_file(stage, day).is_file()
