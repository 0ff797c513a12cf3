"""The file of accounts: its tables, one transaction at a time, and tokens as digests.

An SQLite file that its owner alone can read.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock

from anonymizer.model.errors import NoSpace
from anonymizer.storage.files import make_folder
from portal.user_accounts import UserAccount

# Of tables with these names nothing comes back from a backup.
ENDED_BY_RESTORE = (
    "sessions",
    "devices",
    "api_token_advertisers",
    "api_tokens",
    "provider_sign_ins",
)
_TABLES = """
CREATE TABLE IF NOT EXISTS users (
    login TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0, language TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS user_advertisers (
    login TEXT NOT NULL REFERENCES users ON DELETE CASCADE, advertiser TEXT NOT NULL,
    PRIMARY KEY (login, advertiser)
);
CREATE TABLE IF NOT EXISTS sessions (
    token TEXT PRIMARY KEY, login TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    form_token TEXT NOT NULL, started REAL NOT NULL, used REAL NOT NULL, news_after INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS devices (
    token TEXT PRIMARY KEY, login TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    started REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS failures (name TEXT NOT NULL, happened REAL NOT NULL);
CREATE INDEX IF NOT EXISTS failures_by_name ON failures (name, happened);
CREATE TABLE IF NOT EXISTS api_tokens (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL,
    login TEXT NOT NULL REFERENCES users ON DELETE CASCADE, name TEXT NOT NULL,
    added REAL NOT NULL, expires REAL NOT NULL, used REAL
);
CREATE TABLE IF NOT EXISTS api_token_advertisers (
    id TEXT NOT NULL REFERENCES api_tokens ON DELETE CASCADE, advertiser TEXT NOT NULL,
    PRIMARY KEY (id, advertiser)
);
CREATE TABLE IF NOT EXISTS provider_identities (
    issuer TEXT NOT NULL, subject TEXT NOT NULL,
    login TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject), UNIQUE (issuer, login)
);
CREATE TABLE IF NOT EXISTS provider_sign_ins (
    state TEXT PRIMARY KEY, browser TEXT NOT NULL, nonce TEXT NOT NULL, verifier TEXT NOT NULL,
    redirect_uri TEXT NOT NULL, next_path TEXT NOT NULL, started REAL NOT NULL
);
"""


# SQLite lets a transaction that waits for another one try again and again, in no order: of many at
# once some never get a turn. Those of this process wait for each other here.
_TURN = Lock()


@contextmanager
def changes(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction; raises NoSpace where the file cannot be read or written."""
    with _TURN, _transaction(path) as database:
        yield database


@contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        make_folder(path.parent)
        if not path.exists():
            path.touch(mode=0o600)
        with closing(sqlite3.connect(path, timeout=10)) as database:
            database.executescript(_TABLES)
            database.execute("PRAGMA foreign_keys = ON")
            with database:
                yield database
    except (sqlite3.Error, OSError) as error:
        raise NoSpace(path.parent.name, type(error).__name__) from None


def digest_of(token: str) -> str:
    """What is kept of a token: whoever reads the file cannot use it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def account_of(database: sqlite3.Connection, login: str) -> UserAccount:
    """The account of a login that there is."""
    (role,) = database.execute("SELECT role FROM users WHERE login = ?", (login,)).fetchone()
    advertisers = database.execute(
        "SELECT advertiser FROM user_advertisers WHERE login = ? ORDER BY advertiser", (login,)
    ).fetchall()
    return UserAccount(login, role, tuple(name for (name,) in advertisers))
