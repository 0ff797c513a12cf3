"""`audience quarantine`: where the rows are that were set aside, and why. Never a value."""

from typing import Annotated

import typer

from pipelines.commands.common import HomeOption, existing_home, parse_day
from pipelines.screen import notices, out, table

_LIMIT = 100


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("quarantine")(list_quarantine)


def list_quarantine(
    day: Annotated[str, typer.Option("--day", help="Local day, YYYY-MM-DD.")],
    reason: Annotated[
        str | None, typer.Option(help="List rows with this reason only, such as naive_time.")
    ] = None,
    limit: Annotated[int, typer.Option(help="List so many rows at most; 0 lists all.", min=0)] = (
        _LIMIT
    ),
    home: HomeOption = None,
) -> None:
    """List the quarantined rows of a day: file, row number, column and reason, never a value.

    Rows are numbered from 1, the first data row of the file.
    """
    from anonymizer.intake import quarantined  # noqa: PLC0415  slow to import

    place, local_day = existing_home(home), parse_day(day, "--day")
    pointers = quarantined.read_pointers(place, local_day)
    if reason is not None:
        pointers = quarantined.of_reason(pointers, reason)
    if not pointers.num_rows:
        out().print(f"No row of {local_day} is quarantined.")
        return
    listed = pointers.slice(0, limit) if limit else pointers
    names = ("file", "row_number", "column", "reason")
    rows = [tuple(row[name] for name in names) for row in listed.to_pylist()]
    title = f"Quarantined rows of {local_day}"
    out().print(table(title, ("file", "row", "column", "reason"), rows))
    counts = quarantined.counts_by_reason(pointers)
    out().print(table("By reason", ("table", "column", "reason", "rows"), counts))
    if len(rows) < pointers.num_rows:
        notices().print(
            f"{len(rows):,} of {pointers.num_rows:,} rows are listed; --limit 0 lists all, "
            "--reason those of one reason."
        )
