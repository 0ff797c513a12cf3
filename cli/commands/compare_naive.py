"""`audience compare-naive`: what a plain HAVING would disclose of the same counts."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from cli.commands.common import HomeOption, existing_home
from cli.naive import compare
from cli.output import say
from pipelines.messages.screen import Listing, show
from pipelines.resources.release_history import open_ledger

_ROWS = {
    "figures": "figures published",
    "small": "suppressed segments shown to have fewer people than promised, or none",
    "exact": "of these, not empty and with the exact number shown",
    "tables": "tables with any of these",
}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("compare-naive")(compare_naive)


def compare_naive(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
    home: HomeOption = None,
) -> None:
    """Compare the releases with HAVING count(distinct person) >= k over the same people.

    Both sets of figures are added and subtracted, nothing more, to find suppressed segments of
    fewer people than the promise allows (`inference_k`, zero included). Reads the true counts in
    private/, as long as they are kept.
    """
    place = existing_home(home)
    found = compare(place, open_ledger(place))
    if as_json:
        say(json.dumps(asdict(found), indent=2))
        return
    if not found.tables:
        say(
            "There is nothing to compare: private/ has no counts of a release. They are removed "
            "after the days that retention.private_days sets."
        )
        return
    rows = [
        (words, getattr(found.naive, name), getattr(found.released, name))
        for name, words in _ROWS.items()
    ]
    title = f"{found.tables:,} tables, solved by additions and subtractions alone"
    show(Listing(title, ("", "HAVING", "released"), rows))
    say(f"{found.both:,} segments have a figure in both.")
