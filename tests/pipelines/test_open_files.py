"""Dagster's files stay open while a run lasts, and hold what they always held."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from anonymizer.storage.home import Home
from pipelines.instance import prepare_instance
from pipelines.open_files import OpenEventLog, OpenRuns, open_instance

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
