"""Which change of a setting makes the promise weaker: every setting has a direction.

A weaker promise needs the approval of two people before it takes effect. So that no setting is
forgotten, `DIRECTIONS` names all of them, those that bear on no promise too; a test compares it
with the models. What is compared is what two pairs of files mean, not their texts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from anonymizer.model.campaign_parts import PartRule
from anonymizer.model.policy import Plausibility, Policy
from anonymizer.model.roles import Role, Roles
from anonymizer.model.segments import Catalogue

_DECIDE: tuple[Role, ...] = ("privacy_officer", "data_engineer")
_EXAMPLES = 3
DECIDERS = 2  # who agree to a weaker promise


class Direction(Enum):
    """Which change of a setting weakens the promise."""

    LOWER = "a lower value"
    HIGHER = "a higher value"
    FEWER = "one member fewer"
    OTHER = "any other value"
    GUESSED = "times without a zone are read instead of quarantined"
    NONE = "no change"
    # More than one setting together, see the functions below.
    SEGMENTS = "a group of people that could not be published before"
    INTERESTS = "an interest or a category that had no table before"
    PARTS = "a rule by which parts of campaigns have tables that had none before"
    ROLES = "one more login that may decide, or fewer than two"
    SHARES = "a limit that lets more pass"


@dataclass(frozen=True)
class Weakening:
    """A setting that makes the promise weaker, and its values before and after, in words."""

    setting: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.before} -> {self.after}"


DIRECTIONS: Mapping[str, Direction] = {
    "format": Direction.NONE,
    "provider": Direction.NONE,
    "data_label.contact": Direction.NONE,
    "data_label.domain": Direction.NONE,
    "data_label.privacy_policy": Direction.NONE,
    "promise.k": Direction.LOWER,
    "promise.k_jitter": Direction.LOWER,
    "promise.inference_k": Direction.LOWER,
    "promise.rounding": Direction.LOWER,
    "promise.near_jitter": Direction.LOWER,
    "promise.near_days": Direction.LOWER,
    "promise.min_account_days": Direction.LOWER,
    "promise.campaigns_per_person": Direction.HIGHER,
    "eligibility.adult_age": Direction.LOWER,
    "eligibility.purposes": Direction.FEWER,
    "bots.max_visits_per_day": Direction.HIGHER,
    "bots.user_agent_words": Direction.FEWER,
    # Days of two zones overlap, and were never judged as such.
    "timing.timezone": Direction.OTHER,
    "timing.first_day": Direction.NONE,
    # When a period is complete: which visits count, not how people are protected.
    "timing.late_days": Direction.NONE,
    "timing.open_days": Direction.NONE,
    "timing.settle_seconds": Direction.LOWER,
    # What the machine can bear.
    "intake.max_file_megabytes": Direction.NONE,
    "intake.max_expanded_megabytes": Direction.NONE,
    "intake.max_field_characters": Direction.NONE,
    "intake.max_quarantined_share": Direction.HIGHER,
    "intake.naive_times": Direction.GUESSED,
    # What the sender's codes mean. A wrong one makes figures wrong and discloses nobody.
    "codings.region.scheme": Direction.NONE,
    "codings.region.file": Direction.NONE,
    "codings.target_regions.scheme": Direction.NONE,
    "codings.target_regions.file": Direction.NONE,
    "codings.gender": Direction.NONE,
    "codings.max_other_share": Direction.HIGHER,
    # Figures say more of people than before: by which device they come, for example.
    "campaign_parts.<code>.from_day": Direction.PARTS,
    "campaign_parts.<code>.column": Direction.PARTS,
    "campaign_parts.<code>.campaigns": Direction.PARTS,
    "campaign_parts.<code>.parts.<code>.english": Direction.PARTS,
    "campaign_parts.<code>.parts.<code>.indonesian": Direction.PARTS,
    "campaign_parts.<code>.parts.<code>.values": Direction.PARTS,
    "campaign_parts.<code>.other.english": Direction.PARTS,
    "campaign_parts.<code>.other.indonesian": Direction.PARTS,
    "plausibility.enabled": Direction.LOWER,
    "plausibility.weeks": Direction.LOWER,
    "plausibility.min_days": Direction.HIGHER,
    "plausibility.min_rows": Direction.HIGHER,
    "plausibility.min_visits_ratio": Direction.LOWER,
    "plausibility.max_visits_ratio": Direction.HIGHER,
    "plausibility.min_snapshot_ratio": Direction.LOWER,
    "plausibility.max_share_change": Direction.HIGHER,
    "plausibility.max_campaign_share_change": Direction.HIGHER,
    "plausibility.max_share_change_by_reason": Direction.SHARES,
    "plausibility.max_share_without_history": Direction.HIGHER,
    "plausibility.other_weekdays_factor": Direction.HIGHER,
    "retention.closed_years": Direction.HIGHER,
    "retention.private_days": Direction.HIGHER,
    # What is not proved within it is suppressed.
    "effort.proof_work": Direction.NONE,
    "effort.memory_megabytes": Direction.NONE,
    "effort.engine": Direction.NONE,
    "effort.threads": Direction.NONE,
    # The same figures in another form.
    "published.figures": Direction.NONE,
    "roles": Direction.ROLES,
    # Words say what a group is called; who is in it is compared as a set of people.
    "age_groups.<code>.english": Direction.NONE,
    "age_groups.<code>.indonesian": Direction.NONE,
    "age_groups.<code>.bands": Direction.SEGMENTS,
    "areas.<code>.english": Direction.NONE,
    "areas.<code>.indonesian": Direction.NONE,
    "areas.<code>.regions": Direction.SEGMENTS,
    "cross_tables.gender": Direction.SEGMENTS,
    "cross_tables.age": Direction.SEGMENTS,
    "cross_tables.region": Direction.SEGMENTS,
    "named.<code>.english": Direction.NONE,
    "named.<code>.indonesian": Direction.NONE,
    "named.<code>.gender": Direction.SEGMENTS,
    "named.<code>.age": Direction.SEGMENTS,
    "named.<code>.region": Direction.SEGMENTS,
    # What an interest is called says what is known of its people.
    "interests.<code>.english": Direction.INTERESTS,
    "interests.<code>.indonesian": Direction.INTERESTS,
    "interests.<code>.categories": Direction.INTERESTS,
}
_WEAKER: Mapping[Direction, Callable[[Any, Any], bool]] = {
    Direction.LOWER: lambda before, after: after < before,
    Direction.HIGHER: lambda before, after: after > before,
    Direction.FEWER: lambda before, after: bool(set(before) - set(after)),
    Direction.OTHER: lambda before, after: bool(before != after),
    Direction.GUESSED: lambda before, after: bool(before != after == "policy_zone"),
}


def weakened(
    before: tuple[Policy, Catalogue],
    after: tuple[Policy, Catalogue],
    decided: Roles | None = None,
) -> tuple[Weakening, ...]:
    """Every setting of the later files that makes the promise weaker than the earlier ones.

    `decided` are the roles that decide before the change; without, those of the earlier files.
    """
    (policy, catalogue), (new_policy, new_catalogue) = before, after
    return (
        *_weakened_values(policy, new_policy),
        *_weakened_shares(policy.plausibility, new_policy.plausibility),
        *weakened_roles(policy.roles, new_policy.roles, decided),
        *_finer_segments(catalogue, new_catalogue),
        *_more_interests(catalogue, new_catalogue),
        *_more_parts(policy.campaign_parts, new_policy.campaign_parts),
    )


def setting_of(policy: Policy, path: str) -> Any:
    """The value of a setting of `policy.yaml` by its path; `inference_k` as a number."""
    if path == "promise.inference_k":
        return policy.promise.inference_floor
    value: Any = policy
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _weakened_values(before: Policy, after: Policy) -> Iterator[Weakening]:
    for path, direction in DIRECTIONS.items():
        if weaker := _WEAKER.get(direction):
            old, new = setting_of(before, path), setting_of(after, path)
            if weaker(old, new):
                yield Weakening(path, _words(old), _words(new))


def _weakened_shares(before: Plausibility, after: Plausibility) -> Iterator[Weakening]:
    """Limits of single reasons: one that is new or gone is compared with all that it replaces."""
    own, new = before.max_share_change_by_reason, after.max_share_change_by_reason
    for reason in sorted({*own, *new}):
        old_limit = own.get(reason, min(_general_limits(before)))
        new_limit = new.get(reason, max(_general_limits(after)))
        if new_limit > old_limit:
            path = f"plausibility.max_share_change_by_reason.{reason}"
            yield Weakening(path, _words(own.get(reason)), _words(new.get(reason)))


def _general_limits(limits: Plausibility) -> tuple[float, ...]:
    return (
        limits.max_share_change,
        limits.max_campaign_share_change,
        limits.max_share_without_history,
    )


def weakened_roles(
    before: Roles, after: Roles, decided: Roles | None = None
) -> tuple[Weakening, ...]:
    """Roles that more people decide by than before, or that leave fewer than two who decide.

    The first privacy officers are no weakening. Says how many logins there are, not which.
    """
    decided = before if decided is None else decided
    if before and not may_decide(after):
        return (Weakening("roles", "logins are named", "none that may decide"),)
    found = []
    for role in _DECIDE:
        old, new = set(decided.logins.get(role, ())), set(after.logins.get(role, ()))
        first_officers = role == "privacy_officer" and not old
        if decided and not first_officers and new - old:
            found.append(Weakening(f"roles.{role}", _logins(old), f"{len(new - old)} more"))
    known, left = may_decide(decided), may_decide(decided.overlaid(after))
    if not found and len(known) >= DECIDERS > len(left):
        found.append(Weakening("roles", _logins(known), f"{len(left)} that may decide"))
    return tuple(found)


def may_decide(roles: Roles) -> set[str]:
    """The logins that may approve and accept."""
    return {login for role in _DECIDE for login in roles.logins.get(role, ())}


def _logins(logins: set[str]) -> str:
    return f"{len(logins)} login(s)"


def _finer_segments(before: Catalogue, after: Catalogue) -> Iterator[Weakening]:
    """Compared as sets of people: neither codes nor names of groups count."""
    if before.digest == after.digest:
        return
    numbers: dict[frozenset[str], int] = {}
    known = set(_boxes(before, numbers))
    added = [segment for segment, box in enumerate(_boxes(after, numbers)) if box not in known]
    if added:
        named = ", ".join(after.id(segment) for segment in added[:_EXAMPLES])
        words = f"{len(added):,} more groups, such as {named}"
        yield Weakening("segments", f"{len(before):,} groups", words)


def _boxes(catalogue: Catalogue, numbers: dict[frozenset[str], int]) -> Iterator[tuple[int, ...]]:
    """The leaves that each segment takes of each dimension; equal sets of leaves by one number."""
    known = [
        [
            numbers.setdefault(frozenset(axis.leaves[leaf] for leaf in group.leaves), len(numbers))
            for group in axis.groups
        ]
        for axis in catalogue.dimensions
    ]
    for cell in catalogue.cells.tolist():
        yield tuple(of_axis[group] for of_axis, group in zip(known, cell, strict=True))


def _more_interests(before: Catalogue, after: Catalogue) -> Iterator[Weakening]:
    old = {interest.code: interest for interest in before.interests}
    for interest in after.interests:
        path, known = f"interests.{interest.code}", old.get(interest.code)
        if known is None:
            yield Weakening(path, "none", f"{len(interest.categories)} categories")
            continue
        more = _folded(interest.categories) - _folded(known.categories)
        if more:
            was = f"{len(known.categories)} categories"
            yield Weakening(f"{path}.categories", was, f"{len(more)} more")
        if interest.name != known.name:
            yield Weakening(path, known.name.english, interest.name.english)


def _more_parts(before: Sequence[PartRule], after: Sequence[PartRule]) -> Iterator[Weakening]:
    """Any rule that differs from all earlier ones, if only in a name: names say what is known."""
    if added := [rule for rule in after if rule not in before]:
        named = "; ".join(_described(rule) for rule in added[:_EXAMPLES])
        words = f"{len(added)} new or changed: {named}"
        yield Weakening("campaign_parts", f"{len(before)} rule(s)", words)


def _described(rule: PartRule) -> str:
    """A rule for those who approve it: when, what is divided, and into what."""
    parts = ", ".join(
        f"{code} ({part.english}, {len(part.values)} value(s))" for code, part in rule.parts.items()
    )
    campaigns = ", ".join(rule.campaigns) or "all campaigns"
    return f"from {rule.from_day} {campaigns} by {rule.column} into {parts}"


def _folded(categories: tuple[str, ...]) -> set[str]:
    return {category.strip().lower() for category in categories}


def _words(value: object) -> str:
    if value is None:
        return "the general limit"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
