"""Rows of a PostgreSQL database as files of a source: JSON lines, a day at a time, never half read.

    a day in the table of deliveries  ->  2026-11-02/rows.jsonl and 2026-11-02/_SUCCESS

A file is read in one transaction that sees the database as it was at its beginning (repeatable
read, read only): the columns that are mapped, through a cursor of the server, in a fixed order, so
equal rows give equal bytes. They are copied into a file without a name in `private/`, as an object
of a bucket is. What the driver says of a failure is not passed on: it may quote addresses, names
and values.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO

from anonymizer.model.errors import (
    ConfigurationError,
    Fault,
    InputRejected,
    NoSpace,
    RawZoneUnreachable,
    first_few,
)
from anonymizer.sources.source_settings import DeliveryTable, WarehouseAddress, WarehouseTable
from anonymizer.storage.files import make_folder
from anonymizer.storage.home import Home
from anonymizer.storage.object_tree import SUCCESS, ObjectListing, ObjectPath, ObjectStatus

if TYPE_CHECKING:
    from psycopg import Connection, sql

ROWS_FILE = "rows.jsonl"
DAY_FILES, WHOLE_FILES = f"{{day}}/{ROWS_FILE}", ROWS_FILE
_FORM = "write postgresql://ACCOUNT@HOST/DATABASE into it"
_PRIVATE_MODE = 0o077
_ROWS_AT_A_TIME = 2_000
_SECONDS_TO_CONNECT = 10
_SECONDS_TO_ANSWER = 900  # a statement; the first portion of rows waits for their order
_SESSION = (
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL search_path = pg_catalog",
    f"SET LOCAL statement_timeout = '{_SECONDS_TO_ANSWER}s'",
)
_COLUMNS = """
SELECT attname, coalesce(nullif(typbasetype, 0), pg_type.oid)::bigint
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
    AND has_column_privilege(attrelid, attnum, 'SELECT')
"""
_LISTED = ObjectStatus(stat.S_IFREG, 1)  # its size is not known before it is read
_MARK = ObjectStatus(stat.S_IFREG)
_FLOATS = frozenset({700, 701})  # PostgreSQL's own numbers of types: float4, float8, date
_DATE = 1082
# SQLSTATE and its classes, the longest that fits, and what to do.
_STATES = {
    "28": "it does not admit the account; correct its name or password",
    "3D": "there is no such database; correct the address",
    "3F": "the schema does not exist; correct `warehouse`",
    "42501": "the account may not read a table; GRANT SELECT on it, and USAGE on its schema",
    "42703": "a column that `warehouse` names does not exist; correct it",
    "42P01": "a table does not exist; correct `warehouse`",
    "57014": f"a statement took longer than {_SECONDS_TO_ANSWER} s; give the day column an index",
    "25006": "the statement would write; name a table or a view that only reads",
}
_SILENCE = "the database does not answer or has closed the connection; run again when it does"


@dataclass(frozen=True)
class WarehouseStore:
    """The rows of one source. `columns` are read, `ids` those of them that name people or rows."""

    name: str
    table: WarehouseTable
    address: str = field(repr=False)
    columns: tuple[str, ...]
    ids: frozenset[str]
    copies: Path

    def listed(self) -> ObjectPath:
        """The days that were delivered, as files; without days, the whole table as one.

        Raises RawZoneUnreachable where the database does not answer or refuses.
        """
        problem = ""
        found: list[tuple[str, ObjectStatus]] = []
        try:
            with self._snapshot() as connection:
                for folder, rows in self._folders(connection):
                    found.append((f"{folder}{SUCCESS}", _MARK))
                    found += [(f"{folder}{ROWS_FILE}", _LISTED)] if rows else []
        except _QueryError as error:
            problem = str(error)
        if problem:
            raise RawZoneUnreachable(f"source {self.name}, {self.table.table}: {problem}")
        return ObjectPath(ObjectListing.of(found, self.copies / "no-requests", self.fetch))

    def fetch(self, place: PurePosixPath, _: ObjectStatus) -> int:
        """A descriptor of a copy of the rows of a day, to be closed by the caller.

        Raises InputRejected: `unreadable` when the database fails, `row_count` when it has not the
        rows that were delivered, `changed` when they are gone since they were listed, and
        `schema_type:<columns>` for ids that are floating-point numbers; and NoSpace.
        """
        day = date.fromisoformat(place.parent.name) if self.table.day else None
        copy = self._nameless_file()
        problem = ""
        try:
            with self._snapshot() as connection:
                rows = self._copy(connection, day, copy, place)
                promised = self._promised(connection, day)
            self._check(place, rows, promised)
            return os.dup(copy.fileno())
        except _QueryError as error:
            problem = str(error)
        finally:
            copy.close()
        raise self._reject(place, "unreadable", problem)

    def _folders(self, connection: "Connection[Any]") -> Iterator[tuple[str, bool]]:
        """The folder of each day that was delivered, and whether it has rows."""
        if self.table.deliveries is None:
            query = _composed("SELECT EXISTS (SELECT FROM {table})", table=self.table.table)
            yield "", bool(connection.execute(query).fetchone()[0])  # type: ignore[index]
            return
        for day, rows in self._delivered(connection, self.table.deliveries).items():
            yield f"{day}/", rows > 0

    def _delivered(self, connection: "Connection[Any]", table: DeliveryTable) -> Mapping[date, int]:
        """The rows of each day. Raises _QueryError for a day that is there twice."""
        query = _composed(
            "SELECT {day}, {rows} FROM {table}", day=table.day, rows=table.rows, table=table.table
        )
        found = connection.execute(query).fetchall()
        fits = [
            type(rows) is int and rows >= 0 and isinstance(day, date)
            and not isinstance(day, datetime)
            for day, rows in found
        ]  # fmt: skip
        if not all(fits):
            raise _QueryError(
                f"{fits.count(False)} row(s) of {table.table} have no date and number of rows; "
                "correct them, or what `deliveries` names"
            )
        days = [day for day, _ in found]
        if repeated := sorted({str(day) for day in days if days.count(day) > 1}):
            problem = (
                f"{table.table} has {first_few(repeated)} more than once; one row a day is due"
            )
            raise _QueryError(problem)
        return dict(found)

    def _promised(self, connection: "Connection[Any]", day: date | None) -> int | None:
        """How many rows the day was delivered with, by the same snapshot; None if not stated."""
        if self.table.deliveries is None or day is None:
            return None
        return self._delivered(connection, self.table.deliveries).get(day, 0)

    def _copy(
        self,
        connection: "Connection[Any]",
        day: date | None,
        copy: BinaryIO,
        place: PurePosixPath,
    ) -> int:
        """Write the rows of a day; returns how many there are."""
        types = self._types(connection)
        lost = sorted(name for name in self.ids if types.get(name) in _FLOATS)
        if lost:
            remedy = (
                "a floating-point number does not hold every id: make the column text or bigint"
            )
            raise self._reject(place, f"schema_type:{','.join(lost)}", remedy)
        if self.table.day and types.get(self.table.day, _DATE) != _DATE:
            raise _QueryError(
                f"the column {self.table.day} is not a date; name one, such as that of a view with "
                "(loaded_at AT TIME ZONE 'Asia/Jakarta')::date"
            )
        total = 0
        with connection.cursor(name="rows") as cursor:
            cursor.execute(self._query(types), (day,) if self.table.day else ())
            while rows := cursor.fetchmany(_ROWS_AT_A_TIME):
                total += len(rows)
                _write(copy, b"".join(_line(text) for (text,) in rows), self.copies)
        return total

    def _types(self, connection: "Connection[Any]") -> dict[str, int]:
        """The columns that the account may read, with their types; no value is read."""
        quoted = ".".join(f'"{part}"' for part in self.table.table.split("."))
        found = dict(connection.execute(_COLUMNS, (quoted,)).fetchall())
        if not found:
            raise _QueryError(_STATES["42P01"])
        return found

    def _query(self, types: Mapping[str, int]) -> "sql.Composed":
        """The mapped columns that are there, a JSON object for each row, in a fixed order."""
        from psycopg import sql  # noqa: PLC0415  an extra

        own = [sql.Identifier(name) for name in self.columns if name in types]
        where = (
            sql.SQL(" WHERE {} = %s").format(sql.Identifier(self.table.day))
            if self.table.day
            else sql.SQL("")
        )
        return sql.SQL(
            "SELECT line FROM (SELECT row_to_json(mapped)::text AS line FROM "
            '(SELECT {columns} FROM {table}{where}) AS mapped) AS lines ORDER BY line COLLATE "C"'
        ).format(columns=sql.SQL(", ").join(own), table=_identifier(self.table.table), where=where)

    def _check(self, place: PurePosixPath, rows: int, promised: int | None) -> None:
        if promised is not None and self.table.deliveries and rows != promised:
            problem = (
                f"{self.table.table} has {rows:,} row(s) of the day and "
                f"{self.table.deliveries.table} says {promised:,}; load the day again, or correct "
                "its number of rows"
            )
            raise self._reject(place, "row_count", problem)
        if not rows:
            raise self._reject(place, "changed", "its rows are gone since it was listed; run again")

    @contextmanager
    def _snapshot(self) -> Iterator["Connection[Any]"]:
        """One transaction. Raises _QueryError, without what the driver says."""
        import psycopg  # noqa: PLC0415  an extra

        problem = ""
        try:
            with psycopg.connect(
                self.address,
                connect_timeout=_SECONDS_TO_CONNECT,
                application_name="audience",
                client_encoding="utf8",
            ) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                for statement in _SESSION:
                    connection.execute(statement)
                yield connection
        except psycopg.Error as error:
            problem = _explained(error.sqlstate)
        if problem:
            raise _QueryError(problem)

    def _nameless_file(self) -> BinaryIO:
        try:
            make_folder(self.copies)
            return TemporaryFile(dir=self.copies, buffering=0)
        except OSError as error:
            raise NoSpace(self.copies.name, type(error).__name__) from None

    def _reject(self, place: PurePosixPath, reason: str, detail: str) -> InputRejected:
        return InputRejected(f"{self.name}:{place}", reason, detail=detail)


class _QueryError(Exception):
    """What is wrong and what to do; no address, name or value of the database's own messages."""


def read_address(home: Home, place: str, given: WarehouseAddress) -> str:
    """The address with its password, from where the settings say. It is never shown.

    Raises ConfigurationError when it is not there, is no address, or its file can be read by other
    accounts.
    """
    if given.variable:
        text, named = os.environ.get(given.variable, ""), f"${given.variable}"
    else:
        path, named = home.root / (given.file or ""), given.file or ""
        text = _private_text(path, place, named)
    if not text.strip():
        raise _unfit(place, f"{named} is not set or empty", _FORM)
    try:
        from psycopg import ProgrammingError  # noqa: PLC0415  an extra
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415  an extra

        try:
            conninfo_to_dict(text.strip())
        except ProgrammingError:
            problem = f"{named} has no address of PostgreSQL"
        else:
            return text.strip()
    except ImportError:
        remedy = "install the driver: pip install 'audience[warehouse]'"
        raise _unfit(place, "the driver of PostgreSQL is missing", remedy) from None
    raise _unfit(place, problem, _FORM)


def _private_text(path: Path, place: str, named: str) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{named} cannot be read ({type(error).__name__})"
        raise _unfit(place, problem, "correct the path; it is relative to the home") from None
    if mode & _PRIVATE_MODE:
        raise _unfit(place, f"{named} can be read by others", f"run: chmod 600 {named}")
    return text


def _unfit(place: str, problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Fault(place, problem, remedy)])


def _explained(state: str | None) -> str:
    """What a code of PostgreSQL means to an operator."""
    if state is None or state.startswith(("08", "57P")):
        return f"{_SILENCE}, or correct what `address` names"
    for length in (5, 2):
        if state[:length] in _STATES:
            return _STATES[state[:length]]
    return f"the database refuses (SQLSTATE {state}); look at its log"


def _identifier(name: str) -> "sql.Identifier":
    from psycopg import sql  # noqa: PLC0415  an extra

    return sql.Identifier(*name.split("."))


def _composed(text: str, **names: str) -> "sql.Composed":
    """A statement with names of tables and columns in it; values are never put in."""
    from psycopg import sql  # noqa: PLC0415  an extra

    return sql.SQL(text).format(**{key: _identifier(name) for key, name in names.items()})


def _line(text: str) -> bytes:
    """One line. A line break in JSON stands between values: within texts it is escaped."""
    return text.replace("\n", " ").replace("\r", " ").encode() + b"\n"


def _write(copy: BinaryIO, content: bytes, folder: Path) -> None:
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[copy.write(rest) :]
    except OSError as error:
        raise NoSpace(folder.name, type(error).__name__) from None
