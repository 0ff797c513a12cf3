"""`audience suppressed`: the nearest published segment around a suppressed one, and why."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from anonymizer.model.errors import ConfigurationError, Fault
from cli.commands.common import HomeOption, JsonOption, parse_period, reading_home
from cli.output import say
from cli.suppressed_segments import (
    SuppressedSegment,
    explain_suppressed,
    find_reasons,
    find_released,
)
from pipelines.messages.screen import print_json
from pipelines.resources.release_history import open_history
from pipelines.stages.figures import Reason

_REASONS: "Mapping[Reason, str]" = {
    "threshold": "fewer people than the threshold",
    "near": "it differs by few people from a group that was judged earlier, and shares its outcome",
    "inference": "enough people, but its figure would let readers infer a small group",
}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("suppressed")(list_suppressed)


def list_suppressed(
    subject: Annotated[
        str,
        typer.Option(
            "--campaign", "--subject", help="Campaign id or name, interest code or everyone."
        ),
    ],
    day: Annotated[str | None, typer.Option(help="Released local day, YYYY-MM-DD.")] = None,
    period: Annotated[
        str | None, typer.Option(help="Or a week or month: 2026-W47, 2026-11.")
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(help="Segment id; may be repeated (default: all named segments)."),
    ] = None,
    reasons: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool, typer.Option("--reasons", help="Also state the reason; needs access to private/.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """List suppressed segments, each with the nearest coarser segment that is published."""
    place = reading_home(home)
    chosen = parse_period(day, period)
    if chosen is None:
        raise ConfigurationError([Fault("--day", "no period is given", "use --day or --period")])
    table = find_released(place, open_history(place), chosen, subject)
    known = find_reasons(place, table) if reasons else None
    suppressed = explain_suppressed(table, segment or (), known)
    if as_json:
        print_json([asdict(one) for one in suppressed])
        return
    if not suppressed:
        say("None of these segments is suppressed.")
    for one in suppressed:
        say(_said(one))


def _said(segment: SuppressedSegment) -> str:
    coarser = segment.nearest
    published = (
        f"the nearest coarser segment published is {coarser.name} [{coarser.id}], "
        f"{coarser.people:,} people"
        if coarser
        else "no coarser segment is published"
    )
    why = f" Reason: {_REASONS[segment.reason]} ({segment.reason})." if segment.reason else ""
    return f"{segment.name} [{segment.id}] is suppressed; {published}.{why}"
