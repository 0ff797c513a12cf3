"""One world in every layout: the same people are counted, the same bytes are published."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from database import ADDRESS, Database
from one_world import (
    ARRIVALS,
    DAYS,
    LATE_DAYS,
    LAYOUTS,
    WAREHOUSE,
    WAREHOUSE_COLUMNS,
    OneWorld,
    make_world,
    own_tables,
    warehouse_rows,
)
from release.postgresql import Server
from running import call

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach
from anonymizer.intake.assessment_tasks import FileAssessment, FileTask, Workers
from anonymizer.intake.day_intake import take_in
from anonymizer.model.policy import Effort, Policy
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from pipelines.resources.cluster_intake import workers_of

Once = Callable[[str, Callable[[Path], object]], Path]
# What depends on the rows of a layout by right: digests of inputs, and what is chained to them.
_OF_INPUTS = ("ledger.jsonl", "segments.duckdb", "certificate.json", "manifest.json")


@cache
def world() -> OneWorld:
    return make_world()


@pytest.fixture(scope="module")
def empty_home(once: Once) -> Path:
    """Policy, segments and key, the same for all layouts."""

    def make(folder: Path) -> None:
        done = call("init", "--home", folder / "home", "--first-day", str(DAYS[0]))
        assert done.returncode == 0, done.stderr
        policy = folder / "home/policy.yaml"
        text = policy.read_text().replace("late_days: 1", f"late_days: {LATE_DAYS}")
        policy.write_text(text)

    return once("empty home of one world", make) / "home"


def written(empty: Path, folder: Path, layout: str) -> Home:
    """A home with the world in a layout."""
    shutil.copytree(empty, folder)
    home = Home(folder)
    settings, files = LAYOUTS.get(layout, (WAREHOUSE, lambda _: {}))
    home.sources.write_text(settings)
    for name, content in {**own_tables(world()), **files(world())}.items():
        path = home.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for place in {path.parent for path in home.raw.rglob("*") if path.is_file()}:
        (place / "_SUCCESS").touch()
    return home


def counted(home: Home, workers: Workers | None = None) -> Mapping[str, bytes]:
    """The files that figures are made from, of all days, after intake, eligibility and counting.

    What became of rows and how many people visited a campaign is compared with the world itself.
    """
    policy, secret = Policy.load(home.policy), Secret.of(home)
    found = {}
    for day in DAYS:
        with DuckDB(memory_megabytes=512, threads=1, spill=None) as engine:
            raw = source_root(home)
            taken = take_in(home, day, policy, secret, engine, now=2e9, raw=raw, workers=workers)
            find_eligible(engine, home, day, policy, secret)
            count_reach(engine, home, day, policy, secret)
        account = taken.accounts["visits"]
        fates = {**account.excluded, **account.quarantined}
        fates |= {"counted": account.counted, "duplicate": account.duplicates}
        assert fates == world().account(day), day
        assert not taken.unread, "no row of consents is taken for an objection that is unreadable"
        assert _visitors(home, day) == world().visitors(day), day
        for stage in ("people", "reach", "overlaps"):
            found[f"{stage} {day}"] = home.working_file(stage, day).read_bytes()
    return found


def _visitors(home: Home, day: object) -> Mapping[tuple[str, str], int]:
    rows = pq.read_table(home.working_file("reach", day), partitioning=None).to_pylist()
    keys = {(row["subject_id"], row["gender"]) for row in rows}
    return {
        key: sum(row["people"] for row in rows if (row["subject_id"], row["gender"]) == key)
        for key in keys
    }


@pytest.fixture(scope="module")
def expected(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """What our own layout comes to."""
    return counted(written(empty_home, tmp_path_factory.mktemp("own") / "home", "contract"))


@pytest.mark.alternate("presets of sources")
@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != "contract"])
def test_every_layout_counts_the_same_people(
    empty_home: Path, expected: Mapping[str, bytes], tmp_path: Path, layout: str
) -> None:
    assert counted(written(empty_home, tmp_path / "home", layout)) == expected


@pytest.mark.slow
@pytest.mark.needs("java")
@pytest.mark.xdist_group("spark")
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("layout", ["ga4", "snowplow as Parquet"])
def test_workers_of_a_cluster_take_in_the_same_people(
    empty_home: Path, expected: Mapping[str, bytes], tmp_path: Path, layout: str
) -> None:
    """Parquet that a source describes, with a master and two workers of Spark."""
    on_cluster, sent = workers_of(Effort(engine="spark")), []
    assert on_cluster

    def workers(tasks: Sequence[FileTask]) -> Sequence[FileAssessment]:
        sent.extend(tasks)
        return on_cluster(tasks)

    assert counted(written(empty_home, tmp_path / "home", layout), workers) == expected
    assert len(sent) >= len(DAYS)


@pytest.mark.alternate("presets of sources")
def test_rows_of_a_database_count_the_same_people(
    empty_home: Path,
    expected: Mapping[str, bytes],
    tmp_path: Path,
    postgresql: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = filled_database(postgresql)
    monkeypatch.setenv(ADDRESS, database.address)
    assert counted(written(empty_home, tmp_path / "home", "database")) == expected


def filled_database(server: Server) -> Database:
    """The world in a table of Snowplow, each day with its number of rows."""
    database = Database.new(server)
    columns = ", ".join(f"{name} {kind}" for name, kind in WAREHOUSE_COLUMNS.items())
    database.execute("CREATE SCHEMA atomic")
    database.execute(f"CREATE TABLE atomic.events ({columns})")
    database.execute("GRANT USAGE ON SCHEMA atomic TO reader")
    database.execute("GRANT SELECT ON atomic.events TO reader")
    places = ", ".join(["%s"] * len(WAREHOUSE_COLUMNS))
    for day in ARRIVALS:
        rows = warehouse_rows(world(), day)
        database.execute(f"INSERT INTO atomic.events VALUES ({places})", *rows)
        database.execute("INSERT INTO web.loads VALUES (%s, %s)", (day, len(rows)))
    return database


def published(home: Home) -> Mapping[str, bytes]:
    """Every published file but for those that record the inputs."""
    done = call("run", "--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--home", home.root)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        str(path.relative_to(home.published)): path.read_bytes()
        for path in sorted(home.published.rglob("*"))
        if path.is_file() and path.name not in _OF_INPUTS
    }


@pytest.mark.slow
def test_every_layout_publishes_the_same_bytes(
    empty_home: Path, tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS, filled_database(postgresql).address)
    found = {
        layout: published(written(empty_home, tmp_path / str(number), layout))
        for number, layout in enumerate((*LAYOUTS, "database"))
    }
    own = found.pop("contract")
    for day in DAYS:
        rows = pq.read_table(tmp_path / f"0/published/releases/campaign-day-{day}/figures.parquet")
        assert rows.num_rows - rows["people"].null_count > 0, "something is published"
    for layout, files in found.items():
        assert files.keys() == own.keys(), layout
        assert [name for name in own if files[name] != own[name]] == [], layout
