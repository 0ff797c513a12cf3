"""The filters that `audience statements`, `figures` and `exports` share."""

from typing import Annotated

import typer

from anonymizer.model.periods import PeriodKind
from cli.selection import Language

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
KINDS: tuple[PeriodKind, ...] = ("day", "week", "month")
LANGUAGES: tuple[Language, ...] = ("en", "id")
