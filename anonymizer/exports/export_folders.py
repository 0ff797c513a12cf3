"""Lays the exports of a release into folders: of its advertisers, or for all of them.

A campaign's files go to its advertiser alone; an audience or an interest is no advertiser's own,
so its files lie in `_all`, a name that no advertiser's id can be.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from anonymizer.exports.certificate import CERTIFICATE, certificate_bytes
from anonymizer.exports.csv_file import csv_bytes
from anonymizer.exports.data_label import label_of
from anonymizer.exports.file_names import stems, workbook_name
from anonymizer.exports.file_seal import Sealer
from anonymizer.exports.language import LANGUAGES
from anonymizer.exports.manifest import manifest_bytes
from anonymizer.exports.notice import lay_notices, withdrawn
from anonymizer.exports.overview import ReleasedGroups, WorkbookContent, earlier_figures
from anonymizer.exports.parquet_file import parquet_table
from anonymizer.exports.pointer import POINTER, lay_pointers, point_to
from anonymizer.exports.previous_release import previous_release
from anonymizer.exports.recorded_files import EXPORTS, RETIREMENT, recorded_files
from anonymizer.exports.retirement import remove_retired
from anonymizer.exports.rows import export_rows
from anonymizer.exports.xlsx_file import xlsx_bytes
from anonymizer.model.errors import AudienceError, Held, LedgerBroken, NoSpace
from anonymizer.model.series import first_edition
from anonymizer.model.subjects import Campaign, Subject
from anonymizer.release.acceptances import statement_of
from anonymizer.release.corrections import CorrectionOrder, corrected, find_order
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.public_ledger import write_public_ledger
from anonymizer.release.release import Release
from anonymizer.storage.files import PUBLIC, move_into_place, sha256, write_bytes, write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret

MANIFEST = "manifest.json"
FOR_ALL = "_all"


def write_exports(release: Release, home: Home, ledger: Ledger, secret: Secret) -> tuple[Path, ...]:
    """Write `exports/<advertiser_id>/<release_id>/` once; returns these folders.

    Exports for all advertisers are in `exports/_all/<release_id>/`.

    The digests of all files go into the ledger before the first folder appears, each folder
    appears as a whole, and what stands there as recorded is left alone. Raises Held when a file
    was edited, or when one is lost and what would be written now differs from the record.
    A withdrawn release has its notices there instead. A corrected one has a pointer beside its
    files, which the exports of the correction bring. The secret seals the certificates.
    """
    if not isinstance(release, Release):
        raise TypeError("exports are made from a release only")
    targets = tuple(home.exports / name / release.id for name, _ in _by_recipient(release))
    with exclusive(home):
        if lay_recorded(release, home, ledger, secret):
            _point_to_correction(release, home, ledger, secret)
            write_public_ledger(ledger, home)
            return targets
        recorded = ledger.find(EXPORTS, release.id)
        if recorded and ledger.find(RETIREMENT, release.id):
            remove_retired(home, recorded)
            _point_to_correction(release, home, ledger, secret)
            write_public_ledger(ledger, home)
            return targets
        if recorded:
            _refuse_edited(home, release.id, _recorded_files(ledger)[release.id])
        missing = [target for target in targets if not target.exists()]
        if missing or recorded is None:
            staged = home.published / ".staging" / "exports"
            with _removed_if_refused(staged):
                _render(release, staged, _export_facts(release, home, ledger, secret))
                _record(recorded, staged, release.id, home, ledger)
            # From here on the ledger vouches for what is staged: if there is no room, it stays.
            write_public_ledger(ledger, home)
            for target in missing:
                move_into_place(staged / target.parent.name / release.id, target)
            _remove(staged)
            lay_recorded(release, home, ledger, secret)
        _point_to_correction(release, home, ledger, secret)
        write_public_ledger(ledger, home)
    return targets


def lay_recorded(release: Release, home: Home, ledger: Ledger, secret: Secret) -> bool:
    """Lay the recorded notices of a release that was withdrawn or corrected.

    Returns whether it was withdrawn, so that its notices are all there is. The caller holds the
    lock. Raises SecretProblem, NoSpace.
    """
    withdrawal = withdrawn(ledger.entries()).get(release.id)
    if withdrawal:
        lay_notices(release, withdrawal, home, secret)
    pointer = ledger.find(POINTER, release.id)
    if pointer and (order := find_order(ledger, pointer.body["corrected_by"])):
        _lay_pointers(pointer, order, home, ledger, secret)
    return withdrawal is not None


def _point_to_correction(release: Release, home: Home, ledger: Ledger, secret: Secret) -> None:
    """Of a correction: say so beside the exports of what it corrects."""
    order = find_order(ledger, release.id)
    if order is None:
        return
    exports = ledger.find(EXPORTS, order.corrects)
    recipients = recipients_of(exports) if exports else []
    pointer = point_to(release, order, recipients, ledger, secret)
    write_public_ledger(ledger, home)
    _lay_pointers(pointer, order, home, ledger, secret)


def _lay_pointers(
    pointer: Entry, order: CorrectionOrder, home: Home, ledger: Ledger, secret: Secret
) -> None:
    is_retired = ledger.find(RETIREMENT, pointer.subject) is not None
    lay_pointers(pointer, order, home, secret, is_retired=is_retired)


def recipients_of(exports: Entry) -> list[str]:
    """Whose folders the recorded files of a release are in."""
    return sorted({name.split("/")[0] for name in exports.body["files"]})


@dataclass(frozen=True)
class _ExportFacts:
    """What exports are made with beside the release itself."""

    entry: Entry
    secret: Secret
    accepted: Mapping[str, Any] | None
    previous: Release | None


def _export_facts(release: Release, home: Home, ledger: Ledger, secret: Secret) -> _ExportFacts:
    entries = ledger.entries()
    entry = ledger.find_release(release.id)
    if entry is None:
        raise LedgerBroken(f"{release.id} is not in the ledger; it was never released")
    accepted = statement_of(entry.body, [other.link for other in entries])
    previous = previous_release(release, entry, home, ledger)
    return _ExportFacts(entry, secret, accepted, previous)


def _render(release: Release, staging: Path, facts: _ExportFacts) -> None:
    """Write all exports of a release into a new folder. Raises NoSpace."""
    _remove(staging)
    for recipient, subjects in _by_recipient(release):
        folder = staging / recipient / release.id
        named = "every advertiser" if recipient == FOR_ALL else recipient
        _fill(folder, subjects, Sealer(release, named, facts.secret), facts.previous)
        certificate = certificate_bytes(
            release,
            facts.entry,
            named,
            folder,
            facts.secret,
            accepted=facts.accepted,
        )
        write_bytes(certificate, folder / CERTIFICATE, mode=PUBLIC)


@contextmanager
def _removed_if_refused(staging: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _remove(staging)
        raise NoSpace("published/exports", type(error).__name__) from None
    except AudienceError:
        _remove(staging)
        raise


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _record(
    recorded: Entry | None, staged: Path, release_id: str, home: Home, ledger: Ledger
) -> None:
    """Write the digests down; what was recorded before must be what stands there now."""
    digests = _digests(staged, release_id)
    if recorded is None:
        _refuse_edited(home, release_id, digests)
        ledger.append(EXPORTS, release_id, {"files": digests})
    elif recorded.body["files"] != digests:
        raise _cannot_repeat(release_id)


def faulty_exports(home: Home, ledger: Ledger, only: str = "") -> list[str]:
    """Exported files that are not as the ledger recorded them: edited, missing, or unknown.

    `only` is the id of a first release: its files alone are read, and those of its corrections.
    """
    entries = ledger.entries()
    recorded = _recorded_files(ledger)
    released = {entry.subject for entry in entries if entry.kind == RELEASE}
    pointed = {entry.subject for entry in entries if entry.kind == POINTER}
    unfinished = released - set(recorded) | corrected(entries).keys() - pointed
    found = {folder.name for folder in home.exports.glob("*/*")}

    def asked(names: Collection[str]) -> list[str]:
        return sorted(name for name in names if not only or first_edition(name) == only)

    faults = [f"*/{name}" for name in asked(unfinished)]
    for name in asked(found | set(recorded)):
        faults += _differences(home, name, recorded.get(name, {}), missing_too=True)
    return faults


def _recorded_files(ledger: Ledger) -> dict[str, dict[str, str]]:
    return recorded_files((e.kind, e.subject, e.body) for e in ledger.entries())


def _differences(
    home: Home, release_id: str, digests: Mapping[str, str], *, missing_too: bool
) -> list[str]:
    """Files in the folders of a release that differ from `digests`, as advertiser/release/file.

    A folder that is missing as a whole counts only if `missing_too`.
    """
    present = _digests(home.exports, release_id)
    folders = {name.split("/")[0] for name in present}
    expected = {
        name: digest
        for name, digest in digests.items()
        if missing_too or name.split("/")[0] in folders
    }
    return [
        name.replace("/", f"/{release_id}/")
        for name in sorted(present.keys() | expected.keys())
        if present.get(name) != expected.get(name)
    ]


def _digests(folder: Path, release_id: str) -> dict[str, str]:
    """SHA-256 of every file of a release below `folder`, by advertiser/file."""
    return {
        f"{path.parents[1].name}/{path.name}": sha256(path)
        for path in sorted(folder.glob(f"*/{release_id}/*"))
        if not path.name.startswith(".")
    }


def _by_recipient(release: Release) -> Iterator[tuple[str, list[Subject]]]:
    """Each recipient's folder name with its subjects, in order."""
    ordered = sorted(release.subjects, key=lambda subject: (_recipient(subject), subject.id))
    for recipient, subjects in groupby(ordered, key=_recipient):
        yield recipient, list(subjects)


def _recipient(subject: Subject) -> str:
    return subject.advertiser_id if isinstance(subject, Campaign) else FOR_ALL


def _fill(
    folder: Path, subjects: Sequence[Subject], sealer: Sealer, previous: Release | None
) -> None:
    release, owners = sealer.release, dict[str, str]()
    names, groups, label = stems(release, subjects), ReleasedGroups.of(release), label_of(release)
    for subject in subjects:
        rows = list(export_rows(release, subject))
        earlier = earlier_figures(previous, release, subject)
        content = WorkbookContent(release, subject, rows, groups, label, earlier)
        for name in _write_files(folder, names[subject.id], content, sealer):
            owners[name] = subject.id
    manifest = manifest_bytes(release, subjects, label, folder, owners)
    write_bytes(manifest, folder / MANIFEST, mode=PUBLIC)


def _write_files(
    folder: Path, stem: str, content: WorkbookContent, sealer: Sealer
) -> Iterator[str]:
    """Write the files of one subject in every format and language; says how they are called."""
    rows, name = csv_bytes(content.rows), f"{stem}.csv"
    write_bytes(rows, folder / name, mode=PUBLIC)
    yield name
    name = f"{stem}.parquet"
    table = sealer.parquet(parquet_table(content.rows), name)
    write_parquet(table, folder / name, mode=PUBLIC)
    yield name
    for language in LANGUAGES:
        name = workbook_name(stem, language)
        workbook = xlsx_bytes(content, language, partial(sealer.properties, name))
        write_bytes(workbook, folder / name, mode=PUBLIC)
        yield name


def _refuse_edited(home: Home, release_id: str, digests: Mapping[str, str]) -> None:
    if differing := _differences(home, release_id, digests, missing_too=False):
        raise Held(
            "export_edited",
            f"exports/{differing[0]} differs from what was published; restore it from its backup, "
            "or remove the folder of that release and run its period again with: audience run",
        )


def _cannot_repeat(release_id: str) -> Held:
    return Held(
        "export_lost",
        f"exports of {release_id} are missing, and this version of the program would write "
        "different bytes; restore them from their backup",
    )
