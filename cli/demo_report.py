"""What a demo ends with: sentences, how much is published, where it lies, what to type next."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.periods import Period
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.release.release import PUBLISHED, Release
from anonymizer.storage.home import VARIABLE, Home
from cli.exported_figures import ExportedFigure, exported_figures, period_of
from cli.output import say
from cli.release_summary import spread
from cli.selection import Selection
from pipelines.accounts import final_accounts
from pipelines.release_history import catalogue_of, open_ledger

_LISTED = 10
# Segments of the two sentences that a privacy policy promises advertisers, the better ones first.
_PROMISED = (("men_under_40",), ("women_central_jakarta", "all:all:31.71"))


@dataclass(frozen=True)
class Shares:
    """How many segments are published of those that could be: of named ones, of large enough ones.

    `publishable` counts the segments with enough people, which only the privileged role can read.
    """

    named_published: int
    named: int
    published: int
    publishable: int


def print_demo(home: Home) -> None:
    """Sentences of the newest releases, how much is published and where, and what to type next."""
    ledger = open_ledger(home)
    releases = load_releases(home, ledger)
    if not releases:
        say("Nothing is released yet.")
        return
    sentences = _sentences(home, ledger)
    say("\nExamples of sentences for advertisers:\n")
    for sentence in sentences:
        say(f"  {sentence}")
    say("")
    for line in _numbers(home, ledger, releases):
        say(line)
    say(f"\nExports   {home.exports}\nDatabase  {home.database}\nLedger    {home.ledger}\n")
    for line in _next_steps(home, ledger):
        say(line)


def count_shares(home: Home, ledger: Ledger, releases: Sequence[Release]) -> Shares:
    """The shares over all releases."""
    named_published = named = 0
    reasons: Counter[str] = Counter()
    for release in releases:
        catalogue = catalogue_of(home, ledger, release)
        names = {segment.id for segment in catalogue.named.values()}
        rows = release.figures.select(["segment_id", "status"]).to_pylist()
        named += len(names) * len(release.subjects)
        named_published += sum(
            row["segment_id"] in names and row["status"] == PUBLISHED for row in rows
        )
        path = home.working_file(release.series.stage("protected"), release.period.end)
        if path.exists():
            table = pq.read_table(path, columns=["reason"], partitioning=None)
            reasons.update(table["reason"].to_pylist())
    published = reasons["kept"]
    return Shares(named_published, named, published, published + reasons["inference"])


def _sentences(home: Home, ledger: Ledger) -> list[str]:
    """The two promised ones, then others of the newest day."""
    day = _figures(home, ledger, Selection(last="day"))
    promised = [
        max(found, key=lambda figure: figure.people)
        for segments in _PROMISED
        if (found := next(filter(None, (_of_segment(home, ledger, one) for one in segments)), None))
    ]
    others = [figure for figure in day if figure not in promised]
    return [figure.english for figure in (*promised, *spread(others, _LISTED))]


def _of_segment(home: Home, ledger: Ledger, segment: str) -> list[ExportedFigure]:
    """Figures of campaigns: of the newest day, week or month, the shortest that has any."""
    for kind in ("day", "week", "month"):
        found = _figures(home, ledger, Selection(segments=(segment,), last=kind))
        if campaigns := [one for one in found if one.release.startswith("campaign-")]:
            return campaigns
    return []


def _figures(home: Home, ledger: Ledger, selection: Selection) -> list[ExportedFigure]:
    try:
        return exported_figures(home, ledger, selection)
    except ConfigurationError:  # there are none
        return []


def _numbers(home: Home, ledger: Ledger, releases: Sequence[Release]) -> list[str]:
    """How much was read, released and published, each in a line."""
    periods = Counter(release.series for release in releases)
    listed = ", ".join(_counted(count, series) for series, count in periods.items())
    tables = sum(len(release.subjects) for release in releases)
    shares = count_shares(home, ledger, releases)
    possible = (
        f"Possible  {shares.published:,} of {shares.publishable:,} segments with enough "
        "people are published (a privileged view)"
    )
    return [
        f"Released  {listed}: {tables:,} tables",
        f"Named     {shares.named_published:,} of {shares.named:,} named segments are published",
        possible,
        _rows_line(home, releases),
    ]


def _counted(count: int, series: Series) -> str:
    """`45 days`, `1 month of the audience`."""
    of = {"interest": " of interests", "audience": " of the audience"}.get(series.kind, "")
    return f"{count} {series.period_kind}{'' if count == 1 else 's'}{of}"


def _rows_line(home: Home, releases: Sequence[Release]) -> str:
    days = [release.period.start for release in releases if release.series == CAMPAIGN_DAY]
    found = [accounts["visits"] for day in days if (accounts := final_accounts(home, day))]
    # A run opens the next day's folder too; what is not of its day, another run accounts for.
    read = sum(one.read - one.excluded.get("other_day", 0) for one in found)
    counted = sum(one.counted for one in found)
    return (
        f"Visits    {read:,} rows read, {counted:,} of them count for a campaign (a run "
        "also opens the next day's folder, for late arrivals; no row counts twice)"
    )


def _next_steps(home: Home, ledger: Ledger) -> list[str]:
    """A command for each role, with names that exist."""
    day = _figures(home, ledger, Selection(last="day"))
    figure = max(day, key=lambda one: one.people, default=None)
    campaign = f'"{figure.campaign}"' if figure else "NAME"
    period = period_of(figure.release) if figure else None
    export = f"{home.exports}/{figure.advertiser_id}/{figure.release}" if figure else "FOLDER"
    return [
        f"What to type next, after: export {VARIABLE}={home.root}\n",
        f"  Ad-ops           audience statements --campaign {campaign} --last day",
        f"                   audience check {export}",
        f"  Analyst          audience figures --campaign {campaign} --last week",
        "  Privacy officer  audience policy explain",
        f"  Data engineer    audience check-input --day {_day(period)}",
        "                   audience ui",
    ]


def _day(period: Period | None) -> str:
    return period.id if period else "DAY"
