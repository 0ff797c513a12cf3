"""A small world of working files, written the way intake writes them, and its two stages."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from anonymizer.counting.eligibility import EligibilityCounts, find_eligible
from anonymizer.counting.reach import Reach, count_reach, load_counted, load_overlaps
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.model.tables import Counted
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret

DAY = date(2026, 11, 22)
# 24:00 in Jakarta (UTC+7).
DAY_END = datetime(2026, 11, 22, 17, tzinfo=UTC)
KEY = bytes(range(32))
SECRET = Secret(KEY)
INSTANT = pa.timestamp("us", tz="UTC")

SCHEMAS = {
    "campaigns": pa.schema(
        [
            *((name, pa.string()) for name in ("campaign_id", "advertiser_id", "advertiser_name")),
            ("campaign_name", pa.string()),
            ("starts_on", pa.date32()),
            ("ends_on", pa.date32()),
            ("target_regions", pa.list_(pa.string())),
        ]
    ),
    "profiles": pa.schema(
        [
            ("person_key", pa.binary()),
            ("gender", pa.string()),
            ("age", pa.int16()),
            ("region", pa.string()),
            ("account_days", pa.int32()),
            ("closed", pa.bool_()),
        ]
    ),
    "consents": pa.schema(
        [
            ("person_key", pa.binary()),
            ("purpose", pa.string()),
            ("granted", pa.bool_()),
            ("decided_at", INSTANT),
        ]
    ),
    "requests": pa.schema(
        [
            ("request_key", pa.binary()),
            ("person_key", pa.binary()),
            ("kind", pa.string()),
            ("requested_at", INSTANT),
        ]
    ),
    "visits": pa.schema(
        [
            ("visit_key", pa.binary()),
            ("person_key", pa.binary()),
            ("campaign_ids", pa.list_(pa.string())),
            ("program", pa.bool_()),
            ("interest", pa.string()),
            ("local_day", pa.date32()),
        ]
    ),
}

Row = Mapping[str, Any]


def key(name: str | int) -> bytes:
    """A 16-byte key for a person or visit of a test."""
    return str(name).encode().rjust(16, b"\0")


def at(days: float) -> datetime:
    """An instant so many days after the end of the day; 0 is the first instant after it."""
    return DAY_END + timedelta(days=days)


@dataclass
class World:
    """Rows of the five working files; `person` and `visit` add what a test does not care about."""

    campaigns: list[Row] = field(default_factory=list)
    profiles: list[Row] = field(default_factory=list)
    consents: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    visits: list[Row] = field(default_factory=list)

    def campaign(self, name: str = "c1", targets: Sequence[str] | None = None, **other: Any) -> str:
        row = {"campaign_id": name, "advertiser_id": "a1", "advertiser_name": "A"}
        row |= {"campaign_name": name, "starts_on": DAY, "ends_on": DAY}
        self.campaigns.append(row | {"target_regions": targets} | other)
        return name

    def person(self, name: str | int, *, consents: bool = True, **other: Any) -> bytes:
        row = {"person_key": key(name), "gender": "male", "age": 30, "region": "31.71"}
        self.profiles.append(row | {"account_days": 100, "closed": False} | other)
        for purpose in ("use", "disclosure") if consents else ():
            self.decide(name, purpose, granted=True, days=-50)
        return key(name)

    def decide(self, name: str | int, purpose: str, *, granted: bool | None, days: float) -> None:
        decision = {"person_key": key(name), "purpose": purpose, "granted": granted}
        self.consents.append(decision | {"decided_at": at(days)})

    def request(self, name: str | int, kind: str, days: float) -> None:
        request = {"request_key": key(len(self.requests)), "person_key": key(name), "kind": kind}
        self.requests.append(request | {"requested_at": at(days)})

    def visit(
        self, name: str | int | None, *campaigns: str, program: bool = False, times: int = 1
    ) -> None:
        """A visit to a campaign, to several that are tied (in their order), or to none."""
        person = None if name is None else key(name)
        for _ in range(times):
            visit = {"visit_key": key(len(self.visits)), "person_key": person}
            visit |= {"campaign_ids": list(campaigns), "program": program}
            self.visits.append(visit | {"interest": None, "local_day": DAY})

    def visit_each(self, name: str | int | None, *campaigns: str, times: int = 1) -> None:
        """A visit to each of the campaigns."""
        for campaign in campaigns:
            self.visit(name, campaign, times=times)

    def write(self, home: Home, *, shuffle: int | None = None) -> None:
        for stage, schema in SCHEMAS.items():
            rows = list(getattr(self, stage))
            if shuffle is not None:
                random.Random(shuffle).shuffle(rows)
            write_parquet(pa.Table.from_pylist(rows, schema), home.working_file(stage, DAY))


@dataclass(frozen=True)
class Outcome:
    eligibility: EligibilityCounts
    reach: Reach
    tables: tuple[Counted, ...]
    overlaps: Mapping[tuple[str, str], int]

    def people(self) -> dict[str, int]:
        return {table.key.subject_id: int(table.people.sum()) for table in self.tables}

    def table(self, campaign: str) -> Counted:
        return next(table for table in self.tables if table.key.subject_id == campaign)


def work(
    world: World,
    home: Home,
    engine: DuckDB,
    catalogue: Catalogue,
    policy: Policy | None = None,
    **writing: Any,
) -> Outcome:
    """Write a world, decide who is eligible, count, and load the tables."""
    world.write(home, **writing)
    return count_again(home, engine, catalogue, policy)


def count_again(
    home: Home, engine: DuckDB, catalogue: Catalogue, policy: Policy | None = None
) -> Outcome:
    """Decide who is eligible, count, and load the tables, from the files as they are."""
    policy = policy or Policy()
    eligibility = find_eligible(engine, home, DAY, policy, SECRET)
    reach = count_reach(engine, home, DAY, policy, SECRET)
    overlaps = load_overlaps(home, CAMPAIGN_DAY, Period("day", DAY))
    return Outcome(eligibility, reach, load_counted(home, DAY, catalogue), overlaps)


Run = Callable[..., Outcome]
