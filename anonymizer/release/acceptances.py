"""Implausible days that somebody accepted: who, in which role, when and why.

While the policy names roles, two logins accept a day: the first is recorded as one of two and
releases nothing (`first_acceptance`), the second completes it (`acceptance`, which names the first
by its number). A first one counts for the same files and the same measures, and as long as its
login has a role that may accept. Without roles one login accepts.

What bears on the figures is public, and certificates state it, those of the day's exports and of
longer periods that the day is a part of: the measures that were out of their limits, the role, the
day and the reason. The login is not: it stands in the
private part of the ledger's entries. An acceptance is bound to the raw files that were taken in.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from anonymizer.model.errors import ConfigurationError, Fault
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

    `logins` is how many have a role that may accept.
    """

    needed: int
    is_complete: bool = False
    firsts: tuple[Entry, ...] = ()
    logins: int = 0

    @property
    def given(self) -> int:
        """How many of the needed acceptances there are."""
        return self.needed if self.is_complete else min(len(self.firsts), self.needed - 1)


def acceptance_state(
    entries: Sequence[Entry], roles: Roles, subject: str, measures: Sequence[str]
) -> AcceptanceState:
    """How far a day is accepted, by the roles in force and the measures that are odd now."""
    needed = DECIDERS if roles else 1
    if any((entry.kind, entry.subject) == (ACCEPTANCE, subject) for entry in entries):
        return AcceptanceState(needed, is_complete=True)
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
    return f"{day} {hashlib.sha256(canonical_json(dict(inputs)).encode()).hexdigest()[:16]}"


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
    """The subjects of the acceptances of days, by the files that each was taken in from."""
    known = {entry.subject for entry in ledger.entries() if entry.kind == ACCEPTANCE}
    subjects = (acceptance_subject(day, taken[day]) for day in sorted(taken))
    return tuple(subject for subject in subjects if subject in known)


def statement_of(body: Mapping[str, Any], links: Sequence[Link]) -> dict[str, Any] | None:
    """What a certificate states of what was accepted: the release, or days that it is made from.

    `body` is what is public of the release's entry; None where nothing was accepted. From
    public parts alone, so that anyone can compare. Raises KeyError for an entry that is not there.
    """
    subject, contained = body.get(RELEASED_UNDER), body.get(ACCEPTED_DAYS, [])
    if subject is None and not contained:
        return None
    public_parts = [link.shown for link in links if link.shown is not None]
    public = {part["subject"]: part["body"] for part in public_parts if part["kind"] == ACCEPTANCE}
    firsts = _firsts(links)
    if subject is not None:
        return _stated(public[subject], firsts, "Released although implausible")
    days = {name.split()[0]: public[name] for name in contained}
    stated = {
        day: _stated(accepted, firsts, f"Contains {day}, which was released although implausible")
        for day, accepted in days.items()
    }
    return {"days": stated, "in_words": ". ".join(one["in_words"] for one in stated.values())}


def acceptances_of(accepted: Entry, entries: Iterable[Entry]) -> tuple[Mapping[str, Any], ...]:
    """What is public of each acceptance of a day that is accepted: of one login, or of two.

    Raises KeyError where the entry of the first is not there.
    """
    firsts = {entry.sequence: entry.body for entry in entries if entry.kind == FIRST_ACCEPTANCE}
    return _in_order(accepted.body, firsts)


def _firsts(links: Iterable[Link]) -> dict[int, Mapping[str, Any]]:
    """The public fields of the acceptances by one of two, by their numbers."""
    return {
        link.sequence: link.shown["body"]
        for link in links
        if link.shown is not None and link.shown["kind"] == FIRST_ACCEPTANCE
    }


def _in_order(
    last: Mapping[str, Any], firsts: Mapping[int, Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    return (firsts[last[_COMPLETES]], last) if _COMPLETES in last else (last,)


def _stated(
    last: Mapping[str, Any], firsts: Mapping[int, Mapping[str, Any]], what: str
) -> dict[str, Any]:
    """The acceptance that a day was released under; `first` is that of the other login."""
    measures = list(last["measures"])
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
