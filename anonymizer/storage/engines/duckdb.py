"""The DuckDB engine: one in-memory database a step, with a memory limit and a spill folder.

Statements live in `sql/`, one SELECT a file; values are bound, never pasted.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from anonymizer.model.errors import Held

# Blocks are spilled as they lie in memory, with leftovers of what this process freed before: at
# times raw values. The key never leaves the process (decision 23).
_SPILLED = {"temp_file_encryption": True, "force_mbedtls_unsafe": True}
# Beside this package. By its name, `sql` could be a package of the working directory.
_STATEMENTS = Path(__file__).parents[3] / "sql"
_NAME = re.compile(r"^[a-z_][a-z0-9_]*$")


class DuckDB:
    """A private in-memory database. Use as a context manager.

    `spill` is a folder for what does not fit in memory; None forbids spilling, for steps
    that hold raw values.
    """

    def __init__(self, *, memory_megabytes: int, threads: int, spill: Path | None) -> None:
        self._memory_megabytes, self._threads = memory_megabytes, threads
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_megabytes}MB",
            "threads": threads,
            "temp_directory": str(spill) if spill else "",
        }
        self._connection = duckdb.connect(":memory:", config=config | _SPILLED if spill else config)
        self._connection.execute("SET TimeZone = 'UTC'")
        self._kinds: dict[str, str] = {}  # TABLE, VIEW or LOADED by name

    def __enter__(self) -> "DuckDB":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def sibling(self, spill: Path) -> "DuckDB":
        """Another database with the same limits, for pseudonymous rows: these may spill."""
        return DuckDB(memory_megabytes=self._memory_megabytes, threads=self._threads, spill=spill)

    def load(self, name: str, rows: pa.Table | pa.RecordBatch | pa.RecordBatchReader) -> None:
        """Make Arrow rows readable under `name`, without a copy."""
        self.drop(name)
        self._connection.register(name, rows)
        self._kinds[name] = "LOADED"

    def scan(self, name: str, paths: Sequence[Path]) -> None:
        """Make Parquet files readable under `name`. Raises Held when one is missing."""
        for path in paths:
            if not path.is_file():
                place = f"{path.parent.name}/{path.name}"
                raise Held("missing_input", f"{place} is missing; run the step that writes it")
        relation = self._connection.read_parquet([str(path) for path in paths])
        self.drop(name)
        relation.create_view(name)
        self._kinds[name] = "VIEW"

    def create(self, name: str, statement: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Keep the rows of `sql/<statement>.sql` as table `name`; returns how many there are."""
        if self._kinds.get(_checked(name)) == "VIEW":
            self.drop(name)
        made = self._connection.execute(
            f"CREATE OR REPLACE TABLE {name} AS {read(statement)}", parameters or {}
        ).fetchall()
        if self._kinds.get(name) == "LOADED":
            self.drop(name)
        self._kinds[name] = "TABLE"
        return int(made[0][0])

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to the table `name`, which the first of them make."""
        added = self._connection.from_arrow(rows)
        if self._kinds.get(_checked(name)) == "TABLE":
            added.insert_into(name)
        else:
            self.drop(name)
            added.create(name)
            self._kinds[name] = "TABLE"

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Do what `sql/<statement>.sql` says, which gives no rows."""
        self._connection.execute(read(statement), parameters or {})

    def has(self, name: str) -> bool:
        """Whether there is a table or view of this name."""
        return self._kinds.get(name) in ("TABLE", "VIEW")

    def view(self, name: str, statement: str) -> None:
        """Make the rows of `sql/<statement>.sql` readable as `name`, found when they are read."""
        self.drop(name)
        self._connection.execute(f"CREATE VIEW {_checked(name)} AS {read(statement)}")
        self._kinds[name] = "VIEW"

    def stream(self, statement: str) -> pa.RecordBatchReader:
        """The rows of `sql/<statement>.sql`, a few in memory at a time; read all before the next.

        Without parameters: DuckDB keeps the whole result of a statement that has some.
        """
        return self._connection.sql(read(statement)).to_arrow_reader()

    def fetch(self, statement: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The rows of `sql/<statement>.sql`."""
        relation = self._connection.sql(read(statement), params=dict(parameters or {}))
        return relation.to_arrow_table()

    def records(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of `sql/<statement>.sql` by column: for a few rows, cheaper than `fetch`."""
        answer = self._connection.execute(read(statement), parameters or {})
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def fetch_compiled(self, text: str, parameters: Mapping[str, Any]) -> pa.Table:
        """The rows of a statement that was compiled from a mapping, its values bound."""
        return self._connection.sql(text, params=dict(parameters)).to_arrow_table()

    def drop(self, name: str) -> None:
        """Forget the loaded rows, scan or table of this name, if there is one.

        A name means one thing: rows loaded under it do not hide behind a later scan or table.
        """
        kind = self._kinds.pop(_checked(name), None)
        if kind == "LOADED":
            self._connection.unregister(name)
        elif kind:
            self._connection.execute(f"DROP {kind} {name}")


@cache
def read(statement: str) -> str:
    """The text of `sql/<statement>.sql`."""
    return (_STATEMENTS / f"{_checked(statement)}.sql").read_text(encoding="utf-8")


def _checked(name: str) -> str:
    """A relation or statement name; refuses anything that is not a plain identifier."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is not a plain lower-case identifier")
    return name
