"""`audience retention`: what went of the working data, and what would go next. Counts only."""

from datetime import date, timedelta

import typer

from anonymizer.counting.working_rows import day_of
from anonymizer.model.policy import Policy
from anonymizer.rights.erasure import leftover_rows
from anonymizer.rights.retention import outlook, reports
from anonymizer.storage.home import Home
from cli.commands.common import HomeOption, JsonOption, existing_home
from pipelines.messages.screen import Listing, out, show
from pipelines.stages import journal


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("retention")(show_retention)


def show_retention(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Show which working data each run removed, and what the next one removes; change nothing."""
    place = existing_home(home)
    policy = Policy.load(place.policy)
    went = [
        (report.day, what, stage, count)
        for report in reports(place)
        for what, counts in (
            ("file outdated", report.outdated_files),
            ("row of a closed account", report.closed_rows),
            ("row of an erased person", report.erased_rows),
        )
        for stage, count in counts.items()
    ]
    columns = ("run from", "what", "stage", "number")
    newest = _newest_day(place)
    following = newest + timedelta(days=1) if newest else None
    expiring = outlook(place, policy, following).items() if following else ()
    next_ = [(following, "file outdated", stage, number) for stage, number in expiring]
    past = Listing("Removed so far", columns, went)
    coming = Listing("To be removed by the next run", columns, next_)
    if as_json:
        show(past, coming, as_json=True)
        return
    show(past)
    if newest is None:
        out().print("There is no working data yet.")
        return
    show(coming)
    for line in _standing(place, policy, newest):
        out().print(line)


def _standing(home: Home, policy: Policy, newest: date) -> list[str]:
    """What the rules are, and whether they hold as of the newest day."""
    entry = journal.read(home, "intake", newest)
    excluded = entry.facts["accounts"]["profiles"]["excluded"] if entry and entry.facts else {}
    years, kept = policy.retention.closed_years, policy.retention.private_days
    left = sum(leftover_rows(home, newest).values())
    return [
        f"Working data is kept for the {kept} days before the first day of a run.",
        (
            f"Profiles closed for more than {years} years, left out of the intake of {newest}: "
            f"{excluded.get('closed_long_ago', 0):,}."
        ),
        f"Rows of erased people in working files: {left:,}"
        + (
            "."
            if not left
            else "; the next run removes them if it has not seen their request before."
        ),
    ]


def _newest_day(home: Home) -> date | None:
    days = [day_of(path) for path in (home.private / "requests").glob("day=*.parquet")]
    return max(days, default=None)
