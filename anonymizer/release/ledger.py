"""The ledger: an append-only, hash-chained record of everything that was released.

Each entry carries the hash of the one before it, so that an entry that was edited, removed or
moved breaks the chain from there on. Order is the sequence, never a clock; `recorded_at` and
`recorded_by` are for readers, stand outside the chain and decide nothing. This is the one file
that knows the database behind the ledger: SQLite by default, PostgreSQL by its URL.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from anonymizer.model.errors import (
    AudienceError,
    Busy,
    ConfigurationError,
    Fault,
    LedgerBroken,
    NoSpace,
)
from anonymizer.release import release_limits
from anonymizer.release.chain import FIRST, Link, broken, forge, prove
from anonymizer.release.entry_forms import read_body
from anonymizer.storage.files import PRIVATE, canonical_json
from anonymizer.storage.permissions import account_name

RELEASE = "release"
_HEADER_BYTES = 100  # of an SQLite file: with a counter of its transactions
_FileState = tuple[int, int, int, int, int, bytes]

_metadata = sa.MetaData()
_ledger = sa.Table(
    "ledger",
    _metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False),
    # What the entry is about; a release id stands here once and never again.
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("shown", sa.Text, nullable=True),
    sa.Column("kept", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.Column("recorded_by", sa.String(200)),
    sa.UniqueConstraint("kind", "subject"),
)
_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER no_{action.lower()} BEFORE {action} ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for action in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        (
            "CREATE OR REPLACE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        ),
        (
            "CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON ledger "
            "FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change()"
        ),
        (
            "CREATE TRIGGER no_truncate BEFORE TRUNCATE ON ledger "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
        ),
    ],
}
for _dialect, _guards in _APPEND_ONLY.items():
    for _guard in _guards:
        _statement = sa.DDL(_guard).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
        sa.event.listen(_ledger, "after_create", _statement)

# The time as it stands there: one that cannot be read is told with its entry.
_READ = sa.select(
    *(column for column in _ledger.c if column.name != "recorded_at"),
    sa.type_coerce(_ledger.c.recorded_at, sa.types.NullType()).label("recorded_at"),
).order_by(_ledger.c.sequence)

# SQLSTATE classes (their first characters) of PostgreSQL and what they mean to an operator.
_PASSING = ("40", "42P07", "42710", "55P03", "XX000")  # another one was faster
_NO_ROOM = ("25006", "42501", "53", "58")  # disk, memory, permission
_NO_SERVER = ("08", "28", "3D", "57P")  # no connection, not admitted, no such database


@dataclass(frozen=True)
class Entry:
    """One line of the ledger; `body` holds digests and counts, never a value of a person.

    `link` is what the chain seals: the public part of the body, and the digest of the rest.
    `recorded` says when and by which account, for readers.
    """

    kind: str
    subject: str
    body: Mapping[str, Any]
    link: Link
    recorded: str = field(default="", compare=False)

    @property
    def sequence(self) -> int:
        """Its place in the ledger, from 1."""
        return self.link.sequence

    @property
    def previous(self) -> str:
        """The hash of the entry before it."""
        return self.link.previous

    @property
    def hash(self) -> str:
        """What the next entry has to follow from."""
        return self.link.hash


# By file the entries that were proved, and the state of the file before they were read. A run asks
# for them a hundred times.
_proved: dict[str, tuple[_FileState, tuple[Entry, ...]]] = {}


class Ledger:
    """The history. Reading creates nothing; the first append creates the table."""

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        try:
            self._engine = sa.create_engine(
                url, poolclass=sa.NullPool, connect_args=_connection_settings(url)
            )
        except (sa.exc.ArgumentError, ImportError) as error:
            raise _bad_url(error) from None
        if url.get_backend_name() == "sqlite":
            sa.event.listen(self._engine, "connect", _make_durable)

    @classmethod
    def open(cls, place: str | Path) -> "Ledger":
        """The ledger in an SQLite file or behind a database URL; it need not exist yet.

        Raises ConfigurationError for a URL that leads to neither SQLite nor PostgreSQL.
        """
        if isinstance(place, str) and "://" in place:
            try:
                url = sa.make_url(place)
            except (sa.exc.ArgumentError, ValueError) as error:
                raise _bad_url(error) from None
            if url.get_backend_name() not in _APPEND_ONLY:
                raise _bad_url(ValueError())
            return cls(url)
        return cls(sa.URL.create("sqlite", database=str(place)))

    def __repr__(self) -> str:
        return f"Ledger({self._url.render_as_string(hide_password=True)})"

    def entries(self) -> tuple[Entry, ...]:
        """All entries in order, each proved to follow from the one before it.

        Raises LedgerBroken, naming the first sequence where the chain does not hold.
        """
        state = self._file_state()
        known = _proved.get(self._file) if state else None
        if known and known[0] == state:
            return known[1]
        entries = tuple(_read_entry(row) for row in self._rows())
        prove(entry.link for entry in entries)
        if state:
            _proved[self._file] = (state, entries)
        return entries

    def verify(self) -> int:
        """Prove the whole chain; returns its length. Raises LedgerBroken."""
        return len(self.entries())

    def find_release(self, release_id: str) -> Entry | None:
        """The entry of a release, if there is one."""
        return self.find(RELEASE, release_id)

    def find(self, kind: str, subject: str) -> Entry | None:
        """The entry of that kind about that subject, if there is one."""
        return next((e for e in self.entries() if (e.kind, e.subject) == (kind, subject)), None)

    def number(self, release: Entry) -> int:
        """The number of a release: 1 for the first, whatever else was recorded in between."""
        return 1 + sum(entry.sequence < release.sequence for entry in self.releases())

    def releases(self) -> tuple[Entry, ...]:
        """The entries of releases, in order."""
        return tuple(entry for entry in self.entries() if entry.kind == RELEASE)

    def append(
        self,
        kind: str,
        subject: str,
        public: Mapping[str, Any] | None,
        private: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Add an entry at the end, durably; returns it.

        Of an entry without `public`, not even kind and subject are public. Short or guessable
        private content needs a secret salt in it, since its digest is public. Refuses a subject
        that stands there already and gives way (Busy) to another process that appends at the
        same moment. A broken chain takes no entry (LedgerBroken).
        """
        history = self.entries()
        if any((entry.kind, entry.subject) == (kind, subject) for entry in history):
            raise LedgerBroken(f"{kind} {subject} is already recorded; it cannot be recorded twice")
        shown = None if public is None else _text(kind, subject, public)
        kept = _text(kind, subject, private or {})
        entry = _entry(len(history) + 1, shown, kept, history[-1].hash if history else FIRST)
        with _explained():
            self._make_table()
            with self._engine.begin() as connection:
                connection.execute(
                    _ledger.insert().values(
                        sequence=entry.sequence,
                        kind=kind,
                        subject=subject,
                        shown=shown,
                        kept=kept,
                        previous=entry.previous,
                        hash=entry.hash,
                        recorded_by=account_name(),
                    )
                )
        return entry

    def copy_into(self, empty: "Ledger") -> int:
        """Copy the whole history, hashes and all, into a ledger without entries; how many.

        All of it arrives or nothing. Raises LedgerBroken when the chain does not hold or the
        other ledger has entries, Busy or NoSpace.
        """
        self.verify()
        if entries := empty.verify():
            raise LedgerBroken(f"the ledger to copy into has {entries} entries; name an empty one")
        with _explained():
            empty._make_table()
            with empty._engine.begin() as connection:
                for row in self._rows():
                    at = _moment(row).replace(tzinfo=_moment(row).tzinfo or UTC)
                    connection.execute(_ledger.insert().values(row._asdict() | {"recorded_at": at}))
        return empty.verify()

    def _make_table(self) -> None:
        """Unless it is there: the table with all that guards it, or nothing."""
        self._make_file()
        with self._engine.begin() as connection:
            if self._url.get_backend_name() == "sqlite":
                # Two first runs at once: the other waits here, and then finds the table.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            _metadata.create_all(connection)

    def _make_file(self) -> None:
        """SQLite's file, readable by its owner alone from the beginning; its journals follow it."""
        path = self._url.database
        if self._url.get_backend_name() != "sqlite" or not path or Path(path).exists():
            return
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE)
            os.fchmod(descriptor, PRIVATE)
            os.close(descriptor)
        except OSError as error:
            raise NoSpace("the ledger", type(error).__name__) from None

    @property
    def _file(self) -> str:
        """SQLite's file; empty for a server."""
        return (self._url.database or "") if self._url.get_backend_name() == "sqlite" else ""

    def _file_state(self) -> _FileState | None:
        """What differs as soon as anything has been written to the file; None where that is not
        known, because there is no file or somebody is writing.
        """
        name = self._file
        if not name or any(Path(name + end).exists() for end in ("-journal", "-wal")):
            return None
        try:
            with open(name, "rb") as file:  # noqa: PTH123  a name with a question mark is a name
                stat, header = os.fstat(file.fileno()), file.read(_HEADER_BYTES)
        except OSError:
            return None
        return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, header)

    def _rows(self) -> list[sa.Row[Any]]:
        if self._url.get_backend_name() == "sqlite" and not Path(self._url.database or "").exists():
            return []
        with _explained(), self._engine.connect() as connection:
            inspector = sa.inspect(connection)
            if not inspector.has_table(_ledger.name):
                return []
            if "recorded_by" not in {
                column["name"] for column in inspector.get_columns(_ledger.name)
            }:
                raise LedgerBroken(
                    "it was written by an early version of this program and cannot be continued; "
                    "create a new home for periods that were never released"
                )
            return list(connection.execute(_READ))


def _text(kind: str, subject: str, body: Mapping[str, Any]) -> str:
    return canonical_json({"kind": kind, "subject": subject, "body": body})


def _entry(sequence: int, shown: str | None, kept: str, previous: str) -> Entry:
    public: Mapping[str, Any] | None = None if shown is None else json.loads(shown)
    private: Mapping[str, Any] = json.loads(kept)
    body = {**(public or {"body": {}})["body"], **private["body"]}
    link = forge(sequence, public, private, previous)
    return Entry(private["kind"], private["subject"], body, link)


@lru_cache(maxsize=release_limits.ROWS_REMEMBERED)
def _read_entry(row: sa.Row[Any]) -> Entry:
    """A row as an entry; the chain judges the hash that stands in it.

    A run reads the ledger many times: of rows that are byte for byte those of the last reading, its
    entries are remembered.
    """
    texts = [text for text in (row.shown, row.kept) if text is not None]
    try:
        made = _entry(row.sequence, row.shown, row.kept, row.previous)
        canonical = all(canonical_json(json.loads(text)) == text for text in texts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise broken(row.sequence, "it has been edited") from None
    if not canonical or (row.kind, row.subject) != (made.kind, made.subject):
        raise broken(row.sequence, "it has been edited")
    link = replace(made.link, hash=row.hash)
    body: Mapping[str, Any] = made.body
    if link.hash == link.seal:  # otherwise the chain says what is wrong with it
        body = read_body(row.sequence, made.kind, body)
    return replace(made, body=body, link=link, recorded=f"{_moment(row)} by {row.recorded_by}")


def _moment(row: sa.Row[Any]) -> datetime:
    """When it was recorded; SQLite keeps a text in UTC that does not say so."""
    if isinstance(row.recorded_at, datetime):
        return row.recorded_at
    try:
        return datetime.fromisoformat(row.recorded_at)
    except (ValueError, TypeError):
        raise broken(row.sequence, "the time of its recording cannot be read") from None


def _connection_settings(url: sa.URL) -> dict[str, Any]:
    """What is asked of PostgreSQL unless the URL says otherwise: answer soon, keep what is told."""
    if url.get_backend_name() != "postgresql":
        return {}
    wanted = {
        "connect_timeout": release_limits.SECONDS_TO_CONNECT,
        "options": "-c synchronous_commit=on",
    }
    return {name: value for name, value in wanted.items() if name not in url.query}


def _bad_url(error: Exception) -> ConfigurationError:
    """The URL itself is not repeated: it may hold a password."""
    remedy = "use postgresql://user@host/database, or sqlite:///file"
    if isinstance(error, ImportError):
        remedy = "install the driver of PostgreSQL: pip install 'audience[postgres]'"
    problem = f"the ledger's URL cannot be used ({type(error).__name__})"
    return ConfigurationError([Fault("AUDIENCE_LEDGER", problem, remedy)])


def _make_durable(connection: Any, _: object) -> None:
    """An entry that was appended is on the disk, and so is the end of its transaction.

    What is no text is read all the same, so that the entry can be named in which it stands.
    """
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=EXTRA")


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the database says into what the operator has to do."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise Busy("another process has appended to the ledger at this moment") from None
    except sa.exc.DBAPIError as error:
        raise _explain(error) from None


def _explain(error: sa.exc.DBAPIError) -> AudienceError:
    """The driver's own message is not repeated: it may hold parts of the URL."""
    problem, name = str(error.orig).lower(), type(error.orig).__name__
    state = getattr(error.orig, "sqlstate", None)
    if hasattr(error.orig, "sqlstate"):
        return _explain_postgresql(state, name)
    if "locked" in problem:
        return Busy("another process is writing to the ledger")
    if any(word in problem for word in ("full", "readonly", "disk i/o", "unable to open")):
        return NoSpace("the ledger", name)
    return _unreadable(name)


def _explain_postgresql(state: str | None, name: str) -> AudienceError:
    if state is None or state.startswith(_NO_SERVER):
        return LedgerBroken(
            f"its server does not answer or refuses the connection ({name}); start it, or correct "
            "AUDIENCE_LEDGER and the password file. Nothing is published until then"
        )
    if state.startswith(_PASSING):
        return Busy("another process is writing to the ledger")
    if state.startswith(_NO_ROOM):
        return NoSpace("the ledger", name)
    return _unreadable(name)


def _unreadable(name: str) -> LedgerBroken:
    return LedgerBroken(f"it cannot be read ({name}); restore it from its backup")
