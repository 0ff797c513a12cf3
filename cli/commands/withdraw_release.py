"""`audience withdraw-release`: a bad release that was sent out."""

from typing import Annotated

import typer

from anonymizer.exports.previous_release import sentence_on_repeats
from anonymizer.exports.withdrawal import withdraw
from anonymizer.storage.secret import Secret
from cli.commands.common import HomeOption, JsonOption, existing_home
from cli.output import say
from pipelines.messages.screen import print_json
from pipelines.resources.release_history import open_ledger


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("withdraw-release")(withdraw_release)


def withdraw_release(
    release: Annotated[str, typer.Argument(help="A release, as in `ledger list`.")],
    reason: Annotated[
        str, typer.Option(help="The reason, in one sentence that everyone can read.")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Permanently remove a release from exports and database, and leave a notice in its place."""
    place = existing_home(home)
    ledger = open_ledger(place)
    recipients = withdraw(release, reason, place, ledger, Secret.of(place))
    records = [(entry.kind, entry.subject, entry.body) for entry in ledger.entries()]
    repeats = sentence_on_repeats(release, records)
    if as_json:
        print_json({"release": release, "recipients": recipients, "repeats": repeats or None})
        return
    say(
        f"{release} is withdrawn. A notice is in the export folders of:\n"
        + "".join(f"  {recipient}\n" for recipient in recipients)
        + "Tell them to delete their copies: a copy cannot be recalled. Later releases are "
        "still judged against its figures. Once the files in raw/ are right, its period can "
        "be released again with:\n"
        f'  audience correct-release {release} --reason "..."'
    )
    if repeats:
        say(f"{repeats}.")
