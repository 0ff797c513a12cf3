"""Counting on a Spark cluster: a master and two workers as processes, the same rows as DuckDB.

Every statement of counting is run on both engines, and every relation and result is compared.
"""

import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plain_periods import Life, write
from small_world import DAY, SECRET, World, count_again, key
from spark_cluster import SparkCluster
from test_eligible_people import CASES

from anonymizer.counting.eligibility import find_eligible_in
from anonymizer.counting.reach import count_series
from anonymizer.intake.day_intake import take_in
from anonymizer.model.dimensions import Text
from anonymizer.model.errors import ConfigurationError, Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import Effort, Policy, Timing
from anonymizer.model.segments import Catalogue, Interest
from anonymizer.model.series import AUDIENCE_MONTH, CAMPAIGN_DAY, INTEREST_WEEK
from anonymizer.storage.engine import Engine
from anonymizer.storage.engines.duckdb import DuckDB, read
from anonymizer.storage.engines.spark import Spark
from anonymizer.storage.engines.spark_dialect import spark_text, translated
from anonymizer.storage.engines.spark_session import _require_guards
from anonymizer.storage.home import Home
from data_samples.options import WorldOptions
from data_samples.world import generate
from pipelines.resources import engines
from pipelines.resources.cluster_intake import workers_of

ROOT = Path(__file__).parents[2]
STATEMENTS = {path.stem for path in (ROOT / "sql").glob("*.sql")}
MONDAY, SUNDAY = date(2026, 11, 16), date(2026, 11, 22)
WEEK, MONTH = Period("week", MONDAY), Period("month", date(2026, 11, 1))
# Ids as nobody should choose them.
HOSTILE = (
    "%2e%2E",
    "café ☕",
    "cafe\u0301 ☕",
    "a\\E'b\"",
    "$most",
    ":most",
    "İ",
    "\u202egnp",
    "ß",
    "SS",
)


class Both:
    """Does everything on both engines and compares every table and result."""

    def __init__(self, duckdb: DuckDB, spark: Spark) -> None:
        self.duckdb, self.spark = duckdb, spark
        self.statements: set[str] = set()

    def load(self, name: str, rows: pa.Table) -> None:
        self.duckdb.load(name, rows)
        self.spark.load(name, rows)

    def scan(self, name: str, paths: Sequence[Path]) -> None:
        self.duckdb.scan(name, paths)
        self.spark.scan(name, paths)

    def create(self, name: str, statement: str, parameters: Mapping[str, Any] | None = None) -> int:
        self.statements.add(statement)
        count = self.duckdb.create(name, statement, parameters)
        assert self.spark.create(name, statement, parameters) == count
        everything = f"SELECT * FROM {name}"
        found = self.spark.fetch_compiled(everything, {})
        same(found, self.duckdb.fetch_compiled(everything, {}), statement)
        return count

    def fetch(self, statement: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        self.statements.add(statement)
        expected = self.duckdb.fetch(statement, parameters)
        found = self.spark.fetch(statement, parameters)
        same(found, expected, statement)
        if read(statement).rstrip().splitlines()[-1].startswith("ORDER BY"):
            assert found.equals(expected), statement
        return found


def same(found: pa.Table, expected: pa.Table, statement: str) -> None:
    assert found.schema == expected.schema, statement
    rows = [sorted(map(repr, table.to_pylist())) for table in (found, expected)]
    assert rows[0] == rows[1], statement


@pytest.fixture(scope="module")
def spark(cluster: SparkCluster) -> Iterator[Spark]:
    before = signal.getsignal(signal.SIGINT)
    shapes = DuckDB(memory_megabytes=256, threads=1, spill=None)
    with shapes, Spark(shapes) as engine:
        assert signal.getsignal(signal.SIGINT) == before
        yield engine


@pytest.fixture(scope="module")
def both(spark: Spark) -> Iterator[Both]:
    with DuckDB(memory_megabytes=512, threads=1, spill=None) as duckdb:
        yield Both(duckdb, spark)


def everybody() -> World:
    """A person for each case of who counts; campaigns with ids of all sorts, ties and targets."""
    world = World()
    for number, name in enumerate((*HOSTILE, "c1", "c2")):
        targets = [None, ["31.71"], ["31", "32.73"]][number % 3]
        world.campaign(name, targets, advertiser_id=f"a{number % 2}")
    names = [campaign["campaign_id"] for campaign in world.campaigns]
    for number, (change, facts, _) in enumerate(CASES.values()):
        region = ("31.71", "31.72", "32.73", "not_stated")[number % 4]
        world.person("ann", **{"region": region} | facts)  # type: ignore[arg-type]
        change(world)
        for rows in (world.profiles, world.consents, world.requests):
            rows[:] = [renamed(row, number) for row in rows]
        chosen = [names[(number * step) % len(names)] for step in (1, 3, 5)]
        world.visit(number, *dict.fromkeys(chosen))
        world.visit_each(number, *chosen)
    for number in range(100, 160):
        world.person(number, age=18 + number % 60, gender=("male", "female")[number % 2])
        world.visit_each(number, *names[: number % len(names)])
    world.visit(None, "c1")
    world.visit(100, "c1", program=True)
    world.visit(101)
    world.visit("stranger", "c1", times=3)
    return world


def renamed(row: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    return {**row, "person_key": key(number)} if row["person_key"] == key("ann") else row


def life() -> Life:
    """A week with late visits, some of them repeated, interests and a person who visits a lot."""
    found = Life()
    found.campaigns["c1"] = found.campaigns["c2"] = (date(2026, 10, 1), date(2026, 12, 31), None)
    for number in range(12):
        who = found.person(f"p{number}", age=16 + 3 * number)
        for step in range(number % 4 + 1):
            seen = MONDAY + timedelta(days=(number + step) % 7)
            found.visit(who, seen, "c1", interest=("books", "films", None)[step % 3])
    found.visit("p3", SUNDAY, "c2", arrival=SUNDAY + timedelta(days=2))
    found.visit("p4", SUNDAY, "c1", arrival=SUNDAY + timedelta(days=2), again=0)
    for _ in range(7):
        found.visit("p5", MONDAY, "c2")
    return found


def statements_of_counting() -> set[str]:
    """Every name of a statement in the source of `anonymizer/counting`."""
    source = "".join(p.read_text("utf-8") for p in (ROOT / "anonymizer/counting").glob("*.py"))
    named = set(re.findall(r'"([a-z_]+)"', source)) & STATEMENTS
    assert 'f"tally_{series.kind}_visits"' in source
    return named | {"tally_campaign_visits", "tally_interest_visits"}


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
def test_every_statement_gives_the_same_rows_on_both_engines(
    both: Both, catalogue: Catalogue, tmp_path: Path
) -> None:
    home = Home(tmp_path / "day [of] {ten}, 100%25=x")  # Hadoop takes a path for a pattern
    world = everybody()
    world.write(home)
    policy = Policy(timing=Timing(timezone="Asia/Jakarta"))
    outcome = count_again(home, both, catalogue, policy)  # type: ignore[arg-type]
    assert sum(outcome.people().values()) > 100
    assert {"erased", "minor", "withdrawn"} <= set(outcome.eligibility.excluded)
    assert outcome.reach.account.excluded["contribution_bound"]
    interests = tuple(Interest(code, Text(code, code), (code,)) for code in ("books", "films"))
    interested = replace(catalogue, interests=interests)
    home = Home(tmp_path / "life")
    write(life(), home)
    for series, period in ((INTEREST_WEEK, WEEK), (AUDIENCE_MONTH, MONTH)):
        find_eligible_in(both, home, series, period, policy, SECRET)  # type: ignore[arg-type]
        found = count_series(both, home, series, period, policy, SECRET, interested)  # type: ignore[arg-type]
        assert found.account.counted
    assert both.statements == statements_of_counting()


@pytest.fixture(scope="module")
def counted_sample(
    spark: Spark, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Home]:
    """The first day of a small sample world, raw files with all their dirt, by each engine."""
    homes, secret = {}, SECRET
    day = WorldOptions().start
    with DuckDB(memory_megabytes=512, threads=1, spill=None) as duckdb:
        both: list[tuple[Literal["duckdb", "spark"], Engine]]
        both = [("duckdb", duckdb), ("spark", spark)]
        for name, engine in both:
            home = homes[name] = Home(tmp_path_factory.mktemp(name))
            generate(WorldOptions(people=3_000, days=1, visits=9_000, dirt_share=0.05), home)
            workers = workers_of(Effort(engine=name))
            now = 2_000_000_000.0
            taken = take_in(home, day, Policy(), secret, duckdb, now=now, workers=workers)
            (home.root / "taken.txt").write_text(repr(taken))
            period = Period("day", day)
            find_eligible_in(engine, home, CAMPAIGN_DAY, period, Policy(), secret)
            count_series(engine, home, CAMPAIGN_DAY, period, Policy(), secret, catalogue)
    return homes


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
def test_the_sample_world_has_the_same_files_byte_for_byte(
    counted_sample: Mapping[str, Home],
) -> None:
    written = {name: contents(home.private) for name, home in counted_sample.items()}
    assert written["spark"] == written["duckdb"]
    said = {(home.root / "taken.txt").read_text() for home in counted_sample.values()}
    assert len(said) == 1, "accounts of rows, files and warnings"
    parquet = [*(counted_sample["spark"].raw / "visits").rglob("*.parquet")]
    assert parquet, "which workers have taken in"
    assert {"people", "excluded", "reach", "overlaps"} <= {
        Path(name).parent.name for name in written["spark"]
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.parquet"))
    }


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
def test_rows_between_empty_chunks_arrive(spark: Spark) -> None:
    sizes = (0, 0, 1, 0, 5, 0)
    chunks = [pa.table({"person_key": pa.array([b"k"] * size, pa.binary())}) for size in sizes]
    spark.load("profiles", pa.concat_tables(chunks))
    assert spark.fetch_compiled("SELECT person_key FROM profiles", {}).num_rows == sum(sizes)
    spark.drop("profiles")


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
def test_nothing_of_a_key_or_a_person_is_left_in_the_files_of_the_cluster(
    counted_sample: Mapping[str, Home], cluster: SparkCluster
) -> None:
    people = counted_sample["spark"].working_file("people", WorldOptions().start)
    looked_for = pq.read_table(people)["person_key"].to_pylist()[::20]
    assert len(looked_for) > 50
    for purpose in ("mark", "contribution"):
        derived = SECRET.derive(purpose)
        looked_for += [derived, derived.hex().encode(), derived.hex().upper().encode()]
    contents_of: dict[str, bytes] = {}
    for path in cluster.folder.rglob("*"):
        with suppress(FileNotFoundError):  # Spark removes what it no longer needs at any time
            contents_of |= {str(path): path.read_bytes()} if path.is_file() else {}
    assert len([name for name in contents_of if re.search(r"/shuffle_[^/]*\.data$", name)]) > 5
    for file in (counted_sample["spark"].raw / "visits").rglob("*.parquet"):
        raw = pq.read_table(file, columns=["user_id", "url"], partitioning=None)
        values = [value for column in raw for value in column.to_pylist()[::50] if value]
        looked_for += [str(value).encode() for value in values if len(str(value)) > 9]
    for name, content in contents_of.items():
        assert not any(text in content for text in looked_for), name


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
def test_an_error_of_spark_quotes_no_plan(spark: Spark) -> None:
    spark.load("profiles", pa.table({"age": pa.array([30], pa.int16())}))
    spark._shapes.load("profiles", pa.table({"person_key": [b""], "age": [1]}))
    with pytest.raises(Held) as held:
        spark.fetch("exclude_minors", {"adult_age": 1234567})
    spark.drop("profiles")
    assert held.value.reason == "engine_failed"
    assert "exclude_minors: AnalysisException" in str(held.value)
    assert "1234567" not in str(held.value)
    assert held.value.__cause__ is held.value.__context__ is None


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
def test_a_missing_file_is_named(spark: Spark, tmp_path: Path) -> None:
    with pytest.raises(Held, match=r"missing_input: visits/day=2026-11-22\.parquet is missing"):
        spark.scan("visits", [Home(tmp_path).working_file("visits", DAY)])


@pytest.mark.parametrize("statement", sorted(statements_of_counting()))
def test_each_statement_is_translated_whole(statement: str) -> None:
    text = spark_text(statement)
    assert not re.search(r"\$|'0x'|\bU(BIG|TINY|SMALL)?INT\b", text)
    assert set(re.findall(r"\$(\w+)", read(statement).partition("SELECT")[2])) <= set(
        re.findall(r":(\w+)", text)
    )


def test_unsigned_numbers_become_types_that_hold_them() -> None:
    text = translated("SELECT CAST('0x' || digits AS UBIGINT) AS mark FROM t")
    assert text == "SELECT CAST(CONV(digits, 16, 10) AS DECIMAL(20, 0)) AS mark FROM t"
    text = translated("SELECT CAST('0x' || digits AS UTINYINT) AS bucket FROM t")
    assert text == "SELECT CAST(CONV(digits, 16, 10) AS SMALLINT) AS bucket FROM t"


def test_raw_values_are_never_given_to_spark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    class Pretended(ExitStack):
        def __init__(self, shapes: DuckDB) -> None:
            super().__init__()
            opened.append("spark")

    monkeypatch.setattr(engines, "Spark", Pretended)
    effort = Effort(engine="spark")
    with engines.opened_engine(Home(tmp_path), effort, spill=False) as engine:
        assert isinstance(engine, DuckDB)
    assert not opened
    with engines.opened_engine(Home(tmp_path), effort, spill=True):
        assert opened == ["spark"]


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("damage", ["damaged", "gone"])
def test_a_file_that_a_worker_cannot_read_is_an_error_and_nothing_of_it_is_kept(
    damage: str, spark: Spark, tmp_path: Path
) -> None:
    """The installation ignores such files by default (`spark_cluster.py`): objections would go."""
    cache = spark._session._jsparkSession.sharedState().cacheManager()
    kept = cache.numCachedEntries()
    file = tmp_path / "profiles.parquet"
    ages = pa.array([number % 90 for number in range(2000)], pa.int16())
    keys = pa.array([bytes([number % 251]) * 16 for number in range(2000)])
    pq.write_table(pa.table({"person_key": keys, "age": ages}), file)
    spark.scan("profiles", [file])
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"PAR1" + bytes(len(content) // 2) + content[len(content) // 2 + 4 :])
    with pytest.raises(Held, match="engine_failed"):
        spark.create("minors", "exclude_minors", {"adult_age": 18})
    spark.drop("profiles")
    assert cache.numCachedEntries() == kept


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
def test_a_file_that_lacks_a_column_is_named(spark: Spark, tmp_path: Path) -> None:
    files = [tmp_path / "day=1.parquet", tmp_path / "day=2.parquet"]
    pq.write_table(pa.table({"person_key": [b"1"], "program": [True]}), files[0])
    pq.write_table(pa.table({"person_key": [b"2"]}), files[1])
    with pytest.raises(Held, match=r"day=2\.parquet lacks program; take its day in again"):
        spark.scan("visits", files)


def test_without_the_package_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'audience\[spark\]'"):
        Spark(DuckDB(memory_megabytes=256, threads=1, spill=None))


def test_an_application_that_shows_its_plans_is_refused() -> None:
    class Running:
        def __init__(self, **settings: str) -> None:
            self.settings = {f"spark.{n.replace('_', '.')}": v for n, v in settings.items()}

        @property
        def sparkContext(self) -> "Running":  # noqa: N802
            return self

        def getConf(self) -> Mapping[str, str]:  # noqa: N802
            return self.settings

    guarded = {"ui_enabled": "false", "eventLog_enabled": "false", "io_encryption_enabled": "true"}
    guarded |= {"executor_syncLogLevel_enabled": "true"}
    _require_guards(Running(**guarded))
    with pytest.raises(ConfigurationError) as refused:
        _require_guards(Running(ui_enabled="false", eventLog_enabled="true"))
    assert "spark.eventLog.enabled" in str(refused.value)
    assert "spark.io.encryption.enabled" in str(refused.value)
    assert "spark.ui.enabled" not in str(refused.value)
    with pytest.raises(ConfigurationError, match=r"spark\.extraListeners: must be empty"):
        _require_guards(Running(**guarded, extraListeners="example.LineageListener"))
