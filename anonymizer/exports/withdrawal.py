"""Takes a release that was sent out by mistake out of the exports, and keeps it in the history.

The ledger gets an entry of kind `withdrawal` first, with the reason and the digests of the
notices; then each export folder gives way to its notice. The release itself stays as it was
recorded: its figures are known to the world, and the gate goes on reckoning with them. Its period
is released again only as a correction.
"""

from collections.abc import Sequence

from anonymizer.exports.database_growth import update_database
from anonymizer.exports.export_folders import lay_recorded, recipients_of
from anonymizer.exports.notice import FORMAT, WITHDRAWAL, rendered_notices, withdrawn
from anonymizer.exports.partition_update import follow_figures
from anonymizer.exports.recorded_files import EXPORTS
from anonymizer.model.errors import ConfigurationError, Fault, Held
from anonymizer.model.reasons import require_fit
from anonymizer.release.corrections import circulates, corrected
from anonymizer.release.key_change import check_secret
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.release.publication import load_release
from anonymizer.release.release import Release
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret


def withdraw(
    release_id: str, reason: str, home: Home, ledger: Ledger, secret: Secret
) -> tuple[str, ...]:
    """Withdraw a release; returns the recipients in whose folders a notice lies now.

    The analysts' database is built anew without it. Doing it again finishes what was interrupted
    and changes nothing else. Raises ConfigurationError for a release that there is not, a reason
    that cannot stand in public, or one that differs from what is recorded; LedgerBroken or
    SecretProblem when the history cannot be trusted, Held when the exports were never finished,
    Busy, NoSpace.
    """
    require_fit(reason, "everyone can read the reason: leave this out")
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        if not any(entry.subject == release_id for entry in ledger.releases()):
            raise _mistake("release", f"{release_id} was never released", "audience ledger list")
        entry = withdrawn(entries).get(release_id)
        release = load_release(home, ledger, release_id)
        check_secret(entries, secret)
        if entry is None:
            entry = _recorded(release, reason, home, ledger, secret)
        elif entry.body["reason"] != reason:
            remedy = f"audience ledger show {release_id}"
            raise _mistake(
                "--reason", "the release is already withdrawn, for another reason", remedy
            )
        write_public_ledger(ledger, home)
        lay_recorded(release, home, ledger, secret)
        update_database(home, ledger)
        follow_figures(home, ledger)
    return tuple(name.split("/")[0] for name in entry.body["files"])


def in_circulation(releases: Sequence[Release], ledger: Ledger) -> list[Release]:
    """The releases that were not withdrawn, nor corrected by one that was."""
    entries = ledger.entries()
    gone, corrections = withdrawn(entries), corrected(entries)
    return [release for release in releases if circulates(release.id, corrections, gone)]


def _recorded(release: Release, reason: str, home: Home, ledger: Ledger, secret: Secret) -> Entry:
    exports = ledger.find(EXPORTS, release.id)
    if exports is None:
        raise Held(
            "exports_unfinished",
            f"the exports of {release.id} were never finished; run its period again with: audience "
            "run, then withdraw it",
        )
    recipients = recipients_of(exports)
    with rendered_notices(release, reason, recipients, home, secret) as digests:
        public = {"reason": reason, "files": digests, "notice_format": FORMAT}
        return ledger.append(WITHDRAWAL, release.id, public)


def _mistake(place: str, problem: str, command: str) -> ConfigurationError:
    return ConfigurationError([Fault(place, problem, f"see: {command}")])
