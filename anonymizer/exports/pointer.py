"""The pointer beside the exports of a release that was corrected: where the right figures are.

The files of the release stay as they were; a sealed notice beside them says that they are wrong,
why, and which folder has the corrected ones.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anonymizer.model.errors import Held, SecretProblem
from anonymizer.release.corrections import CorrectionOrder
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.release import Release
from anonymizer.storage.files import PUBLIC, move_into_place, write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from anonymizer.storage.signature import opened, sealed

POINTER = "pointer"
CORRECTED = "CORRECTED.json"
_FORMAT = 1


def point_to(
    release: Release,
    order: CorrectionOrder,
    recipients: Sequence[str],
    ledger: Ledger,
    secret: Secret,
) -> Entry:
    """The entry of the notices beside the exports that a release corrects; recorded once.

    `recipients` have exports of the corrected release.
    """
    entry = ledger.find(POINTER, order.corrects)
    if entry is not None:
        return entry
    files = {
        f"{recipient}/{CORRECTED}": _digest(_bytes(release.provider, order, recipient, secret))
        for recipient in recipients
    }
    public = {"corrected_by": release.id, "provider": release.provider, "files": files}
    return ledger.append(POINTER, order.corrects, public)


def lay_pointers(
    entry: Entry, order: CorrectionOrder, home: Home, secret: Secret, *, is_retired: bool
) -> None:
    """Write the recorded notices into the export folders.

    A folder that is lost gets none, since it has to be written as a whole first. One whose files
    were retired is made for its notice: what readers have of it has to be called off.

    Raises SecretProblem for another key than that of the recorded notices, NoSpace.
    """
    for name, digest in entry.body["files"].items():
        recipient = name.split("/")[0]
        folder = home.exports / recipient / entry.subject
        content = _bytes(entry.body["provider"], order, recipient, secret)
        if _digest(content) != digest:
            raise SecretProblem("secret.key is not the key that sealed the recorded notices")
        path = folder / CORRECTED
        if (is_retired or folder.is_dir()) and not (path.exists() and path.read_bytes() == content):
            # Not written in the folder: a file that a kill leaves half written would stay there.
            staged = home.published / ".staging" / "pointers" / recipient / CORRECTED
            write_bytes(content, staged, mode=PUBLIC)
            move_into_place(staged, path)
    shutil.rmtree(home.published / ".staging" / "pointers", ignore_errors=True)


def read_pointer(folder: Path, key: str = "") -> Mapping[str, Any] | None:
    """What the notice in an export folder says; None where there is none.

    Raises Held `certificate` for a notice whose seal does not fit.
    """
    return open_pointer(folder, key)[0] if (folder / CORRECTED).exists() else None


def open_pointer(folder: Path, key: str = "") -> tuple[Mapping[str, Any], str]:
    """What the notice in a folder says, and the fingerprint of the key that sealed it."""
    said, found = opened(_document(folder / CORRECTED), key)
    if not {"release", "corrected_by", "reason"} <= said.keys():
        raise Held("certificate", f"{CORRECTED} is not the notice of a correction")
    return said, found


def stated_release(notice: Path) -> str:
    """The release that a notice names, proved or not; empty where it cannot be read."""
    return str(_document(notice).get("release", ""))


def sentence(said: Mapping[str, Any]) -> str:
    """A notice in a sentence."""
    return (
        f"{said['release']} was corrected by {said['corrected_by']}: {said['reason']}. Use the "
        f"figures of {said['corrected_by']} and not these"
    )


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _bytes(provider: str, order: CorrectionOrder, recipient: str, secret: Secret) -> bytes:
    statement = {
        "format": _FORMAT,
        "statement": "The figures in this folder were wrong when they were released. Use those of "
        "the release named in corrected_by, which are in a folder of that name beside this one; a "
        "campaign that has no table there has no figures any more.",
        "provider": provider,
        "recipient": recipient,
        "release": order.corrects,
        "corrected_by": order.release,
        "reason": order.reason,
    }
    return (json.dumps(sealed(statement, secret), indent=2, ensure_ascii=False) + "\n").encode()
