"""`audience run` and `audience backfill`: days through Dagster, and what became of them."""

from typing import Annotated

import typer

from cli.commands.common import (
    FromOption,
    HomeOption,
    JsonOption,
    ToOption,
    existing_home,
    parse_day,
)

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


def run(
    first: FromOption,
    last: ToOption,
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Run all days from the first to the last, as one Dagster run in this process.

    A released day is verified and does not change. Weeks, months, interests and the audience are
    released too, as soon as their days are complete.
    """
    from cli import period_runs  # noqa: PLC0415  a second of imports that `--help` needs none of

    place, begin, end = existing_home(home), parse_day(first, "--from"), parse_day(last, "--to")
    raise typer.Exit(period_runs.run_range(place, begin, end, as_json=as_json))


def backfill(
    first: _FirstDay = None,
    last: _LastDay = None,
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Run what is missing: landed days without a release, exports or a place in the database.

    Lists every landed day that is still without figures, with the reason.
    """
    from cli import period_runs  # noqa: PLC0415  a second of imports that `--help` needs none of

    place = existing_home(home)
    begin = parse_day(first, "--from") if first else None
    end = parse_day(last, "--to") if last else None
    raise typer.Exit(period_runs.run_missing(place, begin, end, as_json=as_json))
