"""`audience withheld`: what is published around a segment that is not, and why to those who may."""

from typing import TYPE_CHECKING, Annotated

import typer

from anonymizer.errors import ConfigurationError, Fault
from pipelines.commands.common import HomeOption, existing_home, parse_period

if TYPE_CHECKING:
    from pipelines.withheld import Withheld

_REASONS = {
    "floor": "too few people",
    "inference": "enough people, but its figure would show that some group is small",
}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("withheld")(list_withheld)


def list_withheld(
    subject: Annotated[
        str,
        typer.Option("--campaign", "--subject", help="Campaign id, interest code or everyone."),
    ],
    day: Annotated[str | None, typer.Option(help="Released local day, YYYY-MM-DD.")] = None,
    period: Annotated[
        str | None, typer.Option(help="Or a week or month: 2026-W47, 2026-11.")
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(help="Segment id, may be repeated; all named segments without."),
    ] = None,
    reasons: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool, typer.Option("--reasons", help="Say why; takes access to private/ and the key.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Name the nearest coarser published segment of each one that is withheld."""
    from pipelines.history import open_ledger  # noqa: PLC0415  slow to import
    from pipelines.withheld import explain_withheld, find_reasons, find_released  # noqa: PLC0415

    place = existing_home(home)
    chosen = parse_period(day, period)
    if chosen is None:
        raise ConfigurationError([Fault("--day", "no period is named", "give --day or --period")])
    table = find_released(place, open_ledger(place), chosen, subject)
    known = find_reasons(place, table) if reasons else None
    withheld = explain_withheld(table, segment or (), known)
    if not withheld:
        typer.echo("Nothing of this is withheld.")
    for one in withheld:
        typer.echo(_said(one))


def _said(withheld: "Withheld") -> str:
    around = withheld.nearest
    published = (
        f"the nearest coarser one published is {around.name} [{around.id}], "
        f"{around.people:,} people"
        if around
        else "nothing coarser is published"
    )
    why = f" Why: {_REASONS[withheld.reason]} ({withheld.reason})." if withheld.reason else ""
    return f"{withheld.name} [{withheld.id}] is withheld; {published}.{why}"
