"""The ledger: an append-only, hash-chained record of everything that was released.

Each entry carries the hash of the one before it, so that an entry that was edited, removed or
moved breaks the chain from there on. Order is the sequence, never a clock; `recorded_at` is
for readers, stands outside the chain and decides nothing. This is the one file that knows the
database behind the ledger: SQLite by default, any SQLAlchemy URL for several machines.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from anonymizer.errors import Busy, ConfigurationError, Fault, LedgerBroken, NoSpace
from anonymizer.files import canonical_json

RELEASE = "release"
_FIRST = "0" * 64

_metadata = sa.MetaData()
_ledger = sa.Table(
    "ledger",
    _metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False),
    # What the entry is about; a release id stands here once and never again.
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.UniqueConstraint("kind", "subject"),
)
for _action in ("UPDATE", "DELETE"):
    _guard = sa.DDL(  # type: ignore[no-untyped-call]
        f"CREATE TRIGGER no_{_action.lower()} BEFORE {_action} ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    )
    sa.event.listen(_ledger, "after_create", _guard.execute_if(dialect="sqlite"))


@dataclass(frozen=True)
class Entry:
    """One line of the ledger; `body` holds digests and counts, never a value of a person."""

    sequence: int
    kind: str
    subject: str
    body: Mapping[str, Any]
    previous: str
    hash: str


class Ledger:
    """The history. Reading creates nothing; the first append creates the table."""

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        try:
            self._engine = sa.create_engine(url, poolclass=sa.NullPool)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise _bad_url(error) from None
        if url.get_backend_name() == "sqlite":
            sa.event.listen(self._engine, "connect", _make_durable)

    @classmethod
    def open(cls, place: str | Path) -> "Ledger":
        """The ledger in an SQLite file or behind an SQLAlchemy URL; it need not exist yet."""
        if isinstance(place, str) and "://" in place:
            try:
                return cls(sa.make_url(place))
            except sa.exc.ArgumentError as error:
                raise _bad_url(error) from None
        return cls(sa.URL.create("sqlite", database=str(place)))

    def __repr__(self) -> str:
        return f"Ledger({self._url.render_as_string(hide_password=True)})"

    def entries(self) -> tuple[Entry, ...]:
        """All entries in order, each proved to follow from the one before it.

        Raises LedgerBroken, naming the first sequence where the chain does not hold.
        """
        previous = _FIRST
        proved: list[Entry] = []
        for row in self._rows():
            expected = len(proved) + 1
            if row.sequence != expected:
                raise _broken(expected, f"sequence {row.sequence} stands in its place")
            if row.previous != previous:
                raise _broken(expected, "it does not follow from the entry before it")
            if row.hash != _hash(row.sequence, row.kind, row.subject, row.body, row.previous):
                raise _broken(expected, "it has been edited")
            previous = row.hash
            body = json.loads(row.body)
            proved.append(Entry(row.sequence, row.kind, row.subject, body, row.previous, row.hash))
        return tuple(proved)

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

    def append(self, kind: str, subject: str, body: Mapping[str, Any]) -> Entry:
        """Add an entry at the end, durably; returns it.

        Refuses a subject that stands there already and gives way (Busy) to another process
        that appends at the same moment. A broken chain takes no entry (LedgerBroken).
        """
        history = self.entries()
        sequence, previous = len(history) + 1, history[-1].hash if history else _FIRST
        if any((entry.kind, entry.subject) == (kind, subject) for entry in history):
            raise LedgerBroken(f"{kind} {subject} is recorded already; it cannot be so twice")
        text = canonical_json(body)
        digest = _hash(sequence, kind, subject, text, previous)
        with _explained():
            _metadata.create_all(self._engine)
            with self._engine.begin() as connection:
                connection.execute(
                    _ledger.insert().values(
                        sequence=sequence,
                        kind=kind,
                        subject=subject,
                        body=text,
                        previous=previous,
                        hash=digest,
                    )
                )
        return Entry(sequence, kind, subject, json.loads(text), previous, digest)

    def _rows(self) -> list[sa.Row[Any]]:
        if self._url.get_backend_name() == "sqlite" and not Path(self._url.database or "").exists():
            return []
        with _explained(), self._engine.connect() as connection:
            if not sa.inspect(connection).has_table(_ledger.name):
                return []
            return list(connection.execute(_ledger.select().order_by(_ledger.c.sequence)))


def _bad_url(error: Exception) -> ConfigurationError:
    """The URL itself is not repeated: it may hold a password."""
    remedy = "use an SQLAlchemy URL and install its database driver"
    problem = f"the ledger's URL cannot be used ({type(error).__name__})"
    return ConfigurationError([Fault("ledger", problem, remedy)])


def _make_durable(connection: Any, _: object) -> None:
    """An entry that was appended is on the disk, and so is the end of its transaction."""
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=EXTRA")


def _hash(sequence: int, kind: str, subject: str, body: str, previous: str) -> str:
    content = canonical_json([sequence, kind, subject, body, previous])
    return hashlib.sha256(content.encode()).hexdigest()


def _broken(sequence: int, problem: str) -> LedgerBroken:
    return LedgerBroken(
        f"sequence {sequence}: {problem}. Nothing is published until the ledger is restored from "
        "its backup; see docs/operations.md"
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the database says into what the operator has to do."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise Busy("another process has appended to the ledger at this moment") from None
    except sa.exc.DBAPIError as error:
        problem = str(error.orig).lower()
        if "locked" in problem:
            raise Busy("another process is writing to the ledger") from None
        if any(word in problem for word in ("full", "readonly", "disk i/o", "unable to open")):
            raise NoSpace("the ledger", problem) from None
        raise LedgerBroken(
            f"it cannot be read ({type(error.orig).__name__}); restore it from its backup"
        ) from None
