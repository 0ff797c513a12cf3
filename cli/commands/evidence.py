"""`audience evidence`: pages for the privacy officer, filled in from the home."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from anonymizer.evidence.pack import HomeState, render_pack, write_pack
from anonymizer.release.settings_change import settings_change
from anonymizer.rights.retention import reports
from cli.commands.common import HomeOption, existing_home
from cli.output import say
from pipelines.resources.resources import Installation
from pipelines.stages.objection_report import read_states

# As `anonymizer.evidence.phrases` has it, which is slow to import.
Language = Literal["en", "id"]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("evidence")(write_evidence)


def write_evidence(
    language: Annotated[Language, typer.Option(help="English (en) or Indonesian (id).")] = "en",
    output: Annotated[
        Path | None,
        typer.Option(
            help="A new folder, or one of an earlier pack (default: evidence/LANGUAGE in the home)."
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write the record of processing, an impact assessment and a breach run-book as Markdown.

    Also the three tests of Opinion 05/2014 for each recipient, every change of the settings with
    who and when, and open requests with their deadlines. Everything is taken from the home. No
    value of a person is in it; logins of those who decided are, so it is not for publication.
    """
    place = existing_home(home)
    installation = Installation.of(place)
    entries = installation.ledger().entries()
    change = settings_change(place, entries)
    state = HomeState(change, entries, read_states(installation), reports(place))
    folder = output or place.root / "evidence" / language
    pages = render_pack(state, language)
    write_pack(pages, folder, place)
    say(f"{len(pages)} pages are in {folder}. Begin with README.md.")
    if not change.takes_effect:
        say("The present settings make the promise weaker and are not approved: see the pack.")
