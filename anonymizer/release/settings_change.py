"""A change of the settings: recorded when a run meets it, a weaker promise only once approved.

Every run begins by comparing the files with what the ledger keeps. What makes the promise stronger
is recorded and applies. What makes it weaker (`strictness.py` says which settings do) needs two
approvals first, by two logins with a role, one of them a privacy officer; without them every run
is held. The roles that count are those that were recorded before, so that nobody is made an officer
by the change itself. An approval is for exactly these settings in place of exactly those recorded
last: whatever is edited afterwards needs approvals of its own, and so does a change that was taken
back and is wanted again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anonymizer.model.errors import ConfigurationError, Fault, Held
from anonymizer.model.reasons import require_fit
from anonymizer.model.renamed_settings import present
from anonymizer.model.roles import Role, Roles
from anonymizer.model.strictness import Weakening, weakened, weakened_roles
from anonymizer.release.corrections import Who
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.release.settings import (
    SETTINGS,
    Meaning,
    Revision,
    SettingsTexts,
    first_free_day,
    read_meaning,
    recorded_revisions,
    refuse_lost_ledger,
)
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret

# Settings that bear on no figure (limits of intake, retention, roles) and have changed.
SAFEGUARDS = "safeguards"
SETTINGS_APPROVAL = "settings_approval"
APPROVALS = 2
OFFICER: Role = "privacy_officer"
_MAY_APPROVE: tuple[Role, ...] = (OFFICER, "data_engineer")
_UNREADABLE = Weakening("policy.yaml", "settings that this version does not read", "the file")


@dataclass(frozen=True)
class SettingsChange:
    """What the files in force change of the settings that were recorded last.

    `replaces` is the number of their entry in the ledger; 0 and no `before` where none is recorded.
    `approvals` are those of exactly this change.
    """

    replaces: int
    before: Meaning | None
    after: Meaning
    texts: SettingsTexts
    weakenings: tuple[Weakening, ...]
    approvals: tuple[Entry, ...]

    @property
    def deciding(self) -> Roles:
        """The roles by which it is approved: the recorded ones.

        Where these name no officer, the lists that they lack are those of the file.
        """
        recorded = self.before.policy.roles if self.before else Roles()
        if recorded.logins.get(OFFICER):
            return recorded
        named = {role: logins for role, logins in recorded.logins.items() if logins}
        return Roles({**self.after.policy.roles.logins, **named})

    @property
    def approvers(self) -> tuple[str, ...]:
        """The logins that have approved it and may."""
        logins = dict.fromkeys(entry.body["by"] for entry in self.approvals)
        return tuple(login for login in logins if _approving_role(self.deciding, login))

    @property
    def takes_effect(self) -> bool:
        """Whether a run may go by it."""
        return not self.weakenings or self._is_approved()

    def _is_approved(self) -> bool:
        officers = [login for login in self.approvers if OFFICER in self.deciding.of(login)]
        return len(self.approvers) >= APPROVALS and bool(officers)


def settings_change(home: Home, entries: Sequence[Entry]) -> SettingsChange:
    """What the files change, whether it weakens the promise, and who has approved it.

    Raises ConfigurationError with all mistakes of the files.
    """
    texts = SettingsTexts.in_force(home)
    after = read_meaning(texts)
    number, before = recorded_settings(entries)
    weakenings: tuple[Weakening, ...] = ()
    if before:
        weakenings = weakened(_compared(before), _compared(after))
    elif number:
        weakenings = (_UNREADABLE,)
    approvals = tuple(
        entry
        for entry in entries
        if entry.kind == SETTINGS_APPROVAL
        and (entry.body["replaces"], entry.body["digest"]) == (number, after.digest)
    )
    return SettingsChange(number, before, after, texts, weakenings, approvals)


def recorded_settings(entries: Sequence[Entry]) -> tuple[int, Meaning | None]:
    """The number of the entry that was recorded last, and what it means.

    0 where none was; None for settings that this version does not read.
    """
    policy, segments, number = "", "", 0
    for entry in entries:
        if entry.kind in {SETTINGS, SAFEGUARDS}:
            policy, number = entry.body["policy_text"], entry.sequence
        if entry.kind == SETTINGS:
            segments = entry.body["segments_text"]
    if not number:
        return 0, None
    try:
        return number, read_meaning(SettingsTexts(present(policy), segments))
    except ConfigurationError:
        return number, None


def roles_in_force(entries: Sequence[Entry], today: Roles) -> Roles:
    """Who decides now: the roles of the file, unless they let more people decide than recorded."""
    _, before = recorded_settings(entries)
    if before and weakened_roles(before.policy.roles, today):
        return before.policy.roles
    return today


def require_approved(home: Home, entries: Sequence[Entry]) -> SettingsChange:
    """The change of the files in force. Raises Held while it weakens the promise unapproved."""
    change = settings_change(home, entries)
    if change.takes_effect:
        return change
    listed = "".join(f"\n  - {weakening}" for weakening in change.weakenings)
    raise Held(
        "weaker_settings",
        "policy.yaml or segments.yaml makes the promise weaker than the settings that the ledger "
        f"recorded last, and {len(change.approvers)} of {APPROVALS} approvals are given:{listed}\n"
        f"Two logins approve it, one of them a {OFFICER}, each with: audience policy approve "
        '--reason "..."; or take the change back',
    )


def record_settings(home: Home, ledger: Ledger, secret: Secret) -> Revision:
    """The newest revision; a new one is recorded first when the files in force differ from it.

    It applies from the day after the newest one that any release covers, so that no period that
    has begun changes. Raises ConfigurationError with all mistakes of the files, Held while a weaker
    promise is not approved, LedgerBroken or Busy.
    """
    with exclusive(home):
        entries = ledger.entries()
        expected = expected_revisions(home, entries)
        change = settings_change(home, entries)
        revision = expected[-1]
        approved = [entry.sequence for entry in change.approvals] if change.weakenings else []
        if len(expected) > len(recorded_revisions(entries)):
            subject = f"{SETTINGS}-{revision.number}"
            ledger.append(SETTINGS, subject, *_parts(revision, approved, secret.salt(subject)))
            write_public_ledger(ledger, home)
        elif change.before and _safeguards(change.before) != _safeguards(change.after):
            subject = f"{SAFEGUARDS}-{change.replaces + 1}"
            kept = {"policy_text": change.texts.policy, "salt": secret.salt(subject)}
            ledger.append(SAFEGUARDS, subject, {"approvals": approved}, kept)
            write_public_ledger(ledger, home)
    return revision


def expected_revisions(home: Home, entries: Sequence[Entry]) -> tuple[Revision, ...]:
    """Every version of the settings, with the one that a run would record now. Writes nothing.

    Raises ConfigurationError with all mistakes of the files, Held while a weaker promise is not
    approved, LedgerBroken for a ledger that is lost.
    """
    change = require_approved(home, entries)
    digests = change.after.digests
    known = recorded_revisions(entries)
    if known and known[-1].digests == digests:
        return known
    refuse_lost_ledger(home, entries)
    first_day = first_free_day(entries) if known else None
    return (*known, Revision(len(known) + 1, first_day, change.texts, digests))


def approve_settings(
    home: Home, ledger: Ledger, secret: Secret, who: Who, reason: str, digest: str = ""
) -> SettingsChange:
    """Record that a login approves the settings of the files; returns the change as it is then.

    With `digest`, the beginning of the digest of the settings that were read, no others are
    approved. Raises ConfigurationError for a login that has no role or has approved already, and
    where nothing needs an approval; LedgerBroken, Busy. The roles of `who` are not asked: those
    that were recorded count.
    """
    require_fit(reason, "everybody can read it: leave it out")
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        change = settings_change(home, entries)
        role = _require_approver(change, who.login, digest)
        position = len(change.approvals) + 1
        content = f"{SETTINGS_APPROVAL} {change.replaces} {change.after.digest} {position}"
        # What is kept names a login, and logins are part of the settings: a digest of them that
        # is public would let both be guessed.
        public = {
            "replaces": change.replaces,
            "role": role,
            "reason": reason,
            "weakened": [weakening.setting for weakening in change.weakenings],
        }
        kept = {
            "digest": change.after.digest,
            "by": who.login,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "salt": secret.salt(content),
        }
        subject = f"{change.replaces}-{secret.salt(f'subject of {content}')[:32]}"
        ledger.append(SETTINGS_APPROVAL, subject, public, kept)
        write_public_ledger(ledger, home)
        return settings_change(home, ledger.entries())


def _require_approver(change: SettingsChange, login: str, digest: str) -> Role:
    """The role in which a login approves the change. Raises ConfigurationError."""
    if not change.weakenings:
        raise _refusal("the settings are no weaker than those recorded last: nothing to approve")
    if not change.after.digest.startswith(digest):
        remedy = "read what is changed: audience policy approve"
        raise _refusal("the files are not the ones with this digest", remedy)
    if not change.deciding.logins.get(OFFICER):
        remedy = f"list the logins in roles: {OFFICER} of policy.yaml"
        raise _refusal(f"no login has the role {OFFICER}", remedy)
    role = _approving_role(change.deciding, login)
    if role is None:
        allowed = " or ".join(f"roles.{one}" for one in _MAY_APPROVE)
        problem = "this login has no role that may approve, in the settings recorded last"
        raise _refusal(problem, f"ask one who is listed in {allowed}")
    if login in change.approvers:
        raise _refusal("this login has approved these settings", "another one has to approve, too")
    waiting = len(change.approvers) == APPROVALS - 1
    officers = [one for one in (*change.approvers, login) if OFFICER in change.deciding.of(one)]
    if waiting and not officers:
        raise _refusal(f"one of the two must have the role {OFFICER}", "a privacy officer approves")
    return role


def _approving_role(roles: Roles, login: str) -> Role | None:
    return next((role for role in _MAY_APPROVE if role in roles.of(login)), None)


def _refusal(problem: str, remedy: str = "") -> ConfigurationError:
    return ConfigurationError([Fault("audience policy approve", problem, remedy)])


def _compared(meaning: Meaning) -> Any:
    return meaning.policy, meaning.catalogue


def _safeguards(meaning: Meaning) -> dict[str, Any]:
    """What is about the run and no effort: it bears on no figure and is recorded all the same."""
    content = meaning.policy.model_dump(mode="json")
    return {
        name: content[name] for name in ("intake", "codings", "plausibility", "retention", "roles")
    }


def _parts(
    revision: Revision, approved: list[int], salt: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is public of a revision, and what is kept."""
    first_day = revision.first_day
    public: dict[str, Any] = {
        "first_day": first_day.isoformat() if first_day else None,
        "digests": dict(revision.digests),
    }
    if approved:
        public["approvals"] = approved
    kept = {
        "policy_text": revision.texts.policy,
        "segments_text": revision.texts.segments,
        "salt": salt,
    }
    return public, kept
