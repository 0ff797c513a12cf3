"""`audience accept`: a day that is held as implausible, and is valid all the same."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from anonymizer.storage.lock import exclusive
from cli.commands.common import HomeOption, existing_home, parse_day
from cli.output import say
from pipelines.plausibility_gate import accept as record
from pipelines.release_history import open_ledger


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("accept")(accept)


def accept(
    day: Annotated[str, typer.Option("--day", help="The held local day, YYYY-MM-DD.")],
    reason: Annotated[
        str, typer.Option(help="Why the day is valid, in one sentence that everyone can read.")
    ],
    home: HomeOption = None,
) -> None:
    """Accept a day that is held as implausible, so that the next run releases it.

    The ledger records who accepted it and in which role, and why; the day's certificates state role
    and reason. It counts for the files as they were taken in: a new delivery is compared again.
    """
    place, local_day = existing_home(home), parse_day(day, "--day")
    with exclusive(place):
        odd = record(place, open_ledger(place), local_day, reason, datetime.now(UTC))
    say(
        f"{local_day} is accepted with {odd} measure(s) out of their limits. Release it with:\n"
        f"  audience run --from {local_day} --to {local_day}"
    )
