"""Dagster's own SQLite storage, with its files kept open while a run lasts.

The storage as it comes opens and closes a file for every event. Each time the engine and the
statement are made anew, and with the last connection the write-ahead log is copied back, synced and
deleted: about a third of the time that a day takes. Files, tables and rows are the same, and so is
what a killed process leaves: SQLite reads the log when the file is opened the next time.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
import sqlalchemy.exc as db_exc
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqlEventLogStorageMetadata, SqliteEventLogStorage
from dagster._core.storage.legacy_storage import CompositeStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

from anonymizer.storage.files import write_bytes

_SCHEMA_TABLE = "alembic_version"
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
        self._tables: set[str] = set()
        super().__init__(base_dir)

    def _initdb(self, engine: Any, for_index_shard: bool = False) -> None:  # noqa: FBT001, FBT002
        """Make the tables of a file, unless it has them, and say of which schema they are.

        Dagster reads all versions that its schema ever had, each a module, three times for a file.
        The newest is known from the first file that it has made itself.
        """
        tables, revision = _schema_of(engine)
        if revision:
            return
        known = self._newest_schema()
        if tables or for_index_shard or not known:
            super()._initdb(engine, for_index_shard)
            self._remember_schema(_schema_of(engine)[1], fresh=not tables)
            return
        try:
            _make_tables(engine, known)
        except db_exc.DatabaseError:  # another process was faster
            super()._initdb(engine, for_index_shard)

    def _newest_schema(self) -> str:
        """What this version of Dagster calls its newest schema; empty before the first file."""
        try:
            known = json.loads(self._schema_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ""
        return str(known["schema"]) if known.get("dagster") == dg.__version__ else ""

    def _remember_schema(self, revision: str, *, fresh: bool) -> None:
        if fresh and revision:
            known = {"dagster": dg.__version__, "schema": revision}
            write_bytes(f"{json.dumps(known)}\n".encode(), self._schema_file)

    @property
    def _schema_file(self) -> Path:
        return Path(self._base_dir).parent / "schema.json"

    def has_table(self, table_name: str) -> bool:
        """Asked for each event; a table that is there stays there."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

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


def _schema_of(engine: Any) -> tuple[list[str], str]:
    """The tables of a file, and which schema it says it has."""
    tables = sa.inspect(engine).get_table_names()
    if _SCHEMA_TABLE not in tables:
        return tables, ""
    with engine.connect() as connection:
        row = connection.execute(sa.text(f"SELECT version_num FROM {_SCHEMA_TABLE}")).first()
    return tables, str(row[0]) if row else ""


def _make_tables(engine: Any, revision: str) -> None:
    SqlEventLogStorageMetadata.create_all(engine)
    with engine.connect() as connection:
        connection.execute(sa.text("PRAGMA journal_mode=WAL"))
        connection.execute(
            sa.text(
                f"CREATE TABLE {_SCHEMA_TABLE} (version_num VARCHAR(32) NOT NULL, "
                "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
        )
        insertion = sa.text(f"INSERT INTO {_SCHEMA_TABLE} VALUES (:revision)")
        connection.execute(insertion, {"revision": revision})
        connection.commit()


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
