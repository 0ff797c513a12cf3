"""`audience quarantine`: where the rows are that were set aside, and why. Never a value."""

from datetime import date
from typing import Annotated

import typer

from anonymizer.intake import quarantine
from anonymizer.model.errors import Held
from anonymizer.storage.home import Home
from cli import command_limits
from cli.commands.common import HomeOption, JsonOption, existing_home, parse_day
from pipelines.messages.screen import Listing, notices, out, show
from pipelines.stages import journal

# Codes of days that are held once the pointers are written.
_SET_ASIDE = ("too_many_bad_rows", "objection_unreadable")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("quarantine")(list_quarantine)


def list_quarantine(
    day: Annotated[str, typer.Option("--day", help="Local day, YYYY-MM-DD.")],
    reason: Annotated[
        str | None, typer.Option(help="List rows with this reason only, such as naive_time.")
    ] = None,
    limit: Annotated[int, typer.Option(help="The most rows to list; 0 lists all.", min=0)] = (
        command_limits.QUARANTINED_ROWS
    ),
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List the quarantined rows of a day: file, row number, column and reason, never a value.

    Rows are numbered from 1, the first data row of the file.
    """
    place, local_day = existing_home(home), parse_day(day, "--day")
    pointers = quarantine.read_pointers(place, local_day)
    if reason is not None:
        pointers = quarantine.of_reason(pointers, reason)
    _tell_if_earlier(place, local_day)
    if not pointers.num_rows and not as_json:
        out().print(f"No row of {local_day} is quarantined.")
        return
    listed = pointers.slice(0, limit) if limit else pointers
    names = ("file", "row_number", "column", "reason")
    rows = [tuple(row[name] for name in names) for row in listed.to_pylist()]
    columns = ("file", "row", "column", "reason")
    counts = quarantine.counts_by_reason(pointers)
    show(
        Listing("Quarantined rows", columns, rows),
        Listing("By reason", ("table", "column", "reason", "rows"), counts),
        as_json=as_json,
    )
    if len(rows) < pointers.num_rows:
        notices().print(
            f"{len(rows):,} of {pointers.num_rows:,} rows are listed; --limit 0 lists all, "
            "--reason filters by reason."
        )


def _tell_if_earlier(home: Home, day: date) -> None:
    """Say so when the last run ended before it had set any row aside."""
    entry = journal.read(home, "intake", day)
    trouble = entry.trouble if entry else None
    set_aside = trouble and trouble.exit_code == Held.exit_code and trouble.code in _SET_ASIDE
    if trouble and not set_aside:
        notices().print(
            f"The last run of {day} ended before it quarantined rows ({trouble.code}). These are "
            "the rows of an earlier run.",
            style="yellow",
        )
