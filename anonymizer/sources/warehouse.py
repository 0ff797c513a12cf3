"""Rows of a PostgreSQL database as files of a source: JSON lines, a day at a time, never half read.

    a day in the table of deliveries  ->  2026-11-02/rows.jsonl and 2026-11-02/_SUCCESS

A file is read by one statement, which sees the database as of one moment: the columns that are
mapped, in a fixed order, so equal rows give equal bytes, and with them the number of rows that was
delivered. Before it the tables are locked against whoever empties, swaps or changes them, because
TRUNCATE shows an empty table to a statement whose moment is earlier; the moment of each statement
comes after its locks (read committed). Rows are copied into a file without a name in `private/`, as
an object of a bucket is. What the driver says of a failure is not passed on: it may quote
addresses, names and values.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
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
from anonymizer.sources import source_limits
from anonymizer.sources.connection_watch import ConnectionWatch
from anonymizer.sources.source_settings import DeliveryTable, WarehouseAddress, WarehouseTable
from anonymizer.storage.files import make_folder
from anonymizer.storage.home import Home
from anonymizer.storage.object_tree import SUCCESS, ObjectListing, ObjectPath, ObjectStatus
from anonymizer.storage.secret_texts import private_text

if TYPE_CHECKING:
    from psycopg import Connection, Cursor, sql

ROWS_FILE = "rows.jsonl"
DAY_FILES, WHOLE_FILES = f"{{day}}/{ROWS_FILE}", ROWS_FILE
_FORM = "write postgresql://ACCOUNT@HOST/DATABASE into it"
# When the other machine or the way to it is gone, which no statement notices.
_ALIVE: Mapping[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 60,
    "keepalives_interval": 15,
    "keepalives_count": 4,
    "tcp_user_timeout": 120_000,
}
_SESSION = (
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL search_path = pg_catalog",
    f"SET LOCAL statement_timeout = '{source_limits.SECONDS_TO_ANSWER}s'",
    "SET LOCAL row_security = off",  # an error rather than rows that are left out
)
# Reads nothing, needs no more than one column, and locks all tables of a view until the end.
_LOCK = "SELECT FROM {table} LIMIT 0"
_COLUMNS = """
SELECT attname, coalesce(nullif(typbasetype, 0), pg_type.oid)::bigint
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
    AND has_column_privilege(attrelid, attnum, 'SELECT')
"""
_DELIVERED = "SELECT {day}, {rows}, NULL FROM {table}"
_DELIVERED_AT = "SELECT {day}, {rows}, {loaded_at} FROM {table}"
_WHOLE = ObjectStatus(stat.S_IFREG, 1)  # its size is not known before it is read
_MARK = ObjectStatus(stat.S_IFREG)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLOATS = frozenset({700, 701})  # PostgreSQL's own numbers of types: float4, float8, date
_DATE = 1082
# SQLSTATE and its classes, the longest that fits, and what to do.
_STATES = {
    "28": "it does not admit the account; correct its name or password",
    "3D": "there is no such database; correct the address",
    "3F": "the schema does not exist; correct `warehouse`",
    "42501": (
        "the account may not read a table, or row-level security would hide rows of it; GRANT "
        "SELECT on it and USAGE on its schema, and see docs/sources.md about row-level security"
    ),
    "42703": "a column that `warehouse` names does not exist; correct it",
    "42P01": "a table does not exist; correct `warehouse`",
    "57014": f"a statement took longer than {source_limits.SECONDS_TO_ANSWER} s; "
    "give the day column an index",
    "25006": "the statement would write; name a table or a view that only reads",
}
_SILENCE = "the database does not answer or has closed the connection; run again when it does"
_NO_DATE = (
    "a date or time of `deliveries` is infinite, or is not in the years 1 to 9999; correct it there"
)
_NO_HOST = "`address` has a host that cannot be one; correct it"
_NO_TEXT = "a text is not in UTF-8; correct it, or the encoding of the database"


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

        The size of a day is its number of rows, its time when it was loaded, as far as the table
        of deliveries has them. Raises RawZoneUnreachable where the database does not answer or
        refuses.
        """
        problem = ""
        found: list[tuple[str, ObjectStatus]] = []
        try:
            with self._session() as session:
                for folder, status in self._folders(session):
                    found.append((f"{folder}{SUCCESS}", _MARK))
                    found += [(f"{folder}{ROWS_FILE}", status)] if status.st_size else []
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
            with self._session() as session:
                rows, promised = self._copy(session, day, copy, place)
            self._check(place, rows, promised)
            return os.dup(copy.fileno())
        except _QueryError as error:
            problem = str(error)
        finally:
            copy.close()
        raise self._reject(place, "unreadable", problem)

    def _folders(self, session: "_ReadTransaction") -> Iterator[tuple[str, ObjectStatus]]:
        """The folder of each day that was delivered, with the status of its rows."""
        if self.table.deliveries is None:
            session.lock(self.table.table)
            query = _composed("SELECT EXISTS (SELECT FROM {table})", table=self.table.table)
            ((is_there,),) = session.ask(query)
            yield "", _WHOLE if is_there else _MARK
            return
        session.lock(self.table.deliveries.table)
        for day, status in self._delivered(session, self.table.deliveries).items():
            yield f"{day}/", status

    def _delivered(
        self, session: "_ReadTransaction", table: DeliveryTable
    ) -> Mapping[date, ObjectStatus]:
        """The rows of each day. Raises _QueryError for a day that is there twice."""
        names = {"day": table.day, "rows": table.rows, "table": table.table}
        query = _composed(_DELIVERED, **names)
        if table.loaded_at:
            query = _composed(_DELIVERED_AT, loaded_at=table.loaded_at, **names)
        found = session.ask(query)
        fits = [_is_day(day) and _is_number(rows) for day, rows, _ in found]
        if not all(fits):
            raise _QueryError(
                f"{fits.count(False)} row(s) of {table.table} have no date and number of rows; "
                "correct them, or what `deliveries` names"
            )
        timed = [isinstance(at, datetime) for _, _, at in found]
        if table.loaded_at and not all(timed):
            raise _QueryError(
                f"{timed.count(False)} row(s) of {table.table} have no time in {table.loaded_at}; "
                "correct them, or what `deliveries` names"
            )
        days = [day for day, _, _ in found]
        if repeated := sorted({str(day) for day in days if days.count(day) > 1}):
            problem = (
                f"{table.table} has {first_few(repeated)} more than once; one row a day is due"
            )
            raise _QueryError(problem)
        return {day: ObjectStatus(stat.S_IFREG, rows, _nanoseconds(at)) for day, rows, at in found}

    def _copy(
        self, session: "_ReadTransaction", day: date | None, copy: BinaryIO, place: PurePosixPath
    ) -> tuple[int, int | None]:
        """Write the rows of a day; returns how many there are, and how many were delivered.

        The second is None for tables without days.
        """
        deliveries = self.table.deliveries
        session.lock(self.table.table, *([deliveries.table] if deliveries else []))
        types = self._types(session)
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
        total, promised = 0, None
        for rows in session.portions(self._query(types), (day, day) if deliveries else ()):
            total, promised = total + len(rows), rows[0][1]
            _write(copy, b"".join(_line(text) for text, _ in rows), self.copies)
        if deliveries is None or day is None:
            return total, None
        if not total:  # and then there is no row that would say it
            status = self._delivered(session, deliveries).get(day, _MARK)
            return total, status.st_size
        return total, _one_number(promised, deliveries)

    def _types(self, session: "_ReadTransaction") -> dict[str, int]:
        """The columns that the account may read, with their types; no value is read."""
        quoted = ".".join(f'"{part}"' for part in self.table.table.split("."))
        found = dict(session.ask(_COLUMNS, (quoted,)))
        if not found:
            raise _QueryError(_STATES["42P01"])
        return found

    def _query(self, types: Mapping[str, int]) -> "sql.Composed":
        """The mapped columns that are there, a JSON object for each row, in a fixed order.

        Beside each row, what the table of deliveries says of the day at the same moment: a list of
        its numbers of rows.
        """
        from psycopg import sql  # noqa: PLC0415  an extra

        own = [sql.Identifier(name) for name in self.columns if name in types]
        deliveries, where, promised = self.table.deliveries, _composed(""), _composed("NULL")
        if deliveries and self.table.day:
            where = _composed(" WHERE {day} = %s", day=self.table.day)
            promised = _composed(
                "(SELECT json_agg({rows}) FROM {table} WHERE {day} = %s)",
                rows=deliveries.rows,
                table=deliveries.table,
                day=deliveries.day,
            )
        return sql.SQL(
            "SELECT line, {promised} FROM (SELECT row_to_json(mapped)::text AS line FROM "
            '(SELECT {columns} FROM {table}{where}) AS mapped) AS lines ORDER BY line COLLATE "C"'
        ).format(
            promised=promised,
            columns=sql.SQL(", ").join(own),
            table=_identifier(self.table.table),
            where=where,
        )

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
    def _session(self) -> Iterator["_ReadTransaction"]:
        """One transaction that reads. Raises _QueryError, without what the driver says."""
        import psycopg  # noqa: PLC0415  an extra

        problem = ""
        try:
            with (
                psycopg.connect(
                    self.address,
                    connect_timeout=source_limits.SECONDS_TO_CONNECT,
                    application_name="audience",
                    client_encoding="utf8",
                    **_ALIVE,
                ) as connection,
                ConnectionWatch(
                    connection.fileno(), source_limits.SECONDS_OF_SILENCE
                ).running() as watch,
            ):
                connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
                connection.read_only = True
                session = _ReadTransaction(connection, watch)
                for statement in _SESSION:
                    session.execute(statement)
                yield session
        except psycopg.DataError as error:
            problem = _explained(error.sqlstate) if error.sqlstate else _NO_DATE
        except psycopg.Error as error:
            problem = _explained(error.sqlstate)
        except UnicodeDecodeError:
            problem = _NO_TEXT
        except UnicodeError:
            problem = _NO_HOST
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


@dataclass(frozen=True)
class _ReadTransaction:
    """A transaction that reads. What it answers is noted, so that silence is noticed."""

    connection: "Connection[Any]"
    watch: ConnectionWatch

    def execute(self, query: Any, values: tuple[Any, ...] = ()) -> "Cursor[Any]":
        """Run a statement."""
        cursor = self.connection.execute(query, values)
        self.watch.note_answer()
        return cursor

    def ask(self, query: Any, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.execute(query, values).fetchall()

    def lock(self, *tables: str) -> None:
        """Wait for whoever empties, swaps or changes these tables; until the end nobody does."""
        for table in tables:
            self.execute(_composed(_LOCK, table=table))

    def portions(self, query: Any, values: tuple[Any, ...]) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query through a cursor of the server, some at a time."""
        with self.connection.cursor(name="rows") as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(source_limits.ROWS_AT_A_TIME):
                self.watch.note_answer()
                yield rows


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
        text = private_text(path, place, named)
    if not text.strip():
        raise _unfit(place, f"{named} is not set or empty", _FORM)
    try:
        from psycopg import ProgrammingError  # noqa: PLC0415  an extra
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415  an extra

        try:
            conninfo_to_dict(text.strip())
        except (ProgrammingError, UnicodeError):
            problem = f"{named} has no address of PostgreSQL"
        else:
            return text.strip()
    except ImportError:
        remedy = "install the driver: pip install 'audience[warehouse]'"
        raise _unfit(place, "the driver of PostgreSQL is missing", remedy) from None
    raise _unfit(place, problem, _FORM)


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


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 0


def _one_number(numbers: object, table: DeliveryTable) -> int:
    """How many rows a day was delivered with; none where it is not listed."""
    if numbers is None:
        return 0
    if not isinstance(numbers, list) or len(numbers) != 1 or not _is_number(numbers[0]):
        problem = f"{table.table} has the day more than once or without a number of rows"
        raise _QueryError(f"{problem}; correct it")
    return int(numbers[0])


def _nanoseconds(moment: datetime | None) -> int:
    """Since 1970, in whole microseconds; 0 if not stated. A time without a zone is UTC."""
    if moment is None:
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1) * 1_000


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
