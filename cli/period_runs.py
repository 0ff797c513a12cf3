"""Days and longer periods through Dagster, and what became of them: what `audience run` does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from anonymizer.model.periods import Period
from anonymizer.model.series import Series
from anonymizer.storage.home import Home
from cli.backlog import missing_days, unread_folders, unreleased
from cli.run_report import Line, period_line, period_listing, print_report, report_as_json
from pipelines.messages.progress import STAGES, Listener, StageProgress
from pipelines.messages.screen import meter, notices, out, print_json, show
from pipelines.partitions.landed_days import landed_range
from pipelines.partitions.releasable_periods import releasable_periods, stretches_of
from pipelines.resources import interruption
from pipelines.resources.release_history import open_ledger, released_days
from pipelines.resources.workers import lasting_processes
from pipelines.stages.flow import LONGER
from pipelines.stages.flow import STAGES as STAGES_OF_SERIES

if TYPE_CHECKING:
    from pipelines.runs import Finished


@dataclass(frozen=True)
class PeriodRuns:
    """The runs of weeks, months, interests and audiences: exit codes, and a line for each."""

    codes: tuple[int, ...] = ()
    lines: tuple["Line", ...] = ()


@lasting_processes()
def run_range(home: Home, first: date, last: date, *, as_json: bool) -> int:
    """What `audience run` does and prints; the exit code."""
    if as_json:
        code, periods = run_days(home, first, last), run_periods(home, first, last)
        _print_json(home, days_between(first, last), periods)
        return _first_failure([code, *periods.codes])
    days = [release_days(home, first, last)]
    return _first_failure([*days, *release_periods(home, first, last)])


@lasting_processes()
def run_missing(home: Home, first: date | None, last: date | None, *, as_json: bool) -> int:
    """What `audience backfill` does and prints; the exit code."""
    begin, end = first or date.min, last or date.max
    missing = [day for day in missing_days(home) if begin <= day <= end]
    if as_json:
        codes = [run_days(home, *stretch) for stretch in stretches(missing)]
        done = run_landed_periods(home, first, last)
        days, folders = _unreleased(home, begin, end)
        _print_json(home, missing, done, unreleased=[*days, *folders])
        return _first_failure([*codes, *done.codes])
    codes = [release_days(home, *stretch) for stretch in stretches(missing)]
    periods = release_landed_periods(home, first, last)
    waiting = _print_unreleased(home, begin, end)
    if not (missing or periods or waiting):
        within = " between --from and --to" if first or last else ""
        notices().print(f"Nothing is missing: every landed day{within} is released.")
    return _first_failure([*codes, *periods])


def _print_json(
    home: Home, days: Sequence[date], periods: PeriodRuns, **more: Sequence[str]
) -> None:
    print_json({**report_as_json(home, days, periods.lines), **more})


def _print_unreleased(home: Home, begin: date, end: date) -> bool:
    """List the landed days without figures, each with the reason; whether there are any."""
    days, folders = _unreleased(home, begin, end)
    if days:
        out().print(f"{len(days)} landed day(s) have no valid figures:")
    for line in (*days, *folders):
        out().print(f"  {line}")
    return bool(days or folders)


def _unreleased(home: Home, begin: date, end: date) -> tuple[list[str], list[str]]:
    """The landed days without figures, and the folders of which no day can be read.

    Each with the reason. Folders are listed with every range.
    """
    days = [found for found in unreleased(home, datetime.now(UTC)) if begin <= found.day <= end]
    return [str(day) for day in days], [str(folder) for folder in unread_folders(home)]


def release_landed_periods(
    home: Home, first: date | None = None, last: date | None = None
) -> list[int]:
    """Release every longer period that is due in the landed days, or from one day to another."""
    return _reported(run_landed_periods(home, first, last))


def release_periods(home: Home, first: date, last: date) -> list[int]:
    """Release what became due by the days: weeks, months, interests, the audience, in order.

    Returns the exit code of each run; nothing is run, and nothing printed, when nothing is due.
    """
    return _reported(run_periods(home, first, last))


def _reported(done: PeriodRuns) -> list[int]:
    if done.lines:
        show(period_listing(done.lines))
    return list(done.codes)


def run_landed_periods(
    home: Home, first: date | None = None, last: date | None = None
) -> PeriodRuns:
    """`run_periods` of the landed days, or from one day to another."""
    landed = landed_range(home)
    if landed is None:
        return PeriodRuns()
    return run_periods(home, first or landed[0], last or landed[1])


def run_periods(home: Home, first: date, last: date) -> PeriodRuns:
    """Release what became due by the days, without a report."""
    codes: list[int] = []
    lines: list[Line] = []
    for series in LONGER:
        if interruption.received():
            break
        releasable = releasable_periods(home, open_ledger(home), series, first, last)
        codes += [_run_stretch(home, series, *ends) for ends in stretches_of(releasable)]
        lines += [period_line(home, series, period) for period in releasable]
    return PeriodRuns(tuple(codes), tuple(lines))


def release_stretch(home: Home, series: Series, period: Period) -> int:
    """Run one week, month, interest or audience and print what became of it; the exit code."""
    code = _run_stretch(home, series, period, period)
    show(period_listing([period_line(home, series, period)]))
    return code


def _run_stretch(home: Home, series: Series, first: Period, last: Period) -> int:
    """Run the periods from one to another, showing how far they are; returns the exit code."""
    from pipelines import runs  # noqa: PLC0415  Dagster takes a second: most calls run none

    number = len({Period.of(first.kind, day) for day in days_between(first.start, last.end)})
    with _stage_progress(f"Periods run of {series.id}", len(STAGES_OF_SERIES), number) as listener:
        finished = runs.run_periods(home, series, first, last, listener)
    print_held(finished)
    return finished.exit_code


@contextmanager
def _stage_progress(title: str, stages: int, periods: int) -> Iterator[Listener]:
    """What listens to a run: it shows how many of the periods are through, in fractions."""
    with meter(title) as bar:
        done = 0

        def listener(step: StageProgress) -> None:
            nonlocal done
            done += int(step.done)
            bar.at(f"{step.day} {step.stage:<12}", done / stages, periods)

        yield listener


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
    """Run the days and print what became of them; returns the exit code."""
    code = run_days(home, first, last)

    print_report(home, days_between(first, last))
    return code


def run_days(home: Home, first: date, last: date) -> int:
    """Run the days, showing how far they are and what is held; returns the exit code."""
    with notices().status("Starting Dagster"):
        from pipelines import runs  # noqa: PLC0415  Dagster takes a second: `backfill` may need none

    with _stage_progress("Days run", len(STAGES), len(days_between(first, last))) as listener:
        finished = runs.run_days(home, first, last, listener)
    print_held(finished)
    kept = released_days(open_ledger(home)) & {held.day for held in finished.held}
    for day in sorted(kept):
        notices().print(f"{day} is already released, and its figures stay as they are.")
    return finished.exit_code


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
