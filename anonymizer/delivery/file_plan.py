"""Which files a change puts into the folder of a release at a destination, and which it removes.

    <folder>/<advertiser>/<release>/<file>

The layout is that of `published/exports`, so that `audience check` proves a folder. Of a release
the manifest comes last: where it is, the rest is there. A correction or withdrawal puts the sealed
notice first and removes the files after that, so that no moment has wrong figures without it.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from anonymizer.delivery.delivery_changes import Change, ExportKey, package_name
from anonymizer.delivery.delivery_settings import FileSettings
from anonymizer.exports.certificate import CERTIFICATE
from anonymizer.exports.export_files import ExportFiles
from anonymizer.exports.export_folders import MANIFEST
from anonymizer.exports.notice import NOTICE
from anonymizer.exports.pointer import CORRECTED


@dataclass(frozen=True)
class FilePlan:
    """`put` are names and bytes in order, proved; `remove` are names that may be there."""

    folder: str
    put: Mapping[str, bytes]
    remove: tuple[str, ...] = ()

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of what is put, by name."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.put.items()}


def folder_of(root: str, key: ExportKey) -> str:
    """The folder of an export below the folder of a destination."""
    own = "/".join(key)
    return f"{root}{own}" if root in ("", "/") else f"{root}/{own}"


def file_plan(
    change: Change, settings: FileSettings, files: ExportFiles, present: Collection[str]
) -> FilePlan:
    """The plan of a change; `present` are names that earlier deliveries of the release brought.

    Raises Held `export_edited` where a file is not as the ledger recorded it.
    """
    export = change.export
    folder = folder_of(settings.root, change.key)
    if change.event == "released":
        put = (
            _packed(change, settings, files)
            if settings.packed
            else _single(change, settings, files)
        )
        return FilePlan(folder, put, tuple(sorted(set(present) - put.keys())))
    name = NOTICE if change.event == "withdrawn" else CORRECTED
    notices = {name: files.notice(export, name, change.notices[name])}
    return FilePlan(folder, notices, tuple(sorted(set(present) - notices.keys())))


def _single(change: Change, settings: FileSettings, files: ExportFiles) -> dict[str, bytes]:
    export = change.export
    return {name: files.content(export, name) for name in _names(change, settings)}


def _packed(change: Change, settings: FileSettings, files: ExportFiles) -> dict[str, bytes]:
    with files.package([change.export], names=_names(change, settings)) as package:
        return {package_name(change.export): package.read()}


def _names(change: Change, settings: FileSettings) -> list[str]:
    """Of the wanted formats, then certificate and manifest."""
    endings = tuple(f".{format_}" for format_ in settings.formats)
    recorded = sorted(change.export.files)
    chosen = [name for name in recorded if name.endswith(endings)]
    return [*chosen, *(name for name in (CERTIFICATE, MANIFEST) if name in recorded)]
