"""What became of the days of a run, on a screen."""

from collections.abc import Sequence
from datetime import date
from functools import reduce
from operator import add

from anonymizer.model.accounting import RowAccount
from anonymizer.model.periods import Period
from anonymizer.model.series import Series
from anonymizer.storage.home import Home
from cli.remarks import warning_lines, warnings_of
from pipelines.messages.progress import STAGES
from pipelines.messages.screen import Listing, account_listing, out, show
from pipelines.stages import journal
from pipelines.stages.accounts import final_accounts


def print_report(home: Home, days: Sequence[date]) -> None:
    """Rows by reason over all days, then one line a day: its state and how many figures."""
    if accounts := total_accounts(home, days):
        show(account_listing(accounts))
    for line in [*objection_lines(home, days), *warning_lines(warnings_of(home, days))]:
        out().print(line, style="yellow")
    show(_day_listing(home, days))
    for line in _rewritten_lines(home, days):
        out().print(line, style="yellow")


def report_as_json(
    home: Home, days: Sequence[date], periods: Sequence["Line"]
) -> dict[str, object]:
    """The same, and what became of longer periods, for a program to read."""
    listings = (
        account_listing(total_accounts(home, days)),
        _day_listing(home, days),
        period_listing(periods),
    )
    names = ("rows", "days", "periods")
    remarks = [
        *objection_lines(home, days),
        *warning_lines(warnings_of(home, days)),
        *_rewritten_lines(home, days),
    ]
    found = {name: one.records() for name, one in zip(names, listings, strict=True)}
    return {**found, "remarks": remarks}


def _day_listing(home: Home, days: Sequence[date]) -> Listing:
    columns = ("day", "state", "tables", "published", "suppressed")
    return Listing("Releases", columns, [_line(home, day) for day in days])


def _rewritten_lines(home: Home, days: Sequence[date]) -> list[str]:
    """What is to be said of released days whose raw files are others now."""
    entries = (journal.read(home, STAGES[-1], day) for day in days)
    found = (entry.facts.get("raw_files_differ", "") for entry in entries if entry)
    return [line for line in found if line]


def objection_lines(home: Home, days: Sequence[date]) -> list[str]:
    """What the last day that was taken in says of objections to look at."""
    entries = (journal.read(home, "intake", day) for day in sorted(days, reverse=True))
    taken = next((entry for entry in entries if entry and not entry.trouble), None)
    facts = taken.facts if taken else {}
    what = {
        "requests": "their people count in no release",
        "consents": "they count as refusals",
    }
    lines = [
        f"{rows:,} row(s) of {name} cannot be read: {what[name]} until someone decides (audience "
        "rights review)."
        for name, rows in sorted(facts.get("unread", {}).items())
    ]
    if lost := facts.get("unmatched", 0):
        lines.append(
            f"{lost:,} objection(s) match no one: no profile and no visit has their user id. They "
            "stay open; check the spelling (audience rights list)."
        )
    return lines


def total_accounts(home: Home, days: Sequence[date]) -> dict[str, RowAccount]:
    """The row accounts of intake and of counting, added up over the days."""
    found: dict[str, list[RowAccount]] = {}
    for day in days:
        for table_name, account in final_accounts(home, day).items():
            found.setdefault(table_name, []).append(account)
    return {name: reduce(add, parts) for name, parts in found.items()}


Line = tuple[object, ...]


def period_listing(lines: Sequence[Line]) -> Listing:
    """One line a week, month, interest or audience: its state and how many figures."""
    columns = ("release", "state", "tables", "published", "suppressed")
    return Listing("Weeks, months, interests, audience", columns, lines)


def period_line(home: Home, series: Series, period: Period) -> Line:
    """What became of a period that is longer than a day."""
    stages = [series.stage(stage) for stage in STAGES]
    entries = [entry for stage in stages if (entry := journal.read(home, stage, period.end))]
    return (series.release_id(period), *_state(entries, stages[-1]))


def _line(home: Home, day: date) -> Line:
    entries = [entry for stage in STAGES if (entry := journal.read(home, stage, day))]
    return (day, *_state(entries, STAGES[-1]))


def _state(entries: Sequence[journal.JournalEntry], last: str) -> Line:
    trouble = next((entry.trouble for entry in entries if entry.trouble), None)
    if trouble:
        return (f"held: {trouble.code}", 0, 0, 0)
    if not entries or entries[-1].stage != last:
        return ("not released", 0, 0, 0)
    facts = entries[-1].facts
    state = "released before" if facts["already_released"] else "released"
    return (state, facts["tables"], facts["published"], facts["suppressed"])
