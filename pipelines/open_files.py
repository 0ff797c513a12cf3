"""Dagster's own SQLite storage, with its files kept open while a run lasts.

The storage as it comes opens and closes a file for every event. Each time the engine and the
statement are made anew, and with the last connection the write-ahead log is copied back, synced and
deleted: about a third of the time that a day takes. Files, tables and rows are the same, and so is
what a killed process leaves: SQLite reads the log when the file is opened the next time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.legacy_storage import CompositeStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

_STORAGES = ("storage", "run_storage", "event_log_storage", "schedule_storage")


def open_instance(folder: Path) -> dg.DagsterInstance:
    """The instance of a folder, to be closed when the run ends.

    Storage that `dagster.yaml` names is taken as it is.
    """
    settings = yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8")) or {}
    if any(name in settings for name in _STORAGES):
        return dg.DagsterInstance.from_config(str(folder))
    kept_open: Any = {
        "storage": {
            "custom": {
                "module": __name__,
                "class": OpenStorage.__name__,
                "config": {"base_dir": str(folder)},
            }
        }
    }
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=kept_open))


class OpenEventLog(SqliteEventLogStorage):
    """Keeps one connection to the index and one to each run."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Any] = {}
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Any]:
        with self._db_lock:
            if shard not in self._engines:
                self._engines[shard] = create_engine(
                    self.conn_string_for_shard(shard),
                    connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
                )
                self._initdb(self._engines[shard])
            with self._engines[shard].begin() as connection:
                yield connection

    def dispose(self) -> None:
        """Close all files."""
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()


class OpenRuns(SqliteRunStorage):
    """Keeps one connection to the list of runs."""

    def __init__(self, conn_string: str, inst_data: Any = None) -> None:
        self._engine = create_engine(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """A transaction."""
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close the file."""
        self._engine.dispose()


class OpenStorage(CompositeStorage):
    """Dagster's SQLite storage of a folder, of which runs and their events stay open."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        folder = Path(base_dir)
        super().__init__(
            OpenRuns.from_local(str(folder / "history")),
            OpenEventLog(str(folder / "history" / "runs")),
            SqliteScheduleStorage.from_local(str(folder / "schedules")),
            inst_data,
        )

    @classmethod
    def config_type(cls) -> Any:
        """What the settings of this storage may have."""
        return {"base_dir": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "OpenStorage":
        """As Dagster builds it: this class rather than its parent."""
        return cls(config_value["base_dir"], inst_data)
