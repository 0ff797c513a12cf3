"""A plain world of CSV files, and wrong deliveries of one of its days.

Every delivery changes raw files as a real mistake does: a part of a file, another day's file, a
column in another format, a column that lost its values.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

PEOPLE, VISITS = 1_000, 1_500
FIRST = date(2026, 3, 2)  # a Monday
_SNAPSHOT_DAYS = 4
Delivery = Callable[[Path, date], None]

_PROFILES = f"""
    SELECT
        'u' || lpad(i::VARCHAR, 5, '0') AS user_id,
        CASE hash(i, 'g') % 40 WHEN 0 THEN NULL
        ELSE ['male', 'female'][1 + (hash(i, 'g') % 2)::BIGINT] END AS gender,
        DATE '1955-01-01' + (hash(i, 'b') % 18000)::INTEGER AS birth_date,
        ['31.71', '31.74', '32.73', '33.74', '35.78'][1 + (hash(i, 'r') % 5)::BIGINT]
            AS region_code,
        '2024-05-01T08:00:00+07:00' AS registered_at,
        NULL AS closed_at
    FROM range({PEOPLE}) AS people (i)
"""
_VISITS = """
    SELECT
        'v{day}-' || i AS visit_id,
        CASE hash(i, '{day}') % 10 WHEN 0 THEN NULL
        ELSE 'u' || lpad((hash(i, '{day}', 'u') % {people})::VARCHAR, 5, '0') END AS user_id,
        'c' || hash(i, '{day}') AS cookie_id,
        strftime(TIMESTAMP '{day} 00:00:00' + to_seconds((hash(i, '{day}', 't') % 86400)::BIGINT),
            '%Y-%m-%dT%H:%M:%S+07:00') AS occurred_at,
        ['https://shop.example/a', 'https://shop.example/b', 'https://shop.example/other/',
            '{third}'][1 + (hash(i, '{day}', 'l') % 4)::BIGINT] || '?p=' || i AS url,
        'Mozilla/5.0' AS user_agent
    FROM range({rows}) AS visits (i)
"""
_CONSENTS = f"""
    SELECT
        'u' || lpad(i::VARCHAR, 5, '0') AS user_id, purpose,
        hash(i, purpose) % 25 > 0 AS granted, '2024-05-01T08:00:00+07:00' AS decided_at
    FROM range({PEOPLE}) AS people (i), (VALUES ('use'), ('disclosure')) AS purposes (purpose)
"""
_REQUESTS = """
    SELECT
        'r' || i AS request_id, 'u' || lpad((i * 7)::VARCHAR, 5, '0') AS user_id,
        'withdraw' AS kind, '2025-05-01T08:00:00+07:00' AS requested_at
    FROM range(120) AS requests (i)
"""
_CAMPAIGNS = """
    SELECT * FROM (VALUES
        ('cmp-a', 'adv-1', 'One', 'A', 'https://shop.example/a', '2026-01-01', '2026-12-31', NULL),
        ('cmp-b', 'adv-1', 'One', 'B', 'https://shop.example/b', '2026-01-01', '2026-12-31', NULL),
        ('cmp-c', 'adv-2', 'Two', 'C', 'https://shop.example/c', '2026-01-01', '2026-12-31', NULL)
    ) AS campaigns (campaign_id, advertiser_id, advertiser_name, campaign_name, link_url,
        starts_on, ends_on, target_regions)
"""


def visits_on(day: date) -> int:
    """Weekends are quieter, and the site grows by half a percent a day."""
    growth = 1.005 ** (day - FIRST).days
    return int(VISITS * growth * (0.7 if day.weekday() >= 5 else 1.0))


def make_world(raw: Path, days: Sequence[date]) -> None:
    """Right files of these days, and of what they need besides."""
    for table, query in (("consents", _CONSENTS), ("requests", _REQUESTS),
                         ("campaigns", _CAMPAIGNS)):  # fmt: skip
        write(query, raw / table / f"{table}.csv")
    for day in days[::_SNAPSHOT_DAYS]:
        write(_PROFILES, raw / "profiles" / f"day={day}" / "profiles.csv")
    for day in [*days, days[-1] + timedelta(days=1)]:
        deliver_visits(raw, day, visits_on(day))


def deliver_visits(raw: Path, day: date, rows: int, third: str = "https://shop.example/x") -> None:
    """A day's visits; `third` is where the last quarter goes."""
    query = _VISITS.format(day=day, rows=rows, people=PEOPLE, third=third)
    write(query, raw / "visits" / f"day={day}" / "visits.csv")


def write(query: str, path: Path) -> None:
    """The rows of a query as a CSV file, complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"COPY ({query}) TO '{path}' (HEADER)")
    (path.parent / "_SUCCESS").touch()


def path_of(raw: Path, table: str, day: date) -> Path:
    """The file of a table that a day uses."""
    if table == "visits":
        return raw / table / f"day={day}" / "visits.csv"
    if table == "profiles":
        newest = max(path for path in (raw / table).iterdir() if path.name <= f"day={day}")
        return newest / "profiles.csv"
    return raw / table / f"{table}.csv"


def changed(
    table: str, replaced: str = "", *, where: str = "true", more: str = "", also: str = ""
) -> Delivery:
    """A file with other values in some columns, some of its rows, more columns or more rows."""

    def deliver(raw: Path, day: date) -> None:
        path = path_of(raw, table, day)
        rows = f"read_csv('{path}', all_varchar = true)"
        columns = f"* REPLACE ({replaced})" if replaced else "*"
        columns += f", {more}" if more else ""
        added = f" UNION ALL SELECT * REPLACE ({also}) FROM {rows}" if also else ""
        new = path.with_suffix(".new")
        write(f"SELECT {columns} FROM {rows} WHERE {where}{added}", new)
        new.replace(path)

    return deliver


def renamed(table: str, column: str, name: str) -> Delivery:
    """A file one of whose columns has another name."""

    def deliver(raw: Path, day: date) -> None:
        path = path_of(raw, table, day)
        write(f"SELECT * RENAME ({column} AS {name}) FROM read_csv('{path}', all_varchar = true)",
              path.with_suffix(".new"))  # fmt: skip
        path.with_suffix(".new").replace(path)

    return deliver


def doubled(table: str, also: str) -> Delivery:
    """A file that has every row four times, three times with other values."""

    def deliver(raw: Path, day: date) -> None:
        for _ in range(2):
            changed(table, also=also)(raw, day)

    return deliver


def another_day(back: int) -> Delivery:
    """The visits of an earlier day in the folder of this one."""

    def deliver(raw: Path, day: date) -> None:
        earlier = path_of(raw, "visits", day - timedelta(days=back))
        path_of(raw, "visits", day).write_bytes(earlier.read_bytes())

    return deliver


def fewer(table: str, kept: int) -> Delivery:
    """A part of a file: so many of a hundred rows."""
    row = {"visits": "visit_id", "consents": "user_id || purpose"}.get(table, "user_id")
    return changed(table, where=f"hash({row}) % 100 < {kept}")


WRONG: dict[str, Delivery] = {
    "a fifth of the visits": fewer("visits", 21),
    "two fifths of the visits": fewer("visits", 40),
    "yesterday's visits": another_day(1),
    "last week's visits": another_day(7),
    "visits without their users": changed("visits", "NULL AS user_id"),
    "half of the users lost": changed(
        "visits", "CASE WHEN hash(visit_id) % 2 = 0 THEN user_id END AS user_id"
    ),
    "users with a prefix": changed("visits", "'id-' || user_id AS user_id"),
    "users without leading zeros": changed("visits", "'u' || (user_id[2:])::INTEGER AS user_id"),
    "users of another system": changed("visits", "md5(user_id) AS user_id"),
    "visits an hour zone off": changed(
        "visits", "replace(occurred_at, '+07:00', '-05:00') AS occurred_at"
    ),
    "visits stamped when loaded": changed(
        "visits", "(occurred_at[:10]::DATE + 1)::VARCHAR || 'T02:00:00+07:00' AS occurred_at"
    ),
    "times without a zone": changed("visits", "occurred_at[:19] AS occurred_at"),
    "times in the American order": changed(
        "visits",
        "strftime(occurred_at[:10]::DATE, '%m/%d/%Y') || ' 10:00:00+07:00' AS occurred_at",
    ),
    "links of a test host": changed(
        "visits", "replace(url, 'shop.example', 'staging.shop.example') AS url"
    ),
    "links cut at the host": changed("visits", "url[:20] AS url"),
    "links encoded twice": changed("visits", "replace(url, '/', '%2F') AS url"),
    "a crawler of our own": changed("visits", "'monitoring-bot/1.0' AS user_agent"),
    "one user for all": changed("visits", "'u00001' AS user_id"),
    "a tenth of the profiles": fewer("profiles", 10),
    "four fifths of the profiles": fewer("profiles", 80),
    "births as day/month/year": changed(
        "profiles", "strftime(birth_date::DATE, '%d/%m/%Y') AS birth_date"
    ),
    "births as years": changed("profiles", "birth_date[:4] AS birth_date"),
    "births lost": changed("profiles", "NULL AS birth_date"),
    "births of a default": changed("profiles", "'2015-01-01' AS birth_date"),
    "regions without dots": changed("profiles", "replace(region_code, '.', '') AS region_code"),
    "regions as numbers": changed("profiles", "(region_code::DOUBLE / 10)::VARCHAR AS region_code"),
    "regions by name": changed("profiles", "'Jakarta Pusat' AS region_code"),
    "genders as 1 and 2": changed(
        "profiles", "CASE gender WHEN 'male' THEN '1' WHEN 'female' THEN '2' END AS gender"
    ),
    "genders lost": changed("profiles", "NULL AS gender"),
    "gender under another name": renamed("profiles", "gender", "jenis_kelamin"),
    "regions lost": changed("profiles", "NULL AS region_code"),
    "regions of BPS with dots": changed("profiles", "'97.' || region_code[4:] AS region_code"),
    "genders as 0 and 1": changed("profiles", "(gender = 'male')::INTEGER AS gender"),
    "profiles twice under other ids": doubled("profiles", "'x' || user_id AS user_id"),
    "visits of a tenth of the people": changed(
        "visits", "user_id[:3] || '00' || user_id[6:] AS user_id"
    ),
    "a new column": changed("visits", more="url AS landing_page"),
    "profiles registered today": changed(
        "profiles", "'2026-03-20T00:00:00+07:00' AS registered_at"
    ),
    "all accounts closed": changed("profiles", "'2026-01-01T00:00:00+07:00' AS closed_at"),
    "half of the consents": fewer("consents", 50),
    "consents all refused": changed("consents", "false AS granted"),
    "consents of one purpose": changed("consents", where="purpose = 'use'"),
    "requests of this week alone": changed("requests", where="request_id < 'r2'"),
    "campaign links of a test host": changed(
        "campaigns", "replace(link_url, 'shop.example', 'test.example') AS link_url"
    ),
    "campaigns of last year": changed(
        "campaigns", "'2025-01-01' AS starts_on, '2025-12-31' AS ends_on"
    ),
}
