"""Which exports the published ledger records, and what became of each: in force or not.

It is read from `published/ledger.jsonl` alone: whoever serves exports needs nothing private.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anonymizer.exports.notice import WITHDRAWAL
from anonymizer.exports.pointer import POINTER
from anonymizer.exports.recorded_files import EXPORTS
from anonymizer.model.periods import Period
from anonymizer.release.corrections import CORRECTION, corrected, period_of
from anonymizer.release.ledger import Entry
from anonymizer.release.public_ledger import PublicLedger
from anonymizer.storage.home import Home


@dataclass(frozen=True)
class RecordedExport:
    """The files of one release for one recipient: SHA-256 by name, and the number in the ledger.

    `withdrawn` and `correction` are public reasons, empty where there is none. `corrected_by` is
    the release whose figures to use instead. `corrects` is the release that this one corrects, for
    the reason in `correction`.
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

    @property
    def is_in_force(self) -> bool:
        """Whether its figures may be used."""
        return not (self.withdrawn or self.corrected_by)

    @property
    def subject_kind(self) -> str:
        """`campaign`, `interest` or `audience`."""
        return period_of(self.release)[0].kind


@dataclass(frozen=True)
class Circulation:
    """All recorded exports, by release and recipient; `newest` is the number of the last entry."""

    exports: Mapping[tuple[str, str], RecordedExport] = field(default_factory=dict)
    newest: int = 0

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
        for kind in (EXPORTS, WITHDRAWAL, POINTER, CORRECTION)
    }
    corrects = {new: old for old, new in corrected(entries).items()}
    exports = [
        _recorded(entry, recipient, files, by_kind, corrects)
        for entry in by_kind[EXPORTS].values()
        for recipient, files in _by_recipient(entry).items()
    ]
    found = {(one.release, one.recipient): one for one in exports}
    return Circulation(found, entries[-1].sequence if entries else 0)


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
    corrects: Mapping[str, str],
) -> RecordedExport:
    release = entry.subject
    withdrawal, pointer = by_kind[WITHDRAWAL].get(release), by_kind[POINTER].get(release)
    instead = pointer.body["corrected_by"] if pointer else ""
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
        corrected_number=pointer.sequence if pointer else 0,
        corrects=corrects.get(release, ""),
        correction=order.body["reason"] if order else "",
    )
