"""Weeks, months, audiences and interests in plain loops: shares no code with what it checks.

A `Life` is a list of facts about people over many days; `write` lays it out in private files the
way intake would, `count` says what must come out.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from typing import Any

import pyarrow as pa
from plain_reach import lowest
from small_world import SCHEMAS, key

from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home

FIRST, LAST = date(2026, 10, 1), date(2026, 12, 4)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
BANDS = [(18, 20), (21, 24), *((low, low + 4) for low in range(25, 75, 5)), (75, 200)]
WIB = timedelta(hours=7)
LATE_DAYS, OPEN_DAYS, BOT = 1, 2, 5
BASIC = ("use", "disclosure", "advertising_cookies")
MIN_ACCOUNT_DAYS, CAMPAIGNS_PER_PERSON = 30, 2
Cell = tuple[str, str, str]
Table = Mapping[Cell, frozenset[str]]


def end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC) - WIB


@dataclass(frozen=True)
class Seen:
    """A visit: who, on which day, when it arrived; what it accessed and was interested in.

    Several campaigns are a tie, in their order.
    """

    who: str | None
    day: date
    campaigns: tuple[str, ...] = ()
    interest: str | None = None
    arrival: date | None = None
    program: bool = False
    again: int | None = None  # the number of a visit that it repeats


@dataclass
class Life:
    """People by name; what changes of them from a day on; what they decide and ask for."""

    campaigns: dict[str, tuple[date, date, list[str] | None]] = field(default_factory=dict)
    advertisers: dict[str, str] = field(default_factory=dict)  # by campaign; `a` for the others
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[tuple[str, date, dict[str, Any]]] = field(default_factory=list)
    decisions: list[tuple[str, str, bool, date]] = field(default_factory=list)
    requests: list[tuple[str, str, date]] = field(default_factory=list)
    visits: list[Seen] = field(default_factory=list)

    def person(self, name: str, *, purposes: tuple[str, ...] = BASIC, **other: Any) -> str:
        facts = {"gender": "male", "age": 30, "region": "31.71", "closed": False}
        self.people[name] = facts | {"registered": FIRST - timedelta(days=100)} | other
        for purpose in purposes:
            self.decisions.append((name, purpose, True, FIRST - timedelta(days=50)))
        return name

    def visit(self, who: str | None, day: date, *campaigns: str, **other: Any) -> None:
        self.visits.append(Seen(who, day, campaigns, **other))

    def advertiser(self, campaign: str) -> str:
        return self.advertisers.get(campaign, "a")

    def profile(self, name: str, day: date) -> dict[str, Any]:
        facts = dict(self.people[name])
        for who, since, change in sorted(self.changes, key=lambda c: c[1]):
            if who == name and since <= day:
                facts |= change
        registered = facts.pop("registered")
        return facts | {"person_key": key(name), "account_days": (day - registered).days}


def was_late(seen: Seen) -> bool:
    return seen.arrival is not None and seen.arrival > seen.day + timedelta(days=LATE_DAYS)


def write(life: Life, home: Home) -> None:
    """Private files of every day, as the intake of that day would know things."""
    for day in DAYS:
        known = end_of(day)
        rows: dict[str, list[Mapping[str, Any]]] = {
            "campaigns": [
                {"advertiser_id": life.advertiser(name), "advertiser_name": "A",
                 "campaign_id": name, "campaign_name": name, "starts_on": starts,
                 "ends_on": ends, "target_regions": targets}
                for name, (starts, ends, targets) in life.campaigns.items()
            ],
            "profiles": [life.profile(name, day) for name in life.people],
            "consents": [
                {"person_key": key(who), "purpose": purpose, "granted": granted,
                 "decided_at": end_of(on) - timedelta(hours=1)}
                for who, purpose, granted, on in life.decisions
                if end_of(on) <= known
            ],
            "requests": [
                {"request_key": key(n), "person_key": key(who), "kind": kind,
                 "requested_at": end_of(on) - timedelta(hours=1)}
                for n, (who, kind, on) in enumerate(life.requests)
                if end_of(on) <= known
            ],
        }  # fmt: skip
        for stage in ("visits", "late"):
            rows[stage] = [
                {
                    "visit_key": key(n if seen.again is None else seen.again),
                    "person_key": None if seen.who is None else key(seen.who),
                    "campaign_ids": list(seen.campaigns),
                    "program": seen.program,
                    "interest": seen.interest,
                    "local_day": seen.day,
                }
                for n, seen in enumerate(life.visits)
                if was_late(seen) == (stage == "late")
                and (seen.arrival if stage == "late" else seen.day) == day
            ]
        for stage, content in rows.items():
            schema = SCHEMAS["visits" if stage == "late" else stage]
            write_parquet(pa.Table.from_pylist(content, schema), home.working_file(stage, day))


def granted(life: Life, who: str, purpose: str, until: date) -> bool:
    told = [(on, 0 if yes else 1) for name, which, yes, on in life.decisions
            if (name, which) == (who, purpose) and on <= until]  # fmt: skip
    told += [(on, 1) for name, kind, on in life.requests
             if (name, kind) == (who, "withdraw") and on <= until]  # fmt: skip
    return bool(told) and max(told)[1] == 0


def counts(life: Life, who: str, last: date, busy: set[str], purposes: tuple[str, ...]) -> bool:
    """Whether a person counts in a period that ends on `last`."""
    closing = last + timedelta(days=OPEN_DAYS)
    if who not in life.people or who in busy:
        return False
    if any((name, kind) == (who, "erase") and on <= closing for name, kind, on in life.requests):
        return False
    profile = life.profile(who, last)
    if profile["closed"] or profile["account_days"] < MIN_ACCOUNT_DAYS or profile["age"] < 18:
        return False
    return all(granted(life, who, p, last) and granted(life, who, p, closing) for p in purposes)


def busy_people(visits: list[Seen]) -> set[str]:
    daily = Counter((seen.who, seen.day) for seen in visits if seen.who)
    return {who for (who, _), times in daily.items() if who and times > BOT}


def cell(life: Life, who: str, last: date) -> Cell:
    profile = life.profile(who, last)
    low, high = next((a, b) for a, b in BANDS if a <= profile["age"] <= b)
    return profile["gender"], f"{low}-{high}" if high < 200 else "75+", profile["region"]


def read_visits(life: Life, first: date, last: date) -> list[Seen]:
    """Every visit of the days, once, that arrived until the closing day."""
    closing = last + timedelta(days=OPEN_DAYS)
    return [
        seen
        for seen in life.visits
        if first <= seen.day <= last
        and seen.again is None
        and (not was_late(seen) or (seen.arrival or seen.day) <= closing)
    ]


def campaign_of(life: Life, seen: Seen, region: str) -> str | None:
    """The first campaign of a visit whose target contains the region."""
    for name in seen.campaigns:
        targets = life.campaigns[name][2]
        if not targets or any(code in (region, region[:2]) for code in targets):
            return name
    return None


def reached_by(life: Life, visits: list[Seen], last: date, shown: set[str]) -> set[tuple[str, str]]:
    """Campaign and person of everybody whom the bound lets count, whether eligible or not."""
    accessed: dict[tuple[str, str], set[str]] = defaultdict(set)
    for seen in visits:
        if seen.who in life.people and not seen.program:
            name = campaign_of(life, seen, life.profile(seen.who, last)["region"])
            if name in shown:
                accessed[seen.who, life.advertiser(name)].add(name)
    return {
        (name, who)
        for (who, _), names in accessed.items()
        for name in lowest(key(who), names, CAMPAIGNS_PER_PERSON)
    }


def tables(life: Life, kind: str, period_kind: str, first: date, last: date,
           subjects: tuple[str, ...]) -> Mapping[str, Table]:  # fmt: skip
    """Who is in which cell of which table, by name."""
    since = last - timedelta(days=29) if kind == "interest" else first
    visits = read_visits(life, since, last)
    busy = busy_people(visits)
    purposes = ("use", "disclosure", *(("advertising_cookies",) if kind == "interest" else ()))
    found: dict[str, dict[Cell, set[str]]] = {subject: defaultdict(set) for subject in subjects}
    if kind == "audience":
        reached = {("everyone", who) for who in life.people}
    elif kind == "interest":
        reached = {(s.interest or "", s.who) for s in visits if s.who and not s.program}
    else:
        reached = reached_by(life, visits, last, set(subjects))
    for subject, who in reached:
        if subject in found and counts(life, who, last, busy, purposes):
            found[subject][cell(life, who, last)].add(who)
    return {name: {c: frozenset(who) for c, who in cells.items()} for name, cells in found.items()}


def overlaps(found: Mapping[str, Table]) -> dict[tuple[str, str], int]:
    """People that both tables count, of each pair that shares anybody."""
    people = {name: set().union(*cells.values()) for name, cells in found.items()}
    shared = {
        pair: len(people[pair[0]] & people[pair[1]]) for pair in combinations(sorted(people), 2)
    }
    return {pair: number for pair, number in shared.items() if number}
