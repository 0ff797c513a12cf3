"""Dagster's own SQLite storage, with its files kept open while a run lasts.

The storage as it comes opens and closes a file for every event. Each time the engine and the
statement are made anew, and with the last connection the write-ahead log is copied back, synced and
deleted: about a third of the time that a day takes. Files, tables and rows are the same, and so is
what a killed process leaves: SQLite reads the log when the file is opened the next time.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
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

from anonymizer.storage.files import write_bytes

_HAS_REVISION = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
_REVISION = "SELECT version_num FROM alembic_version"
_SCHEMA = "SELECT sql FROM sqlite_master WHERE sql > '' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
_STORAGES = ("storage", "run_storage", "event_log_storage", "schedule_storage")


def open_instance(folder: Path) -> dg.DagsterInstance:
    """The instance of a folder, to be closed when the run ends.

    Storage that `dagster.yaml` names is taken as it is. One process after the other opens it: two
    that make Dagster's tables at the same time leave two schema versions behind, and Dagster does
    not open such a file again.
    """
    lock = os.open(folder / "open.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _open(folder)
    finally:
        os.close(lock)


def _open(folder: Path) -> dg.DagsterInstance:
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
        self._tables: set[str] = set()
        self._columns: set[str] = set()
        super().__init__(base_dir)

    def _initdb(self, engine: Any, for_index_shard: bool = False) -> None:  # noqa: FBT001, FBT002
        """Make the tables of a file, unless it has them.

        Dagster reads all versions that its schema ever had, each a module, three times for a file.
        So the statements of the first file that it makes itself are kept for the others.
        """
        path = Path(engine.url.database)
        is_new = not path.exists()
        if not is_new and _revision_of(path):
            return
        known = self._known_schema() if is_new and not for_index_shard else None
        if known and _is_made(path, known):
            return
        super()._initdb(engine, for_index_shard)
        if is_new and not for_index_shard:
            content = json.dumps({"dagster": dg.__version__, **_schema_of(path)}, indent=1)
            write_bytes(f"{content}\n".encode(), self._schema_file)

    def _known_schema(self) -> dict[str, Any] | None:
        """The statements of this version of Dagster; None before its first file."""
        try:
            known = json.loads(self._schema_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return dict(known) if known.get("dagster") == dg.__version__ else None

    @property
    def _schema_file(self) -> Path:
        return Path(self._base_dir).parent / "schema.json"

    def has_table(self, table_name: str) -> bool:
        """Asked for each event; a table that is there stays there."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_col_on_connection(self, conn: Any, column_name: str) -> bool:
        """Asked for each event of an asset; a column that is there stays there."""
        if column_name not in self._columns and super()._has_asset_key_col_on_connection(
            conn, column_name
        ):
            self._columns.add(column_name)
        return column_name in self._columns

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


def _revision_of(path: Path) -> str:
    """Which schema a file says it has; empty where it has no tables yet."""
    with closing(sqlite3.connect(path, timeout=SQLITE_BUSY_TIMEOUT_SECONDS)) as file:
        if not file.execute(_HAS_REVISION).fetchone()[0]:
            return ""
        row = file.execute(_REVISION).fetchone()
    return str(row[0]) if row else ""


def _schema_of(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path, timeout=SQLITE_BUSY_TIMEOUT_SECONDS)) as file:
        statements = [sql for (sql,) in file.execute(_SCHEMA)]
    return {"statements": statements, "revision": _revision_of(path)}


def _is_made(path: Path, known: dict[str, Any]) -> bool:
    """Make the tables of a new file as a whole; False where another process was faster."""
    try:
        with closing(sqlite3.connect(path, timeout=SQLITE_BUSY_TIMEOUT_SECONDS)) as file:
            file.execute("PRAGMA journal_mode=WAL")
            file.isolation_level = None
            file.execute("BEGIN IMMEDIATE")
            for statement in known["statements"]:
                file.execute(statement)
            file.execute("INSERT INTO alembic_version VALUES (?)", (known["revision"],))
            file.execute("COMMIT")
    except sqlite3.DatabaseError:
        return False
    return True


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
