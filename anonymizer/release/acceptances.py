"""Implausible days that somebody accepted: who, in which role, when and why.

While the policy names roles, two logins accept a day: the first is recorded as one of two and
releases nothing (`first_acceptance`), the second completes it (`acceptance`, which names the first
by its number). A first one counts for the same files and the same measures, and as long as its
login has a role that may accept. Without roles one login accepts.

What bears on the figures is public, and certificates state it, those of the day's exports and of
longer periods that the day is a part of: the measures that were out of their limits, the role, the
day and the reason. The login is not: it stands in the
private part of the ledger's entries. An acceptance is bound to the raw files that were taken in,
and to the measures that were odd: where others are odd later, the day is accepted once more.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from anonymizer.model.errors import ConfigurationError, Fault, LedgerBroken
from anonymizer.model.reasons import require_fit
from anonymizer.model.roles import Role, Roles
from anonymizer.model.strictness import DECIDERS, may_decide
from anonymizer.release.chain import Link
from anonymizer.release.corrections import Who
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.storage.files import canonical_json
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret

ACCEPTANCE = "acceptance"
# By one of two logins: the day is as held as before.
FIRST_ACCEPTANCE = "first_acceptance"
COMMAND = "audience accept"
_MAY_ACCEPT: tuple[Role, ...] = ("privacy_officer", "data_engineer")
# The key of a release's public part that names the acceptance it was released under.
RELEASED_UNDER = "acceptance"
# Of a longer period: the acceptances of the days that it was made from.
ACCEPTED_DAYS = "accepted_days"
# Of an acceptance by two: the number of the first one in the ledger.
_COMPLETES = "first"
# Earlier versions recorded the beginning of the digest alone.
_SHORT_DIGEST = 16


@dataclass(frozen=True)
class Acceptance:
    """That a held day is right as it was delivered. `role` is empty while none is configured."""

    measures: tuple[str, ...]
    reason: str
    role: str
    accepted_on: date


@dataclass(frozen=True)
class AcceptanceState:
    """How far a day is accepted. `firsts` are those by one of two that count now.

    `logins` is how many have a role that may accept, `subject` that of the complete acceptance.
    """

    needed: int
    firsts: tuple[Entry, ...] = ()
    logins: int = 0
    subject: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the day can be released."""
        return bool(self.subject)

    @property
    def given(self) -> int:
        """How many of the needed acceptances there are."""
        return self.needed if self.is_complete else min(len(self.firsts), self.needed - 1)


def acceptance_state(
    entries: Sequence[Entry], roles: Roles, subject: str, measures: Sequence[str]
) -> AcceptanceState:
    """How far a day is accepted, by the roles in force and the measures that are odd now.

    A complete acceptance counts for the measures that it names. Raises LedgerBroken for one that
    two logins did not give as `acceptances_of` says.
    """
    needed = DECIDERS if roles else 1
    for entry in reversed(entries):
        if (
            entry.kind == ACCEPTANCE
            and _is_about(entry.subject, subject)
            and set(measures) <= set(entry.body["measures"])
        ):
            acceptances_of(entry, entries)
            return AcceptanceState(needed, subject=entry.subject)
    firsts = tuple(
        entry
        for entry in entries
        if entry.kind == FIRST_ACCEPTANCE
        and entry.subject.rpartition(" ")[0] == subject
        and entry.body["measures"] == list(measures)
        and set(_MAY_ACCEPT).intersection(roles.of(entry.body["by"]))
    )
    return AcceptanceState(needed, firsts=firsts, logins=len(may_decide(roles)))


def who_accepts() -> str:
    """The roles of which a login has one, as words of a sentence."""
    return " or ".join(_MAY_ACCEPT)


def role_that_accepts(roles: Roles, login: str) -> str:
    """The role in which a login accepts; empty while the policy has no roles.

    Raises ConfigurationError for a login without a role that may.
    """
    if not roles:
        return ""
    held = [role for role in _MAY_ACCEPT if role in roles.of(login)]
    if held:
        return held[0]
    allowed = " or ".join(f"roles.{role}" for role in _MAY_ACCEPT)
    problem = f"your login, {login}, has no role that may accept a day"
    remedy = (
        f"ask someone whose login has one, or have your login added to {allowed} in policy.yaml"
    )
    raise ConfigurationError([Fault(COMMAND, problem, remedy)])


def acceptance_subject(day: date, inputs: Mapping[str, str]) -> str:
    """The day, and the digest of the raw files that it was taken in from."""
    return f"{day} {hashlib.sha256(canonical_json(dict(inputs)).encode()).hexdigest()}"


def _is_about(recorded: str, subject: str) -> bool:
    """Whether a complete acceptance is of this day and these files; later ones have a number."""
    (day, digest), (recorded_day, recorded_digest) = subject.split(), recorded.split()[:2]
    return recorded_day == day and recorded_digest in {digest, digest[:_SHORT_DIGEST]}


def record_acceptance(
    home: Home, ledger: Ledger, secret: Secret, subject: str, accepted: Acceptance, who: Who
) -> AcceptanceState:
    """Record that a login accepts a day; how far it is accepted then. What is complete stands.

    The roles of `who` are those in force: with any, the first login of two completes nothing.
    Raises ConfigurationError for a reason that is unfit and a login that has accepted the day
    already, LedgerBroken for a ledger that is older than its public part, Busy or NoSpace.
    """
    require_fit(accepted.reason, "everyone can read the reason: leave this out")
    with exclusive(home):
        entries = ledger.entries()
        state = acceptance_state(entries, who.roles, subject, accepted.measures)
        if state.is_complete:
            return state
        check_public_ledger(home, [entry.link for entry in entries])
        others = [entry for entry in state.firsts if entry.body["by"] != who.login]
        if state.firsts and not others:
            remedy = f"another login with the role {who_accepts()} accepts it, too"
            raise ConfigurationError([Fault(COMMAND, "this login has accepted the day", remedy)])
        public: dict[str, Any] = {
            "reason": accepted.reason,
            "measures": list(accepted.measures),
            "role": accepted.role,
            "accepted_on": accepted.accepted_on.isoformat(),
        }
        kind, about = ACCEPTANCE, subject
        if ledger.find(ACCEPTANCE, subject):
            about = f"{subject} {len(entries) + 1}"
        if others:
            public[_COMPLETES] = others[-1].sequence
        elif state.needed > 1:
            earlier = sum(entry.kind == FIRST_ACCEPTANCE for entry in entries)
            kind, about = FIRST_ACCEPTANCE, f"{subject} {earlier + 1}"
        # The digest of what is kept is public: without a salt, a login could be guessed from it.
        ledger.append(
            kind, about, public, {"by": who.login, "salt": secret.salt(f"{kind} {about}")}
        )
        write_public_ledger(ledger, home)
        return acceptance_state(ledger.entries(), who.roles, subject, accepted.measures)


def accepted_of(ledger: Ledger, taken: Mapping[date, Mapping[str, str]]) -> tuple[str, ...]:
    """The subject of the newest acceptance of each day, by the files that it was taken in from."""
    known = [entry.subject for entry in reversed(ledger.entries()) if entry.kind == ACCEPTANCE]
    subjects = (acceptance_subject(day, taken[day]) for day in sorted(taken))
    newest = (next((one for one in known if _is_about(one, each)), "") for each in subjects)
    return tuple(subject for subject in newest if subject)


def statement_of(body: Mapping[str, Any], links: Sequence[Link]) -> dict[str, Any] | None:
    """What a certificate states of what was accepted: the release, or days that it is made from.

    `body` is what is public of the release's entry; None where nothing was accepted. From
    public parts alone, so that anyone can compare. Raises KeyError for an entry that is not there,
    ValueError for a pair that is none.
    """
    subject, contained = body.get(RELEASED_UNDER), body.get(ACCEPTED_DAYS, [])
    if subject is None and not contained:
        return None
    recorded = _recorded(links)
    public = {one.subject: one for one in recorded if one.kind == ACCEPTANCE}
    firsts = _firsts(recorded)
    if subject is not None:
        return _stated(public[subject], firsts, "Released although implausible")
    days = {name.split()[0]: public[name] for name in contained}
    stated = {
        day: _stated(accepted, firsts, f"Contains {day}, which was released although implausible")
        for day, accepted in days.items()
    }
    return {"days": stated, "in_words": ". ".join(one["in_words"] for one in stated.values())}


def acceptances_of(accepted: Entry, entries: Iterable[Entry]) -> tuple[Mapping[str, Any], ...]:
    """Each acceptance of a day that is accepted: of one login, or of two.

    Raises LedgerBroken unless the first of two is an earlier one of another login, about the same
    files and measures.
    """
    recorded = [
        _RecordedAcceptance(entry.kind, entry.subject, entry.sequence, entry.body)
        for entry in (accepted, *entries)
        if entry.kind in {FIRST_ACCEPTANCE, ACCEPTANCE}
    ]
    try:
        found = _in_order(recorded[0], _firsts(recorded))
    except (KeyError, ValueError):
        found = ()
    if not found or (len(found) > 1 and found[0]["by"] == found[1]["by"]):
        raise LedgerBroken(
            f"entry {accepted.sequence} of the ledger is an acceptance that two logins did not give"
        )
    return found


@dataclass(frozen=True)
class _RecordedAcceptance:
    """An acceptance as the ledger has it, or its public part."""

    kind: str
    subject: str
    sequence: int
    body: Mapping[str, Any]


def _recorded(links: Iterable[Link]) -> list[_RecordedAcceptance]:
    """What is public of every acceptance."""
    public = ((link.sequence, link.shown) for link in links if link.shown is not None)
    return [
        _RecordedAcceptance(part["kind"], part["subject"], sequence, part["body"])
        for sequence, part in public
        if part["kind"] in {FIRST_ACCEPTANCE, ACCEPTANCE}
    ]


def _firsts(recorded: Iterable[_RecordedAcceptance]) -> dict[int, _RecordedAcceptance]:
    """The acceptances by one of two, by their numbers."""
    return {one.sequence: one for one in recorded if one.kind == FIRST_ACCEPTANCE}


def _in_order(
    last: _RecordedAcceptance, firsts: Mapping[int, _RecordedAcceptance]
) -> tuple[Mapping[str, Any], ...]:
    """The fields of both, or of the only one. Raises KeyError or ValueError for a pair of others.

    The first is earlier, and about the same files and measures.
    """
    if _COMPLETES not in last.body:
        return (last.body,)
    first = firsts[last.body[_COMPLETES]]
    is_earlier = first.sequence < last.sequence
    same_files = first.subject.split()[:2] == last.subject.split()[:2]
    same_measures = first.body["measures"] == last.body["measures"]
    if not (is_earlier and same_files and same_measures):
        raise ValueError("the first acceptance is not one of the same files and measures")
    return (first.body, last.body)


def _stated(
    last: _RecordedAcceptance, firsts: Mapping[int, _RecordedAcceptance], what: str
) -> dict[str, Any]:
    """The acceptance that a day was released under; `first` is that of the other login."""
    measures = list(last.body["measures"])
    first, *second = (_by(one) for one in _in_order(last, firsts))
    said = "; and ".join(
        f"accepted{_in_words(one)}, reason: {one['reason']}" for one in (first, *second)
    )
    return {
        "measures": measures,
        **(second[0] if second else first),
        **({"first": first} if second else {}),
        "in_words": f"{what}: {', '.join(measures)}; {said}",
    }


def _by(accepted: Mapping[str, Any]) -> dict[str, str]:
    # Earlier versions recorded neither role nor day.
    role, accepted_on = accepted.get("role", ""), accepted.get("accepted_on", "")
    return {"role": role, "accepted_on": accepted_on, "reason": accepted["reason"]}


def _in_words(accepted: Mapping[str, str]) -> str:
    role, accepted_on = accepted["role"], accepted["accepted_on"]
    return f"{' by role ' + role if role else ''}{' on ' + accepted_on if accepted_on else ''}"
