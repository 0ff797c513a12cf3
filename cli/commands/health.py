"""`audience health`: whether days are late, for a monitoring system."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.common import HomeOption, existing_home
from cli.output import say
from pipelines.health import health_of, write_metrics
from pipelines.screen import out


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
    for day, reason in sorted(found.late.items()):
        out().print(f"{day} is late: {reason}", style="red")
    newest = f"the newest released day is {found.newest.date()}" if found.newest else "none yet"
    if not found.trouble:
        out().print(f"{found.releases:,} release(s), {newest}; {len(found.late)} day(s) late.")
    raise typer.Exit(found.exit_code)
