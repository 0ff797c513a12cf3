"""Settings and tags of a run, whether the command line or the daemon starts it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pipelines.messages.event_log import is_on

_FIRST_TAG, _LAST_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_DAY_TAG = "dagster/partition"
SILENT: Mapping[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def config_of_runs() -> Mapping[str, Any]:
    """Of runs that the daemon starts: where events are written, Dagster's own lines are not."""
    return SILENT if is_on() else {}


def range_tags(first: date, last: date) -> dict[str, str]:
    """What makes a run one of all days, or periods, from one to another.

    One alone is a partition: Dagster records results of checks with it only then.
    """
    if first == last:
        return {_DAY_TAG: first.isoformat()}
    return {_FIRST_TAG: first.isoformat(), _LAST_TAG: last.isoformat()}


def days_of_run(tags: Mapping[str, str]) -> Sequence[str]:
    """First and last day of a run, from its tags."""
    chosen = (tags.get(_FIRST_TAG), tags.get(_LAST_TAG), tags.get(_DAY_TAG))
    return sorted({day for day in chosen if day})
