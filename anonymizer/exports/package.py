"""One ZIP file with all that an advertiser gets for a period, to be sent as a whole.

It is made on request and not kept: it would hold every file a second time, and a copy that stays
would outlive a withdrawal. A release that was withdrawn is never packed; main figures of it that a
workbook of the period after has are told.
"""

import io
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anonymizer.exports import export_limits
from anonymizer.exports.export_check import CheckedExport, check_export
from anonymizer.exports.previous_release import outdated_comparison
from anonymizer.exports.recorded_files import Record, recorded_files
from anonymizer.exports.workbook_parts import UNREADABLE_ZIP
from anonymizer.model.errors import ConfigurationError, Fault, Held
from anonymizer.model.periods import Period
from anonymizer.model.series import SERIES, edition_of, first_edition
from anonymizer.release.ledger import RELEASE
from anonymizer.storage.files import sha256
from anonymizer.storage.home import Home

_MEMBER = re.compile(r"([A-Za-z0-9~-]{1,80})/([A-Za-z0-9][^/\\]{0,250})")
_COMPRESSED = (".xlsx", ".parquet")


@dataclass(frozen=True)
class Package:
    """A ZIP file; `exports` are the folders in it, checked.

    `outdated` says which workbooks have figures of a period before that are not in force any more.
    """

    name: str
    content: bytes
    exports: tuple[CheckedExport, ...]
    outdated: tuple[str, ...] = ()


def package(recipient: str, period: Period, home: Home, records: Sequence[Record]) -> Package:
    """All files of an advertiser, or of `_all`, for a period; of each release the newest edition.

    Equal files give equal bytes. Raises ConfigurationError where there is no export, Held for one
    that was withdrawn, that was corrected by a release without figures for the recipient, or that
    is not as `records` of the ledger have it.
    """
    folders = list(_folders(recipient, period, home))
    if not folders:
        known = ", ".join(sorted(path.name for path in home.exports.glob("*")))
        problem = f"there is no export of {period.id} for {recipient!r}"
        remedy = f"there are exports for {known}; see: audience exports" if known else ""
        raise ConfigurationError([Fault("package", problem, remedy)])
    _refuse_corrected(folders, recipient, records)
    recorded = recorded_files(records)
    exports = [_checked(folder, recipient, recorded.get(folder.name, {})) for folder in folders]
    outdated = tuple(filter(None, (outdated_comparison(one.name, records) for one in folders)))
    return Package(f"{recipient}_{period.id}.zip", _zipped(folders), tuple(exports), outdated)


def check_package(path: Path, key: str = "") -> tuple[CheckedExport, ...]:
    """Prove every export in a ZIP file as `check_export` does; raises what it raises."""
    with tempfile.TemporaryDirectory(prefix="audience-") as folder:
        _unpack(path, Path(folder))
        return tuple(check_export(export, key) for export in sorted(Path(folder).iterdir()))


def _folders(recipient: str, period: Period, home: Home) -> Iterator[Path]:
    """The newest edition of each release of the period that the recipient has."""
    known = [folder.name for folder in home.exports.glob("*/*") if folder.parent.name == recipient]
    for series in SERIES:
        if series.period_kind == period.kind:
            first = series.release_id(period)
            if editions := [name for name in known if first_edition(name) == first]:
                yield home.exports / recipient / max(editions, key=edition_of)


def _refuse_corrected(folders: Sequence[Path], recipient: str, records: Sequence[Record]) -> None:
    """The newest folder of a recipient can be of a release that was corrected: see the ledger."""
    corrections = {
        body["corrects"]: subject
        for kind, subject, body in records
        if kind == RELEASE and "corrects" in body
    }
    for folder in folders:
        if by := corrections.get(folder.name):
            raise Held(
                "no_figures",
                f"{folder.name} was corrected by {by}, which has no exports for {recipient} here, "
                "so no figures of the period are valid for this recipient; if the exports of the "
                "correction are not finished, run: audience backfill",
            )


def _checked(folder: Path, recipient: str, recorded: Mapping[str, str]) -> CheckedExport:
    """A folder that is as its certificate and the ledger have it."""
    export = check_export(folder)
    own = {name: digest for name, digest in recorded.items() if name.startswith(f"{recipient}/")}
    present = {f"{recipient}/{path.name}": sha256(path) for path in folder.iterdir()}
    names = own.keys() | present.keys()
    if differing := sorted(name for name in names if own.get(name) != present.get(name)):
        raise Held(
            "export_edited",
            f"exports/{recipient}/{folder.name}: {differing[0].partition('/')[2]} differs from "
            "what the ledger recorded; restore the folder from its backup",
        )
    return export


def _zipped(folders: Sequence[Path]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for path in sorted(path for folder in folders for path in folder.iterdir()):
            info = zipfile.ZipInfo(f"{path.parent.name}/{path.name}")  # 1 January 1980
            info.create_system, info.external_attr = 3, 0o644 << 16
            stored = path.suffix.lower() in _COMPRESSED
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            file.writestr(info, path.read_bytes())
    return content.getvalue()


def _unpack(path: Path, folder: Path) -> None:
    """Write the files of a package into a folder. Raises Held for what is no package."""
    try:
        with zipfile.ZipFile(path) as file:
            members = file.infolist()
            names = [_MEMBER.fullmatch(member.filename) for member in members]
            single = len({member.filename for member in members}) == len(members) > 0
            if (
                not single
                or sum(member.file_size for member in members) > export_limits.LARGEST_ARCHIVE
            ):
                raise zipfile.BadZipFile
            for member, name in zip(members, names, strict=True):
                if name is None:
                    raise zipfile.BadZipFile
                target = folder / name[1] / name[2]
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(file.read(member))
    except UNREADABLE_ZIP:
        raise Held(
            "certificate",
            f"{path.name} is not a package of exports, or is damaged; ask the sender for a new "
            "copy",
        ) from None
