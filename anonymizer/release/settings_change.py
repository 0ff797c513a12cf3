"""A change of the settings: recorded when a run meets it, a weaker promise only once approved.

Every run begins by comparing the files with what the ledger keeps. What makes the promise stronger
is recorded and applies. What makes it weaker (`strictness.py` says which settings do) needs two
approvals first, by two logins with a role, one of them a privacy officer; without them every run
is held. The roles that count are those that were recorded before, so that nobody is made an officer
by the change itself: for each role the newest list that names a login, so that an empty list makes
no room for others. A home with a single login that may approve could never name a second one, so
that login, if an officer, approves a change of roles alone.

An approval is for exactly these settings in place of exactly those recorded last: whatever is
edited afterwards needs approvals of its own, and so does a change that was taken back and is wanted
again.
"""

import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import yaml
from pydantic import ValidationError

from anonymizer.model.configuration import parse
from anonymizer.model.errors import ConfigurationError, Fault, Held
from anonymizer.model.named_texts import with_named_segments
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.reasons import require_fit
from anonymizer.model.renamed_settings import present
from anonymizer.model.roles import Role, Roles
from anonymizer.model.segments import SegmentSettings
from anonymizer.model.strictness import (
    DECIDERS,
    Weakening,
    may_decide,
    weakened,
    weakened_roles,
)
from anonymizer.release.corrections import Who
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.release.settings import (
    SETTINGS,
    Meaning,
    Revision,
    SettingsTexts,
    applying,
    first_free_day,
    read_meaning,
    recorded_revisions,
    refuse_lost_ledger,
)
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret

# Settings that bear on no figure (limits of intake, retention, roles) and have changed.
SAFEGUARDS = "safeguards"
SETTINGS_APPROVAL = "settings_approval"
# A requested segment that an officer refused: approvals of it count no more.
SEGMENT_REJECTION = "segment_rejection"
OFFICER: Role = "privacy_officer"
_MAY_APPROVE: tuple[Role, ...] = (OFFICER, "data_engineer")
# What is about the run and no effort: it bears on no figure and is recorded all the same.
_SAFEGUARDS = ("intake", "codings", "plausibility", "retention", "roles")
_APPROVE = "audience policy approve"
_UNREADABLE = Weakening("policy.yaml", "settings that this version does not read", "the file")


@dataclass(frozen=True)
class RequestedSettings:
    """The settings of the files with a requested segment; `request` is its id, which is public."""

    request: str
    texts: SettingsTexts


@dataclass(frozen=True)
class SettingsChange:
    """What the files in force change of the settings that were recorded last.

    `replaces` is the number of their entry in the ledger; 0 and no `before` where none is recorded.
    `decided` are the roles that were recorded. `approvals` are those of exactly this change, and
    `is_approved_before` says whether any change of the settings recorded last has one. With
    `is_baseline`, the ledger is one of a version that recorded no safeguards: those of the files
    are where comparisons begin.
    """

    replaces: int
    before: Meaning | None
    after: Meaning
    texts: SettingsTexts
    decided: Roles
    weakenings: tuple[Weakening, ...]
    approvals: tuple[Entry, ...]
    is_approved_before: bool
    is_baseline: bool

    @property
    def deciding(self) -> Roles:
        """The roles by which it is approved: the recorded ones.

        Where these name no officer, the lists that they lack are those of the file.
        """
        if self.decided.logins.get(OFFICER):
            return self.decided
        return self.after.policy.roles.overlaid(self.decided)

    @property
    def needed(self) -> int:
        """How many approvals it needs: one for a change of roles by the only login that may."""
        only_roles = all(one.setting.partition(".")[0] == "roles" for one in self.weakenings)
        alone = len(may_decide(self.decided)) == 1 and bool(self.decided.logins.get(OFFICER))
        return 1 if alone and only_roles else DECIDERS

    @property
    def is_to_be_recorded(self) -> bool:
        """Whether a run records it though no figure depends on it.

        Also where nothing was changed: after that, approvals of a change that was taken back are
        for settings that are no longer the last.
        """
        if not self.before:
            return False
        taken_back = self.is_approved_before and not self.weakenings
        differs = _safeguards(self.before) != _safeguards(self.after)
        return differs or taken_back or self.is_baseline

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
        return len(self.approvers) >= self.needed and bool(officers)


def settings_change(
    home: Home, entries: Sequence[Entry], texts: SettingsTexts | None = None
) -> SettingsChange:
    """What the files change, whether it weakens the promise, and who has approved it.

    With `texts`, what these would change in place of the files. Raises ConfigurationError with all
    mistakes of the files.
    """
    texts = texts or SettingsTexts.in_force(home)
    after = read_meaning(texts)
    number, before = recorded_settings(entries)
    decided, is_baseline = recorded_roles(entries), _lacks_safeguards(entries)
    weakenings: tuple[Weakening, ...] = ()
    if before:
        compared = before.policy
        if is_baseline:
            compared = compared.model_copy(
                update={name: getattr(after.policy, name) for name in _SAFEGUARDS}
            )
        weakenings = weakened(
            (compared, before.catalogue),
            (after.policy, after.catalogue),
            compared.roles if is_baseline else decided,
        )
    elif number:
        weakenings = (_UNREADABLE,)
    approvals = _approvals(entries, number)
    return SettingsChange(
        number,
        before,
        after,
        texts,
        decided,
        weakenings,
        tuple(entry for entry in approvals if entry.body["digest"] == after.digest),
        # A requested segment is not in the files before it is recorded.
        any("request" not in entry.body for entry in approvals),
        is_baseline,
    )


def _approvals(entries: Sequence[Entry], replaces: int) -> list[Entry]:
    """The approvals of changes of these recorded settings, without those of rejected segments."""
    rejected = {entry.subject for entry in entries if entry.kind == SEGMENT_REJECTION}
    return [
        entry
        for entry in entries
        if entry.kind == SETTINGS_APPROVAL
        and entry.body["replaces"] == replaces
        and entry.body.get("request") not in rejected
    ]


def complete_request(
    home: Home, entries: Sequence[Entry], change: SettingsChange
) -> SettingsChange:
    """The change with a requested segment that was approved for good, put into `segments.yaml`.

    That is left to do where the process of the second approval was killed, or the disk was full.
    The same change where there is none, and for files with other changes. Raises NoSpace.
    """
    if change.before is None or change.before.digest != change.after.digest:
        return change
    for texts in _requested_texts(change, entries):
        wanted = settings_change(home, entries, texts)
        if wanted.weakenings and wanted.takes_effect:
            write_segments(home, texts)
            return wanted
    return change


def _requested_texts(change: SettingsChange, entries: Sequence[Entry]) -> Iterator[SettingsTexts]:
    """The files with each segment more that was approved for the settings recorded last."""
    known = change.after.segments
    kept = (entry.body.get("segments_text") for entry in _approvals(entries, change.replaces))
    for text in dict.fromkeys(text for text in kept if text):
        wanted = parse(text, "segments.yaml", SegmentSettings)
        codes = [code for code in wanted.named if code not in known.named]
        with suppress(ConfigurationError):  # the file was written anew: people add the segment
            segments = with_named_segments(change.texts.segments, wanted, codes)
            yield SettingsTexts(change.texts.policy, segments)


def write_segments(home: Home, texts: SettingsTexts) -> None:
    """Replace `segments.yaml`, or the file that it is a link to. Raises NoSpace."""
    path = home.segments.resolve()
    write_bytes(texts.segments.encode(), path, mode=stat.S_IMODE(path.stat().st_mode))


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


def recorded_roles(entries: Sequence[Entry]) -> Roles:
    """Who decides by the ledger: for each role, the newest list that names a login."""
    texts = (entry.body["policy_text"] for entry in entries if entry.kind in {SETTINGS, SAFEGUARDS})
    decided = Roles()
    for text in dict.fromkeys(texts):
        decided = decided.overlaid(_roles_of(text))
    return decided


def roles_in_force(entries: Sequence[Entry], today: Roles) -> Roles:
    """Who decides now: the roles of the file, unless they let more people decide than recorded.

    A role that the file names nobody for is that of the logins recorded for it.
    """
    decided = recorded_roles(entries)
    _, before = recorded_settings(entries)
    if _lacks_safeguards(entries):
        return decided.overlaid(today)
    if weakened_roles(before.policy.roles if before else decided, today, decided):
        return decided
    return decided.overlaid(today)


def require_approved(home: Home, entries: Sequence[Entry]) -> SettingsChange:
    """The change of the files in force. Raises Held while it weakens the promise unapproved."""
    return _require_effect(settings_change(home, entries))


def _require_effect(change: SettingsChange) -> SettingsChange:
    if change.takes_effect:
        return change
    listed = "".join(f"\n  - {weakening}" for weakening in change.weakenings)
    raise Held(
        "weaker_settings",
        "policy.yaml or segments.yaml makes the promise weaker than the settings that the ledger "
        f"recorded last, and {len(change.approvers)} of {change.needed} approvals exist:{listed}\n"
        f'{who_approves(change)} approves it with: audience policy approve --reason "..."; or '
        "take the change back",
    )


def who_approves(change: SettingsChange) -> str:
    """Whose approvals a change needs, as the subject of a sentence."""
    if change.needed == 1:
        return f"The recorded {OFFICER}"
    return f"Each of two logins, one of them a {OFFICER},"


def record_settings(home: Home, ledger: Ledger, secret: Secret) -> Revision:
    """The newest revision; a new one is recorded first when the files in force differ from it.

    It applies from the day after the newest one that any release covers, so that no period that
    has begun changes. A requested segment that two logins have approved is put into the files
    first. Raises ConfigurationError with all mistakes of the files, Held while a weaker promise is
    not approved, LedgerBroken, NoSpace or Busy.
    """
    with exclusive(home):
        entries = ledger.entries()
        found = settings_change(home, entries)
        change = _require_effect(complete_request(home, entries, found))
        expected = _expected(change, home, entries)
        revision = expected[-1]
        approved = [entry.sequence for entry in change.approvals] if change.weakenings else []
        if len(expected) > len(recorded_revisions(entries)):
            subject = f"{SETTINGS}-{revision.number}"
            ledger.append(SETTINGS, subject, *_parts(revision, approved, secret.salt(subject)))
            write_public_ledger(ledger, home)
        elif change.is_to_be_recorded:
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
    return _expected(require_approved(home, entries), home, entries)


def _expected(change: SettingsChange, home: Home, entries: Sequence[Entry]) -> tuple[Revision, ...]:
    digests = change.after.digests
    known = recorded_revisions(entries)
    if known and known[-1].digests == digests:
        return known
    refuse_lost_ledger(home, entries)
    first_day = first_free_day(entries) if known else None
    if first_day:
        _require_parts_kept(change, first_day)
        _require_parts_by_category_apart(change, known, first_day)
    return (*known, Revision(len(known) + 1, first_day, change.texts, digests))


def _require_parts_kept(change: SettingsChange, first_day: date) -> None:
    """Hold a change of what visits of a day count for that may be in a release already.

    A week or month counts visits as their days did, so what these counted for is final.
    """
    before = change.before.policy.campaign_parts if change.before else ()
    begun = [rule for rule in before if rule.from_day < first_day]
    now = change.after.policy.campaign_parts
    if [*now[: len(begun)]] == begun and all(r.from_day >= first_day for r in now[len(begun) :]):
        return
    kept = f"keep its first {len(begun)} rule(s) as recorded and " if begun else ""
    raise Held(
        "campaign_parts",
        f"campaign_parts of policy.yaml changes what visits before {first_day} count for, and days "
        f"up to then are released; {kept}let new rules begin on {first_day} or later. Show what is "
        "recorded with: audience policy history",
    )


def _require_parts_by_category_apart(
    change: SettingsChange, known: Sequence[Revision], first_day: date
) -> None:
    """Hold parts by category that a week or month would count by settings that do not fit them.

    A period is counted by the settings of its first day, parts of its later days among them: these
    settings have to need the consent, and to have no interests, whose weeks would overlap parts.
    """
    rules = [rule for rule in change.after.policy.campaign_parts if rule.needs_cookies]

    def unfit(begins: date) -> bool:
        starts = [Period.of("week", begins).start, Period.of("month", begins).start]
        earlier = [applying(known, start) for start in starts if start < first_day]
        meanings = [revision.meaning() for revision in earlier if revision]
        return any(
            one.policy.lacks_consent_for(rules) or one.segments.interests for one in meanings
        )

    for begins in [rule.from_day for rule in rules if unfit(rule.from_day)]:
        later = (begins + timedelta(days=number) for number in count(1))
        raise Held(
            "campaign_parts",
            f"the rule of campaign_parts from {begins} on is by product_category, and a week or "
            "month of that day began by settings with interests, or without advertising_cookies in "
            "eligibility.purposes, which would count people without this consent; let it begin on "
            f"{next(day for day in later if not unfit(day))} or later",
        )


def approve_settings(
    home: Home,
    ledger: Ledger,
    secret: Secret,
    who: Who,
    reason: str,
    digest: str = "",
    requested: RequestedSettings | None = None,
) -> SettingsChange:
    """Record that a login approves the settings of the files; returns the change as it is then.

    With `digest`, the beginning of the digest of the settings that were read, no others are
    approved. With `requested`, its settings are approved, which are not in the files yet. Raises
    ConfigurationError for a login that has no role or has approved already, and where nothing needs
    an approval; LedgerBroken, Busy. The roles of `who` are not asked: those that were recorded
    count.
    """
    require_fit(reason, "everyone can read the reason: leave this out")
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        texts = requested.texts if requested else None
        change = settings_change(home, entries, texts)
        if first_day := first_free_day(entries):
            _require_parts_kept(change, first_day)
            _require_parts_by_category_apart(change, recorded_revisions(entries), first_day)
        role = _require_approver(change, who.login, digest)
        position = 1 + sum(entry.kind == SETTINGS_APPROVAL for entry in entries)
        content = f"{SETTINGS_APPROVAL} {change.replaces} {change.after.digest} {position}"
        # What is kept names a login, and logins are part of the settings: a digest of them that
        # is public would let both be guessed.
        public = {
            "replaces": change.replaces,
            "role": role,
            "reason": reason,
            "weakened": [weakening.setting for weakening in change.weakenings],
            **({"request": requested.request} if requested else {}),
        }
        kept = {
            "digest": change.after.digest,
            **({"segments_text": requested.texts.segments} if requested else {}),
            "by": who.login,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "salt": secret.salt(content),
        }
        subject = f"{change.replaces}-{secret.salt(f'subject of {content}')[:32]}"
        ledger.append(SETTINGS_APPROVAL, subject, public, kept)
        write_public_ledger(ledger, home)
        return settings_change(home, ledger.entries(), texts)


def _require_approver(change: SettingsChange, login: str, digest: str) -> Role:
    """The role in which a login approves the change. Raises ConfigurationError."""
    if not change.weakenings:
        raise _refusal("the settings are no weaker than those recorded last: nothing to approve")
    if not change.after.digest.startswith(digest):
        remedy = "list the changes with: audience policy approve"
        raise _refusal("the files are not the ones with this digest", remedy)
    role = require_decider(change, login)
    if login in change.approvers:
        raise _refusal("this login has approved these settings", "another login must approve, too")
    waiting = len(change.approvers) == change.needed - 1
    officers = [one for one in (*change.approvers, login) if OFFICER in change.deciding.of(one)]
    if waiting and not officers:
        raise _refusal(f"one of the two must have the role {OFFICER}", "a privacy officer approves")
    return role


def require_decider(change: SettingsChange, login: str, command: str = _APPROVE) -> Role:
    """The role in which a login may decide on settings. Raises ConfigurationError without one."""
    if not change.deciding.logins.get(OFFICER):
        remedy = f"list the logins in roles: {OFFICER} of policy.yaml"
        raise _refusal(f"no login has the role {OFFICER}", remedy, command)
    role = _approving_role(change.deciding, login)
    if role is None:
        allowed = " or ".join(f"roles.{one}" for one in _MAY_APPROVE)
        problem = "this login has no role that may approve, in the settings recorded last"
        raise _refusal(problem, f"ask one who is listed in {allowed}", command)
    return role


def _lacks_safeguards(entries: Sequence[Entry]) -> bool:
    """Whether the ledger is of a version that recorded no safeguards, and no run came since."""
    settings = [entry for entry in entries if entry.kind == SETTINGS]
    return (
        bool(settings)
        and "approvals" not in settings[-1].body
        and not any(entry.kind == SAFEGUARDS for entry in entries)
    )


def _roles_of(text: str) -> Roles:
    """The roles in a recorded text, also of settings that this version does not read otherwise."""
    try:
        return Policy.parse(present(text)).roles
    except ConfigurationError:
        pass
    try:
        content = yaml.safe_load(text)
        roles = content.get("roles") if isinstance(content, dict) else None
        return Policy.model_validate({"roles": roles or {}}).roles
    except (yaml.YAMLError, ValidationError):
        return Roles()


def _approving_role(roles: Roles, login: str) -> Role | None:
    return next((role for role in _MAY_APPROVE if role in roles.of(login)), None)


def _refusal(problem: str, remedy: str = "", command: str = _APPROVE) -> ConfigurationError:
    return ConfigurationError([Fault(command, problem, remedy)])


def _safeguards(meaning: Meaning) -> dict[str, Any]:
    content = meaning.policy.model_dump(mode="json")
    return {name: content[name] for name in _SAFEGUARDS}


def _parts(
    revision: Revision, approved: list[int], salt: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is public of a revision, and what is kept."""
    first_day = revision.first_day
    public: dict[str, Any] = {
        "first_day": first_day.isoformat() if first_day else None,
        "digests": dict(revision.digests),
        "approvals": approved,  # also an empty list: `_lacks_safeguards` goes by it
    }
    kept = {
        "policy_text": revision.texts.policy,
        "segments_text": revision.texts.segments,
        "salt": salt,
    }
    return public, kept
