"""Takes old exports out of circulation when nobody needs them any more.

What goes are the files of advertisers. Releases stay: later ones are judged against them, and the
analysts' database and corrections are made from them. So do the ledger and all notices. The entry
comes first: what a killed command has left is removed by the next one, or by a run of the period.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from anonymizer.exports.recorded_files import EXPORTS, RETIREMENT
from anonymizer.model.periods import Period
from anonymizer.model.reasons import require_fit
from anonymizer.release.key_change import check_secret
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.storage.files import sha256
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret


def retire_exports(
    home: Home, ledger: Ledger, secret: Secret, before: date, reason: str
) -> tuple[str, ...]:
    """Remove the exports of periods that ended before a day; the releases whose exports went.

    Files that are not as they were recorded are left, and `audience verify` names them. Raises
    ConfigurationError for a reason that cannot stand in public, LedgerBroken, SecretProblem, Busy
    or NoSpace.
    """
    require_fit(reason, "everybody can read it: leave it out")
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        check_secret(entries, secret)
        retired = {entry.subject for entry in entries if entry.kind == RETIREMENT}
        old = [
            entry.subject
            for entry in ledger.releases()
            if Period.from_id(entry.body["period"]).end < before
            and entry.subject not in retired
            and ledger.find(EXPORTS, entry.subject)
        ]
        for release in old:
            ledger.append(RETIREMENT, release, {"reason": reason})
        write_public_ledger(ledger, home)
        for release in (*sorted(retired), *old):
            if exports := ledger.find(EXPORTS, release):
                remove_retired(home, exports)
    return tuple(old)


def remove_retired(home: Home, exports: Entry) -> None:
    """Remove the recorded files of a retired release, and folders that are empty after it."""
    folders = set()
    for name, digest in exports.body["files"].items():
        advertiser, file = name.split("/")
        path = home.exports / advertiser / exports.subject / file
        if path.is_file() and sha256(path) == digest:
            path.unlink()
        folders.add(path.parent)
    _remove_empty(folders)


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
