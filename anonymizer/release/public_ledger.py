"""The ledger's public part: `published/ledger.jsonl`, one line an entry, in order.

It holds what the chain seals and nothing else: what is public of each entry, the digest of the
rest, and the hashes. With it anyone can prove the published files offline; and a ledger that was
restored from an old backup is noticed, because its public part is longer.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from anonymizer.model.errors import LedgerBroken
from anonymizer.release.chain import Link, prove
from anonymizer.release.entry_forms import read_body
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.storage.files import PUBLIC, canonical_json, write_bytes
from anonymizer.storage.home import Home

NOT_PUBLIC = "not public"


def write_public_ledger(ledger: Ledger, home: Home) -> Path:
    """Bring the public part up to date; returns its path. Raises NoSpace.

    The caller holds the lock: what a killed process has left of this file is removed.
    """
    links, path = [entry.link for entry in ledger.entries()], home.public_ledger
    for abandoned in home.published.glob(f".{path.name}.*.tmp"):
        abandoned.unlink()
    there = _beginning(path, links)
    said = len(_proved_links(path.name, there))
    if said < len(links):
        added = "".join(_line(link) for link in links[said:])
        write_bytes(there + added.encode(), path, mode=PUBLIC)
    return path


def _beginning(path: Path, links: Sequence[Link]) -> bytes:
    """What stands in the file, if these links begin so; nothing of any other file.

    The last link seals all that come before it.
    """
    try:
        there = path.read_bytes()
        known = _proved_links(path.name, there)
    except (OSError, LedgerBroken):
        return b""
    same = len(known) <= len(links) and all(links[len(known) - 1] == link for link in known[-1:])
    return there if same else b""


class PublicLedger(Ledger):
    """The history as anyone can read it: from the public part alone. It takes no entry.

    Of an entry that is not public its place and its hash are known.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"PublicLedger({self._path.name})"

    def entries(self) -> tuple[Entry, ...]:
        """All entries in order, proved, with their public fields. Raises LedgerBroken."""
        return tuple(map(_public_entry, read_public_ledger(self._path)))

    def append(self, kind: str, subject: str, *_: object) -> NoReturn:
        """Refuse."""
        raise LedgerBroken(
            f"{kind} {subject} cannot be recorded: this is only the public part of the ledger"
        )


def _public_entry(link: Link) -> Entry:
    shown = link.shown
    if shown is None:
        return Entry(NOT_PUBLIC, "", {}, link)
    body = read_body(link.sequence, shown["kind"], shown["body"])
    return Entry(shown["kind"], shown["subject"], body, link)


def read_public_ledger(path: Path) -> tuple[Link, ...]:
    """The links that stand in the file, each proved to follow from the one before it.

    Raises LedgerBroken when the file is missing, damaged, or its chain does not hold.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path.name, error) from None
    return _proved_links(path.name, content)


def _proved_links(name: str, content: bytes) -> tuple[Link, ...]:
    """The links in the content of the file; of what a reading before has proved, only the end."""
    before, links = _last_proved
    if not content.startswith(before):
        before, links = b"", ()
    try:
        # Not splitlines: JSON may hold other ends of lines.
        lines = list(io.StringIO(content[len(before) :].decode("utf-8"), newline="\n"))
    except UnicodeDecodeError as error:
        raise _unreadable(name, error) from None
    added = [_link(number, line) for number, line in enumerate(lines, start=len(links) + 1)]
    proved = prove((*links, *added))
    _last_proved[:] = content, proved
    return proved


# The content that was read last, whole lines, and its links.
_last_proved: list[Any] = [b"", ()]


def _unreadable(name: str, error: Exception) -> LedgerBroken:
    return LedgerBroken(
        f"{name} cannot be read ({type(error).__name__}); get the published folder "
        "again from its publisher"
    )


def check_public_ledger(home: Home, links: Sequence[Link]) -> None:
    """Refuse a ledger that is older than, or differs from, what its public part says.

    A public part that is missing or behind is no fault: a killed run leaves it so.
    """
    if not home.public_ledger.exists():
        return
    public = read_public_ledger(home.public_ledger)
    shared = min(len(links), len(public))
    # The last link that both have seals all before it: if it is the same, so are they.
    differs = shared and links[shared - 1] != public[shared - 1]
    for mine, shown in zip(links, public, strict=False) if differs else ():
        if mine != shown:
            raise LedgerBroken(
                f"sequence {mine.sequence} differs from published/ledger.jsonl; one of the two "
                "has been replaced: restore both from the same backup"
            )
    if public and not links:
        raise LedgerBroken(
            f"the ledger is missing while its public part has {len(public)} entries; restore the "
            "ledger from its backup. Nothing is published until then"
        )
    if len(public) > len(links):
        raise LedgerBroken(
            f"the ledger ends at sequence {len(links)}, its public part at {len(public)}: the "
            "ledger is older than what was published; restore the newest backup of the ledger. "
            "Nothing is published until then"
        )


def is_behind(home: Home, links: Sequence[Link]) -> bool:
    """Whether the public part lacks entries of the ledger, as a killed run leaves it."""
    there = read_public_ledger(home.public_ledger) if home.public_ledger.exists() else ()
    return len(there) < len(links)


def _line(link: Link) -> str:
    return canonical_json(asdict(link)) + "\n"


def _link(number: int, line: str) -> Link:
    try:
        link = Link(**json.loads(line))
        whole = _line(link) == line and _is_well_formed(link)
    except (ValueError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise LedgerBroken(
            f"line {number} of ledger.jsonl is damaged; get the published folder again from its "
            "publisher"
        )
    return link


def _is_well_formed(link: Link) -> bool:
    texts = (link.kept, link.previous, link.hash)
    shown = link.shown
    return (
        type(link.sequence) is int
        and all(isinstance(text, str) for text in texts)
        and (shown is None or (isinstance(shown, dict) and _names_itself(shown)))
    )


def _names_itself(shown: Mapping[str, object]) -> bool:
    body = shown.get("body")
    named = all(isinstance(shown.get(name), str) for name in ("kind", "subject"))
    return named and isinstance(body, dict)
