"""The release that a trend compares with: the period before, as it was when a release was made."""

from datetime import timedelta

from anonymizer.exports.notice import withdrawn
from anonymizer.model.periods import Period
from anonymizer.release.corrections import editions
from anonymizer.release.ledger import Entry, Ledger
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
