"""Days that wait until they are accepted as they are, or delivered again; and their acceptance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from anonymizer.intake.plausibility import Deviation
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.roles import Roles
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.release.acceptances import (
    Acceptance,
    AcceptanceState,
    acceptance_state,
    record_acceptance,
    role_that_accepts,
)
from anonymizer.release.corrections import Who, editions
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.settings_change import require_approved, roles_in_force
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from anonymizer.storage.secret import Secret
from pipelines.stages import journal
from pipelines.stages.plausibility_gate import DIGITS_OF_FILES, digest_of, implausible, subject_of


@dataclass(frozen=True)
class ImplausibleDay:
    """A day that is held, or holds longer periods, until it is accepted or delivered again.

    `digest` stands for its raw files. With `is_released` the day itself is final; weeks and months
    wait for the files that were taken in since.
    """

    day: date
    digest: str
    odd: tuple[Deviation, ...]
    state: AcceptanceState
    is_released: bool = False


def implausible_days(home: Home, ledger: Ledger) -> tuple[ImplausibleDay, ...]:
    """The days that wait for an acceptance, by the working data that are kept.

    Raises Held while the files in force make the promise weaker unapproved: limits that nobody
    approved decide about no day.
    """
    entries = ledger.entries()
    policy = require_approved(home, entries).after.policy
    roles = roles_in_force(entries, policy.roles)
    found = (_waiting(home, entries, day, policy, roles) for day in journal.days(home, "reach"))
    return tuple(one for one in found if one)


def _waiting(
    home: Home, entries: Sequence[Entry], day: date, policy: Policy, roles: Roles
) -> ImplausibleDay | None:
    intake = journal.read(home, "intake", day)
    releases = editions(entries, CAMPAIGN_DAY, Period("day", day))
    if intake is None or (releases and releases[-1].body["inputs"] == intake.facts.get("inputs")):
        return None
    odd = implausible(home, day, policy.plausibility)
    if not odd:
        return None
    measures = [one.measure for one in odd]
    state = acceptance_state(entries, roles, subject_of(home, day), measures)
    if state.is_complete:
        return None
    return ImplausibleDay(day, digest_of(home, day), odd, state, bool(releases))


def require_acceptor(home: Home, ledger: Ledger) -> None:
    """Refuse a login that may not accept a day: the measures are counts of rows.

    Raises ConfigurationError, Held as `implausible_days` does.
    """
    entries = ledger.entries()
    policy = require_approved(home, entries).after.policy
    role_that_accepts(roles_in_force(entries, policy.roles), account_name())


def accept_day(
    home: Home, ledger: Ledger, day: date, reason: str, now: datetime, digest: str = ""
) -> ImplausibleDay:
    """Record that a held day is right as it was delivered; the day with its state after that.

    With `digest`, the beginning of the digest of the files that were read, no others are accepted.
    Raises ConfigurationError for a login without a role that may, for one that has accepted the day
    already and for a day that is not held as implausible, Held while the files in force make the
    promise weaker unapproved, LedgerBroken for a ledger that is older than its public part.
    """
    entries, login = ledger.entries(), account_name()
    policy = require_approved(home, entries).after.policy
    roles = roles_in_force(entries, policy.roles)
    role = role_that_accepts(roles, login)
    odd = implausible(home, day, policy.plausibility)
    if faults := list(_not_acceptable(home, day, odd, digest)):
        raise ConfigurationError(faults)
    today = now.astimezone(ZoneInfo(policy.timing.timezone)).date()
    accepted = Acceptance(tuple(one.measure for one in odd), reason, role, today)
    who, subject = Who(roles, login), subject_of(home, day)
    state = record_acceptance(home, ledger, Secret.of(home), subject, accepted, who)
    return ImplausibleDay(day, digest_of(home, day), odd, state)


def _not_acceptable(
    home: Home, day: date, odd: Sequence[Deviation], digest: str
) -> Iterator[Fault]:
    if not odd:
        problem = f"{day} has not been taken in, or is plausible"
        yield Fault("--day", problem, f"audience run --from {day} --to {day}")
    elif digest and len(digest) < DIGITS_OF_FILES:
        problem = f"has {len(digest)} digits, at least {DIGITS_OF_FILES} are needed"
        yield Fault("--digest", problem, f"see the digest: audience accept --day {day}")
    elif not digest_of(home, day).startswith(digest):
        problem = f"the files of {day} are not the ones with this digest"
        yield Fault("--digest", problem, f"see what is odd now: audience accept --day {day}")
