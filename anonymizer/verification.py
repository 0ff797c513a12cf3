"""Proves everything that is published against the public part of the ledger, offline.

It needs the published folder and nothing else: no ledger, no secret, no settings, no network.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anonymizer.chain import FIRST, Link
from anonymizer.corrections import circulates
from anonymizer.database import differences
from anonymizer.errors import Held, LedgerBroken
from anonymizer.exports.notice import WITHDRAWAL
from anonymizer.exports.pointer import POINTER
from anonymizer.exports.recorded import EXPORTS, recorded_files
from anonymizer.files import sha256
from anonymizer.ledger import RELEASE
from anonymizer.public_ledger import read_public_ledger
from anonymizer.release import Release, read_release

_LEDGER, _DATABASE = "ledger.jsonl", "segments.duckdb"
_SHOWN_FAULTS = 20


@dataclass(frozen=True)
class Proved:
    """What was proved: how much, and where the chain ends (`head`, a hash).

    `withdrawn` says why, of each release that was withdrawn; `corrected` by which other one, and
    why, of each that was corrected.
    """

    entries: int
    releases: int
    files: int
    head: str
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    corrected: Mapping[str, str] = field(default_factory=dict)


def verify_folder(published: Path, head: str = "") -> Proved:
    """Prove the chain and every file of a published folder.

    `head` is a hash that was noted earlier, or its beginning: an entry must have it, so that a
    chain that was replaced or cut back as a whole is noticed too. Raises LedgerBroken when the
    chain does not hold, Held `published_edited` with all files that are not as recorded.
    """
    links = read_public_ledger(published / _LEDGER)
    if head and not any(link.hash.startswith(head) for link in links):
        raise LedgerBroken(
            f"no entry of {_LEDGER} has the hash {head[:16]}: the ledger was replaced, or cut back "
            "to before that entry; get the published folder again from whoever publishes it"
        )
    try:
        expected, gone = dict(_expected(links)), _withdrawn(links)
        corrections = _corrections(links)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise LedgerBroken(f"{_LEDGER} was not written by this program") from None
    faults = list(_faults(published, expected, links))
    if not faults:
        faults = _database_faults(published, links)
    if faults:
        raise Held("published_edited", _tell(faults))
    releases = len(_subjects(links, RELEASE))
    head = links[-1].hash if links else FIRST
    why = {old: f"{new}: {reason}" for old, (new, reason) in corrections.items()}
    return Proved(len(links), releases, len(expected), head, gone, why)


def _expected(links: Sequence[Link]) -> Iterator[tuple[str, str]]:
    """Every file that the chain vouches for, by path in the published folder: its digest."""
    for subject, files in _subjects(links, RELEASE).items():
        for name, digest in files.items():
            yield f"releases/{subject}/{name}", digest
    shown = [link.shown for link in links if link.shown is not None]
    records = ((entry["kind"], entry["subject"], entry["body"]) for entry in shown)
    for subject, files in recorded_files(records).items():
        for name, digest in files.items():
            advertiser, file = name.split("/")
            yield f"exports/{advertiser}/{subject}/{file}", digest


def _subjects(links: Sequence[Link], kind: str) -> dict[str, Mapping[str, str]]:
    """The recorded files of each release or export."""
    return {
        link.shown["subject"]: link.shown["body"]["files"]
        for link in links
        if link.shown is not None and link.shown["kind"] == kind
    }


def _withdrawn(links: Sequence[Link]) -> dict[str, str]:
    """Why, of each release that was withdrawn."""
    return {
        link.shown["subject"]: link.shown["body"]["reason"]
        for link in links
        if link.shown is not None and link.shown["kind"] == WITHDRAWAL
    }


def _corrections(links: Sequence[Link]) -> dict[str, tuple[str, str]]:
    """By which release, and why, of each release that was corrected."""
    bodies = (
        (link.shown["subject"], link.shown["body"])
        for link in links
        if link.shown is not None and link.shown["kind"] == RELEASE
    )
    return {
        body["corrects"]: (subject, body["reason"])
        for subject, body in bodies
        if "corrects" in body
    }


def _faults(published: Path, expected: Mapping[str, str], links: Sequence[Link]) -> Iterator[str]:
    present = set(_files(published)) - {_LEDGER, _DATABASE}
    for name in sorted(present | expected.keys()):
        if name not in present:
            yield f"{name} is missing"
        elif name not in expected:
            yield f"{name} is not in the ledger"
        elif sha256(published / name) != expected[name]:
            yield f"{name} is not what the ledger recorded"
    for subject in sorted(_subjects(links, RELEASE).keys() - _subjects(links, EXPORTS).keys()):
        yield f"the exports of {subject} were never finished; its day has to be run again"
    for subject in sorted(_corrections(links).keys() - _subjects(links, POINTER).keys()):
        yield f"the exports of {subject} have no pointer yet; its day has to be run again"


def _files(published: Path) -> Iterator[str]:
    """Every file below the folder but what a run is still writing (hidden at the top)."""
    for path in published.rglob("*"):
        name = path.relative_to(published)
        if not path.is_dir() and not name.parts[0].startswith("."):
            yield name.as_posix()


def _database_faults(published: Path, links: Sequence[Link]) -> list[str]:
    """How the analysts' database differs from one built of the releases in circulation."""
    releases, gone = _subjects(links, RELEASE), _withdrawn(links)
    if not releases:
        return []
    if not (published / _DATABASE).is_file():
        return [f"{_DATABASE} is missing"]
    corrections = {old: new for old, (new, _) in _corrections(links).items()}
    read = [
        release
        for release in _read(published, releases)
        if circulates(release.id, corrections, gone)
    ]
    return [f"{_DATABASE}: {what} is not as released" for what in
            differences(read, published / _DATABASE)]  # fmt: skip


def _read(published: Path, releases: Mapping[str, Mapping[str, str]]) -> Iterator[Release]:
    for number, (subject, digests) in enumerate(releases.items(), start=1):
        yield read_release(published / "releases" / subject, number, digests)


def _tell(faults: Sequence[str]) -> str:
    listed = "".join(f"\n  - {fault}" for fault in faults[:_SHOWN_FAULTS])
    more = len(faults) - _SHOWN_FAULTS
    rest = f"\n  and {more} more" if more > 0 else ""
    return (
        f"{len(faults)} published file(s) are not what was released:{listed}{rest}\nRestore them "
        "from their backup, or remove the folder of an export or the database and run the day "
        "again with: audience run"
    )
