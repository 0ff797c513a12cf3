"""`audience migrate`: bring a home that an earlier version made to the present one."""

from typing import Annotated

import typer

from anonymizer.storage.lock import exclusive
from cli.commands.common import HomeOption, choose_home, require_installed
from cli.migration import carry_out, plan_migration
from cli.output import say


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("migrate")(migrate)


def migrate(
    home: HomeOption = None,
    dry_run: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool, typer.Option("--dry-run", help="List what would change, and change nothing.")
    ] = False,
) -> None:
    """Update the policy.yaml of an older home to this version."""
    place = require_installed(choose_home(home))
    if dry_run:
        plan = plan_migration(place)
    else:
        with exclusive(place):
            plan = plan_migration(place)
            carry_out(plan, place)
    for change in plan.changes:
        say(f"policy.yaml, {change}")
    say(_conclusion(len(plan.changes), dry_run=dry_run))


def _conclusion(changes: int, *, dry_run: bool) -> str:
    if not changes:
        return "Nothing to migrate: the home is of this version."
    if dry_run:
        return f"{changes} change(s) to make; nothing was written. Make them with: audience migrate"
    return f"{changes} change(s) made. Releases, exports and the ledger are as they were."
