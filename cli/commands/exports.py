"""`audience exports`: the folders for advertisers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from audience import exports
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
from cli.exported_figures import chosen_folders, chosen_workbooks
from cli.filter_options import (
    LANGUAGES,
    AdvertiserOption,
    CampaignOption,
    EndOption,
    EveryOption,
    LastOption,
    SegmentOption,
    StartOption,
)
from cli.selection import Language, Selection
from pipelines.messages.screen import Listing, frame_listing, notices, print_json, show


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
    language: Annotated[
        str | None,
        typer.Option(help="List workbooks in this language: en (English) or id (Indonesian)."),
    ] = None,
    as_json: JsonOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
    home: HomeOption = None,
) -> None:
    """List export folders; `notice` says which were withdrawn or corrected.

    With --campaign or --segment: folders with a published figure of them. With --language: the
    workbooks in that language instead, of these campaigns and segments.
    """
    wanted = parse_word("--language", language, LANGUAGES)
    place = reading_home(home)
    asked = parse_period(day, period)
    selection = asked_selection(
        campaign, advertiser, segment, period=asked, last=last, every=every, start=start, end=end
    )
    frame = exports(place.root)
    chosen = chosen_folders([Path(folder) for folder in frame["folder"]], selection)
    if not chosen:
        _show_nothing(as_json=as_json)
        return
    listed = (
        _workbooks(chosen, selection, wanted)
        if wanted
        else frame_listing("Exports", frame[frame["folder"].isin([str(path) for path in chosen])])
    )
    if as_json:
        show(listed, as_json=True)
        return
    show(Listing(listed.title, listed.columns[:-1], [row[:-1] for row in listed.rows]))
    folders = f"the folder <advertiser>/<release> in {place.exports}"
    notices().print(
        f"Each is in {folders}" if wanted else f"Each is {folders}; --language lists files"
    )


def _show_nothing(*, as_json: bool) -> None:
    if as_json:
        print_json([])
    else:
        notices().print("There are no exports to list; see: audience ledger list")


def _workbooks(folders: Sequence[Path], selection: Selection, language: Language) -> Listing:
    """Advertiser, release, name and path of each workbook in a language."""
    rows = [
        (folder.parent.name, folder.name, name, str(folder / name))
        for folder in folders
        for name in chosen_workbooks(folder, selection, language)
    ]
    return Listing("Workbooks", ("advertiser", "release", "workbook", "path"), rows)
