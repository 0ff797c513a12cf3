"""`audience retire-exports`: exports that nobody needs any more."""

from typing import Annotated

import typer

from anonymizer.exports.retirement import retire_exports as retire
from anonymizer.storage.secret import Secret
from cli.commands.common import HomeOption, existing_home, parse_day
from cli.output import say
from pipelines.resources.release_history import open_ledger


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("retire-exports")(retire_exports)


def retire_exports(
    before: Annotated[
        str, typer.Option(help="Remove exports of periods that ended before this day, YYYY-MM-DD.")
    ],
    reason: Annotated[
        str, typer.Option(help="The reason, in one sentence that everyone can read.")
    ],
    home: HomeOption = None,
) -> None:
    """Remove old exports from published/. Releases, the database and the ledger stay."""
    place = existing_home(home)
    day = parse_day(before, "--before")
    gone = retire(place, open_ledger(place), Secret.of(place), day, reason)
    say("".join(f"{release}\n" for release in gone) + f"Exports of {len(gone)} release(s) removed.")
