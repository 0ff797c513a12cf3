"""What an analyst asks for: figures, a campaign as a grid, and what there is to ask about.

Figures do not add up over segments, periods or subjects, because people overlap: choose one kind
of subject and one kind of period before comparing.
"""

from datetime import date

import pandas as pd

from anonymizer.exports.notice import NOTICE
from anonymizer.exports.pointer import CORRECTED
from anonymizer.model.errors import Fault, first_few
from anonymizer.model.periods import PeriodKind
from audience.choices import (
    PERIOD_KINDS,
    STATUSES,
    SUBJECT_KINDS,
    Names,
    day_of,
    ids_of,
    one_of,
    refuse,
)
from audience.source import Place, opened, published_home


def figures(  # noqa: PLR0913  one argument a filter, all by name
    place: Place = None,
    *,
    campaign: Names = None,
    advertiser: Names = None,
    segment: Names = None,
    subject_kind: str | None = None,
    period_kind: str | None = None,
    status: str | None = None,
    start: date | str | None = None,
    end: date | str | None = None,
) -> pd.DataFrame:
    """Released figures, one row a figure; of a corrected period, the corrected ones.

    `place` is a home, a published folder or a segments.duckdb (default: `$AUDIENCE_HOME`, else
    `./home`). Campaigns, advertisers and segments go by id or by a part of the name, one or a list.
    Periods lie between `start` and `end` as a whole. `people` is <NA> where suppressed. Raises
    ConfigurationError with every name that fits nothing, and which names exist.
    """
    faults: list[Fault] = []
    with opened(place) as source:
        known = source.rows("list_campaigns")
        values = {
            "subject_kind": one_of("subject_kind", subject_kind, SUBJECT_KINDS, faults),
            "period_kind": one_of("period_kind", period_kind, PERIOD_KINDS, faults),
            "status": one_of("status", status, STATUSES, faults),
            "campaigns": ids_of("campaign", campaign, known, faults),
            "advertisers": ids_of("advertiser", advertiser, _advertisers(known), faults),
            "segments": ids_of("segment", segment, source.rows("list_segments"), faults),
            "start": day_of("start", start, faults),
            "end": day_of("end", end, faults),
        }
        refuse(faults)
        return source.rows("select_figures", values)


def campaign(
    name: str,
    place: Place = None,
    *,
    period_kind: PeriodKind = "day",
    segment: Names = None,
    start: date | str | None = None,
    end: date | str | None = None,
) -> pd.DataFrame:
    """A campaign over time: one row a period, one column a segment, people as Int64.

    The columns are ids of the named segments, or of those that `segment` names. Suppressed figures
    are <NA>. Raises ConfigurationError where `name` fits no campaign, or several.
    """
    faults: list[Fault] = []
    with opened(place) as source:
        chosen = ids_of("campaign", name, source.rows("list_campaigns"), faults) or []
        known = source.rows("list_segments")
        wanted = ids_of("segment", segment, known, faults)
        if wanted is None:
            wanted = known.loc[known["named"], "segment_id"].tolist()
        if len(chosen) > 1:
            problem = f"{name!r} is part of the names of several campaigns"
            faults.append(Fault("campaign", problem, f"name one of {first_few(chosen)}"))
        limits = {
            **dict.fromkeys(("subject_kind", "status", "advertisers")),
            "period_kind": one_of("period_kind", period_kind, PERIOD_KINDS, faults),
            "campaigns": chosen,
            "segments": wanted,
            "start": day_of("start", start, faults),
            "end": day_of("end", end, faults),
        }
        refuse(faults)
        rows = source.rows("select_figures", limits)
    grid = rows.astype({"segment_id": "string"}).pivot(
        index="period_start", columns="segment_id", values="people"
    )
    return grid.reindex(columns=pd.Index(wanted, name="segment_id")).astype("Int64").sort_index()


def campaigns(place: Place = None, *, advertiser: Names = None) -> pd.DataFrame:
    """Campaigns that stand in a release: names, advertisers, dates, target regions.

    `releases` counts the releases with figures of the campaign. Raises ConfigurationError where
    `advertiser` fits nothing.
    """
    faults: list[Fault] = []
    with opened(place) as source:
        known = source.rows("list_campaigns")
    ids = ids_of("advertiser", advertiser, _advertisers(known), faults)
    refuse(faults)
    if ids is None:
        return known
    return known[known["advertiser_id"].isin(ids)].reset_index(drop=True)


def segments(place: Place = None) -> pd.DataFrame:
    """Segments that stand in a release, named ones first: names, gender, age, region."""
    with opened(place) as source:
        return source.rows("list_segments")


def releases(place: Place = None) -> pd.DataFrame:
    """Releases in the order of the ledger: subject, period, threshold, rounding, error."""
    with opened(place) as source:
        return source.rows("describe_releases")


def exports(place: Place = None) -> pd.DataFrame:
    """Export folders of each advertiser: how many campaigns, what became of them, where they lie.

    `campaigns` is missing for interests and for the audience, which are not of campaigns.
    `notice` is empty, or says that the export was withdrawn or corrected.
    """
    folders = sorted(published_home(place).exports.glob("*/*"))
    states = ((NOTICE, "withdrawn"), (CORRECTED, "corrected"))
    campaigns = [
        len(list(folder.glob("*.csv"))) if folder.name.startswith("campaign-") else pd.NA
        for folder in folders
    ]
    frame = pd.DataFrame(
        {
            "advertiser": [folder.parent.name for folder in folders],
            "release": [folder.name for folder in folders],
            "campaigns": pd.array(campaigns, dtype="Int64"),
            "notice": [
                ", ".join(state for name, state in states if (folder / name).exists())
                for folder in folders
            ],
            "folder": [str(folder) for folder in folders],
        }
    )
    return frame.astype({name: "string" for name in frame.columns if name != "campaigns"})


def _advertisers(known: pd.DataFrame) -> pd.DataFrame:
    return known[["advertiser_id", "advertiser"]].drop_duplicates()
