"""Dagster's files stay open while a run lasts, and hold what they always held."""

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from anonymizer.storage.home import Home
from pipelines.instance.instance import prepare_instance
from pipelines.instance.open_files import OpenEventLog, OpenRuns, open_instance

RUN = "7a5f3c1e-0000-4000-8000-000000000001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepare_instance(Home(tmp_path))


def logs(folder: Path) -> list[str]:
    """Write-ahead logs: there while a connection is open."""
    return sorted(path.name for path in folder.rglob("*.db-wal"))


def say(instance: dg.DagsterInstance, text: str) -> None:
    instance.report_engine_event(text, run_id=RUN, job_name="release_days")


def said(instance: dg.DagsterInstance) -> list[str | None]:
    return [entry.dagster_event.message for entry in instance.all_logs(RUN) if entry.dagster_event]


def test_files_are_open_until_the_end_and_then_as_dagster_knows_them(folder: Path) -> None:
    with open_instance(folder) as instance:
        assert isinstance(instance.event_log_storage, OpenEventLog)
        assert isinstance(instance.run_storage, OpenRuns)
        run = instance.create_run_for_job(dg.GraphDefinition(name="none").to_job())
        say(instance, "first")
        assert {f"{RUN}.db-wal", "index.db-wal", "runs.db-wal"} <= set(logs(folder))
        say(instance, "second")
        with dg.DagsterInstance.from_config(str(folder)) as reader:
            assert said(reader) == ["first", "second"]
            say(reader, "third")  # another process writes between
        assert said(instance) == ["first", "second", "third"]
    assert logs(folder) == []
    with dg.DagsterInstance.from_config(str(folder)) as reader:
        assert said(reader) == ["first", "second", "third"]
        assert [one.run_id for one in reader.get_runs()] == [run.run_id]


def test_storage_that_the_settings_name_is_taken_as_it_is(folder: Path) -> None:
    settings = folder / "dagster.yaml"
    named = (
        "event_log_storage:\n"
        "  module: dagster._core.storage.event_log\n"
        "  class: SqliteEventLogStorage\n"
        f"  config: {{base_dir: {folder}/elsewhere}}\n"
    )
    settings.write_text(settings.read_text(encoding="utf-8") + named, encoding="utf-8")
    with open_instance(folder) as instance:
        say(instance, "here")
        assert type(instance.event_log_storage) is SqliteEventLogStorage
    assert (folder / "elsewhere" / f"{RUN}.db").exists()


def schema(file: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]], str]:
    with closing(sqlite3.connect(file)) as connection:
        objects = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
        revision = connection.execute("SELECT version_num FROM alembic_version")
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        return objects.fetchall(), revision.fetchall(), mode


def test_a_run_has_the_tables_that_dagster_makes(folder: Path, tmp_path: Path) -> None:
    """The first file is made by Dagster, the others by its statements."""
    stock = prepare_instance(Home(tmp_path / "stock"))
    with dg.DagsterInstance.from_config(str(stock)) as instance:
        say(instance, "first")
    made = schema(stock / "history/runs" / f"{RUN}.db")
    kept = folder / "history/schema.json"
    for number in range(2):
        assert kept.exists() == (number > 0)
        run = RUN.replace("1", str(number + 2))
        with open_instance(folder) as instance:
            instance.report_engine_event("first", run_id=run, job_name="release_days")
        assert schema(folder / "history/runs" / f"{run}.db") == made
    kept.write_text('{"dagster": "0.1", "statements": []}', encoding="utf-8")
    other = RUN.replace("1", "9")
    with open_instance(folder) as instance:
        instance.report_engine_event("first", run_id=other, job_name="release_days")
    assert schema(folder / "history/runs" / f"{other}.db") == made
