"""The notice that takes the place of an export whose release was withdrawn.

What was sent out cannot be called back, and a released period never changes; but a bad release
can be taken out of the folders and of the database, and whoever looks for it is told why.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anonymizer.exports.pointer import CORRECTED, read_pointer, sentence
from anonymizer.model.errors import Held, NoSpace, SecretProblem
from anonymizer.release.ledger import Entry
from anonymizer.release.release import Release
from anonymizer.storage.files import PUBLIC, move_into_place, sha256, write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from anonymizer.storage.signature import opened, sealed

WITHDRAWAL = "withdrawal"
NOTICE = "WITHDRAWN.json"
FORMAT = 2
# What notices of each format state; recorded notices stay as they are.
_STATEMENTS = {
    1: "The figures that stood here were withdrawn. Do not use them, and delete every copy of "
    "them; nothing else is published for their period.",
    2: "The figures that were here are withdrawn. Do not use them, and delete every copy of them.",
}


def withdrawn(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The withdrawals that the ledger records, by release."""
    return {entry.subject: entry for entry in entries if entry.kind == WITHDRAWAL}


def lay_notices(release: Release, entry: Entry, home: Home, secret: Secret) -> None:
    """Let each export folder of a withdrawn release give way to its notice.

    Raises Held `secret` when the key is not that of the recorded notices, NoSpace.
    """
    recorded: Mapping[str, str] = entry.body["files"]
    recipients = [name.split("/")[0] for name in recorded]
    format_ = entry.body.get("notice_format", 1)
    reason = entry.body["reason"]
    with rendered_notices(release, reason, recipients, home, secret, format_) as digests:
        if digests != recorded:
            raise SecretProblem("secret.key is not the key that sealed the recorded notices")
        for name, digest in recorded.items():
            recipient = name.split("/")[0]
            folder = home.exports / recipient / release.id
            if not _is_notice(folder, digest):
                _remove(folder)
                move_into_place(_staging(home) / recipient, folder)


@contextmanager
def rendered_notices(
    release: Release,
    reason: str,
    recipients: Sequence[str],
    home: Home,
    secret: Secret,
    format_: int = FORMAT,
) -> Iterator[dict[str, str]]:
    """Their digests, by recipient and file, while they lie in a folder of the home."""
    staging = _staging(home)
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for recipient in recipients:
            facts = {
                "provider": release.provider,
                "recipient": recipient,
                "release": release.id,
                "reason": reason,
            }
            content = _notice_bytes(facts, secret, format_)
            write_bytes(content, staging / recipient / NOTICE, mode=PUBLIC)
        yield {f"{path.parent.name}/{NOTICE}": sha256(path) for path in sorted(staging.glob("*/*"))}
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def refuse_withdrawn(folder: Path, key: str = "") -> None:
    """Raise Held `withdrawn`, with the reason, where a notice lies.

    Of a notice whose seal does not fit: Held `certificate`.
    """
    path = folder / NOTICE
    if not path.exists():
        return
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        document = {}
    notice, found = opened(document if isinstance(document, dict) else {}, key)
    pointer = read_pointer(folder, found)
    instead = f". {sentence(pointer)}" if pointer else ""
    raise Held(
        "withdrawn",
        f"{notice['release']} was withdrawn by {notice['provider']}: {notice['reason']}. Do not "
        f"use its figures, and delete every copy of them{instead}",
    )


def _notice_bytes(facts: Mapping[str, str], secret: Secret, format_: int) -> bytes:
    statement = {"format": format_, "statement": _STATEMENTS[format_], **facts}
    return (json.dumps(sealed(statement, secret), indent=2, ensure_ascii=False) + "\n").encode()


def _is_notice(folder: Path, digest: str) -> bool:
    """Whether the recorded notice is in the folder, and nothing else but a pointer."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return names - {CORRECTED} == {NOTICE} and sha256(folder / NOTICE) == digest


def _staging(home: Home) -> Path:
    return home.published / ".staging" / "notices"


def _remove(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise NoSpace("published/exports", type(error).__name__) from None
