"""Who counts and for what, in plain loops written from the design: shares no code with it."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from small_world import DAY, DAY_END, Row, World

BANDS = [(18, 20), (21, 24), *((low, low + 4) for low in range(25, 75, 5)), (75, 200)]
Atom = tuple[str, str, str]


@dataclass
class PlainReach:
    people: int = 0
    people_excluded: Counter[str] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    # campaign -> atom -> person keys; and those of them with an account of 30 days
    reached: dict[str, dict[Atom, set[bytes]]] = field(default_factory=dict)
    trusted: set[bytes] = field(default_factory=set)


def granted(world: World, person: bytes, purpose: str, until: datetime | None) -> bool:
    """Whether the latest decision before `until` grants; refusals win ties."""
    decisions = [
        (row["decided_at"], 0 if row["granted"] else 1)
        for row in world.consents
        if row["person_key"] == person and row["purpose"] == purpose
    ] + [
        (row["requested_at"], 1)
        for row in world.requests
        if row["person_key"] == person and row["kind"] == "withdraw"
    ]
    known = [decision for decision in decisions if until is None or decision[0] < until]
    return bool(known) and max(known)[1] == 0


def allowed(world: World, person: bytes, purpose: str) -> bool:
    return granted(world, person, purpose, DAY_END) and granted(world, person, purpose, None)


def account_reason(profile: Row | None) -> str | None:
    if profile is None:
        return "no_profile"
    if profile["closed"]:
        return "closed"
    if profile["account_days"] < 0:
        return "not_yet_registered"
    if profile["age"] is None:
        return "age_not_known"
    return "minor" if profile["age"] < 18 else None


def reason(world: World, person: bytes, limit: int) -> str | None:
    requests = [row for row in world.requests if row["person_key"] == person]
    profile = next((row for row in world.profiles if row["person_key"] == person), None)
    if any(row["kind"] == "erase" for row in requests):
        return "erased"
    if told := account_reason(profile):
        return told
    refused = [p for p in ("use", "disclosure") if not allowed(world, person, p)]
    if refused:
        # Withdrawn, when consents alone would say something else or a withdrawal is not
        # followed by a grant of each purpose in time.
        return "withdrawn" if withdrawal_stands(world, person) else f"no_consent_{refused[0]}"
    visits = sum(row["person_key"] == person for row in world.visits)
    return "too_many_visits" if visits > limit else None


def withdrawal_stands(world: World, person: bytes) -> bool:
    """Some purpose was not granted again after the latest withdrawal, by the day or at all."""
    withdrawals = [
        row["requested_at"]
        for row in world.requests
        if row["person_key"] == person and row["kind"] == "withdraw"
    ]
    for purpose in ("use", "disclosure"):
        grants = [
            row["decided_at"]
            for row in world.consents
            if row["person_key"] == person and row["purpose"] == purpose and row["granted"]
        ]
        in_time = [instant for instant in grants if instant < DAY_END]
        early = [instant for instant in withdrawals if instant < DAY_END]
        if withdrawals and (not in_time or max(withdrawals) >= max(grants)):
            return True
        if early and max(early) >= max(in_time):
            return True
    return False


def inside(campaign: Row, region: str) -> bool:
    targets = campaign["target_regions"]
    if not targets:
        return True
    if region == "not_stated":
        return False
    return any(code in ("ID", region, region[:2]) for code in targets)


def count(world: World, limit: int = 1_000) -> PlainReach:
    result = PlainReach()
    profiles = {row["person_key"]: row for row in world.profiles}
    visitors = {row["person_key"] for row in world.visits} - {None}
    reasons = {person: reason(world, person, limit) for person in visitors | set(profiles)}
    result.people = sum(told is None for told in reasons.values())
    result.people_excluded = Counter(told for told in reasons.values() if told)
    running = {
        row["campaign_id"]: row
        for row in world.campaigns
        if row["starts_on"] <= DAY <= row["ends_on"]
    }
    result.reached = {name: defaultdict(set) for name in running}
    for visit in world.visits:
        result.visits[outcome(visit, profiles, reasons, running, result)] += 1
    result.trusted = {person for person, row in profiles.items() if row["account_days"] >= 30}
    return result


def outcome(
    visit: Row,
    profiles: dict[bytes, Row],
    reasons: dict[bytes, str | None],
    running: dict[str, Row],
    result: PlainReach,
) -> str:
    person = visit["person_key"]
    if person is None:
        return "guest"
    if visit["program"]:
        return "program"
    if told := reasons[person]:
        return told
    profile = profiles[person]
    accessed = [name for name in visit["campaign_ids"] if name in running]
    within = [name for name in accessed if inside(running[name], profile["region"])]
    band = next(f"{a}-{b}" if b < 200 else "75+" for a, b in BANDS if a <= profile["age"] <= b)
    for name in within:
        result.reached[name][profile["gender"], band, profile["region"]].add(person)
    if within:
        return "counted"
    return "outside_target" if accessed else "no_campaign"


def mark(secret_key: bytes, person: bytes) -> int:
    return int(hashlib.sha256(secret_key + person).hexdigest()[:16], 16)
