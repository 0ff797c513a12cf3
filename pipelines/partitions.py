"""Daily partitions, and the days that a run is about."""

import warnings
from collections.abc import Sequence
from datetime import date

import dagster as dg

from pipelines.landing import FIRST_DAY

ZONE = "Asia/Jakarta"

# Single-run backfills and partitioned checks are marked beta and preview in the pinned Dagster;
# the tests hold their behaviour, so nobody needs to be warned on every start.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone=ZONE)
SINGLE_RUN = dg.BackfillPolicy.single_run()


def days_of(keys: Sequence[str]) -> tuple[date, ...]:
    """Partition keys as dates, in order."""
    return tuple(sorted(date.fromisoformat(key) for key in keys))
