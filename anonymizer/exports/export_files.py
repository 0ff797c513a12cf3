"""Exported files as they may be sent: named by the published ledger, and proved before sending."""

import hashlib
import io
import json
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import IO, Any

from anonymizer.exports import export_limits
from anonymizer.exports.certificate import CERTIFICATE
from anonymizer.exports.circulation import Circulation, RecordedExport, circulation
from anonymizer.exports.export_folders import MANIFEST
from anonymizer.model.errors import Held
from anonymizer.storage.home import Home

_COMPRESSED = (".xlsx", ".parquet")


class PackageTooLarge(Exception):
    """The files that were asked for take more than a package may."""


class ExportFiles:
    """The exports of a published folder."""

    def __init__(self, published: Home) -> None:
        self._published = published
        self._known: tuple[object, Circulation] | None = None
        self._reading = Lock()

    def circulation(self) -> Circulation:
        """What the published ledger records; read anew when the file has changed.

        One request reads it, and others that come meanwhile wait for what it finds.
        """
        version = self._version()
        if version is None:
            return Circulation()
        if (known := self._known) and known[0] == version:
            return known[1]
        with self._reading:
            version = self._version()
            if (known := self._known) is None or known[0] != version:
                known = self._known = (version, circulation(self._published))
            return known[1]

    def _version(self) -> tuple[int, ...] | None:
        try:
            stat = self._published.public_ledger.stat()
        except FileNotFoundError:
            return None
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def known_parts(self, recipient: str, release: str = "", name: str = "") -> dict[str, str]:
        """Those parts of an address that the ledger names: a log repeats no others."""
        exports = self.circulation().exports
        parts = {
            "recipient": (recipient, {one.recipient for one in exports.values()}),
            "release": (release, {one.release for one in exports.values()}),
            "file": (name, {file for one in exports.values() for file in one.files}),
        }
        return {kind: part for kind, (part, known) in parts.items() if part in known}

    def content(self, export: RecordedExport, name: str) -> bytes:
        """The bytes of a recorded file, which are those that the ledger recorded.

        Raises Held `export_edited` where they are not, or are not there.
        """
        content = io.BytesIO()
        self._copy(export, name, export.files[name], content)
        return content.getvalue()

    def notice(self, export: RecordedExport, name: str, digest: str) -> bytes:
        """The bytes of a recorded notice in the folder of an export, which have this digest.

        Raises Held `export_edited` where they are not, or are not there yet.
        """
        content = io.BytesIO()
        self._copy(export, name, digest, content)
        return content.getvalue()

    def proved(self, export: RecordedExport, name: str) -> IO[bytes]:
        """A copy of a recorded file, at its beginning: what is sent of it is what was compared.

        It is in memory up to 1 MiB, else in a temporary file without a name, which is gone when it
        is closed. Raises Held `export_edited` where it is not what the ledger recorded.
        """
        copy = SpooledTemporaryFile(export_limits.MEMORY_BYTES)  # noqa: SIM115  closed when it is sent
        with closed_on_failure(copy):
            self._copy(export, name, export.files[name], copy)
            copy.seek(0)
        return copy

    def size(self, export: RecordedExport, name: str) -> int:
        """How many bytes a file has. Raises Held `export_edited` where it is not there."""
        try:
            return self._path(export, name).stat().st_size
        except OSError:
            raise _edited(export, name) from None

    def manifest(self, export: RecordedExport) -> Mapping[str, Any]:
        """The manifest of an export that has one. Raises Held `export_edited`."""
        found: Mapping[str, Any] = json.loads(self.content(export, MANIFEST))
        return found

    def subjects_of(self, export: RecordedExport) -> Mapping[str, str]:
        """The subject that each file is about, as the manifest lists them; none without one."""
        if MANIFEST not in export.files:
            return {}
        listed = self.manifest(export).get("files", {})
        return {
            name: str(own["subject_id"])
            for name in sorted(export.files)
            if isinstance(own := listed.get(name), dict) and own.get("subject_id")
        }

    def names_of(self, export: RecordedExport, subject: str) -> tuple[str, ...]:
        """The files of one subject; none where it has none."""
        return tuple(name for name, own in self.subjects_of(export).items() if own == subject)

    def certificate(self, export: RecordedExport) -> Mapping[str, Any]:
        """The certificate of an export."""
        found: Mapping[str, Any] = json.loads(self.content(export, CERTIFICATE))
        return found

    def require_packable(self, exports: Sequence[RecordedExport], subject: str = "") -> None:
        """Raise PackageTooLarge where the files take more than a package may; none is packed."""
        total = 0
        for export, name in self._packed(exports, subject):
            try:
                total += self._path(export, name).stat().st_size
            except OSError:  # a file that is lost is named when it is read
                continue
            if total > export_limits.LARGEST_PACKAGE:
                raise PackageTooLarge

    def package(
        self,
        exports: Sequence[RecordedExport],
        subject: str = "",
        names: Collection[str] | None = None,
    ) -> IO[bytes]:
        """A ZIP file with these exports as folders, each file proved; equal files, equal bytes.

        With a subject, its files alone, and certificate and manifest of each folder; with names,
        these files alone. It is in a temporary file without a name, which is gone when it is
        closed; it is read from its start. Raises PackageTooLarge, Held.
        """
        self.require_packable(exports, subject)
        package = SpooledTemporaryFile(export_limits.MEMORY_BYTES)  # noqa: SIM115  closed when it is sent
        with closed_on_failure(package), zipfile.ZipFile(package, "w") as file:
            for export, name in self._packed(exports, subject):
                if names is not None and name not in names:
                    continue
                info = zipfile.ZipInfo(f"{export.release}/{name}")  # 1 January 1980
                info.create_system, info.external_attr = 3, 0o644 << 16
                stored = name.endswith(_COMPRESSED)
                info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                with file.open(info, "w") as member:
                    self._copy(export, name, export.files[name], member)
        package.seek(0)
        return package

    def _copy(self, export: RecordedExport, name: str, digest: str, target: IO[bytes]) -> None:
        """Copy a file part by part. Raises Held `export_edited` once the whole differs."""
        found = hashlib.sha256()
        for part in _parts(self._path(export, name)):
            found.update(part)
            target.write(part)
        if found.hexdigest() != digest:
            raise _edited(export, name)

    def _path(self, export: RecordedExport, name: str) -> Path:
        return self._published.exports / export.recipient / export.release / name

    def _packed(
        self, exports: Sequence[RecordedExport], subject: str
    ) -> Iterator[tuple[RecordedExport, str]]:
        for export in exports:
            names: Sequence[str] = sorted(export.files)
            if subject:
                own = self.names_of(export, subject)
                names = (*own, CERTIFICATE, MANIFEST) if own else ()
            for name in names:
                yield export, name


def _parts(path: Path) -> Iterator[bytes]:
    """The content of a file; it ends where the file cannot be read."""
    try:
        with path.open("rb") as file:
            while part := file.read(export_limits.PART_BYTES):
                yield part
    except OSError:
        return


@contextmanager
def closed_on_failure(file: IO[bytes]) -> Iterator[None]:
    """Close a file if something goes wrong before it is sent."""
    try:
        yield
    except BaseException:
        file.close()
        raise


def _edited(export: RecordedExport, name: str) -> Held:
    return Held(
        "export_edited",
        f"exports/{export.recipient}/{export.release}: {name} is not as the ledger "
        "recorded it; restore the folder from its backup",
    )
