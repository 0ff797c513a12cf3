"""`audience run` and `audience backfill`: days through Dagster, and what became of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, TaskID

from anonymizer.storage.home import Home
from cli.commands.common import FromOption, HomeOption, ToOption, existing_home, parse_day
from pipelines import interruption
from pipelines.progress import STAGES, StageProgress
from pipelines.screen import notices, out, progress

if TYPE_CHECKING:
    from anonymizer.model.periods import Period
    from anonymizer.model.series import Series
    from pipelines.runs import Finished

_FirstDay = Annotated[
    str | None,
    typer.Option("--from", help="First day (default: earliest landed day that is not released)."),
]
_LastDay = Annotated[
    str | None, typer.Option("--to", help="Last day (default: latest landed day).")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("run")(run)
    app.command("backfill")(backfill)


def run(first: FromOption, last: ToOption, home: HomeOption = None) -> None:
    """Run all days from the first to the last, as one Dagster run in this process.

    A released day is verified and does not change. Weeks, months, interests and the audience are
    released too, as soon as their days are complete.
    """
    place, begin, end = existing_home(home), parse_day(first, "--from"), parse_day(last, "--to")
    days = [release_days(place, begin, end)]
    raise typer.Exit(_first_failure([*days, *release_periods(place, begin, end)]))


def backfill(first: _FirstDay = None, last: _LastDay = None, home: HomeOption = None) -> None:
    """Run what is missing: landed days without a release, exports or a place in the database.

    Lists every landed day that is still without figures, with the reason.
    """
    from cli.backlog import missing_days  # noqa: PLC0415  slow to import

    place = existing_home(home)
    begin = parse_day(first, "--from") if first else date.min
    end = parse_day(last, "--to") if last else date.max
    missing = [day for day in missing_days(place) if begin <= day <= end]
    codes = [release_days(place, *stretch) for stretch in stretches(missing)]
    periods = release_landed_periods(place, first, last)
    waiting = _print_unreleased(place, begin, end)
    if not (missing or periods or waiting):
        within = " between --from and --to" if first or last else ""
        notices().print(f"Nothing is missing: every landed day{within} is released.")
    raise typer.Exit(_first_failure([*codes, *periods]))


def _print_unreleased(home: Home, begin: date, end: date) -> bool:
    """List the landed days without figures, each with the reason; whether there are any.

    Folders of which no day can be read are listed with every range.
    """
    from cli.backlog import unread_folders, unreleased  # noqa: PLC0415  slow to import

    days = [found for found in unreleased(home, datetime.now(UTC)) if begin <= found.day <= end]
    folders = unread_folders(home)
    if days:
        out().print(f"{len(days)} landed day(s) have no figures in circulation:")
    for line in (*days, *folders):
        out().print(f"  {line}")
    return bool(days or folders)


def release_landed_periods(
    home: Home, first: str | None = None, last: str | None = None
) -> list[int]:
    """Release every longer period that is due in the landed days, or from one day to another."""
    from pipelines.landed_days import landed_range  # noqa: PLC0415  slow to import

    landed = landed_range(home)
    if landed is None:
        return []
    begin = parse_day(first, "--from") if first else landed[0]
    end = parse_day(last, "--to") if last else landed[1]
    return release_periods(home, begin, end)


def release_periods(home: Home, first: date, last: date) -> list[int]:
    """Release what became due by the days: weeks, months, interests, the audience, in order.

    Returns the exit code of each run; nothing is run, and nothing printed, when nothing is due.
    """
    from cli.run_report import period_line, print_periods  # noqa: PLC0415
    from pipelines.flow import LONGER  # noqa: PLC0415
    from pipelines.flow import STAGES as STAGES_OF_SERIES  # noqa: PLC0415
    from pipelines.releasable_periods import releasable_periods, stretches_of  # noqa: PLC0415  slow to import
    from pipelines.release_history import open_ledger  # noqa: PLC0415
    from pipelines.runs import run_periods  # noqa: PLC0415

    codes: list[int] = []
    lines = []
    for series in LONGER:
        if interruption.received():
            break
        releasable = releasable_periods(home, open_ledger(home), series, first, last)
        with progress() as bars:
            bar = bars.add_task(
                series.id, total=len(STAGES_OF_SERIES) * len(releasable), visible=bool(releasable)
            )

            def show(step: StageProgress, bars: Progress = bars, bar: TaskID = bar) -> None:
                bars.update(bar, description=f"{step.day} {step.stage}", advance=int(step.done))

            for stretch in stretches_of(releasable):
                finished = run_periods(home, series, *stretch, show)
                codes.append(finished.exit_code)
                print_held(finished)
        lines += [period_line(home, series, period) for period in releasable]
    if lines:
        print_periods(lines)
    return codes


def release_stretch(home: Home, series: "Series", period: "Period") -> int:
    """Run one week, month, interest or audience with a progress bar; returns the exit code."""
    from cli.run_report import period_line, print_periods  # noqa: PLC0415
    from pipelines.flow import STAGES as STAGES_OF_SERIES  # noqa: PLC0415  slow to import
    from pipelines.runs import run_periods  # noqa: PLC0415

    with progress() as bars:
        bar = bars.add_task(series.id, total=len(STAGES_OF_SERIES))

        def show(step: StageProgress) -> None:
            bars.update(bar, description=f"{step.day} {step.stage}", advance=int(step.done))

        finished = run_periods(home, series, period, period, show)
    print_held(finished)
    print_periods([period_line(home, series, period)])
    return finished.exit_code


def print_held(finished: "Finished") -> None:
    """What was held in a run, and why."""
    for held in finished.held:
        notices().print(f"{held.day} {held.trouble.stage}: {held.trouble.message}", style="red")
    if not finished.succeeded and not finished.held:
        notices().print(f"The run failed; open it with: audience ui (run {finished.run_id})")


def _first_failure(codes: Sequence[int]) -> int:
    return next((code for code in codes if code), 0)


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
        from cli.run_report import print_report  # noqa: PLC0415
        from pipelines.release_history import open_ledger, released_days  # noqa: PLC0415
        from pipelines.runs import run_days  # noqa: PLC0415  Dagster is slow to import

    days = (last - first).days + 1
    with progress() as bars:
        bar = bars.add_task("Starting", total=days * len(STAGES))

        def show(step: StageProgress) -> None:
            bars.update(bar, description=f"{step.day} {step.stage:<12}", advance=int(step.done))

        finished = run_days(home, first, last, show)
    print_report(home, [first + timedelta(days=number) for number in range(days)])
    print_held(finished)
    kept = released_days(open_ledger(home)) & {held.day for held in finished.held}
    for day in sorted(kept):
        notices().print(f"{day} is released already, and its figures stay as they are.")
    return finished.exit_code
