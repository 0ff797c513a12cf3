"""`audience check-input`: what a run of a day would complain about, without running it."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.common import HomeOption, JsonOption, existing_home, parse_day
from pipelines.messages.screen import account_listing, notices, out, print_json, show
from pipelines.messages.trouble import Trouble, attempt

if TYPE_CHECKING:
    from cli.dry_run import DryRun


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("check-input")(check)


def check(
    day: Annotated[str, typer.Option("--day", help="The local day, YYYY-MM-DD.")],
    privileged: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool,
        typer.Option(
            "--privileged",
            help="Also count the named segments that would be published; needs access to private/.",
        ),
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Check the files of a day without writing anything; list all problems and warnings.

    The exit code is that of a run: 0 if the day would be released.
    """
    from cli.dry_run import DryRun, check_input  # noqa: PLC0415  a second that `--help` needs none of

    place, local_day = existing_home(home), parse_day(day, "--day")
    with notices().status("Reading the raw files"):
        # Also what nobody foresaw: a trace of it would be written into the home.
        outcome = attempt(lambda: check_input(place, local_day, privileged=privileged))
    found = DryRun((outcome,), ()) if isinstance(outcome, Trouble) else outcome
    if as_json:
        print_json(_as_json(found))
        raise typer.Exit(found.exit_code)
    if found.accounts:
        show(account_listing(found.accounts))
    for warning in found.warnings:
        out().print(f"warning: {warning}", style="yellow")
    for trouble in found.problems:
        reason = trouble.message.removeprefix("held, ")
        out().print(f"holds the day: {reason}", style="red")
    for note in found.notes:
        out().print(note)
    out().print(
        f"{local_day} would be held: {found.problems[0].code}, exit {found.exit_code}."
        if found.problems
        else f"Nothing holds {local_day}."
    )
    raise typer.Exit(found.exit_code)


def _as_json(found: "DryRun") -> dict[str, object]:
    return {
        "rows": account_listing(found.accounts).records(),
        "warnings": list(found.warnings),
        "problems": [
            {"code": trouble.code, "message": trouble.message} for trouble in found.problems
        ],
        "notes": list(found.notes),
        "exit_code": found.exit_code,
    }
