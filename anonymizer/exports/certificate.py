"""The certificate beside the files of an export: what they are, what is promised, what is not.

It answers the three questions of the Article 29 Working Party's Opinion 05/2014 on anonymisation
techniques (WP216), and it is sealed: anyone who has the folder can check it with nothing else. It
holds no hash of the chain, which depends on the raw files: equal figures give equal exports,
whatever form their rows were delivered in.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonymizer.model.errors import Held
from anonymizer.model.policy import Promise
from anonymizer.release.ledger import Entry
from anonymizer.release.release import Release
from anonymizer.storage.files import sha256
from anonymizer.storage.secret import Secret
from anonymizer.storage.signature import sealed

CERTIFICATE = "certificate.json"
ACCEPTED = "released_although_implausible"
CONTAINED = "contains_days_released_although_implausible"
# 5: the last sentence of the promise says what files contain, not what can be learned from them.
# 4: names of files say campaign and period; workbooks and Parquet files have seals of their own.
_FORMAT = 5
# What of the checker's summary is public. The other numbers of the ledger depend on true counts
# that are not published: how many groups were judged, which campaigns contain which.
_AUDIT = ("findings", "tables", "figures", "linked_releases")
_LINKED = (
    "Linked tables, including those of earlier releases, are compared before publication: a week "
    "or month with its days, a month with its weeks, a campaign with another one that counts "
    "nearly all of its people, and a campaign or an interest with the audience. Figures of the "
    "new release that reveal too small a group only in combination with linked tables are "
    "suppressed."
)
_NOT_LINKED = (
    "Linked tables are proved in pairs; only a few small ones are proved all together, and in "
    "larger sets the sums of figures are checked. Linked tables whose figures lie far apart are "
    "assumed to be safe. Other combinations of tables are not compared. Near groups are compared "
    "only with groups that were judged on their own: in a chain of groups, each near to the next, "
    "a later group is judged again and may have a different figure from the one before it. "
    "Advertisers who pool their files, or who repeat campaigns on many days to measure one small "
    "difference, may learn more than from one file. The provider's threat model states what was "
    "measured for each of these."
)


def certificate_bytes(
    release: Release,
    entry: Entry,
    recipient: str,
    folder: Path,
    secret: Secret,
    *,
    accepted: Mapping[str, Any] | None = None,
) -> bytes:
    """The certificate of the files in `folder`; `entry` is the ledger's on the release.

    `recipient` is the advertiser that they are for, by id, or `every advertiser`. `accepted` is
    what is to be stated of implausible days that were accepted. Raises Held for a release that an
    earlier version checked in another way.
    """
    if "near" not in entry.body:
        raise Held(
            "exports_unfinished",
            f"{release.id} was released by an earlier version under a different promise; finish "
            "its exports with that version, or restore them from their backup",
        )
    statement = {
        "format": _FORMAT,
        "statement": "These files are an export of released audience figures, as they were "
        "released.",
        "provider": release.provider,
        "recipient": recipient,
        "release": release.id,
        "release_number": release.number,
        **({"corrects": release.corrects} if release.corrects else {}),
        "release_files": dict(entry.body["files"]),
        "policy_digest": release.policy_digest,
        "catalogue_digest": release.catalogue_digest,
        **stated_as(accepted),
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        "promise": promise_in_words(release.promise, release.base, release.error),
        "audit": audit_in_words(entry.body["audit"], release.promise),
        "opinion_05_2014": three_questions(release.promise),
    }
    return (json.dumps(sealed(statement, secret), indent=2, ensure_ascii=False) + "\n").encode()


def stated_as(accepted: Mapping[str, Any] | None) -> dict[str, Any]:
    """The field of a certificate that states what was accepted; none where nothing was."""
    if not accepted:
        return {}
    return {CONTAINED if "days" in accepted else ACCEPTED: dict(accepted)}


def stated_in(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a certificate that state what was accepted."""
    return {name: certificate[name] for name in (ACCEPTED, CONTAINED) if name in certificate}


def promise_in_words(promise: Promise, base: int, error: int) -> list[str]:
    """What every figure keeps. Figures are multiples of `base` and at most `error` away from the
    true number of people.
    """
    sentences = (
        _threshold(promise),
        _accounts(promise),
        (
            "A visit counts for one campaign, and a person counts in at most "
            f"{promise.campaigns_per_person} campaigns of one advertiser and period."
        ),
        _no_small_group(promise),
        _no_small_difference(promise),
        _near(promise),
        _precision(promise, base, error),
        (
            "A released figure never changes: people who withdraw or are erased are not counted "
            "in later releases."
        ),
        (
            "The files contain counts of groups only: no name, address, number, device or "
            "identifier of a person."
        ),
    )
    return [sentence for sentence in sentences if sentence]


def _threshold(promise: Promise) -> str:
    words = f"Every figure counts at least {promise.k} different people."
    if promise.k_jitter:
        words += f" A secret offset of up to {promise.k_jitter} raises this threshold."
    return words


def _accounts(promise: Promise) -> str:
    if not promise.min_account_days:
        return ""
    days = promise.min_account_days
    return f"Only people whose accounts have been open for at least {days} days are counted."


def _no_small_group(promise: Promise) -> str:
    if not promise.inference_floor:
        return (
            "No suppressed figure can be solved exactly from the figures of its table. It may "
            "still be provable that a group is small."
        )
    return (
        "From all figures of a table, by subtraction or any other arithmetic, and from the rules "
        "stated here, no one can prove that a group in it has fewer than "
        f"{promise.inference_floor} people, zero included. Regions that a campaign does not target "
        "are known to be empty."
    )


def _no_small_difference(promise: Promise) -> str:
    if not promise.inference_floor:
        return _LINKED
    return (
        f"{_LINKED} From two tables that are compared, no one can prove with the help of the "
        f"figures of this release that fewer than {promise.inference_floor} people of a group are "
        "in one of them, are in the wider table and not in the narrower one, or came on more than "
        "one day of a period. Of two campaigns with nearly the same people the difference is not "
        "proved to be safe; their near groups share one figure."
    )


def _near(promise: Promise) -> str:
    jitter = ""
    if promise.near_jitter:
        jitter = f" (plus a secret 0 to {promise.near_jitter}, drawn once for each pair of tables)"
    near = f"that differs by fewer than {promise.step} people{jitter} from"
    if promise.step == 1 and not promise.near_jitter:
        near = "of the same people as"
    return (
        "Near groups share one outcome, across campaigns, periods and advertisers: a group "
        f"{near} a group that was judged earlier on its own has the figure of that group, or "
        f"none. Groups are compared with those of releases up to {promise.near_days} days earlier."
    )


def _precision(promise: Promise, base: int, error: int) -> str:
    if not error:
        return "Figures are exact."
    words = f"Figures are multiples of {base}. " if base > 1 else ""
    words += (
        f"The true number of people differs from a figure by at most {error}, and is at least "
        f"{promise.k}."
    )
    if promise.rounding == 1:
        return words
    return words + (
        " Rounding depends on a secret and on the exact set of people, so that repetition does not "
        "average it out."
    )


def _one_kind(promise: Promise) -> str:
    if not promise.inference_floor:
        return ""
    return (
        "Not by proof from the figures of a table: proving that all people of a group are of one "
        "kind would also prove that the group of all others is small. "
    )


def _all_knowing(promise: Promise) -> str:
    who = "Someone who knows the data of everyone else exactly can "
    if promise.rounding == 1:
        return f"{who}tell whether one more person was counted in a group judged on its own. "
    return (
        f"{who}often tell whether one more person was counted, sometimes with certainty: rounding "
        "and shared figures make this harder and do not prevent it. "
    )


def audit_in_words(summary: Mapping[str, Any], promise: Promise) -> dict[str, Any]:
    """What was checked before publication; of the ledger's summary what is public."""
    return {
        **{name: summary[name] for name in _AUDIT},
        "in_words": "Before publication, a separate program, the checker, verified the release. "
        "It shares no code with the program that suppresses figures, and reads "
        f"counts, segments and figures itself. It verified {_proof(promise)}. It also "
        "verified the threshold, the rounding and which groups share a figure. A "
        "release in which it finds a fault is not published.",
    }


def _proof(promise: Promise) -> str:
    """What the checker verified of each cell."""
    cells = (
        "a proof for every cell of every table that any figure includes: whole numbers of people"
    )
    if not promise.inference_floor:
        return (
            f"{cells} that fit all figures of the table, twice, with two different numbers in the "
            "cell"
        )
    return (
        f"{cells} that fit all figures of the table, with {promise.inference_floor} or more in the "
        "cell"
    )


def three_questions(promise: Promise) -> dict[str, dict[str, str]]:
    """The opinion's questions with what can truly be answered, and what is not promised."""
    return {
        "singling_out": {
            "question": "Is it still possible to single out an individual?",
            "answer": f"No figure counts fewer than {promise.k} people. {_no_small_group(promise)}",
            "not_promised": f"{_all_knowing(promise)}The operator of a page can recognise its own "
            "visitors by other means.",
        },
        "linkability": {
            "question": "Is it still possible to link records relating to an individual?",
            "answer": "There are no records of individuals to link: no row, key or number in the "
            "files stands for one person. Groups that can be compared from table to table are "
            f"protected by two rules. {_near(promise)} {_no_small_difference(promise)}",
            "not_promised": _NOT_LINKED,
        },
        "inference": {
            "question": "Can information be inferred concerning an individual?",
            "answer": f"{_one_kind(promise)}{_no_small_group(promise)}",
            "not_promised": "A suppressed segment is usually below the threshold, and its size "
            "can be guessed, often accurately over many releases. Figures are "
            "not differentially private. A trait that is common in a group may "
            "be assumed of each of its members.",
        },
    }
