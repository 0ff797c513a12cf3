"""`audience sample` and `audience demo`: a world to try everything on."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from anonymizer.model.policy import Policy, Timing
from anonymizer.model.windows import INTEREST_DAYS
from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import require_local
from cli.commands.common import HomeOption, parse_day, use_home
from cli.commands.init import create_home, set_first_day
from cli.commands.run import run_days, run_landed_periods, stretches
from data_samples.options import Layout, WorldOptions
from pipelines.screen import meter, notices

_DEFAULT = WorldOptions()
_SETTLING_DAYS = 3
_SUNDAY = 7


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("sample")(sample)
    app.command("demo")(demo)


def sample(  # noqa: PLR0913, PLR0917  one flag for each property of the world
    home: HomeOption = None,
    people: Annotated[int, typer.Option(help="Profiles.")] = _DEFAULT.people,
    days: Annotated[int, typer.Option(help="Days of visits.")] = _DEFAULT.days,
    visits: Annotated[int, typer.Option(help="Visits over all days.")] = _DEFAULT.visits,
    advertisers: Annotated[int, typer.Option(help="Advertisers.")] = _DEFAULT.advertisers,
    campaigns: Annotated[int, typer.Option(help="Campaigns.")] = _DEFAULT.campaigns,
    start: Annotated[str, typer.Option(help="First day.")] = _DEFAULT.start.isoformat(),
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = _DEFAULT.seed,
    dirt_share: Annotated[float, typer.Option(help="Share of bad rows.")] = _DEFAULT.dirt_share,
    layout: Annotated[Layout, typer.Option(help="File formats.")] = _DEFAULT.layout,
) -> None:
    """Write a sample world into the raw zone: people, campaigns, visits, and faulty rows."""
    options = WorldOptions(
        people=people,
        days=days,
        visits=visits,
        advertisers=advertisers,
        campaigns=campaigns,
        start=parse_day(start, "--start"),
        seed=seed,
        dirt_share=dirt_share,
        layout=layout,
    )
    require_local()
    make_world(use_home(home), options)


def demo(home: HomeOption = None) -> None:
    """Create a home and a sample world if there is none, release its days, show the result.

    The world has 8,000 people and 34 days. Run again, it releases what is still missing.
    """
    from cli.backlog import missing_days  # noqa: PLC0415  slow to import
    from cli.demo_accounts import mark_demo  # noqa: PLC0415  slow to import
    from cli.demo_report import print_demo  # noqa: PLC0415  slow to import
    from data_samples.world import DEMO  # noqa: PLC0415  slow to import
    from pipelines.landed_days import has_visits  # noqa: PLC0415  slow to import

    place = use_home(home)
    require_local()
    if not place.policy.exists():
        create_home(place)
        mark_demo(place)
    if not has_visits(place):
        make_world(place, months_in_the_past(DEMO, datetime.now(UTC).date()))
    missing = missing_days(place)
    if not missing:
        notices().print("Every complete landed day is already released.")
    codes = [run_days(place, *stretch) for stretch in stretches(missing)]
    codes += run_landed_periods(place).codes
    print_demo(place)
    raise typer.Exit(next((code for code in codes if code), 0))


def make_world(home: Home, options: WorldOptions) -> None:
    """Generate the world with a progress bar and say how large it is."""
    from data_samples.world import generate  # noqa: PLC0415  Faker and NumPy are slow to import

    with meter("Raw folders written") as bar:
        summary = generate(
            options,
            home,
            lambda what, done, total: bar.at(f"Writing {what}", done, total),
        )
    _begin_by(home, summary.first_day)
    rows = ", ".join(f"{count:,} {name}" for name, count in summary.rows.items())
    notices().print(
        f"Wrote {summary.files} raw files, {summary.first_day} to {summary.last_day}: {rows}."
    )


def _begin_by(home: Home, day: date) -> None:
    """Let the policy begin with the sample, so that its days can be run."""
    if not home.policy.exists() or Policy.load(home.policy).timing.first_day <= day:
        return
    changed = set_first_day(home, day)
    notices().print(
        f"timing.first_day in policy.yaml is now {day}, the first day of the sample."
        if changed
        else f"Set timing.first_day in policy.yaml to {day} to run these days."
    )


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
