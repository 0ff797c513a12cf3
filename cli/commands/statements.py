"""`audience statements`: published figures as sentences."""

from dataclasses import asdict
from typing import Annotated

import typer

from cli.commands.common import (
    DayOption,
    HomeOption,
    JsonOption,
    PeriodOption,
    asked_selection,
    parse_period,
    parse_word,
    reading_home,
)
from cli.exported_figures import exported_figures
from cli.filter_options import (
    LANGUAGES,
    AdvertiserOption,
    CampaignOption,
    LanguageOption,
    LastOption,
    SegmentOption,
)
from cli.output import say
from cli.release_summary import spread
from pipelines.messages.screen import notices, print_json
from pipelines.resources.release_history import open_history


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("statements")(list_statements)


def list_statements(  # noqa: PLR0913, PLR0917  one option for each filter
    home: HomeOption = None,
    day: DayOption = None,
    period: PeriodOption = None,
    last: LastOption = None,
    campaign: CampaignOption = None,
    advertiser: AdvertiserOption = None,
    segment: SegmentOption = None,
    language: LanguageOption = "en",
    limit: Annotated[
        int, typer.Option(help="The most sentences to print, evenly spread; 0 prints all.", min=0)
    ] = 12,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
) -> None:
    """Print published figures as sentences (default: of the newest release that has any)."""
    spoken = parse_word("--language", language, LANGUAGES)
    selection = asked_selection(
        campaign, advertiser, segment, period=parse_period(day, period), last=last
    )
    place = reading_home(home)
    found = exported_figures(place, open_history(place), selection)
    listed = spread(found, limit or len(found))
    if as_json:
        print_json([asdict(figure) for figure in listed])
        return
    for figure in listed:
        say(figure.sentence(spoken or "en"))
    if len(listed) < len(found):
        notices().print(f"{len(listed)} of {len(found):,} statements; --limit 0 prints all.")
