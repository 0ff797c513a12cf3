"""The release that a trend compares with: the period before, as it was when a release was made.

A workbook has its main figures, and keeps them when it is withdrawn or corrected later.
"""

from collections.abc import Sequence
from datetime import timedelta

from anonymizer.exports.notice import WITHDRAWAL, withdrawn
from anonymizer.exports.recorded_files import EXPORTS, Record
from anonymizer.model.periods import Period
from anonymizer.model.series import edition_of, first_edition
from anonymizer.release.corrections import editions, period_of
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.publication import load_release
from anonymizer.release.release import Release
from anonymizer.storage.home import Home


def previous_release(
    release: Release, recorded: Entry, home: Home, ledger: Ledger
) -> Release | None:
    """The newest edition of the period before, of what the ledger had when a release was recorded.

    So an export that is written again later has the same bytes. None where nothing was released,
    or it had been withdrawn. Raises LedgerBroken for a folder that is not as recorded.
    """
    earlier = [entry for entry in ledger.entries() if entry.sequence < recorded.sequence]
    period = Period.of(release.period.kind, release.period.start - timedelta(days=1))
    found = editions(earlier, release.series, period)
    if not found or found[-1].subject in withdrawn(earlier):
        return None
    return load_release(home, ledger, found[-1].subject)


def repeated_in(release_id: str, records: Sequence[Record]) -> tuple[str, ...]:
    """The releases of the period after whose workbooks have main figures of a release."""
    series, period = period_of(release_id)
    after = series.release_id(Period.of(period.kind, period.end + timedelta(days=1)))
    exported = {subject for kind, subject, _ in records if kind == EXPORTS}
    return tuple(
        subject
        for kind, subject, _ in records
        if kind == RELEASE
        and first_edition(subject) == after
        and subject in exported
        and compared_release(subject, records) == release_id
    )


def compared_release(release_id: str, records: Sequence[Record]) -> str:
    """The release whose main figures the workbooks of a release have; empty for none."""
    series, period = period_of(release_id)
    before = series.release_id(Period.of(period.kind, period.start - timedelta(days=1)))
    catalogues: dict[str, str] = {}
    gone = set[str]()
    for kind, subject, body in records:
        if kind == WITHDRAWAL:
            gone.add(subject)
        if kind == RELEASE and subject == release_id:
            newest = max(catalogues, key=edition_of, default="")
            same = catalogues.get(newest) == body.get("catalogue")
            return newest if same and newest not in gone else ""
        if kind == RELEASE and first_edition(subject) == before:
            catalogues[subject] = body.get("catalogue", "")
    return ""


def outdated_comparison(release_id: str, records: Sequence[Record]) -> str:
    """What became of the period before that workbooks of a release have; empty if nothing."""
    compared = compared_release(release_id, records)
    gone = any((kind, subject) == (WITHDRAWAL, compared) for kind, subject, _ in records)
    by = [s for kind, s, body in records if kind == RELEASE and body.get("corrects") == compared]
    if not compared or not (gone or by):
        return ""
    became = f"corrected by {by[0]}" if by else "withdrawn"
    return (
        f"Workbooks of {release_id} that compare with the previous period show main figures of "
        f"{compared}, which was later {became}: tell recipients not to use that column"
    )


def sentence_on_repeats(release_id: str, records: Sequence[Record]) -> str:
    """A line on the exports that repeat figures of a release; empty where none do."""
    names = repeated_in(release_id, records)
    if not names:
        return ""
    return (
        f"Workbooks of {', '.join(names)} that compare with the previous period show its main "
        "figures and stay unchanged: tell recipients not to use that column"
    )
