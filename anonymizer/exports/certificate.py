"""The certificate beside the files of an export: what they are, what is promised, what is not.

It answers the three questions of the Article 29 Working Party's Opinion 05/2014 on anonymisation
techniques (WP216), and it is sealed: whoever holds the folder can check it with nothing else. It
holds no hash of the chain, which depends on the raw files: equal figures give equal exports,
whatever form their rows were delivered in.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonymizer.files import sha256
from anonymizer.ledger import Entry
from anonymizer.policy import Promise
from anonymizer.release import Release
from anonymizer.seal import sealed
from anonymizer.secret import Secret

CERTIFICATE = "certificate.json"
_FORMAT = 2
_HISTORY = "history"  # among an audit's attacks: also joined with earlier releases
# What the auditor's summary may say in public, whatever else the ledger keeps of it.
_AUDIT = ("attacks", "findings", "tables", "figures")
_JOINED = (
    "Each release was also attacked together with the earlier ones that bear on it: a week or "
    "month with its days, a month with its weeks, a campaign with those whose link contains its "
    "own, a campaign or an interest with the audience."
)
_UNJOINED = (
    "Combinations other than these are not proved, and tables whose figures lie far apart are "
    "taken to be safe for that. The same people are in many tables, so figures of several periods, "
    "campaigns or interests can be compared; the provider's threat model says what such "
    "comparisons are known to show."
)
_ALONE = (
    "The proof is made table by table. Figures of several periods or campaigns can be compared, "
    "since the same people are in many of them; the provider's threat model says what such "
    "comparisons are known to show."
)


def certificate_bytes(
    release: Release, entry: Entry, recipient: str, folder: Path, secret: Secret
) -> bytes:
    """The certificate of the files in `folder`; `entry` is the ledger's on the release.

    `recipient` is the advertiser that they are for, by id, or `every advertiser`.
    """
    summary = entry.body["audit"]
    joined = _HISTORY in summary["attacks"]
    statement = {
        "format": _FORMAT,
        "statement": "These files are an export of released audience figures, as they were "
        "released.",
        "provider": release.provider,
        "recipient": recipient,
        "release": release.id,
        "release_number": release.number,
        "release_files": dict(entry.body["files"]),
        "policy_digest": release.policy_digest,
        "catalogue_digest": release.catalogue_digest,
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "promise": promise_in_words(release.promise, joined=joined),
        "audit": _audit(summary, joined=joined),
        "opinion_05_2014": three_questions(release.promise, joined=joined),
    }
    return (json.dumps(sealed(statement, secret), indent=2, ensure_ascii=False) + "\n").encode()


def promise_in_words(promise: Promise, *, joined: bool) -> list[str]:
    """What every figure keeps, one sentence each.

    `joined` if the release was attacked together with the earlier ones that bear on it.
    """
    offset = ""
    if promise.k_jitter:
        offset = f", and a secret offset of up to {promise.k_jitter} raises that floor"
    return [
        (
            f"Every figure counts at least {promise.k} different people whose accounts had been "
            f"open for {promise.trusted_after_days} days or longer{offset}."
        ),
        _no_small_group(promise),
        *([_no_small_difference(promise)] if joined else []),
        "Figures are exact."
        if promise.rounding == 1
        else f"Figures are multiples of {promise.rounding}, less than {promise.rounding} away from "
        "the true number, and the same people always give the same figure.",
        "A released figure never changes: people who withdraw or are erased leave later releases.",
        (
            "The files hold counts of groups and nothing about any one person: no name, address, "
            "number, device or identifier."
        ),
    ]


def _no_small_group(promise: Promise) -> str:
    if not promise.inference_floor:
        return (
            "No figure that was withheld can be solved exactly from those of the same table. That "
            "a group is small may still be provable."
        )
    return (
        "Whoever puts all figures of one table together, by subtraction or any other arithmetic, "
        f"cannot prove of any group in it that it has fewer than {promise.inference_floor} "
        "people, zero included. Regions that a campaign does not target are known to be empty."
    )


def _no_small_difference(promise: Promise) -> str:
    if not promise.inference_floor:
        return _JOINED
    return (
        f"{_JOINED} From the tables so joined nobody can prove of any group that fewer than "
        f"{promise.inference_floor} of its people are in one of them, are in the wider one and not "
        "in the narrower, or came on more than one of a period's days."
    )


def _one_kind(promise: Promise) -> str:
    if not promise.inference_floor:
        return ""
    return (
        "Not by proof from the figures of a table: to show that all people of a group are of one "
        "kind is to show that the group of the others is small. "
    )


def _all_knowing(promise: Promise) -> str:
    who = "Somebody who knows the data of everybody else exactly can "
    if promise.rounding == 1:
        return f"{who}tell whether one more person was counted. "
    return (
        f"{who}often tell whether one more person was counted, and sometimes for certain: rounding "
        "blurs that and does not bound it. "
    )


def _audit(summary: Mapping[str, Any], *, joined: bool) -> dict[str, Any]:
    together = f"{_JOINED} " if joined else ""
    shown = {name: summary[name] for name in _AUDIT if name in summary}
    return {
        **shown,
        "in_words": "Before the release was written, a program that shares no code with the one "
        "that withheld figures attacked each of its tables with what a reader sees. "
        f"{together}A release in which it finds a disclosure is not published.",
    }


def three_questions(promise: Promise, *, joined: bool) -> dict[str, dict[str, str]]:
    """The opinion's questions with what can truly be answered, and what is not promised."""
    together = f" {_no_small_difference(promise)}" if joined else ""
    return {
        "singling_out": {
            "question": "Is it still possible to single out an individual?",
            "answer": f"No figure is about fewer than {promise.k} people. "
            + _no_small_group(promise),
            "not_promised": f"{_all_knowing(promise)}The operator of a page can recognise its own "
            "visitors by other means.",
        },
        "linkability": {
            "question": "Is it still possible to link records relating to an individual?",
            "answer": "There are no records of individuals to link: no row, key or number in the "
            f"files stands for one person.{together}",
            "not_promised": _UNJOINED if joined else _ALONE,
        },
        "inference": {
            "question": "Can information be inferred concerning an individual?",
            "answer": f"{_one_kind(promise)}{_no_small_group(promise)}",
            "not_promised": "A withheld segment is usually below the floor, and its size can be "
            "guessed, over many releases often well. Figures are not differentially private. A "
            "trait that is common in a group may be guessed of its members.",
        },
    }
