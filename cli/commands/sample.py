"""`audience sample`: a world to try everything on."""

from datetime import date
from typing import Annotated

import typer

from anonymizer.model.policy import Policy
from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import require_local
from cli.commands.common import HomeOption, parse_day, use_home
from cli.commands.init import set_first_day
from data_samples.options import Layout, WorldOptions
from data_samples.world import generate
from pipelines.messages.screen import meter, notices

_DEFAULT = WorldOptions()


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("sample")(sample)


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


def make_world(home: Home, options: WorldOptions) -> None:
    """Generate the world with a progress bar and say how large it is."""
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
