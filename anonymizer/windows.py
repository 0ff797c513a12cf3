"""Which days of private files a period is made from, and when it closes.

A period of several days stays open for some days after its last: visits that arrive late for
their own day still count in it, and withdrawals and erasures up to then still act.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from anonymizer.engines.duckdb import DuckDB
from anonymizer.errors import Held, first_few
from anonymizer.home import Home
from anonymizer.periods import Period
from anonymizer.policy import Timing
from anonymizer.series import AUDIENCE_MONTH, CAMPAIGN_DAY, Series

# An interest is what somebody looked at on the last day of a week or the 29 days before it.
INTEREST_DAYS = 30
# What `late` holds; visits have the same columns.
_VISITS = pa.schema(
    {
        "visit_key": pa.binary(),
        "person_key": pa.binary(),
        "campaign_ids": pa.list_(pa.string()),
        "program": pa.bool_(),
        "interest": pa.string(),
        "local_day": pa.date32(),
    }
)


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
    return tuple(sorted({day for day, _ in _missing(home, series, period, timing)}))


def require_inputs(home: Home, series: Series, period: Period, timing: Timing) -> Inputs:
    """What `inputs_of` says, once it is all there. Raises Held `missing_input`."""
    missing = _missing(home, series, period, timing)
    if missing:
        day, stage = missing[0]
        days = sorted({day for day, _ in missing})
        raise Held(
            "missing_input",
            f"{stage}/{home.working_file(stage, day).name} is missing; {series.release_id(period)} "
            f"needs days that are not taken in: {first_few(days)}; run them first, or leave this "
            "period out",
        )
    return inputs_of(series, period, timing)


def _missing(home: Home, series: Series, period: Period, timing: Timing) -> list[tuple[date, str]]:
    """Day and stage of each private file that a period needs and that is not there."""
    inputs = inputs_of(series, period, timing)
    of_each_day = ("visits",) if series == CAMPAIGN_DAY else ("visits", "late")
    needed = {(day, stage) for day in inputs.days for stage in of_each_day}
    needed |= {(period.end, stage) for stage in ("campaigns", "profiles")}
    needed |= {(inputs.closing, stage) for stage in ("consents", "requests")}
    return sorted(
        (day, stage) for day, stage in needed if not home.working_file(stage, day).is_file()
    )


def scan_visits(engine: DuckDB, home: Home, inputs: Inputs) -> int:
    """Make the visits of a period readable as `visits` and `late_visits`.

    Returns how many rows of the late ones were read before. Raises Held when a file is missing.
    """
    engine.scan("visits", [home.working_file("visits", day) for day in inputs.visits])
    if inputs.arrivals:
        engine.scan("late", [home.working_file("late", day) for day in inputs.arrivals])
    else:
        engine.load("late", _VISITS.empty_table())
    window = {"first": inputs.visits[0], "last": inputs.visits[-1]}
    late = engine.fetch("gather_late_visits", window)
    engine.load("late_visits", late)
    return sum(late["repeated"].to_pylist())


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
