"""What `audience demo` does: a home, a sample world and its releases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from anonymizer.model.policy import Policy, Timing
from anonymizer.model.windows import INTEREST_DAYS
from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import require_local
from cli.backlog import missing_days
from cli.demo_accounts import mark_demo
from cli.demo_report import print_demo
from cli.period_runs import run_days, run_landed_periods, stretches
from data_samples.options import WorldOptions
from data_samples.world import DEMO
from pipelines.messages.screen import notices
from pipelines.partitions.landed_days import has_visits
from pipelines.resources.workers import lasting_processes, start_processes
from pipelines.stages.days_in_advance import done

_SETTLING_DAYS = 3
_SUNDAY = 7


def make_demo(
    place: Home,
    create_home: Callable[[Home], object],
    make_world: Callable[[Home, WorldOptions], object],
) -> int:
    """Make what is missing of the demo in a home, release it and print it; the exit code."""
    require_local()
    if not place.policy.exists():
        create_home(place)
        mark_demo(place)
    with lasting_processes():
        if not has_visits(place):
            start_processes(Policy.load(place.policy).effort, done)  # ready once it is written
            make_world(place, months_in_the_past(DEMO, datetime.now(UTC).date()))
        missing = missing_days(place)
        if not missing:
            notices().print("Every complete landed day is already released.")
        codes = [run_days(place, *stretch) for stretch in stretches(missing)]
        codes += run_landed_periods(place).codes
    print_demo(place)
    return next((code for code in codes if code), 0)


def months_in_the_past(options: WorldOptions, today: date) -> WorldOptions:
    """The same world as of a month that it holds, with a week of interests, ended by today."""
    moved = world_in_the_past(options, today)
    moved = replace(moved, start=moved.start.replace(day=1))
    while not _has_interests(moved):
        before = moved.start - timedelta(days=1)
        moved = replace(moved, start=before.replace(day=1))
    return moved


def _has_interests(options: WorldOptions) -> bool:
    """Whether a week closes within the world that has all days of its interests before it."""
    first = options.day(INTEREST_DAYS - 1)
    ends = range(options.days - Timing().open_days - (INTEREST_DAYS - 1))
    return any((first + timedelta(days=number)).isoweekday() == _SUNDAY for number in ends)


def world_in_the_past(options: WorldOptions, today: date) -> WorldOptions:
    """The same world, moved back in time where its last day would not have ended yet."""
    latest = today - timedelta(days=options.days + _SETTLING_DAYS)
    return replace(options, start=min(options.start, latest))
