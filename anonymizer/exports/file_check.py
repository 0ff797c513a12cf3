"""Checks one file of an export: by the certificate that it is with, or by the seal inside it."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from anonymizer.exports.certificate import CERTIFICATE
from anonymizer.exports.file_seal import read_seal
from anonymizer.exports.notice import NOTICE, refuse_withdrawn
from anonymizer.exports.pointer import (
    CORRECTED,
    open_pointer,
    read_pointer,
    sentence,
    stated_release,
)
from anonymizer.model.errors import (
    ConfigurationError,
    FileChanged,
    FileMisplaced,
    FileRenamed,
    FileUnsealed,
    Held,
    why_unreadable,
)
from anonymizer.model.series import first_edition
from anonymizer.storage.parquet_tables import require_small
from anonymizer.storage.signature import opened

_AGAIN = "do not use it; ask the sender for a new copy"
_LATER = "whether the release was withdrawn or corrected later: ask the provider"
_OTHERS = "whether the export has more files: check its whole folder"
_WHO = (
    "who sealed it: compare the key with the one that the provider gave you, or give that one "
    "with --key"
)
_EVERYONE = "every advertiser"
_SEALED = (".xlsx", ".parquet")


@dataclass(frozen=True)
class CheckedFile:
    """A file that is as it was released; `key` is the fingerprint of who sealed it.

    `against` says what was compared with what, `unknown` what could not be known. `correction` says
    in a sentence what corrects it, if a notice with it does.
    """

    file: str
    provider: str
    recipient: str
    release: str
    key: str
    against: str
    unknown: tuple[str, ...]
    correction: str = ""


def check_file(path: Path, key: str = "", certificate: Path | None = None) -> CheckedFile:
    """Prove that a file is as it was released, under its name.

    By `certificate`, else by the one in its folder, else by the seal inside it. Raises FileChanged,
    FileRenamed, FileMisplaced for a file of another release or recipient, FileUnsealed where there
    is nothing to check it by; Held `certificate` for a seal that does not fit, `withdrawn` where
    the notice of a withdrawal of its release is with it.
    """
    if path.name == NOTICE:
        refuse_withdrawn(path.parent, key)
    if path.name == CORRECTED:
        return _by_notice(path, key, certificate)
    return _heeding_notices(_checked(path, key, certificate), path.parent)


def _checked(path: Path, key: str, certificate: Path | None) -> CheckedFile:
    """The file, proved; notices that are with it aside."""
    found = certificate or path.parent / CERTIFICATE
    try:
        content = path.read_bytes()
        stated = found.read_text(encoding="utf-8") if certificate or found.exists() else None
    except (OSError, ValueError) as error:
        problem = f"{path.name} or its certificate: {why_unreadable(error)}"
        raise Held("certificate", f"{problem}; {_AGAIN}") from None
    _refuse_large(path)
    if stated is None:
        return _by_seal(path, content, key)
    return _by_certificate(path, content, _document(stated, found.name), key)


def _refuse_large(path: Path) -> None:
    """A Parquet file can take much more memory than its size says."""
    if path.suffix.lower() != ".parquet":
        return
    try:
        require_small(path)
    except (ConfigurationError, OSError, ValueError, ArithmeticError):
        problem = f"{path.name} cannot be read, or takes too much memory"
        raise Held("certificate", f"{problem}; {_AGAIN}") from None


def _document(text: str, name: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        raise Held("certificate", f"{name} is not a certificate; {_AGAIN}") from None
    return document if isinstance(document, dict) else {}


def _by_certificate(
    path: Path, content: bytes, document: Mapping[str, Any], key: str
) -> CheckedFile:
    certificate, found = opened(document, key)
    if not {"files", "release", "recipient", "provider"} <= certificate.keys():
        raise Held(
            "certificate", f"the sealed statement is not the certificate of an export; {_AGAIN}"
        )
    files: Mapping[str, str] = certificate["files"]
    if path.name == CERTIFICATE:
        _require_same(content, document)
        against = "the text of the certificate with its seal, but none of the files that it lists"
    elif files.get(path.name) == hashlib.sha256(content).hexdigest():
        against = "name and SHA-256 of the file with its sealed certificate"
    else:
        _refuse(path.name, content, certificate)
    return CheckedFile(
        path.name,
        str(certificate["provider"]),
        str(certificate["recipient"]),
        str(certificate["release"]),
        found,
        against,
        _unknown(key),
    )


def _require_same(content: bytes, document: Mapping[str, Any]) -> None:
    """A certificate that is checked by another one has to be the same."""
    try:
        own = _document(content.decode("utf-8"), CERTIFICATE)
    except UnicodeDecodeError:
        own = {}
    if own == document:
        return
    for field in ("release", "recipient"):
        if own.get(field) != document.get(field):
            raise FileMisplaced(
                f"{CERTIFICATE} has another {field} than the certificate given to check it; check "
                "it with the files of its own export"
            )
    raise FileChanged(f"{CERTIFICATE} differs from the certificate given to check it; {_AGAIN}")


def _by_notice(path: Path, key: str, certificate: Path | None) -> CheckedFile:
    """The notice of a correction: by its seal, which is that of the export where one is with it."""
    own = certificate or path.parent / CERTIFICATE
    if certificate or own.exists():
        export = _checked(own, key, None)
        if stated_release(path) != export.release:
            raise FileMisplaced(f"{CORRECTED} is not about {export.release}; {_AGAIN}")
        key = export.key
    said, found = open_pointer(path.parent, key)
    return CheckedFile(
        CORRECTED,
        str(said.get("provider", "")),
        str(said.get("recipient", "")),
        str(said["release"]),
        found,
        "the text of the notice with its seal",
        _unknown(key),
        sentence(said),
    )


def _heeding_notices(checked: CheckedFile, folder: Path) -> CheckedFile:
    """Refuse what a notice with the file withdraws, and say what corrects it.

    A notice counts if it is about the release of the file, and then has to be sealed by whoever
    sealed the file. One that cannot be read leaves something unknown.
    """
    stated = {
        name: stated_release(folder / name)
        for name in (NOTICE, CORRECTED)
        if (folder / name).exists()
    }
    if stated.get(NOTICE) == checked.release:
        refuse_withdrawn(folder, checked.key)
    pointer = (
        read_pointer(folder, checked.key) if stated.get(CORRECTED) == checked.release else None
    )
    unread = [f"the content of {name}, which cannot be read" for name in stated if not stated[name]]
    return replace(
        checked,
        unknown=(*checked.unknown, *(f"{line}: ask the provider" for line in unread)),
        correction=sentence(pointer) if pointer else "",
    )


def _refuse_withdrawn_rows(path: Path, content: bytes, key: str) -> None:
    """A CSV file without a certificate names its period, so the notice with it can be about it."""
    notice = path.parent / NOTICE
    if notice.exists() and (release := stated_release(notice)):
        origin = _origin_of_rows(content, release)
        if origin and origin[0] == release:
            refuse_withdrawn(path.parent, key)


def _refuse(name: str, content: bytes, certificate: Mapping[str, Any]) -> NoReturn:
    """Say what is wrong with a file that the certificate does not have under its name."""
    digest = hashlib.sha256(content).hexdigest()
    release, recipient = str(certificate["release"]), str(certificate["recipient"])
    if names := [listed for listed, known in certificate["files"].items() if known == digest]:
        raise FileRenamed(_renamed(name, names[0], release))
    other = _origin(name, content, release)
    if other and other != (release, recipient):
        raise FileMisplaced(
            f"{name} belongs to {other[0]} for {other[1]}, but the certificate belongs to "
            f"{release} for {recipient}; check the file with the certificate of its own export"
        )
    if name in certificate["files"]:
        raise FileChanged(
            f"{name} differs from the file of this name in {release}: its content was changed, or "
            f"another program saved it again; {_AGAIN}"
        )
    raise FileMisplaced(
        f"the certificate of {release} for {recipient} lists no file named {name} and no file with "
        f"this content; {_AGAIN}"
    )


def _origin(name: str, content: bytes, release: str) -> tuple[str, str] | None:
    """Release and recipient that a file itself states, whether it is as released or not.

    The rows of a CSV file do not state the edition; that of `release` is taken.
    """
    try:
        seal = read_seal(name, content)
    except Held:
        return None
    if seal is not None:
        return seal.release, seal.recipient
    return None if name.lower().endswith(_SEALED) else _origin_of_rows(content, release)


def _origin_of_rows(content: bytes, release: str) -> tuple[str, str] | None:
    try:
        row = next(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
        first = f"{row['subject_kind']}-{row['period_kind']}-{row['period']}"
        stated = release if first == first_edition(release) else first
        return stated, row["advertiser_id"] or _EVERYONE
    except (UnicodeDecodeError, csv.Error, KeyError, StopIteration):
        return None


def _by_seal(path: Path, content: bytes, key: str) -> CheckedFile:
    seal = read_seal(path.name, content, key)
    if seal is None:
        _refuse_withdrawn_rows(path, content, key)
        raise FileUnsealed(
            f"{path.name} has no seal inside and no {CERTIFICATE} with it, so it cannot be "
            f"checked; put the {CERTIFICATE} of its export into the same folder, or name it with "
            "--certificate"
        )
    if not seal.intact:
        raise FileChanged(
            f"{path.name} differs from what was sealed as {seal.file} of {seal.release}: a cell, a "
            f"chart or a text was changed, or another program saved it again; {_AGAIN}"
        )
    if seal.file != path.name:
        raise FileRenamed(_renamed(path.name, seal.file, seal.release))
    inside = "all cells, charts and texts" if seal.file.endswith(".xlsx") else "all values"
    return CheckedFile(
        seal.file,
        seal.provider,
        seal.recipient,
        seal.release,
        seal.key,
        f"{inside}, and the name, with the seal inside the file",
        _unknown(key),
    )


def _renamed(name: str, own: str, release: str) -> str:
    return f"{name} is {own} of {release}, unchanged but renamed; rename it to {own}"


def _unknown(key: str) -> tuple[str, ...]:
    return (_LATER, _OTHERS) if key else (_LATER, _OTHERS, _WHO)
