"""Checks an export folder by the certificate in it, with access to nothing else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonymizer.exports.certificate import CERTIFICATE
from anonymizer.exports.notice import refuse_withdrawn
from anonymizer.exports.pointer import CORRECTED, read_pointer, sentence
from anonymizer.model.errors import Held
from anonymizer.storage.files import sha256
from anonymizer.storage.signature import opened

_REMEDY = "do not use it; ask the publisher for a new copy of the export"


@dataclass(frozen=True)
class CheckedExport:
    """An export that is as it was released; `key` is the fingerprint of who sealed it.

    `correction` says in a sentence what corrects it, if a notice beside it does.
    """

    certificate: Mapping[str, Any]
    files: int
    key: str
    correction: str = ""


def check_export(folder: Path, key: str = "") -> CheckedExport:
    """Prove that the folder holds the files that its certificate lists, and no other.

    `key` is the fingerprint that the provider gave once by another way. Raises Held
    `certificate` when there is none or its seal does not fit, `export_edited` with all files
    that differ, `withdrawn` with the reason where a notice has taken the place of the export.
    """
    if not (folder / CERTIFICATE).exists():  # else the notice is of whoever sealed that
        refuse_withdrawn(folder, key)
    certificate, found = opened(_read(folder / CERTIFICATE), key)
    refuse_withdrawn(folder, found)
    files: Mapping[str, str] = certificate["files"]
    faults = list(_faults(folder, files))
    if faults:
        listed = "".join(f"\n  - {fault}" for fault in faults)
        raise Held(
            "export_edited",
            f"{len(faults)} file(s) of this export are not as they were released:{listed}\n"
            f"{_REMEDY[0].upper()}{_REMEDY[1:]}",
        )
    return CheckedExport(certificate, len(files), found, _correction(folder, certificate, found))


def _correction(folder: Path, certificate: Mapping[str, Any], key: str) -> str:
    """What corrects the export; its notice has to be sealed by whoever sealed the export."""
    said = read_pointer(folder, key)
    if said is not None and said["release"] != certificate["release"]:
        raise Held("certificate", f"{CORRECTED} belongs to another release; {_REMEDY}")
    return sentence(said) if said else ""


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Held("certificate", f"there is no {CERTIFICATE} in this folder; {_REMEDY}") from None
    except (OSError, ValueError) as error:
        problem = f"{CERTIFICATE} cannot be read ({type(error).__name__})"
        raise Held("certificate", f"{problem}; {_REMEDY}") from None
    return document if isinstance(document, dict) else {}


def _faults(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    present = {path.name for path in folder.iterdir()} - {CERTIFICATE, CORRECTED}
    for name in sorted(present | files.keys()):
        if name not in present:
            yield f"{name} is missing"
        elif name not in files:
            yield f"{name} does not belong to it"
        elif not (folder / name).is_file() or sha256(folder / name) != files[name]:
            yield f"{name} has been changed"
