"""Rows of a real PostgreSQL: read by day in one snapshot, held where the database fails."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import monotonic, sleep
from typing import Any, LiteralString

import psycopg
import pytest
from database import ADDRESS, READER_PASSWORD, Database
from intake.raw_world import DAY, LINK
from log_world import LogWorld
from release.postgresql import Server

from anonymizer.intake.person_search import search
from anonymizer.model.errors import ConfigurationError, Held, InputsRejected, RawZoneUnreachable
from anonymizer.rights.rights import UserMatch, look_up
from anonymizer.sources import source_limits, warehouse
from anonymizer.sources.source_catalogue import parse_sources
from anonymizer.sources.source_zone import SourceZone, source_root
from anonymizer.sources.warehouse import WarehouseStore
from pipelines.partitions.landed_days import landed_days

NEXT = DAY + timedelta(days=1)
SHOP = """
    visits:
      shop:
        warehouse:
          table: web.visits
          address: {variable: WAREHOUSE_ADDRESS}
          day: arrived_on
          deliveries: {table: web.loads}
        columns:
          visit_id: visit_id
          user_id: user_id
          occurred_at: occurred_at
          url: url
          user_agent: user_agent
          ip: {path: ip, optional: true}
        keep: {kind: page}
"""
FILE = f"visits/day={DAY}/shop:{DAY}+rows.jsonl"
Row = tuple[Any, ...]


def row(number: int, user: str | None = "u1", **changes: Any) -> Row:
    found = {
        "id": f"v{number}",
        "user": user,
        "at": f"2026-01-01 {10 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}+07",
        "url": LINK,
        "agent": "Mozilla/5.0",
        "ip": "10.9.8.7",
        "kind": "page",
    }
    return tuple({**found, **changes}.values())


@pytest.fixture
def shop(world: LogWorld, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The source `shop` of an empty database, whose address is in a variable."""
    database = Database.new(postgresql)
    monkeypatch.setenv(ADDRESS, database.address)
    world.describe(SHOP)
    return database


@pytest.mark.alternate("warehouses")
def test_a_day_is_read_as_a_file_would_be(world: LogWorld, shop: Database) -> None:
    """Its own rows and those of the late days, and of no other; each row is accounted for."""
    hostile = [
        row(1, "unknown"),
        row(2, at=None),
        row(3, url='https://shop.example/promo?q="a",b\n\x0b'),
        row(4, kind="click"),
        row(5, at="infinity"),
        row(6, "U1 "),
        row(6, "u1"),
    ]
    shop.load(DAY, hostile)
    shop.load(NEXT, [row(7, "u2"), row(8, at="2026-01-02 00:00:00+07")])
    shop.load(DAY - timedelta(days=1), [row(9)])
    shop.load(NEXT + timedelta(days=1), [row(10)])
    account = world.take().accounts["visits"]
    assert account.read == 8, "all but the click and the rows of two other days"
    assert (account.counted, account.duplicates) == (3, 1)
    assert account.excluded == {"other_day": 1}
    assert account.quarantined == {"placeholder_user": 1, "no_time": 1, "bad_time": 1}
    assert {(file, reason) for file, _, _, reason in world.pointers()} == {
        (FILE, reason) for reason in account.quarantined
    }


@pytest.mark.alternate("warehouses")
def test_columns_that_figures_do_not_need_are_not_selected(world: LogWorld, shop: Database) -> None:
    """The account may not read the IP address. A request of access shows it once it may."""
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    assert world.take().accounts["visits"].counted == 1
    shop.execute("GRANT SELECT ON web.visits TO reader")
    assert world.take().accounts["visits"].counted == 1
    limits = world.policy.intake
    found = search(source_root(world.home, everything=True), "visits", "u1", limits)
    assert [each["ip"] for each in found.rows] == ["10.9.8.7"]
    found = search(source_root(world.home), "visits", "u1", limits)
    assert [each["ip"] for each in found.rows] == [""]


@pytest.mark.alternate("warehouses")
def test_reading_twice_gives_the_same_bytes(world: LogWorld, shop: Database) -> None:
    """Wherever the rows lie in the table, and in which order they were written."""
    shop.load(DAY, [row(number, f"u{number % 50}") for number in range(4_500)])
    shop.load(NEXT, [])
    first, before = world.take(), world.written()
    shop.execute("UPDATE web.visits SET user_agent = user_agent WHERE user_id < 'u3'")
    assert world.take().files == first.files
    assert world.written() == before
    shop.execute("UPDATE web.visits SET url = 'https://shop.example/' WHERE visit_id = 'v7'")
    assert world.take().files != first.files


@pytest.mark.alternate("warehouses")
def test_a_day_is_complete_when_the_table_of_deliveries_has_it(
    world: LogWorld, shop: Database
) -> None:
    shop.load(DAY, [row(1)])
    with pytest.raises(Held, match="not_yet_arrived"):
        world.take()
    shop.execute("INSERT INTO web.visits SELECT %s, 'v2', 'u1', now(), 'x'", (NEXT,))
    with pytest.raises(Held, match="not_yet_arrived"):
        world.take()
    shop.execute("INSERT INTO web.loads VALUES (%s, 1)", (NEXT,))
    assert world.take().accounts["visits"].counted == 1


def test_a_day_without_visits_is_not_released_as_one(world: LogWorld, shop: Database) -> None:
    shop.load(DAY, [])
    shop.load(NEXT, [])
    with pytest.raises(Held, match="missing_day"):
        world.take()


@pytest.mark.parametrize("stated", [2, 4, 0])
def test_a_number_of_rows_that_is_not_there_rejects_the_day(
    world: LogWorld, shop: Database, stated: int
) -> None:
    shop.load(DAY, [row(1), row(2), row(3)])
    shop.load(NEXT, [row(4)], stated=1)
    shop.execute(f"UPDATE web.loads SET rows = {stated} WHERE day = '{DAY}'")
    if not stated:
        with pytest.raises(Held, match="missing_day"):
            world.take()
        return
    with pytest.raises(InputsRejected) as refused:
        world.take()
    assert refused.value.files[0].reason == "row_count"
    assert f"web.visits has 3 row(s) of the day and web.loads says {stated}" in str(refused.value)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (f"INSERT INTO web.loads VALUES ('{DAY}', 1)", f"has {DAY} more than once"),
        ("UPDATE web.loads SET rows = NULL", "have no date and number of rows"),
        ("UPDATE web.loads SET rows = -1", "have no date and number of rows"),
        ("DROP TABLE web.loads", "a table does not exist"),
        ("ALTER TABLE web.loads RENAME COLUMN rows TO n", "a column that `warehouse` names"),
        ("REVOKE SELECT ON web.loads FROM reader", "the account may not read a table"),
    ],
)
def test_deliveries_that_cannot_be_read_hold_the_day(
    world: LogWorld, shop: Database, statement: str, problem: str
) -> None:
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    shop.execute(statement)
    with pytest.raises(RawZoneUnreachable, match=problem) as held:
        world.take()
    assert "source shop" in str(held.value)


@pytest.mark.parametrize(
    ("statement", "reason", "problem"),
    [
        ("DROP TABLE web.visits", "unreadable", "a table does not exist"),
        ("ALTER TABLE web.visits DROP COLUMN url", "schema_missing:url", "source shop"),
        (
            "ALTER TABLE web.visits ALTER COLUMN arrived_on TYPE timestamptz",
            "unreadable",
            "the column arrived_on is not a date",
        ),
        (
            "ALTER TABLE web.visits ALTER COLUMN user_id TYPE float8 USING 7001.0",
            "schema_type:user_id",
            "does not hold every id",
        ),
    ],
)
def test_a_table_of_another_form_rejects_the_day(
    world: LogWorld, shop: Database, statement: str, reason: str, problem: str
) -> None:
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    shop.execute(statement)
    with pytest.raises(InputsRejected) as refused:
        world.take()
    assert refused.value.files[0].reason == reason
    assert problem in str(refused.value)


@pytest.mark.alternate("warehouses")
def test_a_database_that_fails_between_two_rows_rejects_the_day(
    world: LogWorld, shop: Database
) -> None:
    """What it said is not repeated: it quotes values."""
    shop.load(DAY, [row(number) for number in range(5_000)])
    shop.load(NEXT, [])
    shop.execute("UPDATE web.visits SET url = 'canary@example.test' WHERE visit_id = 'v4321'")
    shop.execute(
        "CREATE VIEW web.failing AS SELECT arrived_on, visit_id, user_id, occurred_at, user_agent,"
        " kind, CASE WHEN url LIKE 'https%' THEN url ELSE url::int::text END AS url FROM web.visits"
    )
    shop.execute("GRANT SELECT ON web.failing TO reader")
    world.describe(SHOP.replace("web.visits", "web.failing"))
    with pytest.raises(InputsRejected) as refused:
        world.take()
    assert refused.value.files[0].reason == "unreadable"
    assert "SQLSTATE 22P02" in str(refused.value)
    assert "canary" not in repr(refused.getrepr(style="native", chain=True, showlocals=False))
    assert not (world.home.private / "visits").exists()


@pytest.mark.alternate("warehouses")
def test_a_connection_that_is_cut_rejects_the_day(
    world: LogWorld, shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.load(DAY, [row(number) for number in range(5_000)])
    shop.load(NEXT, [])
    write, portions = warehouse._write, []

    def cut(*arguments: Any) -> None:
        if not portions:
            shop.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'"
            )
        portions.append(arguments)
        write(*arguments)

    monkeypatch.setattr(warehouse, "_write", cut)
    with pytest.raises(InputsRejected, match="has closed the connection"):
        world.take()
    assert len(portions) == 1, "what is there of the day is not used"
    monkeypatch.undo()
    monkeypatch.setenv(ADDRESS, shop.address)
    assert world.take().accounts["visits"].read == 5_000


@pytest.mark.parametrize(
    ("place", "name", "counted"), [(WarehouseStore, "_types", 3), (warehouse, "_write", 2)]
)
def test_a_day_is_read_as_of_one_moment(
    world: LogWorld,
    shop: Database,
    monkeypatch: pytest.MonkeyPatch,
    place: object,
    name: str,
    counted: int,
) -> None:
    """Rows and their number agree while the day is loaded again; the next run sees the new ones."""
    shop.load(DAY, [row(1), row(2)])
    shop.load(NEXT, [])
    found = getattr(place, name)

    def load_more(*given: Any) -> Any:
        shop.execute(f"DELETE FROM web.loads WHERE day = '{DAY}'")
        shop.load(DAY, [row(3)], stated=3)
        return found(*given)

    monkeypatch.setattr(place, name, load_more)
    assert world.take().accounts["visits"].counted == counted
    monkeypatch.setattr(place, name, found)
    assert world.take().accounts["visits"].counted == 3


@pytest.mark.alternate("warehouses")
def test_nothing_is_written(world: LogWorld, shop: Database) -> None:
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    shop.execute("GRANT ALL ON ALL TABLES IN SCHEMA web TO reader")
    shop.execute(
        "CREATE FUNCTION web.touch(text) RETURNS text LANGUAGE sql AS"
        " $$ UPDATE web.loads SET rows = 7 RETURNING $1 $$"
    )
    shop.execute(
        "CREATE VIEW web.writing AS SELECT arrived_on, visit_id, user_id, occurred_at,"
        " web.touch(url) AS url, user_agent, kind FROM web.visits"
    )
    shop.execute("GRANT SELECT ON web.writing TO reader")
    world.describe(SHOP.replace("web.visits", "web.writing"))
    with pytest.raises(InputsRejected, match="the statement would write"):
        world.take()


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("postgresql://reader:{word}x@/{name}?host={folder}", "does not answer"),
        ("postgresql://reader:{word}@/nowhere?host={folder}", "does not answer"),
        ("postgresql://reader:{word}@/{name}?host={folder}/x", "does not answer"),
        ("host={folder}/x user=reader password={word}", "does not answer"),
    ],
)
def test_a_database_that_does_not_admit_holds_the_day(
    world: LogWorld,
    shop: Database,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    problem: str,
) -> None:
    text = address.format(word=READER_PASSWORD, name=shop.name, folder=shop.server.folder)
    monkeypatch.setenv(ADDRESS, text)
    with pytest.raises(RawZoneUnreachable, match=problem) as held:
        world.take()
    _assert_secret(held, shop)


def _assert_secret(raised: pytest.ExceptionInfo[Exception], shop: Database) -> None:
    """Neither the error nor what it came from says where the database is, nor the password."""
    shown, error = [], raised.value
    found: BaseException | None = error
    while found is not None:
        shown.append(repr(found))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    for word in (READER_PASSWORD, shop.name, str(shop.server.folder), "reader"):
        assert word not in " ".join(shown)


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        (None, 0o600, "cannot be read"),
        ("{address}", 0o640, "can be read by others"),
        ("jdbc:reader {word}", 0o600, "has no address of PostgreSQL"),
        (" \n", 0o600, "is not set or empty"),
        ("{address}\n", 0o600, ""),
    ],
)
def test_the_address_may_be_in_a_file_that_nobody_else_reads(
    world: LogWorld, shop: Database, text: str | None, mode: int, problem: str
) -> None:
    world.describe(SHOP.replace("variable: WAREHOUSE_ADDRESS", "file: warehouse.address"))
    path = world.home.root / "warehouse.address"
    if text is not None:
        path.write_text(text.format(address=shop.address, word=READER_PASSWORD))
        path.chmod(mode)
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    if not problem:
        assert world.take().accounts["visits"].counted == 1
        return
    with pytest.raises(ConfigurationError, match=problem) as refused:
        world.take()
    _assert_secret(refused, shop)


def test_an_address_that_is_not_set(
    world: LogWorld, shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ADDRESS)
    with pytest.raises(ConfigurationError, match=r"\$WAREHOUSE_ADDRESS is not set"):
        world.take()


def test_a_missing_driver_is_named(
    world: LogWorld, shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'audience\[warehouse\]'"):
        world.take()


@pytest.mark.alternate("warehouses")
def test_tables_without_days_are_read_whole(world: LogWorld, shop: Database) -> None:
    """Requests may be none; consents may not; values inside of JSON are found by their path."""
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    shop.execute("CREATE TABLE web.choices (id bigint, choice jsonb, at timestamptz)")
    shop.execute("CREATE TABLE web.desk (id bigint, uid text, topic text, at timestamptz)")
    shop.execute("GRANT SELECT ON web.choices, web.desk TO reader")
    world.describe(
        SHOP
        + """
    consents:
      cmp:
        warehouse: {table: web.choices, address: {variable: WAREHOUSE_ADDRESS}}
        columns: {user_id: choice.user.id, decided_at: at}
        purposes: {use: "choice.purposes[key=use].granted"}
    requests:
      desk:
        warehouse: {table: web.desk, address: {variable: WAREHOUSE_ADDRESS}}
        columns: {request_id: id, user_id: uid, kind: topic, requested_at: at}
    """
    )
    for path in (world.home.raw / "consents/c.csv", world.home.raw / "requests/r.csv"):
        path.unlink()
    with pytest.raises(Held, match="missing_consents"):
        world.take()
    choice = '{"user": {"id": "U1"}, "purposes": [{"key": "use", "granted": true}]}'
    shop.execute("INSERT INTO web.choices VALUES (1, %s, '2025-12-01')", (choice,))
    assert world.take().accounts["requests"].read == 0
    assert [each["granted"] for each in world.rows("consents")] == [True]
    shop.execute("INSERT INTO web.desk VALUES (1, 'u1', 'erase', '2025-12-31')")
    taken = world.take()
    assert taken.accounts["requests"].counted == 1
    assert world.rows("visits") == [], "the person has asked to be erased"
    shop.execute("INSERT INTO web.desk VALUES (2, NULL, 'erase', '2025-12-31')")
    with pytest.raises(Held, match="objection_unreadable"):
        world.take()


@pytest.mark.alternate("warehouses")
def test_equal_names_in_two_databases_are_not_one_file(
    world: LogWorld, shop: Database, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Database.new(postgresql)
    monkeypatch.setenv("OTHER_ADDRESS", other.address)
    text = SHOP.replace("shop:", "app:").replace(ADDRESS, "OTHER_ADDRESS")
    world.describe(SHOP + text.partition("visits:\n")[2])
    for database, number in ((shop, 1), (other, 2)):
        database.load(DAY, [row(number)])
        database.load(NEXT, [])
    assert world.take().accounts["visits"].counted == 2
    world.describe(SHOP + SHOP.replace("shop:", "app:").partition("visits:\n")[2])
    with pytest.raises(ConfigurationError, match="is a file of the sources shop and app"):
        world.take()


def test_a_sources_check_shows_rows_of_a_database(world: LogWorld, shop: Database) -> None:
    shop.load(DAY, [row(1)])
    zone = SourceZone.of(world.home)
    listing = zone.listed(zone.sources.named("shop"), zone.zone.root())
    assert [file.name for file in listing.files] == [f"{DAY}/rows.jsonl"]
    assert listing.days == {DAY}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("          day: arrived_on\n", "", "visits.shop.warehouse: day is missing"),
        ("          deliveries: {table: web.loads}\n", "", "deliveries is missing"),
        (
            "        keep:",
            "        format: csv\n        keep:",
            "format: rows of a database are in",
        ),
        ("        keep:", "        location: x\n        keep:", "location: rows of a database are"),
        ("web.visits", "visits", "warehouse.table"),
        ("{variable: WAREHOUSE_ADDRESS}", "{}", "exactly one of variable and file"),
    ],
)
def test_mistakes_of_a_warehouse_are_reported(old: str, new: str, problem: str) -> None:
    assert old in SHOP
    with pytest.raises(ConfigurationError) as refused:
        parse_sources(SHOP.replace(old, new))
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("variable: WAREHOUSE_ADDRESS", 'variable: "postgresql://a:canary@c/d"', "variable"),
        ("variable: WAREHOUSE_ADDRESS", 'file: "postgresql://a:canary@c/d"', "name of a file"),
        ("variable: WAREHOUSE_ADDRESS", 'file: "a:canary@c/d"', "name of a file"),
        ("variable: WAREHOUSE_ADDRESS", 'file: "host=c password=canary"', "name of a file"),
        ("variable: WAREHOUSE_ADDRESS", '"postgresql://a:canary@c/d": x', "this key is unknown"),
        ("variable: WAREHOUSE_ADDRESS", '"a:canary@c/d": x, file: y', "this key is unknown"),
        ("variable: WAREHOUSE_ADDRESS", '"host=c PASSWORD=canary":', "this key is unknown"),
        ("variable: WAREHOUSE_ADDRESS", "file: y, password: canary", "address.password"),
        ("variable: WAREHOUSE_ADDRESS", '"x://canary": x, "x://canary": x', "occurs twice"),
        ("{variable: WAREHOUSE_ADDRESS}", '"postgresql://a:canary@c/d"', "address"),
    ],
)
def test_an_address_in_the_wrong_place_is_not_shown(old: str, new: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_sources(SHOP.replace(old, new))
    assert problem in str(refused.value)
    assert "canary" not in repr(refused.value) + str(refused.value)


def test_profiles_of_a_database_are_searched_for_a_user(world: LogWorld, shop: Database) -> None:
    """Whoever asks to be erased: names are mapped and not selected, and that hides nobody."""
    shop.execute("CREATE TABLE web.people (at date, uid text, name text, since timestamptz)")
    shop.execute("INSERT INTO web.people VALUES ('2026-01-01', 'u77', 'Siti', '2020-01-01')")
    shop.execute("INSERT INTO web.loads VALUES ('2026-01-01', 1)")
    shop.execute("GRANT SELECT (at, uid, since) ON web.people TO reader")
    world.describe(
        """
    profiles:
      crm:
        warehouse:
          table: web.people
          address: {variable: WAREHOUSE_ADDRESS}
          day: at
          deliveries: {table: web.loads}
        columns: {user_id: uid, full_name: name, registered_at: since}
    """
    )
    assert look_up(world.home, world.policy, "U77") == UserMatch(found=True)
    assert look_up(world.home, world.policy, "u78") == UserMatch(found=False)


def test_a_table_without_days_has_none(world: LogWorld) -> None:
    text = """
    consents:
      cmp:
        warehouse: {table: a.b, address: {file: x}, day: d, deliveries: {table: a.c}}
        columns: {user_id: u, purpose: p, granted: g, decided_at: t}
    """
    with pytest.raises(ConfigurationError) as refused:
        parse_sources(text)
    assert str(refused.value).count("consents has no days: its table is read whole") == 2


DESK = """
    requests:
      desk:
        warehouse: {table: web.desk, address: {variable: WAREHOUSE_ADDRESS}}
        columns: {request_id: id, user_id: uid, kind: topic, requested_at: at}
"""
LOADERS: Mapping[str, tuple[LiteralString, ...]] = {
    "truncate": (
        "TRUNCATE web.requests",
        "INSERT INTO web.requests VALUES (1, 'u1', 'erase', '2025-12-31')",
    ),
    "swap": (
        "DROP TABLE web.requests CASCADE",
        "CREATE TABLE web.next (id bigint, uid text, topic text, at timestamptz)",
        "INSERT INTO web.next VALUES (1, 'u1', 'erase', '2025-12-31')",
        "ALTER TABLE web.next RENAME TO requests",
        "GRANT SELECT (id, uid, topic, at) ON web.requests TO reader",
    ),
    "rewrite": ("ALTER TABLE web.requests ALTER COLUMN id TYPE numeric",),
}
TABLES_OF_DESK: Mapping[str, tuple[LiteralString, str, tuple[str, ...]]] = {
    "table": ("SELECT", "web.requests", ("truncate", "swap", "rewrite")),
    "view": ("CREATE VIEW web.seen AS SELECT * FROM web.requests", "web.seen", ("truncate",)),
    "view of a view": (
        """CREATE VIEW web.all AS TABLE web.requests;
        CREATE VIEW web.seen AS SELECT * FROM web.all WHERE id IN (SELECT id FROM web.all)""",
        "web.seen",
        ("truncate",),
    ),
    "partitions": (
        """ALTER TABLE web.requests RENAME TO part;
        CREATE TABLE web.requests (LIKE web.part) PARTITION BY RANGE (id);
        ALTER TABLE web.requests ATTACH PARTITION web.part FOR VALUES FROM (0) TO (9)""",
        "web.requests",
        ("truncate",),
    ),
}


@contextmanager
def loading(shop: Database, loader: tuple[LiteralString, ...]) -> Iterator[None]:
    """A second session has run the loader and commits as soon as the reader waits for it."""
    waiting = "SELECT FROM pg_stat_activity WHERE usename = 'reader' AND wait_event_type = 'Lock'"
    with psycopg.connect(shop.server.url(shop.name)) as session:
        for statement in loader:
            session.execute(statement)
        waited: list[bool] = []

        def commit() -> None:
            with psycopg.connect(shop.server.url(shop.name), autocommit=True) as look:
                deadline = monotonic() + 20
                while not (found := bool(look.execute(waiting).fetchall())):
                    if monotonic() > deadline:
                        break
                    sleep(0.02)
            waited.append(found)
            session.commit()

        thread = Thread(target=commit)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        assert waited == [True], "the reader has waited for the loader"


@pytest.mark.parametrize(
    ("form", "loader"),
    [(form, loader) for form, (_, _, loaders) in TABLES_OF_DESK.items() for loader in loaders],
)
def test_objections_are_seen_while_their_table_is_loaded_again(
    world: LogWorld, shop: Database, form: str, loader: str
) -> None:
    """A statement whose moment is before the loader's end would see an empty table."""
    statement, table, _ = TABLES_OF_DESK[form]
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    shop.execute("CREATE TABLE web.requests (id bigint, uid text, topic text, at timestamptz)")
    shop.execute("INSERT INTO web.requests VALUES (1, 'u1', 'erase', '2025-12-31')")
    shop.execute(statement)
    shop.execute(f"GRANT SELECT (id, uid, topic, at) ON {table} TO reader")
    world.describe(SHOP + DESK.replace("web.desk", table))
    (world.home.raw / "requests/r.csv").unlink()
    with loading(shop, LOADERS[loader]):
        taken = world.take()
    assert taken.accounts["requests"].counted == 1
    assert world.rows("visits") == []


def test_a_table_that_is_loaded_again_between_listing_and_reading(
    world: LogWorld, shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.execute("CREATE TABLE web.requests (id bigint, uid text, topic text, at timestamptz)")
    shop.execute("INSERT INTO web.requests VALUES (1, 'u1', 'erase', '2025-12-31')")
    shop.execute("GRANT SELECT ON web.requests TO reader")
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    world.describe(SHOP + DESK.replace("web.desk", "web.requests"))
    (world.home.raw / "requests/r.csv").unlink()
    root = source_root(world.home)
    with loading(shop, LOADERS["truncate"]):
        found = search(root, "requests", "u1", world.policy.intake)
    assert (len(found.rows), found.unsearched) == (1, ())


@pytest.mark.alternate("warehouses")
def test_visits_and_their_number_are_seen_while_both_tables_are_loaded_again(
    world: LogWorld, shop: Database
) -> None:
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    loader: tuple[LiteralString, ...] = (
        "CREATE TABLE web.kept AS TABLE web.visits",
        "TRUNCATE web.visits, web.loads",
        "INSERT INTO web.visits TABLE web.kept",
        """INSERT INTO web.visits
        SELECT arrived_on, 'v2', user_id, occurred_at, url, user_agent, ip, kind FROM web.kept""",
        "INSERT INTO web.loads VALUES ('2026-01-01', 2), ('2026-01-02', 0)",
    )
    with loading(shop, loader):
        assert world.take().accounts["visits"].counted == 2


@pytest.mark.parametrize("table", ["web.desk", "web.seen"])
def test_row_level_security_that_hides_rows_holds_the_day(
    world: LogWorld, shop: Database, table: str
) -> None:
    """Also below a view: who does not see an objection must not go on."""
    shop.load(DAY, [row(1)])
    shop.load(NEXT, [])
    shop.execute("CREATE TABLE web.desk (id bigint, uid text, topic text, at timestamptz)")
    shop.execute("INSERT INTO web.desk VALUES (1, 'u1', 'erase', '2025-12-31')")
    shop.execute("CREATE VIEW web.seen WITH (security_invoker) AS TABLE web.desk")
    shop.execute("GRANT SELECT ON web.desk, web.seen TO reader")
    world.describe(SHOP + DESK.replace("web.desk", table))
    (world.home.raw / "requests/r.csv").unlink()
    assert world.take().accounts["requests"].counted == 1
    shop.execute("ALTER TABLE web.desk ENABLE ROW LEVEL SECURITY")
    shop.execute("CREATE POLICY own ON web.desk USING (uid = current_user)")
    with pytest.raises(RawZoneUnreachable, match="row-level security would hide rows"):
        world.take()
    shop.execute("ALTER ROLE reader BYPASSRLS")
    try:
        assert world.take().accounts["requests"].counted == 1
    finally:
        shop.execute("ALTER ROLE reader NOBYPASSRLS")


def _backend(shop: Database) -> int:
    """The process that serves the reader."""
    with psycopg.connect(shop.server.url(shop.name)) as session:
        query = "SELECT pid FROM pg_stat_activity WHERE usename = 'reader'"
        ((pid,),) = session.execute(query).fetchall()
    return int(pid)


@pytest.mark.parametrize("place", ["_types", "_check_day"])
def test_a_database_that_stops_answering_after_the_login_is_left(
    world: LogWorld, shop: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Its process is stopped, so it ends no statement itself; before or after the first rows."""
    shop.load(DAY, [row(number) for number in range(5_000)])
    shop.load(NEXT, [])
    monkeypatch.setattr(source_limits, "SECONDS_OF_SILENCE", 2)
    stopped: list[int] = []

    def stop() -> None:
        if not stopped:
            stopped.append(_backend(shop))
            os.kill(stopped[0], signal.SIGSTOP)

    if place == "_types":
        found = WarehouseStore._types
        monkeypatch.setattr(
            WarehouseStore, "_types", lambda store, session: (stop(), found(store, session))[1]
        )
    else:
        write = warehouse._write
        monkeypatch.setattr(warehouse, "_write", lambda *given: (stop(), write(*given)))
    begun = monotonic()
    try:
        with pytest.raises(InputsRejected, match="does not answer or has closed"):
            world.take()
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    assert monotonic() - begun < 20


def test_a_connection_says_when_its_other_end_is_gone(
    shop: Database, monkeypatch: pytest.MonkeyPatch, world: LogWorld
) -> None:
    connect, asked = psycopg.connect, []

    def note(*given: Any, **options: Any) -> Any:
        asked.append(options)
        return connect(*given, **options)

    shop.load(DAY, [row(1)])
    monkeypatch.setattr(psycopg, "connect", note)
    source_root(world.home)
    assert asked
    assert {"keepalives_idle", "keepalives_count", "tcp_user_timeout"} <= asked[0].keys()


def _compared(world: LogWorld) -> str:
    """What the sensor compares of the visits of the day."""
    return next(landed_days(world.home, world.policy.timing, DAY)).visits


@pytest.mark.parametrize(
    ("statement", "is_seen"),
    [
        ("UPDATE web.loads SET rows = 2 WHERE day = '2026-01-01'", True),
        ("UPDATE web.loads SET at = '2026-01-03 08:00+07' WHERE day = '2026-01-01'", True),
        ("UPDATE web.loads SET at = '2026-01-03 08:00+07' WHERE day = '2026-01-03'", False),
        ("UPDATE web.visits SET url = 'x'", False),
    ],
)
def test_a_day_that_was_loaded_again_is_noticed(
    world: LogWorld, shop: Database, statement: str, is_seen: bool
) -> None:
    world.describe(SHOP.replace("web.loads}", "web.loads, loaded_at: at}"))
    shop.execute("ALTER TABLE web.loads ADD at timestamptz DEFAULT '2026-01-02 08:00+07'")
    for day in (DAY, NEXT, NEXT + timedelta(days=1)):
        shop.execute("INSERT INTO web.loads VALUES (%s, 1)", (day,))
    before = _compared(world)
    shop.execute(statement)
    assert (_compared(world) != before) is is_seen


@pytest.mark.parametrize(
    ("kind", "written"),
    [("timestamptz", "2026-01-02 08:00+07"), ("timestamp", "2026-01-02 01:00")],
)
def test_a_day_has_rested_since_it_was_loaded(
    world: LogWorld, shop: Database, kind: str, written: str
) -> None:
    world.describe(SHOP.replace("web.loads}", "web.loads, loaded_at: at}"))
    shop.execute(f"ALTER TABLE web.loads ADD at {kind} DEFAULT '{written}'")
    shop.execute("INSERT INTO web.loads VALUES (%s, 7)", (DAY,))
    (found,) = (source_root(world.home) / f"visits/day={DAY}").glob("shop*")
    loaded = datetime(2026, 1, 2, 1, tzinfo=UTC).timestamp()
    assert (found.lstat().st_size, found.lstat().st_mtime_ns) == (7, loaded * 1e9)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE web.loads SET at = NULL", "1 row.s. of web.loads have no time in at"),
        ("ALTER TABLE web.loads ALTER COLUMN at TYPE text", "have no time in at"),
        ("UPDATE web.loads SET at = 'infinity'", "is infinite"),
        ("UPDATE web.loads SET at = '20000-01-01'", "is infinite, or is not in the years"),
        ("UPDATE web.loads SET day = 'infinity'", "is infinite"),
        ("UPDATE web.loads SET day = '0044-03-15 BC'", "is infinite, or is not in the years"),
        ("ALTER TABLE web.loads DROP COLUMN at", "a column that `warehouse` names"),
    ],
)
def test_dates_of_deliveries_that_are_none_hold_the_day(
    world: LogWorld, shop: Database, statement: str, problem: str
) -> None:
    world.describe(SHOP.replace("web.loads}", "web.loads, loaded_at: at}"))
    shop.execute("ALTER TABLE web.loads ADD at timestamptz DEFAULT now()")
    shop.execute("INSERT INTO web.loads VALUES (%s, 1)", (DAY,))
    shop.execute(statement)
    with pytest.raises(RawZoneUnreachable, match=problem):
        world.take()


@pytest.mark.parametrize("host", ["x" * 70, "a..b"])
def test_a_host_that_cannot_be_one_holds_the_day(
    world: LogWorld, shop: Database, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv(ADDRESS, f"postgresql://reader:{READER_PASSWORD}@{host}/{shop.name}")
    with pytest.raises(RawZoneUnreachable, match="has a host that cannot be one") as held:
        world.take()
    _assert_secret(held, shop)


def test_an_address_that_is_no_text_is_refused(
    world: LogWorld, shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS, f"postgresql://reader:{READER_PASSWORD}@%ff/{shop.name}")
    with pytest.raises(ConfigurationError, match="has no address of PostgreSQL") as refused:
        world.take()
    _assert_secret(refused, shop)
