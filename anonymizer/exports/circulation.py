"""Which exports the published ledger records, and what became of each: in force or not.

It is read from `published/ledger.jsonl` alone: whoever serves exports needs nothing private.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anonymizer.exports.notice import WITHDRAWAL
from anonymizer.exports.recorded_files import EXPORTS, RETIREMENT
from anonymizer.model.periods import Period
from anonymizer.release.corrections import CORRECTION, corrected, period_of
from anonymizer.release.ledger import RELEASE, Entry
from anonymizer.release.public_ledger import PublicLedger
from anonymizer.storage.home import Home


@dataclass(frozen=True)
class RecordedExport:
    """The files of one release for one recipient: SHA-256 by name, and the number in the ledger.

    `withdrawn`, `correction` and `retired` are public reasons, empty where there is none.
    `corrected_by` is the release that corrects this one. `corrects` is the release that this one
    corrects, for the reason in `correction`. Of a retired one the files are removed, and its
    figures stay in force.
    """

    release: str
    recipient: str
    period: Period
    number: int
    files: Mapping[str, str]
    withdrawn: str = ""
    withdrawn_number: int = 0
    corrected_by: str = ""
    corrected_number: int = 0
    corrects: str = ""
    correction: str = ""
    retired: str = ""
    retired_number: int = 0

    @property
    def changed(self) -> int:
        """The number of the last entry about it."""
        return max(self.number, self.withdrawn_number, self.corrected_number, self.retired_number)

    @property
    def is_in_force(self) -> bool:
        """Whether its figures may be used."""
        return not (self.withdrawn or self.corrected_by)

    @property
    def has_files(self) -> bool:
        """Whether its files may be sent."""
        return self.is_in_force and not self.retired

    @property
    def subject_kind(self) -> str:
        """`campaign`, `interest` or `audience`."""
        return period_of(self.release)[0].kind


@dataclass(frozen=True)
class Circulation:
    """All recorded exports, by release and recipient; `newest` is the number of the last entry.

    `withdrawn` has the public reason of each withdrawn release, `corrected` the release that
    corrects it of each corrected one, whether their exports are finished or not.
    """

    exports: Mapping[tuple[str, str], RecordedExport] = field(default_factory=dict)
    newest: int = 0
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    corrected: Mapping[str, str] = field(default_factory=dict)

    @property
    def out_of_force(self) -> frozenset[str]:
        """The releases whose figures may not be used."""
        return frozenset(self.withdrawn) | frozenset(self.corrected)

    def last_correction(self, release: str) -> str:
        """The release at the end of the corrections that begin with one; itself without any."""
        while release in self.corrected:
            release = self.corrected[release]
        return release

    def of(self, recipient: str) -> tuple[RecordedExport, ...]:
        """The exports of a recipient in the order of the ledger."""
        return tuple(one for one in self.exports.values() if one.recipient == recipient)


def circulation(published: Home) -> Circulation:
    """What the published ledger says; empty before anything is released. Raises LedgerBroken."""
    path: Path = published.public_ledger
    if not path.exists():
        return Circulation()
    entries = PublicLedger(path).entries()
    by_kind = {
        kind: {entry.subject: entry for entry in entries if entry.kind == kind}
        for kind in (EXPORTS, WITHDRAWAL, RETIREMENT, CORRECTION, RELEASE)
    }
    # Not the pointers: they are laid after the correction is released.
    corrections = corrected(entries)
    exports = [
        _recorded(entry, recipient, files, by_kind, corrections)
        for entry in by_kind[EXPORTS].values()
        for recipient, files in _by_recipient(entry).items()
    ]
    return Circulation(
        {(one.release, one.recipient): one for one in exports},
        entries[-1].sequence if entries else 0,
        {release: entry.body["reason"] for release, entry in by_kind[WITHDRAWAL].items()},
        corrections,
    )


def _by_recipient(entry: Entry) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, digest in entry.body["files"].items():
        recipient, _, file = name.partition("/")
        found.setdefault(recipient, {})[file] = digest
    return found


def _recorded(
    entry: Entry,
    recipient: str,
    files: Mapping[str, str],
    by_kind: Mapping[str, Mapping[str, Entry]],
    corrections: Mapping[str, str],
) -> RecordedExport:
    release = entry.subject
    withdrawal, retirement = by_kind[WITHDRAWAL].get(release), by_kind[RETIREMENT].get(release)
    instead, own = corrections.get(release, ""), by_kind[RELEASE].get(release)
    order = by_kind[CORRECTION].get(instead or release)
    return RecordedExport(
        release=release,
        recipient=recipient,
        period=period_of(release)[1],
        number=entry.sequence,
        files=files,
        withdrawn=withdrawal.body["reason"] if withdrawal else "",
        withdrawn_number=withdrawal.sequence if withdrawal else 0,
        corrected_by=instead,
        corrected_number=by_kind[RELEASE][instead].sequence if instead else 0,
        corrects=own.body.get("corrects", "") if own else "",
        correction=order.body["reason"] if order else "",
        retired=retirement.body["reason"] if retirement else "",
        retired_number=retirement.sequence if retirement else 0,
    )
