"""`audience run` and `audience backfill`: days through Dagster, and what became of them."""

from datetime import date, timedelta
from typing import Annotated

import typer

from anonymizer.home import Home
from pipelines.commands.common import FromOption, HomeOption, ToOption, existing_home, parse_day
from pipelines.progress import STAGES, Step
from pipelines.screen import notices, progress

_FirstDay = Annotated[
    str | None, typer.Option("--from", help="First day; the first that has landed without.")
]
_LastDay = Annotated[
    str | None, typer.Option("--to", help="Last day; the last that has landed without.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("run")(run)
    app.command("backfill")(backfill)


def run(first: FromOption, last: ToOption, home: HomeOption = None) -> None:
    """Run all days from one to another, as one Dagster run in this process.

    A day that was released already is checked and stays as it is.
    """
    place = existing_home(home)
    raise typer.Exit(release_days(place, parse_day(first, "--from"), parse_day(last, "--to")))


def backfill(first: _FirstDay = None, last: _LastDay = None, home: HomeOption = None) -> None:
    """Run what is missing: landed days without release, exports or database, stretch by stretch."""
    from pipelines.backlog import missing_days  # noqa: PLC0415  slow to import

    place = existing_home(home)
    missing = missing_days(place)
    if first:
        missing = [day for day in missing if day >= parse_day(first, "--from")]
    if last:
        missing = [day for day in missing if day <= parse_day(last, "--to")]
    if not missing:
        notices().print("Nothing is missing: every day that has landed is published.")
    codes = [release_days(place, *stretch) for stretch in stretches(missing)]
    raise typer.Exit(next((code for code in codes if code), 0))


def stretches(days: list[date]) -> list[tuple[date, date]]:
    """First and last day of each unbroken row of days."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and found[-1][1] == day - timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def release_days(home: Home, first: date, last: date) -> int:
    """Run the days with a progress bar and print what became of them; returns the exit code."""
    with notices().status("Starting Dagster"):
        from pipelines.report import print_report  # noqa: PLC0415
        from pipelines.runs import run_days  # noqa: PLC0415  Dagster is slow to import

    days = (last - first).days + 1
    with progress() as bars:
        bar = bars.add_task("Starting", total=days * len(STAGES))

        def show(step: Step) -> None:
            bars.update(bar, description=f"{step.day} {step.stage:<12}", advance=int(step.done))

        finished = run_days(home, first, last, show)
    print_report(home, [first + timedelta(days=number) for number in range(days)])
    for held in finished.held:
        notices().print(f"{held.day} {held.trouble.stage}: {held.trouble.message}", style="red")
    if not finished.succeeded and not finished.held:
        notices().print(f"The run failed; see it with: audience ui (run {finished.run_id})")
    return finished.exit_code
