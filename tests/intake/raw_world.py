"""A small raw zone that tests write themselves, and one way to take it in."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.intake.assessment_tasks import Workers
from anonymizer.intake.day_intake import take_in
from anonymizer.intake.intake_outcome import Intake
from anonymizer.intake.objections import RowPlace, Treatment
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Interest
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import RawPath
from anonymizer.storage.secret import Secret

DAY = date(2026, 1, 1)
NOW = 2_000_000_000.0
NO_DECISIONS: Mapping[RowPlace, Treatment] = {}
LINK = "https://shop.example/promo"

Row = dict[str, Any]

_COLUMNS = {
    "campaigns": "campaign_id advertiser_id advertiser_name campaign_name link_url starts_on"
    " ends_on target_regions",
    "profiles": "user_id full_name email phone address gender birth_date region_code"
    " registered_at closed_at",
    "consents": "user_id purpose granted decided_at",
    "requests": "request_id user_id kind requested_at",
    "visits": "visit_id user_id cookie_id occurred_at url referrer product_category ip"
    " user_agent duration_ms page_response_ms interactions exit_method",
}
COLUMNS: Mapping[str, Sequence[str]] = {name: text.split() for name, text in _COLUMNS.items()}


def campaign(**changes: Any) -> Row:
    return {
        "campaign_id": "C1",
        "advertiser_id": "A1",
        "advertiser_name": "Warung Satu",
        "campaign_name": "Promo Januari",
        "link_url": LINK,
        "starts_on": "2025-12-01",
        "ends_on": "2026-02-28",
        "target_regions": None,
        **changes,
    }


def profile(user: Any = "u1", **changes: Any) -> Row:
    return {
        "user_id": user,
        "full_name": None,
        "email": None,
        "phone": None,
        "address": None,
        "gender": "male",
        "birth_date": "1990-05-05",
        "region_code": "31.71",
        "registered_at": "2025-01-01T00:00:00+07:00",
        "closed_at": None,
        **changes,
    }


def consent(user: str | None = "u1", **changes: Any) -> Row:
    return {
        "user_id": user,
        "purpose": "use",
        "granted": "true",
        "decided_at": "2025-01-01T00:00:00+07:00",
        **changes,
    }


def request_of(user: str | None = "u1", **changes: Any) -> Row:
    return {
        "request_id": "r1",
        "user_id": user,
        "kind": "erase",
        "requested_at": "2025-12-31T00:00:00+07:00",
        **changes,
    }


def visit(visit_id: str = "v1", **changes: Any) -> Row:
    return {
        **dict.fromkeys(COLUMNS["visits"]),
        "visit_id": visit_id,
        "user_id": "u1",
        "occurred_at": "2026-01-01T10:00:00+07:00",
        "url": LINK,
        "user_agent": "Mozilla/5.0",
        **changes,
    }


def as_csv(rows: Sequence[Row], columns: Sequence[str] | None = None) -> bytes:
    """Null is an empty field without quotes, blank text one with quotes."""
    columns = columns or list(rows[0])
    lines = [",".join(columns)]
    for row in rows:
        fields = []
        for column in columns:
            value = row[column]
            text = "" if value is None else str(value).replace('"', '""')
            fields.append(text if value is None else f'"{text}"')
        lines.append(",".join(fields))
    return ("\n".join(lines) + "\n").encode()


def as_json_lines(rows: Sequence[Row]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def as_parquet(
    rows: Sequence[Row], types: Mapping[str, pa.DataType] | None = None, columns: Any = None
) -> bytes:
    """Columns are text unless `types` says otherwise."""
    names = columns or list(rows[0])
    types = types or {}
    arrays = [pa.array([row[n] for row in rows], types.get(n, pa.string())) for n in names]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=names), sink)
    return sink.getvalue()


def typed_parquet(table: str, rows: Sequence[Row]) -> bytes:
    """Times as UTC timestamps and dates as dates, as a warehouse would write them."""
    types = {column: TYPES[column] for column in COLUMNS[table] if column in TYPES}
    return as_parquet(
        [{name: typed(name, value) for name, value in row.items()} for row in rows], types
    )


def typed(column: str, value: Any) -> Any:
    if value is None or column not in TYPES:
        return value
    if column == "granted":
        return value == "true"
    read = datetime if column.endswith("_at") else date
    return read.fromisoformat(value)


TYPES = {
    **dict.fromkeys(
        ["occurred_at", "registered_at", "closed_at", "decided_at", "requested_at"],
        pa.timestamp("us", "UTC"),
    ),
    **dict.fromkeys(["birth_date", "starts_on", "ends_on"], pa.date32()),
    "granted": pa.bool_(),
}


@cache
def _engine(threads: int) -> DuckDB:
    """Opened once for all days of a process: a tenth of the cost of a small day."""
    return DuckDB(memory_megabytes=500, threads=threads, spill=None)


@dataclass
class World:
    """A home with a raw zone of one day that is complete and sound until a test changes it."""

    root: Path
    day: date = DAY
    policy: Policy = field(default_factory=Policy)
    secret: Secret = field(default_factory=lambda: Secret(b"k" * 32))
    threads: int = 2
    interests: tuple[Interest, ...] = ()
    workers: Workers | None = None
    home: Home = field(init=False)

    @classmethod
    def existing(cls, root: Path) -> "World":
        """The same world as another process left it."""
        world = cls.__new__(cls)
        world.root, world.day, world.policy, world.threads = root, DAY, Policy(), 2
        world.secret, world.home, world.interests = Secret(b"k" * 32), Home(root), ()
        world.workers = None
        return world

    def __post_init__(self) -> None:
        self.home = Home(self.root)
        self.put("campaigns/c.csv", as_csv([campaign()]))
        self.put("consents/c.csv", as_csv([consent()]))
        self.put("requests/r.csv", as_csv([request_of("someone-else")]))
        self.put(f"profiles/day={self.day}/p.csv", as_csv([profile()]))
        self.visits(as_csv([visit()]))
        (self.folder(1) / "_SUCCESS").touch()

    def folder(self, offset: int = 0) -> Path:
        folder = self.home.raw / "visits" / f"day={self.day + timedelta(days=offset)}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def put(self, name: str, content: bytes) -> Path:
        path = self.home.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def visits(self, content: bytes, name: str = "v.csv", offset: int = 0) -> Path:
        path = self.folder(offset) / name
        path.write_bytes(content)
        return path

    def take_in(
        self,
        now: float = NOW,
        decisions: Mapping[RowPlace, Treatment] = NO_DECISIONS,
        raw: RawPath | None = None,
    ) -> Intake:
        return take_in(
            self.home,
            self.day,
            self.policy,
            self.secret,
            _engine(self.threads),
            now=now,
            interests=self.interests,
            decisions=decisions,
            raw=raw,
            workers=self.workers,
        )

    def rows(self, stage: str) -> list[Row]:
        found: list[Row] = pq.read_table(self.home.working_file(stage, self.day)).to_pylist()
        return found

    def written(self) -> dict[str, bytes]:
        private = self.home.private
        paths = sorted(p for p in private.rglob("*") if p.is_file()) if private.exists() else []
        return {str(path.relative_to(private)): path.read_bytes() for path in paths}

    def with_policy(self, section: str, **changes: Any) -> "World":
        old = getattr(self.policy, section)
        new = type(old).model_validate({**old.model_dump(), **changes})
        self.policy = self.policy.model_copy(update={section: new})
        return self

    def judged(self, *rows: Row, **by_name: Any) -> Intake:
        """Take in these visits beside enough sound ones not to be held for bad rows."""
        filler = [visit(f"filler-{n}", user_id=f"filler-{n}", url="https://else.example/")
                  for n in range(5 * len(rows))]  # fmt: skip
        self.visits(as_csv([*rows, *filler]))
        return self.take_in()
