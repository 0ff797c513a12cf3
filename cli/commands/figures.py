"""`audience figures`: released figures as a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from anonymizer.model.errors import ConfigurationError
from audience import figures, segments
from cli.commands.common import (
    DayOption,
    HomeOption,
    PeriodOption,
    asked_selection,
    parse_period,
    parse_word,
    reading_home,
)
from cli.filter_options import (
    LANGUAGES,
    AdvertiserOption,
    CampaignOption,
    EndOption,
    EveryOption,
    LanguageOption,
    LastOption,
    SegmentOption,
    StartOption,
)
from cli.output import say
from cli.selection import Language, Selection
from pipelines.messages.screen import Frame, frame_listing, notices, print_json, show

_FIGURES = {
    "period": "period",
    "subject": "subject",
    "segment_id": "segment",
    "segment": "people of",
    "people": "people",
    "people_least": "at least",
    "people_most": "at most",
}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("figures")(list_figures)


def list_figures(  # noqa: PLR0913, PLR0917  one option for each filter
    campaign: CampaignOption = None,
    advertiser: AdvertiserOption = None,
    segment: SegmentOption = None,
    day: DayOption = None,
    period: PeriodOption = None,
    last: LastOption = None,
    every: EveryOption = None,
    start: StartOption = None,
    end: EndOption = None,
    language: LanguageOption = "en",
    limit: Annotated[
        int, typer.Option(help="The most figures to print, newest first; 0 prints all.", min=0)
    ] = 40,
    csv: Annotated[  # noqa: FBT002  Typer declares flags as boolean parameters
        bool, typer.Option("--csv", help="Print all figures with all columns, as CSV.")
    ] = False,
    as_json: Annotated[  # noqa: FBT002
        bool, typer.Option("--json", help="Print all figures with all columns, as JSON.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """List released figures; a suppressed segment has no number.

    The same in Python: audience.figures.
    """
    spoken = parse_word("--language", language, LANGUAGES)
    asked = parse_period(day, period)
    selection = asked_selection(
        campaign, advertiser, segment, period=asked, last=last, every=every, start=start, end=end
    )
    found = _found(reading_home(home).root, selection, spoken or "en")
    if csv:
        say(found.to_csv(index=False), nl=False)
        return
    if as_json:
        print_json(frame_listing("Figures", found).records())
        return
    _show_newest(found, limit)


def _found(place: Path, selection: Selection, language: Language) -> Frame:
    """The figures that are asked for, with names of segments in the language."""
    with _named_by_options():
        found = figures(
            place,
            campaign=selection.campaigns or None,
            advertiser=selection.advertisers or None,
            segment=selection.segments or None,
            period_kind=selection.kind,
            start=selection.first_day,
            end=selection.last_day,
        )
    if selection.last:
        found = found[found["period_start"] == found["period_start"].max()]
    if language == "id":
        names = segments(place).set_index("segment_id")["segment_indonesian"]
        found = found.assign(segment=found["segment_id"].astype("string").map(names))
    return found


def _show_newest(found: Frame, limit: int) -> None:
    """The newest figures as a table, and how many more there are."""
    newest = found.sort_values("period_end", ascending=False, kind="stable")
    listed = newest[[*_FIGURES]].rename(columns=_FIGURES).head(limit or len(found))
    show(frame_listing("Figures", listed))
    if len(found) > len(listed):
        notices().print(f"The newest {len(listed):,} of {len(found):,}; --limit 0 lists all.")


@contextmanager
def _named_by_options() -> Iterator[None]:
    """Mistakes in arguments of the Python function are said to be in the options of the command."""
    try:
        yield
    except ConfigurationError as error:
        faults = [replace(fault, place=f"--{fault.place}") for fault in error.faults]
        raise ConfigurationError(faults) from None
