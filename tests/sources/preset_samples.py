"""Small days in the documented layouts of other programs, written by hand, and what they come to.

Each has the same nine events of 1 January 2026 in Jakarta, and one of the next day:

    u1  two page views of the promotion, one of them sent twice
    u2  one page view of the promotion, one of another page
    u3  a click, which is no page view
    -   a page view of a guest
    u4  a page view at 23:59:59, one at 00:00:00 of the next day
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PROMO, OTHER = "https://shop.example/promo", "https://shop.example/other"
DAYS = ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")


@dataclass(frozen=True)
class Event:
    """One event: its number is the same in every copy of it."""

    number: int
    user: str | None
    local: str
    url: str
    kind: str = "page_view"

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(f"{self.local}+07:00").astimezone(UTC)

    @property
    def micros(self) -> int:
        return int(self.at.timestamp()) * 1_000_000


EVENTS = (
    Event(1, "u1", "2026-01-01 08:00:00", PROMO),
    Event(2, "u1", "2026-01-01 09:00:00", PROMO),
    Event(2, "u1", "2026-01-01 09:00:00", PROMO),  # sent twice
    Event(3, "u2", "2026-01-01 10:00:00", PROMO),
    Event(4, "u2", "2026-01-01 11:00:00", OTHER),
    Event(5, "u3", "2026-01-01 12:00:00", PROMO, "click"),
    Event(6, None, "2026-01-01 13:00:00", PROMO),
    Event(7, "u4", "2026-01-01 23:59:59", PROMO),
)
TOMORROW = (Event(8, "u4", "2026-01-02 00:00:00", PROMO),)
# Counted by hand from the list above.
COUNTED, DUPLICATES, FILTERED, VISITS_OF_PROMO = 6, 1, 1, {"u1": 2, "u2": 1, "u4": 1}

GA4_SCHEMA = pa.schema(
    {
        "event_date": pa.string(),
        "event_timestamp": pa.int64(),
        "event_name": pa.string(),
        "event_params": pa.list_(
            pa.struct(
                [
                    ("key", pa.string()),
                    (
                        "value",
                        pa.struct(
                            [
                                ("string_value", pa.string()),
                                ("int_value", pa.int64()),
                                ("float_value", pa.float64()),
                                ("double_value", pa.float64()),
                            ]
                        ),
                    ),
                ]
            )
        ),
        "event_bundle_sequence_id": pa.int64(),
        "user_id": pa.string(),
        "user_pseudo_id": pa.string(),
        "privacy_info": pa.struct(
            [
                ("analytics_storage", pa.string()),
                ("ads_storage", pa.string()),
                ("uses_transient_token", pa.string()),
            ]
        ),
        "geo": pa.struct([("city", pa.string())]),
        "batch_event_index": pa.int64(),
    }
)


def ga4_row(event: Event, **changes: Any) -> dict[str, Any]:
    """As the BigQuery export has it."""
    return {
        "event_date": event.local[:10].replace("-", ""),
        "event_timestamp": event.micros,
        "event_name": event.kind,
        "event_params": [
            {"key": "ga_session_id", "value": ga4_value(int_value=1_767_232_800)},
            {"key": "page_location", "value": ga4_value(string_value=event.url)},
            {"key": "page_title", "value": ga4_value(string_value="Promo")},
        ],
        "event_bundle_sequence_id": event.number,
        "user_id": event.user,
        "user_pseudo_id": f"17672.{event.user or 'guest'}",
        "privacy_info": {
            "analytics_storage": "Yes",
            "ads_storage": "No" if event.user == "u2" else "Yes",
            "uses_transient_token": "No",
        },
        "geo": {"city": "Jakarta"},
        "batch_event_index": 1,
        **changes,
    }


def ga4_value(**value: Any) -> dict[str, Any]:
    names = ("string_value", "int_value", "float_value", "double_value")
    return {name: value.get(name) for name in names}


def ga4_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=GA4_SCHEMA), sink)
    return sink.getvalue()


def ga4_lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """As BigQuery writes JSON lines: 64-bit integers are texts, nulls are left out."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items() if inner is not None}
        if isinstance(value, list):
            return [plain(each) for each in value]
        return str(value) if isinstance(value, int) else value

    return b"".join(json.dumps(plain(row)).encode() + b"\n" for row in rows)


SNOWPLOW_SCHEMA_DATA = {
    "schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1",
    "data": [{"schema": "iglu:org.ietf/http_cookie/jsonschema/1-0-0", "data": {"value": 'a"b'}}],
}


def snowplow_line(event: Event, header: Sequence[str]) -> str:
    """An enriched event: 131 fields, with JSON in one of them that nobody quotes."""
    moment = f"{event.at:%Y-%m-%d %H:%M:%S}.000"
    fields = {
        "app_id": "shop",
        "platform": "web",
        "collector_tstamp": moment,
        "derived_tstamp": moment,
        "event": event.kind if event.kind == "page_view" else "struct",
        "event_id": f"00000000-0000-4000-8000-{event.number:012d}",
        "user_id": event.user or "",
        "user_ipaddress": "10.0.0.1",
        "page_url": event.url,
        "page_title": 'Promo "Januari", hemat',
        "contexts": json.dumps(SNOWPLOW_SCHEMA_DATA),
        "useragent": "Mozilla/5.0 (Windows NT 10.0)",
    }
    return "\t".join(fields.get(name, "") for name in header)


def segment_line(event: Event) -> str:
    """A raw event as storage destinations have it."""
    row = {
        "type": "page" if event.kind == "page_view" else "track",
        "messageId": f"ajs-{event.number}",
        "anonymousId": "b1",
        "userId": event.user,
        "timestamp": f"{event.at:%Y-%m-%dT%H:%M:%S}.000Z",
        "properties": {"url": event.url} if event.number % 2 else {},
        "context": {"ip": "10.0.0.1", "userAgent": "Mozilla/5.0", "page": {"url": event.url}},
    }
    return json.dumps(row)


def matomo_line(event: Event) -> str:
    """A row of the query in docs/sources.md; the query leaves out what is no page."""
    name = event.url.removeprefix("https://")
    return f"{event.number},{event.user or ''},{event.at:%Y-%m-%d %H:%M:%S},2,{name}"
