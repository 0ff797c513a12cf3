"""Each preset reads its documented layout; the same day in all of them gives the same bytes."""

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from log_world import LogWorld, lenient
from preset_samples import (
    COUNTED,
    DAYS,
    DUPLICATES,
    EVENTS,
    FILTERED,
    TOMORROW,
    Event,
    ga4_lines,
    ga4_parquet,
    ga4_row,
    matomo_line,
    segment_line,
    snowplow_line,
)

from anonymizer.model.errors import Held
from anonymizer.sources.source_catalogue import preset_settings

Files = Mapping[str, bytes]


def rows_of(day: str) -> tuple[Event, ...]:
    return EVENTS if day == DAYS[0] else TOMORROW


def ga4(folder: str = "events_{}") -> Files:
    return {
        f"in/{folder.format(day.replace('-', ''))}/0.parquet": ga4_parquet(
            [ga4_row(event) for event in rows_of(day)]
        )
        for day in DAYS
    }


def ga4_json() -> Files:
    return {
        f"in/events_{day.replace('-', '')}-000.json.gz": gzip.compress(
            ga4_lines([ga4_row(event) for event in rows_of(day)])
        )
        for day in DAYS
    }


def snowplow() -> Files:
    settings = preset_settings("snowplow", "visits")
    assert settings is not None
    lines = {day: [snowplow_line(each, settings.header) for each in rows_of(day)] for day in DAYS}
    return {f"in/{day}/part-0.tsv": ("\n".join(lines[day]) + "\n").encode() for day in DAYS}


def segment() -> Files:
    return {
        f"in/{day}/1.gz": gzip.compress(
            ("\n".join(segment_line(each) for each in rows_of(day)) + "\n").encode()
        )
        for day in DAYS
    }


def matomo() -> Files:
    head = "idlink_va,user_id,server_time,url_prefix,name"
    return {
        f"in/{day}.csv": "\n".join(
            [head, *(matomo_line(each) for each in rows_of(day) if each.kind == "page_view"), ""]
        ).encode()
        for day in DAYS
    }


LAYOUTS: Mapping[str, tuple[str, Callable[[], Files]]] = {
    "ga4": ("preset: ga4", ga4),
    "ga4 of the day so far": ("preset: ga4", lambda: ga4("events_intraday_{}")),
    "ga4 as JSON lines": ("preset: ga4, format: json", ga4_json),
    "snowplow": ("preset: snowplow", snowplow),
    "segment": ("preset: segment", segment),
    "matomo": ("preset: matomo", matomo),
}
AGENT = "columns: {user_agent: {constant: Mozilla}}"  # some layouts have none


def world_of(root: Path, layout: str) -> LogWorld:
    world = lenient(root)
    settings, files = LAYOUTS[layout]
    world.with_policy("timing", late_days=3)
    world.home.policy.write_text("timing:\n  late_days: 3\n")
    world.describe(f"visits: {{web: {{{settings}, location: in, {AGENT}}}}}\n")
    world.deliver(files())
    return world


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_preset_counts_what_was_counted_by_hand(tmp_path: Path, layout: str) -> None:
    taken = world_of(tmp_path / "home", layout).take()
    account = taken.accounts["visits"]
    assert account.counted == COUNTED
    assert not account.quarantined
    assert account.excluded == {"other_day": 1}, "the visit of the next day"
    assert account.duplicates == DUPLICATES
    filtered = sum(w.count for w in taken.warnings if w.code == "filtered")
    assert filtered == (0 if layout == "matomo" else FILTERED)


@pytest.mark.alternate("presets of sources")
def test_the_same_day_gives_the_same_people_in_all_layouts(tmp_path: Path) -> None:
    """Visit ids differ; who visited which campaign when does not."""
    found = {}
    for number, layout in enumerate(LAYOUTS):
        world = world_of(tmp_path / f"home{number}", layout)
        world.take()
        rows = world.rows("visits")
        found[layout] = sorted(
            (str(row["person_key"]), str(row["campaign_ids"]), row["program"], row["local_day"])
            for row in rows
        )
    assert len({str(rows) for rows in found.values()}) == 1, found


@pytest.mark.alternate("presets of sources")
def test_the_daily_table_replaces_that_of_the_day_so_far(tmp_path: Path) -> None:
    world = world_of(tmp_path / "home", "ga4")
    partial = ga4_parquet([ga4_row(EVENTS[0]), ga4_row(Event(9, "u9", "2026-01-01 07:00:00", "x"))])
    world.deliver({"in/events_intraday_20260101/0.parquet": partial})
    assert world.take().accounts["visits"].counted == COUNTED


def test_a_day_is_not_read_before_it_can_no_longer_be_rewritten(tmp_path: Path) -> None:
    world = world_of(tmp_path / "home", "ga4")
    (world.home.raw / "in/events_20260104/0.parquet").unlink()
    with pytest.raises(Held, match="2026-01-04"):
        world.take()


@pytest.mark.alternate("presets of sources")
def test_hostile_events_have_their_outcome(tmp_path: Path) -> None:
    """Null parameters, none at all, no list; times before the day, of a wrong clock; no user."""
    sound = ga4_row(EVENTS[0])
    empty = {**sound["event_params"][1], "value": None}
    hostile = [
        {**sound, "event_params": None},
        {**sound, "event_params": [], "event_bundle_sequence_id": 21},
        {**sound, "event_params": [None, empty], "event_bundle_sequence_id": 22},
        {**sound, "event_timestamp": None, "event_bundle_sequence_id": 23},
        {**sound, "event_timestamp": EVENTS[0].micros // 1000, "event_bundle_sequence_id": 24},
        {**sound, "event_timestamp": EVENTS[0].micros + 86_400_000_000, "user_id": "ahead"},
        {**sound, "event_timestamp": EVENTS[0].micros - 86_400_000_000, "user_id": "behind"},
        {**sound, "user_id": "undefined", "event_bundle_sequence_id": 27},
        {**sound, "event_name": None},
        {**sound, "privacy_info": None, "event_bundle_sequence_id": 29},
    ]
    for layout, write in (("ga4", ga4_parquet), ("ga4 as JSON lines", ga4_lines)):
        world = world_of(tmp_path / layout, layout)
        (world.home.raw / "in").rename(world.home.raw / "sound")
        (world.home.raw / "in").mkdir()
        for path in sorted((world.home.raw / "sound").iterdir())[1:]:
            path.rename(world.home.raw / "in" / path.name)
        name = "events_20260101/0.parquet" if layout == "ga4" else "events_20260101-0.json"
        world.deliver({f"in/{name}": write([sound, *hostile])})
        taken = world.take()
        account = taken.accounts["visits"]
        assert account.quarantined == {
            "no_url": 3,
            "no_time": 1,
            "time_range": 2,
            "placeholder_user": 1,
        }, layout
        assert account.counted == 2, "the sound one, and the one without privacy_info"
        assert account.excluded == {"other_day": 2}


@pytest.mark.alternate("presets of sources")
def test_consent_mode_of_ga4(tmp_path: Path) -> None:
    """Two purposes are refused by No, Unset and null; events grant nothing."""
    world = world_of(tmp_path / "home", "ga4")
    (world.home.raw / "consents" / "c.csv").unlink()
    rows = [ga4_row(EVENTS[0]), ga4_row(EVENTS[3]), ga4_row(EVENTS[6])]
    rows += [ga4_row(EVENTS[7], privacy_info={"analytics_storage": "Unset", "ads_storage": None})]
    world.deliver({"consent/events_20260101/0.parquet": ga4_parquet(rows)})
    text = world.home.sources.read_text()
    world.describe(text + "consents: {events: {preset: ga4, location: consent}}\n")
    account = world.take().accounts["consents"]
    assert (account.read, sum(account.quarantined.values())) == (3, 0), "guests give none"
    found = sorted((row["purpose"], row["granted"]) for row in world.rows("consents"))
    assert found == [
        ("advertising_cookies", False),
        ("advertising_cookies", False),
        ("use", False),
    ]
