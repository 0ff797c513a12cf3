"""Proves everything that is published against the public part of the ledger, offline.

It needs the published folder and nothing else: no ledger, no secret, no settings, no network.

A run that was killed leaves work to the next one. That is no fault as long as the chain vouches
for what is left to do: a folder that is staged whole and waits for its place, exports that were
never recorded, a withdrawal whose exports are still there as they were released, a database that is
missing or lacks the newest releases. It is told, and everything else that differs is a fault.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anonymizer.exports import export_limits
from anonymizer.exports.certificate import CERTIFICATE, stated_as, stated_in
from anonymizer.exports.database import differences, releases_in
from anonymizer.exports.notice import NOTICE, WITHDRAWAL
from anonymizer.exports.pointer import CORRECTED, POINTER
from anonymizer.exports.recorded_files import EXPORTS, RETIREMENT, recorded_files
from anonymizer.model.errors import Held, LedgerBroken
from anonymizer.model.escaping import visible
from anonymizer.release.acceptances import statement_of
from anonymizer.release.chain import FIRST, Link
from anonymizer.release.corrections import circulates
from anonymizer.release.ledger import RELEASE
from anonymizer.release.public_ledger import read_public_ledger
from anonymizer.release.release import Release, read_release
from anonymizer.storage.files import sha256

_LEDGER, _DATABASE = "ledger.jsonl", "segments.duckdb"


@dataclass(frozen=True)
class VerifiedFolder:
    """What was proved: how much, and where the chain ends (`head`, a hash).

    `withdrawn` says why, of each release that was withdrawn; `corrected` by which other one, and
    why, of each that was corrected; `accepted` says what certificates state of each that was
    released although it is implausible; `unfinished` what the next run completes.
    """

    entries: int
    releases: int
    files: int
    head: str
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    corrected: Mapping[str, str] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Discrepancies:
    """What is not as it has to be, and what only waits for the next run."""

    faults: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


def verify_folder(published: Path, head: str = "") -> VerifiedFolder:
    """Prove the chain and every file of a published folder.

    `head` is a hash that was noted earlier, or its beginning: an entry must have it, so that a
    chain that was replaced or cut back as a whole is noticed too. Raises LedgerBroken when the
    chain does not hold, Held `published_edited` with all files that are not as recorded.
    """
    links = read_public_ledger(published / _LEDGER)
    if head and not any(link.hash.startswith(head) for link in links):
        raise LedgerBroken(
            f"no entry of {_LEDGER} has the hash {head[:16]}: the ledger was replaced, or "
            "truncated before that entry; get the published folder again from its publisher"
        )
    return verify_links(published, links)


def verify_links(published: Path, links: Sequence[Link]) -> VerifiedFolder:
    """Prove every file of a published folder by a chain that is proved.

    Raises LedgerBroken and Held as `verify_folder` does.
    """
    try:
        expected, gone = dict(_expected(links)), _withdrawn(links)
        accepted = _accepted(links)
        corrections = _corrections(links)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise LedgerBroken(f"{_LEDGER} was not written by this program") from None
    found = _Discrepancies()
    present = _look_at_files(published, expected, links, found)
    if not found.faults:
        found.faults.extend(_unfit_certificates(published, accepted))
        _look_at_database(published, links, found)
    if found.faults:
        raise Held("published_edited", _tell(found.faults))
    releases = len(_subjects(links, RELEASE))
    head = links[-1].hash if links else FIRST
    acceptance_texts = {subject: one["in_words"] for subject, one in accepted.items() if one}
    unfinished = tuple(found.unfinished)
    why = {old: f"{new}: {reason}" for old, (new, reason) in corrections.items()}
    return VerifiedFolder(
        len(links), releases, present, head, gone, why, acceptance_texts, unfinished
    )


def _expected(links: Sequence[Link]) -> Iterator[tuple[str, str]]:
    """Every file that the chain vouches for, by path in the published folder: its digest."""
    for subject, files in _subjects(links, RELEASE).items():
        for name, digest in files.items():
            yield f"releases/{subject}/{name}", digest
    public_parts = [link.shown for link in links if link.shown is not None]
    records = ((entry["kind"], entry["subject"], entry["body"]) for entry in public_parts)
    for subject, files in recorded_files(records).items():
        yield from _paths(subject, files)


def _paths(subject: str, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Files of exports by path in the published folder: their digests."""
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


def _accepted(links: Sequence[Link]) -> dict[str, Mapping[str, Any] | None]:
    """What the certificates of each release have to state of its acceptance."""
    public_parts = [link.shown for link in links if link.shown is not None]
    return {
        part["subject"]: statement_of(part["body"], links)
        for part in public_parts
        if part["kind"] == RELEASE
    }


def _unfit_certificates(
    published: Path, accepted: Mapping[str, Mapping[str, Any] | None]
) -> Iterator[str]:
    """Certificates that state another acceptance than the ledger has, or leave one out.

    Their bytes are as recorded; so this is about who recorded them.
    """
    for subject, stated in accepted.items():
        for path in sorted((published / "exports").glob(f"*/{subject}/{CERTIFICATE}")):
            if stated_in(_read_certificate(path)) != stated_as(stated):
                name = path.relative_to(published).as_posix()
                yield f"{name} does not state the acceptance that the ledger recorded"


def _read_certificate(path: Path) -> Mapping[str, Any]:
    try:
        certificate = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return certificate if isinstance(certificate, dict) else {}


def _look_at_files(
    published: Path, expected: Mapping[str, str], links: Sequence[Link], found: _Discrepancies
) -> int:
    """Compare every file with the chain; returns how many are there as recorded."""
    present = set(_files(published)) - {_LEDGER, _DATABASE}
    waiting = _waiting(published, expected, present)
    left = _left_by_withdrawals(published, links, present)
    # A notice beside files that are there is laid last, and again by every run that finds it gone.
    lacking = {name for name in expected.keys() - present if name.endswith(f"/{CORRECTED}")}
    retired = _left_by_retirements(published, links, present)
    judged = (present | expected.keys()) - left - lacking - retired
    for name in sorted(name for name in judged if _folder(name) not in waiting):
        if fault := _fault(published, name, expected, present):
            found.faults.append(f"{visible(name)} {fault}")
    found.unfinished.extend(
        f"{folder} is staged but not in place yet" for folder in sorted(waiting)
    )
    for folder in sorted({_folder(name) for name in left}):
        found.unfinished.append(f"{folder} was withdrawn and is not replaced by its notice yet")
    for folder in sorted({_folder(name) for name in retired - left}):
        found.unfinished.append(f"{folder} was retired and is not removed yet")
    for folder in sorted({_folder(name) for name in lacking} - waiting):
        found.unfinished.append(f"{folder} was corrected and has no notice yet")
    for subject in sorted(_subjects(links, RELEASE).keys() - _subjects(links, EXPORTS).keys()):
        found.unfinished.append(f"the exports of {subject} are not written yet")
    for subject in sorted(_corrections(links).keys() - _subjects(links, POINTER).keys()):
        found.unfinished.append(f"the exports of {subject} have no notice of the correction yet")
    return len(present & expected.keys())


def _fault(
    published: Path, name: str, expected: Mapping[str, str], present: Collection[str]
) -> str:
    """What is wrong with a file; empty if nothing is."""
    if name not in present:
        return "is missing"
    if name not in expected:
        return "is not in the ledger"
    return (
        ""
        if sha256(published / name) == expected[name]
        else ("differs from what the ledger recorded")
    )


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _waiting(published: Path, expected: Mapping[str, str], present: Collection[str]) -> set[str]:
    """Recorded folders that are not there at all, and staged as they were recorded."""
    folders: dict[str, list[str]] = {}
    for name in expected:
        folders.setdefault(_folder(name), []).append(name)
    there = {_folder(name) for name in present}
    return {
        folder
        for folder, names in folders.items()
        if folder not in there
        and all(_is_file(_staged(published, name), expected[name]) for name in names)
    }


def _staged(published: Path, name: str) -> Path:
    """Where a file lies before its folder is put into its place."""
    parts = name.split("/")
    if parts[-1] == NOTICE:
        return published / ".staging" / "notices" / parts[1] / NOTICE
    return published / ".staging" / name


def _left_by_withdrawals(
    published: Path, links: Sequence[Link], present: Collection[str]
) -> set[str]:
    """Withdrawn exports that are there as they were released, and their missing notices."""
    exported, pointers = _subjects(links, EXPORTS), _subjects(links, POINTER)
    left = set[str]()
    for subject, notices in _subjects(links, WITHDRAWAL).items():
        files = dict(_paths(subject, exported.get(subject, {})))
        files |= dict(_paths(subject, pointers.get(subject, {})))
        for notice, _ in _paths(subject, notices):
            folder = _folder(notice)
            there = {name for name in present if _folder(name) == folder}
            if there and all(_is_file(published / name, files.get(name, "")) for name in there):
                left |= there | {notice}
    return left


def _left_by_retirements(
    published: Path, links: Sequence[Link], present: Collection[str]
) -> set[str]:
    """Retired exports that are there as they were released."""
    exported = _subjects(links, EXPORTS)
    parts = [link.shown for link in links if link.shown is not None]
    retired = [part["subject"] for part in parts if part["kind"] == RETIREMENT]
    files = {
        name: digest
        for subject in retired
        for name, digest in _paths(subject, exported.get(subject, {}))
    }
    return {name for name in present if _is_file(published / name, files.get(name, ""))}


def _is_file(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _files(published: Path) -> Iterator[str]:
    """Every file below the folder but what a run is still writing (hidden at the top)."""
    for path in published.rglob("*"):
        name = path.relative_to(published)
        if not path.is_dir() and not name.parts[0].startswith("."):
            yield name.as_posix()


def _look_at_database(published: Path, links: Sequence[Link], found: _Discrepancies) -> None:
    """Compare the analysts' database with one that is built of the releases in circulation."""
    path = published / _DATABASE
    there = {
        subject: digests
        for subject, digests in _subjects(links, RELEASE).items()
        if (published / "releases" / subject).is_dir()
    }
    if not there:
        return
    if not path.is_file():
        found.unfinished.append(f"{_DATABASE} is not built yet")
        return
    releases, withdrawn = list(_read(published, there)), _withdrawn(links)
    corrections = {old: new for old, (new, _) in _corrections(links).items()}
    gone = {r.id for r in releases if not circulates(r.id, corrections, withdrawn)}
    current = [release for release in releases if release.id not in gone]
    differing = differences(current, path)
    older = _as_it_was(releases, gone, releases_in(path)) if differing else None
    if older is not None:
        differing = differences(older, path)
        found.unfinished.append(f"{_DATABASE} is not up to date: it lacks the newest changes")
    found.faults.extend(
        f"{_DATABASE}: {visible(what)} differs from what was released" for what in differing
    )


def _as_it_was(
    releases: Sequence[Release], gone: Set[str], named: Collection[str]
) -> list[Release] | None:
    """The releases that a database names, if there was a time when it was right to have these.

    It may lack the newest, and those that are `gone` by now; nothing in between.
    """
    older = [release for release in releases if release.id in named]
    before = releases[: releases.index(older[-1])] if older else []
    lacking = {release.id for release in before} - {release.id for release in older}
    return older if lacking <= gone and len(older) == len(named) else None


def _read(published: Path, releases: Mapping[str, Mapping[str, str]]) -> Iterator[Release]:
    for number, (subject, digests) in enumerate(releases.items(), start=1):
        yield read_release(published / "releases" / subject, number, digests)


def _tell(faults: Sequence[str]) -> str:
    listed = "".join(f"\n  - {fault}" for fault in faults[: export_limits.FAULTS_LISTED])
    more = len(faults) - export_limits.FAULTS_LISTED
    rest = f"\n  and {more} more" if more > 0 else ""
    return (
        f"{len(faults)} published file(s) differ from what was released:{listed}{rest}\n"
        "Restore them from their backup, or remove the folder of an export or the database and "
        "run the day again with: audience run"
    )
