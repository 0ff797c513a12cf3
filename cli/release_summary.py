"""What has been released, in plain words and in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow.parquet as pq

from anonymizer.exports.notice import withdrawn
from anonymizer.exports.verification import VerifiedFolder, verify_links
from anonymizer.model.periods import Period
from anonymizer.release.corrections import corrected
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import check_public_ledger, is_behind
from anonymizer.release.publication import load_releases, require_releases
from anonymizer.release.release import PUBLISHED, Release
from anonymizer.storage.home import Home
from pipelines.release_history import catalogue_of


@dataclass(frozen=True)
class Totals:
    """Counts over all releases; nothing about any one figure."""

    releases: int
    tables: int
    published: int
    suppressed: int
    newest: str = ""
    newest_published: int = 0


def count_released(home: Home, ledger: Ledger) -> Totals:
    """How many segments are published and how many are suppressed. Raises LedgerBroken."""
    releases = load_releases(home, ledger)
    published = [_figures(release) for release in releases]
    tables = sum(len(release.subjects) for release in releases)
    segments = sum(
        len(catalogue_of(home, ledger, release)) * len(release.subjects) for release in releases
    )
    if not releases:
        return Totals(0, 0, 0, 0)
    newest = releases[-1].period.id
    return Totals(
        len(releases), tables, sum(published), segments - sum(published), newest, published[-1]
    )


def verify_published(home: Home, ledger: Ledger) -> VerifiedFolder:
    """Prove the chain, its public part, and every published file by the ledger itself.

    What an interrupted run left to the next one is named and is no fault. Raises LedgerBroken or
    Held, naming the files that are not as they were published.
    """
    links = [entry.link for entry in ledger.entries()]
    check_public_ledger(home, links)
    require_releases(home, ledger)
    proved = verify_links(home.published, links)
    if is_behind(home, links):
        behind = f"{home.public_ledger.name} lacks the newest entries"
        return replace(proved, unfinished=(behind, *proved.unfinished))
    return proved


def statements(
    home: Home, ledger: Ledger, period: Period | None = None, advertiser: str | None = None
) -> list[str]:
    """The published statements of a day, week or month as they stand in exports.

    Those of the newest release without a period. Of a release that was corrected, the correction's.
    """
    wanted = None if period is None else period.id
    entries = ledger.entries()
    gone = withdrawn(entries).keys() | corrected(entries).keys()
    subjects = [
        entry.subject
        for entry in ledger.releases()
        if wanted in (None, entry.body["period"]) and entry.subject not in gone
    ]
    folders = [
        folder
        for subject in (subjects if period else subjects[-1:])
        for folder in sorted(home.exports.glob(f"*/{subject}"))
        if advertiser in (None, folder.parent.name)
    ]
    files = [path for folder in folders for path in sorted(folder.glob("*.parquet"))]
    return [
        row["statement_english"]
        for path in files
        for row in pq.read_table(path, columns=["status", "statement_english"]).to_pylist()
        if row["status"] == PUBLISHED
    ]


def spread(lines: Sequence[str], limit: int) -> list[str]:
    """At most `limit` lines, evenly spread."""
    if len(lines) <= limit:
        return list(lines)
    return [lines[position * len(lines) // limit] for position in range(limit)]


def _figures(release: Release) -> int:
    statuses: list[str] = release.figures["status"].to_pylist()
    return statuses.count(PUBLISHED)
