"""`audience backup` and `audience restore`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import RAW_VARIABLE
from cli.commands.common import HomeOption, existing_home, require_installed, use_home
from cli.home_backup import make_backup, restore_backup
from cli.output import say


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    home: HomeOption = None,
) -> None:
    """Copy ledger, releases, judged groups and settings, between two runs, and prove the copy.

    Services may go on; a run that is writing is waited for. The key is not in it.
    """
    in_bucket = bool(os.environ.get(RAW_VARIABLE))
    made = make_backup(existing_home(home), folder.absolute(), with_requests=in_bucket)
    say(
        f"{made.place.root} has {made.proved.entries} entries, {made.proved.releases} releases and "
        f"{made.proved.files} files as they were released, and the settings. The key is not in it."
        f"\nThe chain ends with {made.proved.head}\n"
        "Keep that hash where no one can change both it and the backup."
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="What `audience backup` wrote.")],
    head: Annotated[str, typer.Option(help="The hash that was noted with the newest backup.")] = "",
    home: HomeOption = None,
) -> None:
    """Prove a backup and put it into a new home; the ledger goes to $AUDIENCE_LEDGER if it is set.

    Refuses a home that has another policy, ledger or releases. Accounts of the portal stay where
    the home has them. The key is put back by hand.
    """
    place, source = use_home(home), require_installed(Home(folder.absolute()))
    proved = restore_backup(source, place, head)
    accounts = (
        "\nAccounts that were removed after the backup may be back, with their passwords. Review "
        "accounts: audience user list. API tokens of the backup have ended."
        if place.portal_accounts.exists()
        else ""
    )
    say(
        f"{place.root} has {proved.entries} entries, {proved.releases} releases and {proved.files} "
        "files as they were released. Put the key back before the next run."
        f"{accounts}"
    )
