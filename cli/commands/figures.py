"""`audience statements`, `figures` and `exports`: what has been published, by the same filters."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from anonymizer.model.periods import PeriodKind
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
from cli.output import say
from cli.selection import Language, Selection
from pipelines.screen import Listing, frame_listing, notices, print_json, show

# Modules that read releases are imported where they are used: they are slow to import.

CampaignOption = Annotated[
    list[str] | None,
    typer.Option("--campaign", help="Campaign id, name or part of it; may be repeated."),
]
AdvertiserOption = Annotated[
    list[str] | None,
    typer.Option("--advertiser", help="Advertiser id, name or part of it; may be repeated."),
]
SegmentOption = Annotated[
    list[str] | None,
    typer.Option("--segment", help="Segment id, name or part of it; may be repeated."),
]
LastOption = Annotated[
    str | None,
    typer.Option("--last", help="day, week or month: the newest one that is released."),
]
EveryOption = Annotated[
    str | None, typer.Option("--every", help="day, week or month: all periods of that kind.")
]
StartOption = Annotated[
    str | None, typer.Option("--from", help="Periods from this day on, YYYY-MM-DD.")
]
EndOption = Annotated[str | None, typer.Option("--to", help="Periods up to this day, YYYY-MM-DD.")]
LanguageOption = Annotated[str, typer.Option("--language", help="en (English) or id (Indonesian).")]
_KINDS: tuple[PeriodKind, ...] = ("day", "week", "month")
_LANGUAGES: tuple[Language, ...] = ("en", "id")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("statements")(list_statements)
    app.command("figures")(list_figures)
    app.command("exports")(list_exports)


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
    from cli.exported_figures import exported_figures  # noqa: PLC0415
    from cli.release_summary import spread  # noqa: PLC0415
    from pipelines.release_history import open_history  # noqa: PLC0415

    spoken = parse_word("--language", language, _LANGUAGES)
    selection = Selection(
        tuple(campaign or ()),
        tuple(advertiser or ()),
        tuple(segment or ()),
        parse_period(day, period),
        parse_word("--last", last, _KINDS),
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


_FIGURES = {
    "period": "period",
    "subject": "subject",
    "segment_id": "segment",
    "segment": "people of",
    "people": "people",
    "people_least": "at least",
    "people_most": "at most",
}


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
    from audience import figures, segments  # noqa: PLC0415

    spoken = parse_word("--language", language, _LANGUAGES)
    selection = Selection(
        tuple(campaign or ()),
        tuple(advertiser or ()),
        tuple(segment or ()),
        parse_period(day, period),
        parse_word("--last", last, _KINDS),
        parse_word("--every", every, _KINDS),
        parse_day(start, "--from") if start else None,
        parse_day(end, "--to") if end else None,
    )
    place = reading_home(home).root
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
    if spoken == "id":
        names = segments(place).set_index("segment_id")["segment_indonesian"]
        found = found.assign(segment=found["segment_id"].astype("string").map(names))
    if csv:
        say(found.to_csv(index=False), nl=False)
        return
    if as_json:
        print_json(frame_listing("Figures", found).records())
        return
    listed = found[[*_FIGURES]].rename(columns=_FIGURES).tail(limit or len(found))
    show(frame_listing("Figures", listed))
    if len(found) > len(listed):
        notices().print(f"The newest {len(listed):,} of {len(found):,}; --limit 0 lists all.")


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
    from audience import exports  # noqa: PLC0415
    from cli.exported_figures import chosen_folders  # noqa: PLC0415

    place = reading_home(home)
    selection = Selection(
        tuple(campaign or ()),
        tuple(advertiser or ()),
        tuple(segment or ()),
        parse_period(day, period),
        parse_word("--last", last, _KINDS),
        parse_word("--every", every, _KINDS),
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
