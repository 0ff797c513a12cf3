"""One world of 320 people and three days, and the same events in the layouts of other programs.

Who visited what is known when an event is made, so figures can be counted without reading any of
its layouts. The events have late and repeated ones, ids written in several ways, and values that
have to go into quarantine; each says what has to become of it (`fate`).
"""

import csv
import gzip
import io
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from intake.raw_world import as_csv, campaign, consent, profile, visit
from preset_samples import (
    SNOWPLOW_SCHEMA_DATA,
    ga4_lines,
    ga4_parquet,
    ga4_value,
)

from anonymizer.sources.source_catalogue import preset_settings

JAKARTA = ZoneInfo("Asia/Jakarta")
DAYS = tuple(date(2026, 11, number) for number in (2, 3, 4))
LATE_DAYS = 3
ARRIVALS = tuple(DAYS[0] + timedelta(days=number) for number in range(len(DAYS) + LATE_DAYS))
CAMPAIGNS = {"promo": "https://shop.example/promo", "sale": "https://shop.example/sale"}
# Links of pages as visitors open them: what is behind the link of a campaign does not matter.
_TAILS = ("", "?q=a,b", '?q="a"', "/?x=1#top", "?utm_source=mail", "/kopi%20susu", "?n=é")
_PEOPLE, _VISITS_A_DAY = 320, 420
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Person:
    """Someone with a profile; `granted` is whether both consents that figures need are there."""

    number: int
    gender: str
    born: date
    granted: bool

    @property
    def id(self) -> str:
        return f"u{self.number:04d}"

    def is_adult(self, day: date) -> bool:
        had_birthday = (day.month, day.day) >= (self.born.month, self.born.day)
        return day.year - self.born.year - (not had_birthday) >= 18

    def written(self, draw: random.Random) -> str:
        """The id as one of the ways of writing it."""
        full_width = "".join(chr(ord(letter) + 0xFEE0) for letter in self.id)
        return draw.choice([self.id] * 6 + [self.id.upper(), f" {self.id} ", full_width])


@dataclass(frozen=True)
class Event:
    """One event as it was sent. `number` is the same in every copy; `page` is a campaign's id.

    `fate` is `counted` for a page view that intake accepts, else the reason why it does not.
    """

    number: int
    person: Person | None
    user: str | None
    at: datetime | None
    url: str | None
    arrival: date
    page: str = ""
    kind: str = "page_view"
    fate: str = "counted"

    @property
    def micros(self) -> int | None:
        return None if self.at is None else int(self.at.timestamp()) * 1_000_000

    @property
    def local_day(self) -> date | None:
        return None if self.at is None else self.at.astimezone(JAKARTA).date()


@dataclass(frozen=True)
class OneWorld:
    """The people and all events, those of a day of arrival one after the other."""

    people: tuple[Person, ...]
    events: tuple[Event, ...]

    def arriving(self, day: date) -> list[Event]:
        return [event for event in self.events if event.arrival == day]

    def page_views(self, day: date) -> list[Event]:
        return [event for event in self.arriving(day) if event.kind == "page_view"]

    def visitors(self, day: date) -> Mapping[tuple[str, str], int]:
        """Different people by campaign and gender, counted from what each event is."""
        found = defaultdict(set)
        for event in self._read_for(day):
            person = event.person
            of_day = event.fate == "counted" and event.local_day == day and event.page
            if of_day and person and person.granted and person.is_adult(day):
                found[event.page, person.gender].add(person.id)
        return {key: len(people) for key, people in found.items()}

    def account(self, day: date) -> Mapping[str, int]:
        """What has to become of the rows that are read for a day, by reason."""
        fates: Counter[str] = Counter()
        seen = set()
        for event in self._read_for(day):
            if event.fate != "counted":
                fates[event.fate] += 1
            elif event.number in seen:
                fates["duplicate"] += 1
            else:
                seen.add(event.number)
                fates[self._place(event, day)] += 1
        return fates

    def _place(self, event: Event, day: date) -> str:
        """Where a row that can be read belongs, seen from the run of a day."""
        if event.local_day is None or event.local_day == day:
            return "counted"
        oldest = day - timedelta(days=LATE_DAYS)
        return "late" if event.arrival == day and event.local_day < oldest else "other_day"

    def _read_for(self, day: date) -> Iterator[Event]:
        for number in range(LATE_DAYS + 1):
            yield from self.page_views(day + timedelta(days=number))


def make_world(seed: int = 1) -> OneWorld:
    """The same world for the same seed."""
    draw = random.Random(seed)
    people = tuple(
        Person(
            number,
            draw.choice(("male", "female")),
            date(1960, 1, 1) + timedelta(days=draw.randrange(18_500)),
            granted=draw.random() > 0.1,
        )
        for number in range(_PEOPLE)
    )
    events: list[Event] = []
    for day in DAYS:
        own = [_view(draw, people, len(events) + n, day) for n in range(_VISITS_A_DAY)]
        hostile = list(_hostile(draw, people, len(events) + len(own), day))
        events += [*own, *hostile]
    copies = []
    for event in draw.sample(events, 60):
        if event.fate != "counted":
            continue
        later = event.arrival + timedelta(days=draw.choice((0, 0, 1, 2)))
        copies.append(replace(event, arrival=later))
    found = [*events, *copies]
    draw.shuffle(found)
    return OneWorld(people, tuple(found))


def _view(draw: random.Random, people: Sequence[Person], number: int, day: date) -> Event:
    """A page view of somebody; some arrive up to three days late, some are no page views."""
    person = draw.choice(people) if draw.random() > 0.05 else None
    page = draw.choice(("promo", "promo", "sale", ""))
    link = CAMPAIGNS.get(page, "https://shop.example/other")
    second = draw.choice((0, 86_399, draw.randrange(86_400)))  # midnight belongs to the day
    moment = datetime.combine(day, time(), JAKARTA) + timedelta(seconds=second)
    return Event(
        number,
        person,
        person.written(draw) if person else None,
        moment.astimezone(UTC),
        link + draw.choice(_TAILS),
        day + timedelta(days=draw.choice((0,) * 12 + (1, 2, 3))),
        page,
        "click" if draw.random() < 0.1 else "page_view",
    )


def _hostile(
    draw: random.Random, people: Sequence[Person], number: int, day: date
) -> Iterator[Event]:
    """Events that are no visits of the day, each with its reason."""
    sound = replace(_view(draw, people, number, day), arrival=day, kind="page_view")
    person = people[0]
    named = replace(sound, person=person, user=person.id, url=CAMPAIGNS["promo"], page="promo")
    assert named.at is not None
    changed = [
        replace(named, user="unknown", person=None, fate="placeholder_user"),
        replace(named, user="u\u200b0000", fate="hidden_character"),
        replace(named, user="7001.0", fate="not_an_id"),
        replace(named, at=named.at + timedelta(days=9), fate="time_range"),  # a clock ahead
        replace(named, at=named.at - timedelta(days=20 * 365)),  # a clock that was reset
        replace(named, at=None, fate="no_time"),
        replace(named, user="u" * 9_000, fate="too_long"),
        *(replace(named, url=None, fate="no_url") for _ in range(4)),
    ]
    yield from (replace(event, number=number + n) for n, event in enumerate(changed))


def own_tables(world: OneWorld) -> Files:
    """Campaigns, profiles, consents: the same files of the raw contract beside every layout."""
    registered = "2024-05-01T08:00:00+07:00"
    campaigns = [
        campaign(campaign_id=name, link_url=link, starts_on="2026-11-01", ends_on="2026-11-30")
        for name, link in CAMPAIGNS.items()
    ]
    profiles = [
        profile(each.id, gender=each.gender, birth_date=str(each.born), registered_at=registered)
        for each in world.people
    ]
    consents = [
        consent(each.id, purpose=purpose, granted=str(each.granted).lower(), decided_at=registered)
        for each in world.people
        for purpose in ("use", "disclosure")
    ]
    return {
        "campaigns/c.csv": as_csv(campaigns),
        f"profiles/day={DAYS[0]}/p.csv": as_csv(profiles),
        "consents/c.csv": as_csv(consents),
    }


def _stamp(event: Event, form: str) -> str:
    return "" if event.at is None else f"{event.at:{form}}"


def contract(world: OneWorld) -> Files:
    """Our own layout, page views alone."""
    return {
        f"visits/day={day}/v.csv": as_csv(
            [
                visit(
                    f"v{each.number}",
                    user_id=each.user,
                    occurred_at=_stamp(each, "%Y-%m-%dT%H:%M:%SZ") or None,
                    url=each.url,
                )
                for each in world.page_views(day)
            ]
        )
        for day in ARRIVALS
    }


def _ga4_params(event: Event) -> list[dict[str, Any] | None] | None:
    """The parameters; a page without its URL lacks it in one of four ways."""
    others: list[dict[str, Any] | None] = [
        {"key": "ga_session_id", "value": ga4_value(int_value=1_762_000_000)},
        {"key": "page_title", "value": None if event.number % 5 else ga4_value()},
    ]
    if event.url is not None:
        location = {"key": "page_location", "value": ga4_value(string_value=event.url)}
        return [*others[:1], None, location, *others[1:]] if event.number % 7 == 0 else [
            location, *others]  # fmt: skip
    ways: list[list[dict[str, Any] | None] | None] = [
        None,
        [],
        others,
        [*others, {"key": "page_location", "value": None}],
    ]
    return ways[event.number % 4]


def _ga4_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Flags refuse where the person's own table does, and are not set for guests."""
    return [
        {
            "event_date": None if each.local_day is None else f"{each.local_day:%Y%m%d}",
            "event_timestamp": each.micros,
            "event_name": each.kind,
            "event_params": _ga4_params(each),
            "event_bundle_sequence_id": each.number,
            "user_id": each.user,
            "user_pseudo_id": f"17672.{each.person.number if each.person else 'guest'}",
            "privacy_info": {
                "analytics_storage": "No" if each.person and not each.person.granted else "Yes",
                "ads_storage": "Yes",
                "uses_transient_token": "No",
            },
            "geo": {"city": "Jakarta"} if each.number % 3 else None,
            "batch_event_index": 1,
        }
        for each in events
    ]


def ga4(world: OneWorld) -> Files:
    """Daily tables; of the first day also that of the day so far, with rows that were dropped."""
    files = {
        f"in/events_{day:%Y%m%d}/0.parquet": ga4_parquet(_ga4_rows(world.arriving(day)))
        for day in ARRIVALS
    }
    stale = _ga4_rows(world.arriving(DAYS[0])[:50])
    # Its flags refuse nothing: a refusal counts from every table, also from one that is replaced.
    other = {"user_id": "u0001", "privacy_info": {"analytics_storage": "Yes", "ads_storage": "Yes"}}
    stale += [{**row, **other, "event_bundle_sequence_id": 10**6 + n}
              for n, row in enumerate(stale)]  # fmt: skip
    return {**files, f"in/events_intraday_{DAYS[0]:%Y%m%d}/0.parquet": ga4_parquet(stale)}


def ga4_json(world: OneWorld) -> Files:
    return {
        f"in/events_{day:%Y%m%d}-000.json.gz": gzip.compress(
            ga4_lines(_ga4_rows(world.arriving(day)))
        )
        for day in ARRIVALS
    }


def _snowplow_fields(event: Event) -> dict[str, str]:
    moment = _stamp(event, "%Y-%m-%d %H:%M:%S.000")
    return {
        "app_id": "shop",
        "collector_tstamp": moment,
        "derived_tstamp": moment,
        "event": event.kind if event.kind == "page_view" else "struct",
        "event_id": f"00000000-0000-4000-8000-{event.number:012d}",
        "user_id": event.user or "",
        "page_url": event.url or "",
        "page_title": 'Promo "Januari", hemat',
        "contexts": json.dumps(SNOWPLOW_SCHEMA_DATA),
    }


def snowplow(world: OneWorld) -> Files:
    settings = preset_settings("snowplow", "visits")
    assert settings is not None
    return {
        f"in/{day}/part-0.tsv": "".join(
            "\t".join(_snowplow_fields(each).get(name, "") for name in settings.header) + "\n"
            for each in world.arriving(day)
        ).encode()
        for day in ARRIVALS
    }


def snowplow_parquet(world: OneWorld) -> Files:
    """As the Parquet loader writes: times are times, what is empty is null."""
    schema = pa.schema(
        {
            **dict.fromkeys(("app_id", "event", "event_id", "user_id", "page_url"), pa.string()),
            "useragent": pa.string(),
            "derived_tstamp": pa.timestamp("us", "UTC"),
        }
    )
    return {
        f"in/{day}/part-0.parquet": _parquet(
            [
                {name: value or None for name, value in _snowplow_fields(each).items()}
                | {"derived_tstamp": each.at}
                for each in world.arriving(day)
            ],
            schema,
        )
        for day in ARRIVALS
    }


def _parquet(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    return sink.getvalue()


WAREHOUSE_COLUMNS = {
    **dict.fromkeys(("event", "event_id", "user_id", "page_url", "page_title"), "text"),
    "contexts": "json",
    "useragent": "text",
    "derived_tstamp": "timestamp",
    "arrived_on": "date",
}


def warehouse_rows(world: OneWorld, day: date) -> list[tuple[Any, ...]]:
    """As the loader of Snowplow for PostgreSQL writes its table, with the day of the loading."""
    return [
        tuple(
            day if name == "arrived_on" else _snowplow_fields(each).get(name) or None
            for name in WAREHOUSE_COLUMNS
        )
        for each in world.arriving(day)
    ]


def segment(world: OneWorld) -> Files:
    """Every second page has its URL in the context alone; nulls are left out or written."""

    def line(event: Event) -> str:
        row: dict[str, Any] = {
            "type": "page" if event.kind == "page_view" else "track",
            "messageId": f"ajs-{event.number}",
            "userId": event.user,
            "timestamp": _stamp(event, "%Y-%m-%dT%H:%M:%S.000Z") or None,
            "properties": {"url": event.url} if event.number % 2 else {},
            "context": {"page": {"url": event.url}, "userAgent": "Mozilla/5.0"},
        }
        if event.user is None and event.number % 3:
            del row["userId"]
        return json.dumps(row) + "\n"

    return {
        f"in/{day}/1.gz": gzip.compress("".join(map(line, world.arriving(day))).encode())
        for day in ARRIVALS
    }


def matomo(world: OneWorld) -> Files:
    """The rows of the query in docs/sources.md, which leaves out what is no page."""
    files = {}
    for day in ARRIVALS:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("idlink_va", "user_id", "server_time", "url_prefix", "name"))
        for each in world.page_views(day):
            name = (each.url or "").removeprefix("https://")
            moment = _stamp(each, "%Y-%m-%d %H:%M:%S")
            writer.writerow((each.number, each.user or "", moment, 2 if name else "", name))
        files[f"in/{day}.csv"] = text.getvalue().encode()
    return files


_AGENT = "columns: {user_agent: {constant: Mozilla/5.0}}"  # some layouts have none
_GA4_CONSENTS = "consents: {flags: {preset: ga4, location: in%s}}\n"
WAREHOUSE = f"""
visits:
  web:
    preset: snowplow
    warehouse:
      table: atomic.events
      address: {{variable: WAREHOUSE_ADDRESS}}
      day: arrived_on
      deliveries: {{table: web.loads}}
    {_AGENT}
"""
LAYOUTS: Mapping[str, tuple[str, Callable[[OneWorld], Files]]] = {
    "contract": ("", contract),
    "ga4": (
        f"visits: {{web: {{preset: ga4, location: in, {_AGENT}}}}}\n" + _GA4_CONSENTS % "",
        ga4,
    ),
    "ga4 as JSON lines": (
        f"visits: {{web: {{preset: ga4, format: json, location: in, {_AGENT}}}}}\n"
        + _GA4_CONSENTS % ", format: json",
        ga4_json,
    ),
    "snowplow": (f"visits: {{web: {{preset: snowplow, location: in, {_AGENT}}}}}\n", snowplow),
    "snowplow as Parquet": (
        f"visits: {{web: {{preset: snowplow, format: parquet, location: in, {_AGENT}}}}}\n",
        snowplow_parquet,
    ),
    "segment": (f"visits: {{web: {{preset: segment, location: in, {_AGENT}}}}}\n", segment),
    "matomo": (f"visits: {{web: {{preset: matomo, location: in, {_AGENT}}}}}\n", matomo),
}
