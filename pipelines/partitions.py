"""Daily, weekly and monthly partitions, and the days that a run is about.

The key of a partition is its first day; ISO weeks begin on Monday. Partitions begin with
`timing.first_day` as the policy has it when this module is loaded.
"""

import warnings
from collections.abc import Mapping, Sequence
from datetime import date

import dagster as dg

from anonymizer.home import Home
from anonymizer.periods import Period, PeriodKind
from pipelines.first_day import first_day

ZONE = "Asia/Jakarta"

# Single-run backfills and partitioned checks are marked beta and preview in the pinned Dagster;
# the tests hold their behaviour, so nobody needs to be warned on every start.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

_START = first_day(Home.from_environment()).isoformat()
DAYS = dg.DailyPartitionsDefinition(start_date=_START, timezone=ZONE)
PARTITIONS: Mapping[PeriodKind, dg.TimeWindowPartitionsDefinition] = {
    "day": DAYS,
    "week": dg.WeeklyPartitionsDefinition(start_date=_START, timezone=ZONE, day_offset=1),
    "month": dg.MonthlyPartitionsDefinition(start_date=_START, timezone=ZONE),
}
SINGLE_RUN = dg.BackfillPolicy.single_run()


def partition_key(kind: PeriodKind, day: date) -> str:
    """The key of the partition that holds a day."""
    return Period.of(kind, day).start.isoformat()


def days_of(keys: Sequence[str]) -> tuple[date, ...]:
    """Partition keys as dates, in order."""
    return tuple(sorted(date.fromisoformat(key) for key in keys))
