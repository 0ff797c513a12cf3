"""`audience exports`: the folders for advertisers."""

from pathlib import Path

import typer

from audience import exports
from cli.commands.common import (
    DayOption,
    HomeOption,
    JsonOption,
    PeriodOption,
    parse_day,
    parse_period,
    parse_word,
    reading_home,
)
from cli.exported_figures import chosen_folders
from cli.filter_options import (
    KINDS,
    AdvertiserOption,
    CampaignOption,
    EndOption,
    EveryOption,
    LastOption,
    SegmentOption,
    StartOption,
)
from cli.selection import Selection
from pipelines.screen import Listing, frame_listing, notices, show


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("exports")(list_exports)


def list_exports(  # noqa: PLR0913, PLR0917  one option for each filter
    campaign: CampaignOption = None,
    advertiser: AdvertiserOption = None,
    segment: SegmentOption = None,
    day: DayOption = None,
    period: PeriodOption = None,
    last: LastOption = None,
    every: EveryOption = None,
    start: StartOption = None,
    end: EndOption = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
    home: HomeOption = None,
) -> None:
    """List export folders; `notice` says which were withdrawn or corrected.

    With --campaign or --segment: folders with a published figure of them.
    """
    place = reading_home(home)
    selection = Selection(
        tuple(campaign or ()),
        tuple(advertiser or ()),
        tuple(segment or ()),
        parse_period(day, period),
        parse_word("--last", last, KINDS),
        parse_word("--every", every, KINDS),
        parse_day(start, "--from") if start else None,
        parse_day(end, "--to") if end else None,
    )
    frame = exports(place.root)
    chosen = chosen_folders([Path(folder) for folder in frame["folder"]], selection)
    listed = frame_listing("Exports", frame[frame["folder"].isin([str(path) for path in chosen])])
    if as_json:
        show(listed, as_json=True)
        return
    rows = [row[:-1] for row in listed.rows]
    show(Listing("Exports", listed.columns[:-1], rows))
    notices().print(f"Each is the folder <advertiser>/<release> in {place.exports}")
