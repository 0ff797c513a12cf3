"""Daily, weekly and monthly partitions, and the days that a run is about.

The key of a partition is its first day; ISO weeks begin on Monday.
"""

import warnings
from collections.abc import Mapping, Sequence
from datetime import date

import dagster as dg

from anonymizer.periods import Period, PeriodKind
from pipelines.landing import FIRST_DAY

ZONE = "Asia/Jakarta"

# Single-run backfills and partitioned checks are marked beta and preview in the pinned Dagster;
# the tests hold their behaviour, so nobody needs to be warned on every start.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone=ZONE)
PARTITIONS: Mapping[PeriodKind, dg.TimeWindowPartitionsDefinition] = {
    "day": DAYS,
    "week": dg.WeeklyPartitionsDefinition(start_date=FIRST_DAY, timezone=ZONE, day_offset=1),
    "month": dg.MonthlyPartitionsDefinition(start_date=FIRST_DAY, timezone=ZONE),
}
SINGLE_RUN = dg.BackfillPolicy.single_run()


def partition_key(kind: PeriodKind, day: date) -> str:
    """The key of the partition that holds a day."""
    return Period.of(kind, day).start.isoformat()


def days_of(keys: Sequence[str]) -> tuple[date, ...]:
    """Partition keys as dates, in order."""
    return tuple(sorted(date.fromisoformat(key) for key in keys))
