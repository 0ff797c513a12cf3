"""The portal's own state: accounts, sessions, recognised devices and failed sign-ins.

An SQLite file that its owner alone can read. Tokens are kept as digests, so that whoever reads the
file cannot use them; passwords as Argon2id hashes.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from anonymizer.model.errors import ConfigurationError, Fault
from portal import portal_limits
from portal.account_database import account_of, changes, digest_of
from portal.api_tokens import TokenStore
from portal.provider_identities import ProviderIdentities
from portal.user_accounts import PortalRole, UserAccount


@dataclass(frozen=True)
class Session:
    """A signed-in account. `news_after` is the last ledger entry of the visit before."""

    account: UserAccount
    form_token: str
    news_after: int
    language: str


@dataclass(frozen=True)
class SessionTimes:
    """When a session began and was used last, in seconds; its form token tells it from others."""

    form_token: str
    started: float
    used: float


class AccountStore:
    """Accounts and sessions in the file at `path`; `clock` says what time it is, in seconds."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock

    @property
    def exists(self) -> bool:
        """Whether any account was ever made here."""
        return self._path.exists()

    @property
    def tokens(self) -> TokenStore:
        """The API tokens of these accounts."""
        return TokenStore(self._path, self._clock)

    @property
    def identities(self) -> ProviderIdentities:
        """Their links with users of a provider."""
        return ProviderIdentities(self._path, self._clock)

    # --- accounts

    def add(self, account: UserAccount, password_hash: str) -> None:
        """Add an account. Raises ConfigurationError where the login is taken."""
        with self._changes() as database:
            if _exists(database, account.login):
                remedy = "choose another, or remove it with: audience user remove"
                raise _mistake(f"there is an account {account.login} already", remedy)
            database.execute(
                "INSERT INTO users (login, role, password) VALUES (?, ?, ?)",
                (account.login, account.role, password_hash),
            )
            database.executemany(
                "INSERT INTO user_advertisers VALUES (?, ?)",
                [(account.login, name) for name in dict.fromkeys(account.advertisers)],
            )

    def remove(self, login: str) -> None:
        """Remove an account with its sessions. Raises ConfigurationError where there is none."""
        with self._changes() as database:
            _require(database, login)
            database.execute("DELETE FROM users WHERE login = ?", (login,))

    def set_password(self, login: str, password_hash: str) -> None:
        """Change a password and end every session, device and API token of the account."""
        with self._changes() as database:
            _require(database, login)
            database.execute(
                "UPDATE users SET password = ? WHERE login = ?", (password_hash, login)
            )
            for table in ("sessions", "devices", "api_tokens"):
                database.execute(f"DELETE FROM {table} WHERE login = ?", (login,))  # noqa: S608

    def rehash(self, login: str, compared: str, password_hash: str) -> bool:
        """Keep the same password under a newer hash, unless `compared` is the hash no more.

        Returns whether it was: a password that was changed meanwhile stays changed.
        """
        with self._changes() as database:
            changed = database.execute(
                "UPDATE users SET password = ? WHERE login = ? AND password = ?",
                (password_hash, login, compared),
            )
            return changed.rowcount == 1

    def accounts(self) -> tuple[UserAccount, ...]:
        """Every account, by login."""
        if not self.exists:
            return ()
        with self._changes() as database:
            logins = database.execute("SELECT login FROM users ORDER BY login").fetchall()
            return tuple(account_of(database, login) for (login,) in logins)

    def password_of(self, login: str) -> str | None:
        """The hash of an account's password; None where there is no such account."""
        with self._changes() as database:
            row = database.execute(
                "SELECT password FROM users WHERE login = ?", (login,)
            ).fetchone()
        return str(row[0]) if row else None

    def role_of(self, login: str) -> PortalRole | None:
        """The role of an account; None where there is no such account."""
        with self._changes() as database:
            return account_of(database, login).role if _exists(database, login) else None

    def set_language(self, login: str, language: str) -> None:
        """Remember the language of an account."""
        with self._changes() as database:
            database.execute("UPDATE users SET language = ? WHERE login = ?", (language, login))

    # --- sessions

    def begin_session(self, login: str, compared: str, newest: int) -> str | None:
        """Begin a session under a new token, and return it.

        `compared` is the hash that the password fitted; None where it is the account's no more,
        so that a new password ends whatever a sign-in at the same moment had begun. `newest` is
        the last entry of the published ledger: what follows is news on the next visit.
        """
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._changes() as database:
            if not _begin_if_current(database, login, compared):
                return None
            database.execute(
                "DELETE FROM sessions WHERE started < ?", (now - portal_limits.LONGEST_SECONDS,)
            )
            (seen,) = database.execute(
                "SELECT seen FROM users WHERE login = ?", (login,)
            ).fetchone()
            database.execute("UPDATE users SET seen = ? WHERE login = ?", (newest, login))
            database.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)",
                (digest_of(token), login, secrets.token_urlsafe(32), now, now, min(seen, newest)),
            )
        return token

    def find_session(self, token: str) -> Session | None:
        """The session of a token; None for one that is unknown, ended, or too old."""
        if not self.exists:
            return None
        now = self._clock()
        with self._changes() as database:
            row = database.execute(
                "SELECT login, form_token, started, used, news_after FROM sessions WHERE token = ?",
                (digest_of(token),),
            ).fetchone()
            if row is None:
                return None
            login, form_token, started, used, news_after = row
            if (
                now - started > portal_limits.LONGEST_SECONDS
                or now - used > portal_limits.IDLE_SECONDS
            ):
                database.execute("DELETE FROM sessions WHERE token = ?", (digest_of(token),))
                return None
            if now - used > portal_limits.SESSION_NOTED_SECONDS:
                database.execute(
                    "UPDATE sessions SET used = ? WHERE token = ?", (now, digest_of(token))
                )
            (language,) = database.execute(
                "SELECT language FROM users WHERE login = ?", (login,)
            ).fetchone()
            return Session(account_of(database, login), form_token, news_after, language)

    def end_session(self, token: str) -> None:
        """End a session; its token is worth nothing from now on."""
        with self._changes() as database:
            database.execute("DELETE FROM sessions WHERE token = ?", (digest_of(token),))

    def sessions_of(self, login: str) -> tuple[SessionTimes, ...]:
        """The sessions of an account that are not too old, the last used first."""
        now = self._clock()
        with self._changes() as database:
            rows = database.execute(
                "SELECT form_token, started, used FROM sessions "
                "WHERE login = ? AND started >= ? AND used >= ? ORDER BY used DESC, token",
                (login, now - portal_limits.LONGEST_SECONDS, now - portal_limits.IDLE_SECONDS),
            ).fetchall()
        return tuple(SessionTimes(*row) for row in rows)

    def end_other_sessions(self, login: str, token: str) -> int:
        """End the sessions of an account but that of a token; returns how many there were."""
        with self._changes() as database:
            ended = database.execute(
                "DELETE FROM sessions WHERE login = ? AND token != ?", (login, digest_of(token))
            )
            return ended.rowcount

    # --- devices and failures

    def recognise_device(self, login: str, compared: str) -> str | None:
        """A token by which a browser is recognised after someone signed in on it.

        None where `compared` is the hash of the account's password no more.
        """
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._changes() as database:
            if not _begin_if_current(database, login, compared):
                return None
            database.execute(
                "DELETE FROM devices WHERE started < ?", (now - portal_limits.DEVICE_SECONDS,)
            )
            database.execute("INSERT INTO devices VALUES (?, ?, ?)", (digest_of(token), login, now))
        return token

    def is_device_of(self, token: str, login: str) -> bool:
        """Whether this browser has signed in to the account before."""
        since = self._clock() - portal_limits.DEVICE_SECONDS
        with self._changes() as database:
            row = database.execute(
                "SELECT 1 FROM devices WHERE token = ? AND login = ? AND started >= ?",
                (digest_of(token), login, since),
            ).fetchone()
        return row is not None

    def begin_attempt(
        self, allowed: Mapping[str, int], window_seconds: float
    ) -> tuple[int, ...] | None:
        """Count a sign-in as failed until it succeeds; None where too many have failed already.

        `allowed` says how many may fail under each name. The count comes before the password is
        compared, so that attempts at the same moment are no way around it.
        """
        now = self._clock()
        with self._changes() as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM failures WHERE happened < ?", (now - window_seconds,))
            for name, most in allowed.items():
                (found,) = database.execute(
                    "SELECT count(*) FROM failures WHERE name = ?", (digest_of(name),)
                ).fetchone()
                if found >= most:
                    return None
            return tuple(
                database.execute(
                    "INSERT INTO failures VALUES (?, ?) RETURNING rowid", (digest_of(name), now)
                ).fetchone()[0]
                for name in allowed
            )

    def forget_attempt(self, attempt: Sequence[int]) -> None:
        """Of a sign-in that succeeded: it counts no more."""
        with self._changes() as database:
            database.executemany(
                "DELETE FROM failures WHERE rowid = ?", [(number,) for number in attempt]
            )

    def failures(self, name: str, window_seconds: float) -> int:
        """How many sign-ins failed under a name within the window."""
        with self._changes() as database:
            (found,) = database.execute(
                "SELECT count(*) FROM failures WHERE name = ? AND happened >= ?",
                (digest_of(name), self._clock() - window_seconds),
            ).fetchone()
        return int(found)

    def _changes(self) -> AbstractContextManager[sqlite3.Connection]:
        return changes(self._path)


def _exists(database: sqlite3.Connection, login: str) -> bool:
    return database.execute("SELECT 1 FROM users WHERE login = ?", (login,)).fetchone() is not None


def _begin_if_current(database: sqlite3.Connection, login: str, compared: str) -> bool:
    """Begin to write, and say whether a hash is still that of the account's password."""
    database.execute("BEGIN IMMEDIATE")
    found = database.execute(
        "SELECT 1 FROM users WHERE login = ? AND password = ?", (login, compared)
    )
    return found.fetchone() is not None


def _require(database: sqlite3.Connection, login: str) -> None:
    if not _exists(database, login):
        raise _mistake(f"there is no account {login!r}", "see: audience user list")


def _mistake(problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Fault("login", problem, remedy)])
