"""`audience segments`: what a home publishes figures of."""

import typer

from anonymizer.model.segments import load_catalogue
from cli.commands.common import HomeOption, JsonOption, existing_home
from pipelines.messages.screen import Listing, out, show


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("segments")(list_segments)


def list_segments(
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List the named segments and the groups that segments are made of."""
    catalogue = load_catalogue(existing_home(home).segments)
    named = [
        (segment.id, segment.name.english, segment.name.indonesian)
        for segment in catalogue.named.values()
    ]
    groups = [
        Listing(
            dimension.name.title(),
            ("code", "level", "English", "Indonesian"),
            [
                (group.code, group.level, group.name.english, group.name.indonesian)
                for group in dimension.groups
            ],
        )
        for dimension in catalogue.dimensions
    ]
    names = Listing("Named segments", ("id", "English", "Indonesian"), named)
    show(names, *groups, as_json=as_json)
    if not as_json:
        out().print(f"{len(catalogue):,} segments in all.")
