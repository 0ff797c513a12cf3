"""`audience change-key`: another key after a leak."""

from pathlib import Path
from typing import Annotated

import typer

from anonymizer.release.key_change import change_key as change
from anonymizer.storage.signature import key_fingerprint
from cli.commands.common import HomeOption, existing_home
from cli.output import say
from cli.release_summary import require_finished
from pipelines.resources.release_history import open_ledger


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("change-key")(change_key)


def change_key(
    reason: Annotated[
        str, typer.Option(help="The reason, in one sentence that everyone can read.")
    ],
    to: Annotated[
        Path | None,
        typer.Option(help="Write the new key here, where the key is not in the home."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Draw and seal with a new key from the next release on; what is released stays as it is.

    Run again after an interruption, it ends what was begun.
    """
    place = existing_home(home)
    ledger = open_ledger(place)
    require_finished(place, ledger)
    new = change(place, ledger, reason, to.absolute() if to else None)
    moved = f"The new key is in {to}: put it where the environment reads it. " if to else ""
    say(
        f"{moved}Exports are sealed by {key_fingerprint(new)} from now on: tell the advertisers, "
        "through a channel other than the exports.\nBack up the new key separately from the "
        "ledger, and remove backups of the old one: the new file contains what is still needed "
        "of it."
    )
