"""`audience health`: whether days are late, for a monitoring system."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.common import HomeOption, existing_home
from cli.output import say
from pipelines.automation.health import IMPLAUSIBLE, NOT_RUN, health_of, write_metrics
from pipelines.messages.screen import out


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("health")(health)


def health(
    home: HomeOption = None,
    as_json: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool, typer.Option("--json", help="Print one JSON object.")
    ] = False,
    metrics: Annotated[
        Path | None,
        typer.Option("--metrics", help="Also write this file, in the text format of Prometheus."),
    ] = None,
) -> None:
    """Report whether all due days are released, and whether the ledger can be trusted.

    Ends with 0, or with 4 when days are late or something is held.
    """
    place = existing_home(home)
    found = (
        write_metrics(place, metrics.absolute()) if metrics else health_of(place, datetime.now(UTC))
    )
    if as_json:
        say(json.dumps(found.facts(), indent=1))
        raise typer.Exit(found.exit_code)
    if found.trouble:
        out().print(found.trouble.message, style="red")
    for line in late_lines(found.late):
        out().print(line, style="red")
    if IMPLAUSIBLE in found.late.values():
        out().print("Implausible days, and who accepts them: audience accept")
    newest = f"the newest released day is {found.newest.date()}" if found.newest else "none yet"
    if not found.trouble:
        out().print(f"Releases: {found.releases:,}, {newest}. Late days: {len(found.late)}.")
    raise typer.Exit(found.exit_code)


def late_lines(late: Mapping[date, str]) -> Iterator[str]:
    """A line for each unbroken sequence of days that are late for the same reason."""
    sequences: list[list[date]] = []
    for day, reason in sorted(late.items()):
        before = sequences[-1][-1] if sequences else None
        if before == day - timedelta(days=1) and late[before] == reason:
            sequences[-1].append(day)
        else:
            sequences.append([day])
    for days in sequences:
        reason = "not run yet (audience backfill)" if late[days[0]] == NOT_RUN else late[days[0]]
        if len(days) == 1:
            yield f"{days[0]} is late: {reason}"
        else:
            yield f"{days[0]} to {days[-1]} ({len(days)} days) are late: {reason}"
