"""What a demo ends with: sentences, how much is published, where it lies, what to type next."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from textwrap import wrap

import pyarrow.parquet as pq

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.periods import Period
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.model.subjects import Campaign
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.release.release import PUBLISHED, Release
from anonymizer.storage.home import VARIABLE, Home
from cli import command_limits
from cli.demo_accounts import DemoAccounts, add_demo_accounts, unmark_demo
from cli.exported_figures import ExportedFigure, exported_figures, period_of
from cli.output import say
from cli.release_summary import spread
from cli.selection import Selection
from pipelines.messages.screen import out
from pipelines.resources.release_history import catalogue_of, open_ledger
from pipelines.stages.accounts import final_accounts

_LABEL = len("Released  ")
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
    _say_lines(["", "Examples of sentences for advertisers:", ""])
    _say_lines([f"  {sentence}" for sentence in _sentences(home, ledger)], hanging=4)
    _say_lines(["", *_numbers(home, ledger, releases), ""], hanging=_LABEL)
    _say_lines([*_paths(home), ""], hanging=_LABEL)
    for line in (*_preparation(home), *_next_steps(home, ledger)):
        say(line)  # commands are typed as they are: a terminal wraps them, nothing else does
    _say_accounts(home, releases)


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
    return [
        figure.english for figure in (*promised, *spread(others, command_limits.FIGURES_OF_A_DEMO))
    ]


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
    named = (
        f"Named     {shares.named_published:,} of {shares.named:,} named segments are published; "
        "the others have too few people, or could reveal a small group"
    )
    possible = (
        f"Possible  {shares.published:,} of {shares.publishable:,} segments with enough people are "
        "published (for operators only, not for advertisers)"
    )
    return [
        f"Released  {listed}: {tables:,} tables",
        named,
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
    read, counted, duplicates = (
        sum(getattr(one, name) for one in found) for name in ("read", "counted", "duplicates")
    )
    excluded, quarantined = (
        sum(sum(getattr(one, name).values()) for one in found)
        for name in ("excluded", "quarantined")
    )
    others = sum(one.excluded.get("other_day", 0) for one in found)
    return (
        f"Rows      {read:,} visits read = {counted:,} counted + {others:,} of other days + "
        f"{excluded - others:,} excluded (no campaign, guest, consent, age ...) + "
        f"{quarantined:,} quarantined + {duplicates:,} duplicates. A day's run also reads the next "
        "day's folder, for late arrivals, so each folder is read twice; no visit is counted twice."
    )


def _paths(home: Home) -> list[str]:
    """Where everything lies."""
    return [
        f"Exports   {_relative(home.exports)} (a folder for each advertiser and release)",
        f"Database  {_relative(home.database)} (DuckDB)",
        f"Ledger    {_relative(home.ledger)} (what was released, and from what)",
    ]


def _preparation(home: Home) -> list[str]:
    """What a shell needs before the commands below can be typed."""
    activate = Path(sys.prefix, "bin", "activate")
    asleep = activate.exists() and os.environ.get("VIRTUAL_ENV") != sys.prefix
    return [
        "What to type next:",
        "",
        *([f"  . {quote(_relative(activate))}"] if asleep else []),
        f"  export {VARIABLE}={quote(str(home.root))}",
    ]


def _next_steps(home: Home, ledger: Ledger) -> list[str]:
    """Commands for each role, with names that exist, and its page."""
    day = _figures(home, ledger, Selection(last="day"))
    figure = max(day, key=lambda one: one.people, default=None)
    campaign = f'"{figure.campaign}"' if figure else "NAME"
    period = period_of(figure.release) if figure else None
    folder = f"{figure.advertiser_id}/{figure.release}" if figure else "ADVERTISER/RELEASE"
    exports = home.exports.relative_to(home.root)
    advertiser = figure.advertiser_id if figure else "ADVERTISER"
    steps = {
        "Ad-ops (docs/start-ad-ops.md)": (
            f"audience statements --campaign {campaign} --last day",
            f"audience check ${VARIABLE}/{exports}/{folder}",
            f"audience user add nina --advertiser {advertiser}",
            "audience portal",
        ),
        "Analyst (docs/start-analyst.md)": (f"audience figures --campaign {campaign} --last week",),
        "Privacy officer (docs/start-privacy-officer.md)": (
            "audience policy explain",
            "audience compare-naive",
        ),
        "Data engineer (docs/start-data-engineer.md)": (
            f"audience check-input --day {_day(period)}",
            "audience ui",
        ),
    }
    return [
        line
        for role, commands in steps.items()
        for line in ("", role, *(f"  {command}" for command in commands))
    ]


def _say_accounts(home: Home, releases: Sequence[Release]) -> None:
    """Accounts of the portal with their password, where the demo made them just now."""
    advertisers = {
        subject.advertiser_id
        for release in releases
        for subject in release.subjects
        if isinstance(subject, Campaign)
    }
    accounts = add_demo_accounts(home, sorted(advertisers))
    if accounts is None:
        return
    if accounts.logins:
        _say_password(accounts)
    unmark_demo(home)


def _say_password(accounts: DemoAccounts) -> None:
    say("\nAccounts of the portal (docs/portal.md)")
    say(f"  Login     {', '.join(accounts.logins)}")
    say(f"  Password  {accounts.password}")
    say("  audience portal")
    _say_lines(["", "The password is not stored and cannot be shown again."])


def _relative(path: Path) -> str:
    """A path as short as it can be typed here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _say_lines(lines: Sequence[str], hanging: int = 0) -> None:
    """Print; on a terminal, lines are broken between words and go on further to the right."""
    for line in lines:
        margin = " " * (len(line) - len(line.lstrip()))
        broken = wrap(
            line.strip(),
            width=out().width,
            initial_indent=margin,
            subsequent_indent=" " * hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        say("\n".join(broken))


def _day(period: Period | None) -> str:
    return period.id if period else "DAY"
