"""Implausible days that somebody accepted: who, in which role, when and why.

What bears on the figures is public, and certificates state it, those of the day's exports and of
longer periods that the day is a part of: the measures that were out of their limits, the role, the
day and the reason. The login is not: it stands in the
private part of the ledger's entry. An acceptance is bound to the raw files that were taken in.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.reasons import require_fit
from anonymizer.model.roles import Role, Roles
from anonymizer.release.chain import Link
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.storage.files import canonical_json
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret

ACCEPTANCE = "acceptance"
_MAY_ACCEPT: tuple[Role, ...] = ("privacy_officer", "data_engineer")
# The key of a release's public part that names the acceptance it was released under.
RELEASED_UNDER = "acceptance"
# Of a longer period: the acceptances of the days that it was made from.
ACCEPTED_DAYS = "accepted_days"


@dataclass(frozen=True)
class Acceptance:
    """That a held day is right as it was delivered. `role` is empty while none is configured."""

    measures: tuple[str, ...]
    reason: str
    role: str
    accepted_on: date


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
    raise ConfigurationError([Fault("audience accept", problem, remedy)])


def acceptance_subject(day: date, inputs: Mapping[str, str]) -> str:
    """The day, and the digest of the raw files that it was taken in from."""
    return f"{day} {hashlib.sha256(canonical_json(dict(inputs)).encode()).hexdigest()[:16]}"


def record_acceptance(
    home: Home, ledger: Ledger, secret: Secret, subject: str, accepted: Acceptance, login: str
) -> None:
    """Record an acceptance, once; what was recorded first stands.

    Raises ConfigurationError for a reason that is unfit, LedgerBroken for a ledger that is older
    than its public part, Busy or NoSpace.
    """
    require_fit(accepted.reason, "everyone can read the reason: leave this out")
    with exclusive(home):
        entries = ledger.entries()
        if any((entry.kind, entry.subject) == (ACCEPTANCE, subject) for entry in entries):
            return
        check_public_ledger(home, [entry.link for entry in entries])
        public = {
            "reason": accepted.reason,
            "measures": list(accepted.measures),
            "role": accepted.role,
            "accepted_on": accepted.accepted_on.isoformat(),
        }
        # The digest of what is kept is public: without a salt, a login could be guessed from it.
        salt = secret.salt(f"{ACCEPTANCE} {subject}")
        ledger.append(ACCEPTANCE, subject, public, {"by": login, "salt": salt})
        write_public_ledger(ledger, home)


def accepted_of(ledger: Ledger, taken: Mapping[date, Mapping[str, str]]) -> tuple[str, ...]:
    """The subjects of the acceptances of days, by the files that each was taken in from."""
    known = {entry.subject for entry in ledger.entries() if entry.kind == ACCEPTANCE}
    subjects = (acceptance_subject(day, taken[day]) for day in sorted(taken))
    return tuple(subject for subject in subjects if subject in known)


def statement_of(body: Mapping[str, Any], links: Iterable[Link]) -> dict[str, Any] | None:
    """What a certificate states of what was accepted: the release, or days that it is made from.

    `body` is what is public of the release's entry; None where nothing was accepted. From
    public parts alone, so that anyone can compare. Raises KeyError for an entry that is not there.
    """
    subject, contained = body.get(RELEASED_UNDER), body.get(ACCEPTED_DAYS, [])
    if subject is None and not contained:
        return None
    public_parts = [link.shown for link in links if link.shown is not None]
    public = {part["subject"]: part["body"] for part in public_parts if part["kind"] == ACCEPTANCE}
    if subject is not None:
        return _stated(public[subject], "Released although implausible")
    days = {name.split()[0]: public[name] for name in contained}
    stated = {
        day: _stated(accepted, f"Contains {day}, which was released although implausible")
        for day, accepted in days.items()
    }
    return {"days": stated, "in_words": ". ".join(one["in_words"] for one in stated.values())}


def _stated(accepted: Mapping[str, Any], what: str) -> dict[str, Any]:
    measures, reason = list(accepted["measures"]), accepted["reason"]
    # Earlier versions recorded neither role nor day.
    role, accepted_on = accepted.get("role", ""), accepted.get("accepted_on", "")
    who = f" by role {role}" if role else ""
    when = f" on {accepted_on}" if accepted_on else ""
    return {
        "measures": measures,
        "role": role,
        "accepted_on": accepted_on,
        "reason": reason,
        "in_words": f"{what}: {', '.join(measures)}; accepted{who}{when}, reason: {reason}",
    }
