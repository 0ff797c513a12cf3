"""What a destination has not been told yet: releases, corrections and withdrawals by the ledger.

They follow from two things: what the published ledger says of each export, and what the delivery
log says that the destination has. So nothing is lost when a run is left out, and a correction of
figures that were never delivered is no news.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from anonymizer.delivery.delivery_settings import EVERY_ADVERTISER, DestinationSettings
from anonymizer.exports.circulation import Circulation, RecordedExport, circulation
from anonymizer.exports.export_folders import FOR_ALL
from anonymizer.exports.notice import WITHDRAWAL
from anonymizer.exports.pointer import POINTER
from anonymizer.model.series import Series, edition_of
from anonymizer.release.corrections import period_of
from anonymizer.release.public_ledger import PublicLedger
from anonymizer.storage.files import canonical_json
from anonymizer.storage.home import Home

Event = Literal["released", "corrected", "withdrawn"]
Standing = Literal["attempted", "released", "corrected", "withdrawn"]
ExportKey = tuple[str, str]  # recipient, release
_ID = 32  # characters of a digest


@dataclass(frozen=True)
class Change:
    """What became of an export. `notices` are the recorded notices in its folder, with digests.

    `instead` is the newest correction, if the recipient has figures in it.
    """

    event: Event
    export: RecordedExport
    number: int
    notices: Mapping[str, str]
    instead: RecordedExport | None = None

    @property
    def series(self) -> Series:
        """The series of the release."""
        return period_of(self.export.release)[0]

    @property
    def key(self) -> ExportKey:
        """Of which export it is."""
        return self.export.recipient, self.export.release

    @property
    def reason(self) -> str:
        """The public reason of a correction or withdrawal; empty for a first release."""
        return self.export.withdrawn if self.event == "withdrawn" else self.export.correction


@dataclass(frozen=True)
class PublishedExports:
    """The exports that the published ledger records, and their notices by release and name."""

    circulation: Circulation
    notices: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, home: Home) -> "PublishedExports":
        """As the ledger is now; nothing before anything is released. Raises LedgerBroken."""
        found = circulation(home)
        entries = PublicLedger(home.public_ledger).entries() if found.newest else ()
        notices: dict[str, dict[str, str]] = {}
        for entry in entries:
            if entry.kind in (WITHDRAWAL, POINTER):
                notices.setdefault(entry.subject, {}).update(entry.body["files"])
        return cls(found, notices)

    def changes(
        self, settings: DestinationSettings, standing: Mapping[ExportKey, Standing]
    ) -> tuple[Change, ...]:
        """What a destination has to be told, oldest first; `standing` is the last it was told.

        A correction comes after the release that corrects, so that right figures are there before
        wrong ones go. The settings choose what is released to a destination; what it has is called
        off whatever they are now.
        """
        found = [
            change
            for export in self.circulation.exports.values()
            for change in self._change(export, settings, standing)
        ]
        return tuple(sorted(found, key=lambda one: (one.number, one.event != "released", one.key)))

    def unknown(self, settings: DestinationSettings) -> tuple[str, ...]:
        """The advertisers of a destination that have no export, as one that is misspelled."""
        known = {recipient for _, recipient in self.circulation.exports} | {EVERY_ADVERTISER}
        return tuple(one for one in settings.advertisers if one not in known)

    def _change(
        self,
        export: RecordedExport,
        settings: DestinationSettings,
        standing: Mapping[ExportKey, Standing],
    ) -> Iterator[Change]:
        last = standing.get((export.recipient, export.release))
        notices = self._notices_of(export)
        if export.has_files:
            if last in (None, "attempted") and self._is_wanted(export, settings):
                yield Change("released", export, export.number, notices)
        elif export.withdrawn and last not in (None, "withdrawn"):
            yield Change("withdrawn", export, export.withdrawn_number, notices)
        elif export.corrected_by and last in ("attempted", "released") and notices:
            instead = self._instead_of(export)
            number = max(export.corrected_number, instead.number if instead else 0)
            yield Change("corrected", export, number, notices, instead)

    def _is_wanted(self, export: RecordedExport, settings: DestinationSettings) -> bool:
        if export.recipient != FOR_ALL and not settings.is_for(export.recipient):
            return False
        series, period = period_of(export.release)
        return series.id in settings.series and period.start >= settings.since

    def _instead_of(self, export: RecordedExport) -> RecordedExport | None:
        last = self.circulation.last_correction(export.release)
        found = self.circulation.exports.get((last, export.recipient))
        return found if found and found.is_in_force else None

    def _notices_of(self, export: RecordedExport) -> dict[str, str]:
        prefix = f"{export.recipient}/"
        own = self.notices.get(export.release, {})
        return {
            name.removeprefix(prefix): digest
            for name, digest in own.items()
            if name.startswith(prefix)
        }


def delivery_id(destination: str, changes: tuple[Change, ...]) -> str:
    """Names one delivery, each time that it is tried: 32 hexadecimal digits."""
    content = [destination, [[one.event, *one.key] for one in changes]]
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:_ID]


def package_name(export: RecordedExport) -> str:
    """The ZIP file of an export: `maju_2026-W45.zip`, of a correction `.._edition-2.zip`.

    What is for every advertiser is called `all` and has its kind: `all_audience_2026-11.zip`.
    """
    recipient = export.recipient
    if recipient == FOR_ALL:
        recipient = f"all_{export.subject_kind}"
    edition = edition_of(export.release)
    mark = "" if edition == 1 else f"_edition-{edition}"
    return f"{recipient}_{export.period.id}{mark}.zip"
