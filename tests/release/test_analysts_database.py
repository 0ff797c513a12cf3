"""The analysts' database: released figures only, explained, swapped under readers."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from release_world import (
    DAY,
    POLICY,
    catalogue,
    content,
    release,
    release_longer,
    true_count,
    world,
)

from anonymizer.exports.database import MACROS, TABLES, build_database
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.home import Home

NEXT = date(2026, 11, 23)
# The page speaks of the demo's campaigns and days, this small world of its own.
SMALL_WORLD = {
    "cmp-0007": "spring",
    "cmp-0009": "autumn",
    "2026-11-14": "2026-11-22",
    "2026-11-07": "2026-11-22",
}


def worked_queries() -> list[str]:
    page = (Path(__file__).parents[2] / "docs/queries.md").read_text("utf-8")
    for name, here in SMALL_WORLD.items():
        page = page.replace(name, here)
    return re.findall(r"```sql\n(.*?)```", page, re.DOTALL)


QUERIES = worked_queries()


def build(home: Home, *days: date) -> Path:
    for day in days:
        release(home, day)
    return build_database(load_releases(home, Ledger.open(home.ledger)), home)


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("analysts"))
    build(home, DAY, NEXT)
    return home


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two days, and the longer periods that hold them."""
    home = Home(tmp_path_factory.mktemp("everything"))
    build(home, DAY, NEXT)
    release_longer(home)
    build(home)
    return home


@pytest.fixture
def database(two_days: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(two_days.database), read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_every_worked_query_has_an_answer(query: str, everything: Home) -> None:
    with duckdb.connect(str(everything.database), read_only=True) as database:
        answer = database.sql(query).fetchall()
    assert answer


def test_ten_queries_are_worked() -> None:
    assert len(QUERIES) >= 10


def test_every_macro_is_worked() -> None:
    for macro in MACROS:
        assert any(f"{macro}('" in query for query in QUERIES) or macro == "table_on", macro


def test_macros_answer_with_released_figures(database: duckdb.DuckDBPyConnection) -> None:
    assert database.sql("SELECT subject_id, people FROM segment('men_under_40')").fetchall() == [
        ("autumn", 250), ("spring", 510), ("autumn", 250), ("spring", 510),
    ]  # fmt: skip
    assert database.sql("FROM compare('everyone', 'spring', 'autumn')").fetchall() == [
        (DAY, 1240, 620), (NEXT, 1240, 620),
    ]  # fmt: skip
    trend = database.sql("SELECT segment_id, status, people FROM trend('spring')").fetchall()
    assert ("women_makassar", "suppressed", None) in trend
    assert len(trend) == 10
    day = database.sql("SELECT segment_id FROM campaign_day('spring', '2026-11-22')").fetchall()
    assert ("male:all:java",) in day
    assert len(day) == 8


def test_the_true_number_lies_between_the_bounds_of_each_figure(home: Home) -> None:
    """Whichever of two near days was released first, and in both campaigns."""
    truth = {}
    for day, fewer in ((DAY, 9), (NEXT, 0), (date(2026, 11, 24), 4)):
        counted = world(day, spring=fewer, autumn=fewer)
        release(home, day, counted=counted)
        for table in counted:
            for segment in catalogue().positions:
                truth[day, table.key.subject_id, segment] = true_count(table, segment)
    with duckdb.connect(str(build(home)), read_only=True) as database:
        rows = database.sql(
            "SELECT period_start, subject_id, segment_id, people, people_least, people_most "
            "FROM figures"
        ).fetchall()
    away = set()
    for day, subject, segment, people, least, most in rows:
        if people is None:
            assert (least, most) == (None, None)
            continue
        assert (least, most) == (max(people - 23, 50), people + 23)
        assert least <= truth[day, subject, segment] <= most
        away.add(abs(people - truth[day, subject, segment]))
    assert max(away) > 9  # so bounds of one rounding step would be wrong


def test_a_release_says_how_exact_its_figures_are(home: Home) -> None:
    promise = POLICY.promise.model_copy(update={"rounding": 1, "k": 60, "inference_k": 5})
    release(home, DAY, policy=POLICY.model_copy(update={"promise": promise}))
    with duckdb.connect(str(build(home)), read_only=True) as database:
        stated = database.sql("SELECT threshold, protection_level, rounding, error FROM releases")
        assert stated.fetchall() == [(60, 5, 1, 9)]
        bounds = database.sql(
            "SELECT people_least - people, people_most - people FROM figures "
            "WHERE segment_id = 'everyone' AND subject_id = 'spring'"
        )
        assert bounds.fetchall() == [(-9, 9)]


def test_a_macro_takes_its_argument_as_a_value(database: duckdb.DuckDBPyConnection) -> None:
    hostile = "men' OR '1'='1"
    assert database.execute("FROM segment(?)", [hostile]).fetchall() == []


def test_everything_is_commented(database: duckdb.DuckDBPyConnection) -> None:
    tables = database.sql("SELECT table_name FROM duckdb_tables() WHERE comment <> ''").fetchall()
    assert {name for (name,) in tables} == set(TABLES)
    assert not database.sql(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE NOT internal AND coalesce(comment, '') = ''"
    ).fetchall()
    macros = database.sql(
        "SELECT function_name FROM duckdb_functions() WHERE NOT internal AND comment <> ''"
    ).fetchall()
    assert {name for (name,) in macros} == set(MACROS)


def test_it_holds_the_figures_of_the_releases_and_nothing_else(
    two_days: Home, database: duckdb.DuckDBPyConnection
) -> None:
    released = [
        (one.id, row["subject_id"], row["segment_id"], row["status"], row["people"])
        for one in load_releases(two_days, Ledger.open(two_days.ledger))
        for row in one.figures.to_pylist()
    ]
    assert (
        released
        == database.sql(
            "SELECT release_id, subject_id, segment_id, status, people FROM figures"
        ).fetchall()
    )
    occurring = {segment for (_, _, segment, _, _) in released}
    assert {row[0] for row in database.sql("FROM segments").fetchall()} == occurring
    assert len(database.sql("FROM duckdb_tables()").fetchall()) == len(TABLES)


def test_regions_are_the_official_ones_and_the_released_areas(
    database: duckdb.DuckDBPyConnection,
) -> None:
    levels = dict(database.sql("SELECT level, count(*) FROM regions GROUP BY level").fetchall())
    assert levels == {"country": 1, "province": 38, "regency": 514, "area": 1}
    assert database.sql(
        "SELECT r.region, p.region FROM regions r JOIN regions p ON p.region_code = r.parent_code "
        "WHERE r.region_code = '31.71'"
    ).fetchall() == [("Central Jakarta", "Jakarta")]


def test_equal_releases_give_equal_content(home: Home, two_days: Home) -> None:
    build(home, DAY, NEXT)
    for table in TABLES:
        rows = []
        for position in (home, two_days):
            with duckdb.connect(str(position.database), read_only=True) as connection:
                rows.append(connection.sql(f"FROM {table}").fetchall())
        assert rows[0] == rows[1], table


def test_a_database_of_no_release_can_be_opened(home: Home) -> None:
    with duckdb.connect(str(build(home)), read_only=True) as connection:
        for query in QUERIES:
            connection.sql(query).fetchall()


def test_it_is_made_of_releases_alone(home: Home) -> None:
    with pytest.raises(TypeError):
        build_database([home.releases], home)  # type: ignore[list-item]
    assert content(home.root) == {}


_READER = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for command in sys.stdin:
        print(connection.sql("SELECT count(DISTINCT release_id) FROM figures").fetchall()[0][0],
              flush=True)
"""


def test_a_reader_keeps_the_version_that_it_opened(home: Home) -> None:
    build(home, DAY)

    def open_reader() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _READER, str(home.database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(reader: subprocess.Popen[str]) -> str:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write("count\n")
        reader.stdin.flush()
        return reader.stdout.readline()

    early = open_reader()
    assert ask(early) == "1\n"
    with home.database.open("rb") as opened:
        version = opened.read()
        build(home, NEXT)
        for swap in range(3):
            build(home)
            assert ask(early) == "1\n", swap
        opened.seek(0)
        assert opened.read() == version
    late = open_reader()
    assert ask(late) == "2\n"
    for reader in (early, late):
        reader.communicate()
        assert reader.returncode == 0
