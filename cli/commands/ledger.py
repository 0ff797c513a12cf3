"""`audience ledger`: the history of releases."""

import json
import os
from typing import Annotated

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.release.ledger import Ledger
from anonymizer.storage.lock import exclusive
from cli.commands.common import HomeOption, JsonOption, existing_home, judged, reading_home
from cli.outcomes import entry_line
from cli.output import say
from pipelines.messages.screen import Listing, print_json, show
from pipelines.resources.release_history import open_history, open_ledger

ledger = typer.Typer(help="The history of releases.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(ledger, name="ledger")


@ledger.command("list")
def list_entries(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List all entries with time, actor, subject and outcome; refuse a broken chain."""
    entries = open_history(reading_home(home)).entries()
    columns = ("number", "time (UTC)", "actor", "kind", "subject", "outcome", "hash")
    show(Listing("Ledger", columns, [entry_line(entry) for entry in entries]), as_json=as_json)


@ledger.command("show")
def show_entry(
    wanted: Annotated[
        str, typer.Argument(help="Sequence number as in `ledger list`, or a release.")
    ],
    home: HomeOption = None,
) -> None:
    """Print everything that an entry records, as JSON; of a release, also what was exported."""
    entries = open_history(reading_home(home)).entries()
    found = [entry for entry in entries if wanted in {str(entry.sequence), entry.subject}]
    if not found:
        remedy = f"the ledger has {len(entries)}; see: audience ledger list"
        raise ConfigurationError([Fault("entry", f"there is no entry {wanted}", remedy)])
    for entry in found:
        content = {
            "sequence": entry.sequence,
            "kind": entry.kind,
            "subject": entry.subject,
            "recorded": entry.recorded,
            "public": entry.link.shown is not None,
            "previous": entry.previous,
            "hash": entry.hash,
            "body": entry.body,
        }
        say(json.dumps(content, indent=2, ensure_ascii=False))


@ledger.command("verify")
def verify(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Verify the chain, and that every published file is byte for byte what was released.

    Work that an interrupted run left to the next one is listed and is not a fault.
    """
    from cli.commands.verify import as_document, unfinished_lines  # noqa: PLC0415  reads releases: `list` needs none
    from cli.release_summary import verify_published  # noqa: PLC0415  reads releases: `list` needs none

    place = existing_home(home)
    with judged(as_json=as_json):
        proved = verify_published(place, open_ledger(place))
    if as_json:
        print_json(as_document(proved))
        return
    say(f"{proved.entries} entries and {proved.releases} releases are as they were recorded.")
    if unfinished := unfinished_lines(proved):
        say(unfinished.rstrip())


@ledger.command("copy")
def copy(home: HomeOption = None) -> None:
    """Copy ledger.sqlite of the home into the empty database that $AUDIENCE_LEDGER names."""
    from cli.release_summary import verify_published  # noqa: PLC0415  reads releases: `list` needs none

    place = existing_home(home)
    if not os.environ.get("AUDIENCE_LEDGER"):
        remedy = "name the database to copy into, such as postgresql://keeper@db.internal/ledger"
        raise ConfigurationError([Fault("AUDIENCE_LEDGER", "it is not set", remedy)])
    with exclusive(place):
        original = Ledger.open(place.ledger)
        verify_published(place, original)
        entries = original.copy_into(open_ledger(place))
    say(
        f"{entries} entries are copied and verified. Move {place.ledger.name} away now: two "
        "ledgers that are continued separately cannot be merged again."
    )
