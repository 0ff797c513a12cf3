"""Who counts and for what, in plain loops written from the design: shares no code with it."""

import hashlib
import hmac
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations

from small_world import DAY, DAY_END, KEY, Row, World

BANDS = [(18, 20), (21, 24), *((low, low + 4) for low in range(25, 75, 5)), (75, 200)]
Cell = tuple[str, str, str]


@dataclass
class PlainReach:
    people: int = 0
    people_excluded: Counter[str] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    # campaign -> cell -> person keys
    reached: dict[str, dict[Cell, set[bytes]]] = field(default_factory=dict)

    def members(self, campaign: str) -> set[bytes]:
        return set().union(*self.reached[campaign].values())

    def overlaps(self) -> dict[tuple[str, str], int]:
        """People that both count, of each pair of campaigns that shares anybody."""
        shared = {
            (one, other): len(self.members(one) & self.members(other))
            for one, other in combinations(sorted(self.reached), 2)
        }
        return {pair: people for pair, people in shared.items() if people}


@dataclass(frozen=True)
class Rules:
    """The settings that bear on who counts."""

    limit: int = 1_000
    min_account_days: int = 30
    campaigns_per_person: int = 2


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


def account_reason(profile: Row | None, rules: Rules) -> str | None:
    if profile is None:
        return "no_profile"
    if profile["closed"]:
        return "closed"
    if profile["account_days"] < 0:
        return "not_yet_registered"
    if profile["account_days"] < rules.min_account_days:
        return "new_account"
    if profile["age"] is None:
        return "age_not_known"
    return "minor" if profile["age"] < 18 else None


def reason(world: World, person: bytes, rules: Rules) -> str | None:
    requests = [row for row in world.requests if row["person_key"] == person]
    profile = next((row for row in world.profiles if row["person_key"] == person), None)
    if any(row["kind"] == "erase" for row in requests):
        return "erased"
    if any(row["kind"] == "unread" for row in requests):
        return "unread_objection"
    if told := account_reason(profile, rules):
        return told
    refused = [p for p in ("use", "disclosure") if not allowed(world, person, p)]
    if refused:
        # Withdrawn, when consents alone would say something else or a withdrawal is not
        # followed by a grant of each purpose in time.
        return "withdrawn" if withdrawal_stands(world, person) else f"no_consent_{refused[0]}"
    visits = sum(row["person_key"] == person for row in world.visits)
    return "too_many_visits" if visits > rules.limit else None


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


def count(world: World, rules: Rules) -> PlainReach:
    result = PlainReach()
    profiles = {row["person_key"]: row for row in world.profiles}
    visitors = {row["person_key"] for row in world.visits} - {None}
    reasons = {person: reason(world, person, rules) for person in visitors | set(profiles)}
    result.people = sum(told is None for told in reasons.values())
    result.people_excluded = Counter(told for told in reasons.values() if told)
    known = {row["campaign_id"]: row for row in world.campaigns}
    # Of each visit: the campaign that it counts for, or why it counts for none.
    judged = [judge(visit, profiles, reasons, known) for visit in world.visits]
    kept = bounded(judged, known, rules.campaigns_per_person)
    result.reached = {
        name: defaultdict(set)
        for name, row in known.items()
        if row["starts_on"] <= DAY <= row["ends_on"]
    }
    for person, campaign, outcome in judged:
        if outcome != "reached":
            result.visits[outcome] += 1
        elif campaign not in kept[person]:
            result.visits["contribution_bound"] += 1
        else:
            result.visits["counted"] += 1
            result.reached[campaign][cell(profiles[person])].add(person)
    return result


def judge(
    visit: Row,
    profiles: Mapping[bytes, Row],
    reasons: Mapping[bytes, str | None],
    known: Mapping[str, Row],
) -> tuple[bytes, str, str]:
    """Person, campaign and outcome of a visit; `reached` where it counts but for the bound."""
    person = visit["person_key"]
    if person is None or visit["program"]:
        return b"", "", "guest" if person is None else "program"
    if told := reasons[person]:
        return person, "", told
    tied = [name for name in visit["campaign_ids"] if name in known]
    within = [name for name in tied if inside(known[name], profiles[person]["region"])]
    if tied and not within:
        return person, "", "outside_target"
    if not tied or not known[within[0]]["starts_on"] <= DAY <= known[within[0]]["ends_on"]:
        return person, "", "no_campaign"
    return person, within[0], "reached"


def bounded(
    judged: list[tuple[bytes, str, str]], known: Mapping[str, Row], most: int
) -> dict[bytes, set[str]]:
    """The campaigns in which each person counts: of one advertiser those of lowest rank."""
    accessed: dict[tuple[bytes, str], set[str]] = defaultdict(set)
    for person, campaign, outcome in judged:
        if outcome == "reached":
            accessed[person, known[campaign]["advertiser_id"]].add(campaign)
    kept: dict[bytes, set[str]] = defaultdict(set)
    for (person, _), campaigns in accessed.items():
        kept[person] |= lowest(person, campaigns, most)
    return kept


def lowest(person: bytes, campaigns: set[str], most: int) -> set[str]:
    key = hmac.new(KEY, b"contribution", hashlib.sha256).digest()
    ranked = sorted(campaigns, key=lambda c: hashlib.sha256(key + person + c.encode()).digest())
    return set(ranked[:most])


def cell(profile: Row) -> Cell:
    age = profile["age"]
    band = next(f"{a}-{b}" if b < 200 else "75+" for a, b in BANDS if a <= age <= b)
    return profile["gender"], band, profile["region"]


def mark_and_bucket(person: bytes) -> tuple[int, int]:
    key = hmac.new(KEY, b"mark", hashlib.sha256).digest()
    digest = hashlib.sha256(key + person).digest()
    return int.from_bytes(digest[:8], "big"), digest[8]


def set_hashes(people: set[bytes]) -> dict[int, int]:
    """The sum of marks modulo 2^64 of each bucket that somebody is in."""
    totals: dict[int, int] = defaultdict(int)
    for person in people:
        mark, bucket = mark_and_bucket(person)
        totals[bucket] = (totals[bucket] + mark) % 2**64
    return dict(totals)
