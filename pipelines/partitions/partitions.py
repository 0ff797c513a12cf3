"""The calendar of a code location: partitions, what each reads, and when runs begin.

The key of a partition is its first day; ISO weeks begin on Monday. The policy's time zone and
first day hold as they are when the definitions are built; after a change Dagster is started again.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.mapping import UpstreamPartitionsResult
from dagster._core.definitions.partitions.subset import PartitionsSubset

from anonymizer.model.periods import Period, PeriodKind
from anonymizer.model.policy import Timing
from anonymizer.model.series import Series
from anonymizer.model.windows import INTEREST_DAYS, inputs_of
from anonymizer.storage.home import Home
from pipelines.partitions.first_day import timing_at_load
from pipelines.partitions.run_times import AT_THREE, RunTimes

# Single-run backfills and partitioned checks are marked beta and preview in the pinned Dagster;
# the tests hold their behaviour, so nobody needs to be warned on every start.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

SINGLE_RUN = dg.BackfillPolicy.single_run()
_WEEK = 7


@dataclass(frozen=True)
class Calendar:
    """Partitions in the policy's time zone, and the local times at which days are run."""

    timing: Timing
    times: RunTimes = AT_THREE

    @classmethod
    def of(cls, home: Home, times: RunTimes = AT_THREE) -> "Calendar":
        """By the policy of a home, or the default policy where there is none that can be read."""
        return cls(timing_at_load(home), times)

    @property
    def zone(self) -> str:
        """The policy's time zone: of partitions, schedules and deadlines alike."""
        return self.timing.timezone

    def partitions(self, kind: PeriodKind) -> dg.TimeWindowPartitionsDefinition:
        """All periods of a kind that begin on or after the first day and have ended."""
        start = self.timing.first_day.isoformat()
        if kind == "week":
            return dg.WeeklyPartitionsDefinition(start, timezone=self.zone, day_offset=1)
        if kind == "month":
            return dg.MonthlyPartitionsDefinition(start, timezone=self.zone)
        return dg.DailyPartitionsDefinition(start, timezone=self.zone)

    @property
    def folders(self) -> dg.TimeWindowPartitionsDefinition:
        """The folders of raw visits: those of today and later may hold late visits already."""
        return dg.DailyPartitionsDefinition(
            self.timing.first_day.isoformat(), timezone=self.zone, end_offset=self.timing.late_days
        )

    @property
    def late_folders(self) -> dg.TimeWindowPartitionMapping:
        """A day reads its own folder of raw visits and those of its late visits."""
        return dg.TimeWindowPartitionMapping(
            end_offset=self.timing.late_days, allow_nonexistent_upstream_partitions=True
        )

    def days_read(self, series: Series) -> dg.TimeWindowPartitionMapping:
        """Which days' accepted rows a period of a series reads."""
        return TimeWindowPartitionMapping.reading(series, self.timing)

    def cron(self, after: timedelta = timedelta()) -> str:
        """When days are run, or once a day this long after it."""
        return self.times.cron(after)

    def deadline(self, after: timedelta) -> str:
        """Once a day, this long after days are run."""
        return self.times.daily_cron(after)


class TimeWindowPartitionMapping(dg.TimeWindowPartitionMapping):
    """Maps a period to exactly the days that `windows.inputs_of` names.

    Offsets alone cannot: Dagster counts them in weeks or months here. Its pages and its daemon
    know built-in mappings only; they get this one by the name of its class, as the built-in one
    with its offsets, which covers all days of a period and, of an interest, the weeks before.
    A day that is missing is reported by the run, which names it.
    """

    series: Series
    timing: Timing

    @classmethod
    def reading(cls, series: Series, timing: Timing) -> "TimeWindowPartitionMapping":
        """The mapping of a series to the accepted rows of days."""
        weeks = INTEREST_DAYS // _WEEK if series.kind == "interest" else 0
        mapping = cls(start_offset=-weeks, allow_nonexistent_upstream_partitions=True)
        mapping.series, mapping.timing = series, timing
        return mapping

    @property
    def description(self) -> str:
        """Shown in Dagster's pages."""
        return f"The days that a period of {self.series.id} is made from."

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        downstream_partitions_def: dg.PartitionsDefinition[Any] | None,  # noqa: ARG002
        upstream_partitions_def: dg.PartitionsDefinition[Any],
        current_time: datetime | None = None,
        dynamic_partitions_store: Any = None,  # noqa: ARG002
    ) -> UpstreamPartitionsResult:
        """The days of the periods, without those that are no partitions."""
        keys = downstream_partitions_subset.get_partition_keys()  # type: ignore[union-attr]
        days = {day for key in keys for day in self._days(date.fromisoformat(key))}
        return UpstreamPartitionsResult(
            partitions_subset=_subset(days, upstream_partitions_def, current_time),
            required_but_nonexistent_subset=upstream_partitions_def.empty_subset(),
        )

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        upstream_partitions_def: dg.PartitionsDefinition[Any],  # noqa: ARG002
        downstream_partitions_def: dg.PartitionsDefinition[Any] | None,
        current_time: datetime | None = None,
        dynamic_partitions_store: Any = None,  # noqa: ARG002
    ) -> Any:
        """The periods that are made from any of the days."""
        assert downstream_partitions_def is not None, "a series has partitions"
        days = set(days_of(tuple(upstream_partitions_subset.get_partition_keys())))
        near = {
            Period.of(self.series.period_kind, day + timedelta(days=offset))
            for day in days
            for offset in (-_WEEK, 0, _WEEK, 2 * _WEEK, 3 * _WEEK, 4 * _WEEK, 5 * _WEEK)
        }
        starts = {one.start for one in near if days & set(self._days(one.start))}
        return _subset(starts, downstream_partitions_def, current_time)

    def _days(self, start: date) -> tuple[date, ...]:
        period = Period(self.series.period_kind, start)
        return inputs_of(self.series, period, self.timing).days


def _subset(
    days: Iterable[date], partitions: dg.PartitionsDefinition[Any], now: datetime | None
) -> Any:
    known = set(partitions.get_partition_keys(current_time=now))
    return partitions.subset_with_partition_keys(known & {day.isoformat() for day in days})


def partition_key(kind: PeriodKind, day: date) -> str:
    """The key of the partition that holds a day."""
    return Period.of(kind, day).start.isoformat()


def days_of(keys: Sequence[str]) -> tuple[date, ...]:
    """Partition keys as dates, in order."""
    return tuple(sorted(date.fromisoformat(key) for key in keys))
