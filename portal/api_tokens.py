"""Tokens with which programs read the API and the shared tables in the name of an account.

A token is written `aud_<id>_<secret>`: its id names it in lists and in the log, the secret is in no
file. It reads what its account reads, or fewer advertisers, until it expires. It ends with its
account, with the account's link with a provider, with a new password, and with the restoration of
a backup.
"""

import hmac
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anonymizer.model.errors import ConfigurationError, Fault
from portal import portal_limits
from portal.account_database import account_of, changes, digest_of
from portal.user_accounts import UserAccount

_DAY = 24 * 60 * 60
_ID_BYTES, _SECRET_BYTES = 6, 32
_WRITTEN = re.compile(r"aud_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_COLUMNS = "id, digest, login, name, added, expires, used"


@dataclass(frozen=True)
class ApiToken:
    """A token without its secret. `reader` is who reads with it, limited to its advertisers."""

    id: str
    name: str
    reader: UserAccount
    added: datetime
    expires: datetime
    used: datetime | None


class TokenStore:
    """The tokens in the file of accounts at `path`; `clock` says what time it is, in seconds."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock

    def add(
        self, login: str, name: str, days: int, advertisers: Sequence[str] = ()
    ) -> tuple[ApiToken, str]:
        """Add a token to an account; returns it with what the program has to send.

        Raises ConfigurationError for an account that there is not, for a lifetime or a name that
        cannot be, and for advertisers that the account does not read.
        """
        with self._changes() as database:
            account = _require_account(database, login)
            if faults := [*_faults(name, days), *_unread(account, advertisers)]:
                raise ConfigurationError(faults)
            if advertisers:  # checks their ids
                UserAccount(login, "ad_ops", tuple(advertisers))
            id_ = secrets.token_hex(_ID_BYTES)
            written = f"aud_{id_}_{secrets.token_urlsafe(_SECRET_BYTES)}"
            now = self._clock()
            database.execute(
                f"INSERT INTO api_tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608
                (id_, digest_of(written), login, name, now, now + days * _DAY),
            )
            database.executemany(
                "INSERT INTO api_token_advertisers VALUES (?, ?)",
                [(id_, one) for one in dict.fromkeys(advertisers)],
            )
            return _token(database, _row(database, id_)), written

    def all(self) -> tuple[ApiToken, ...]:
        """Every token, expired ones too, by account and age."""
        if not self._path.exists():
            return ()
        with self._changes() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM api_tokens ORDER BY login, added, id"  # noqa: S608
            ).fetchall()
            return tuple(_token(database, row) for row in rows)

    def revoke(self, id_: str) -> ApiToken:
        """End a token at once. Raises ConfigurationError where there is none."""
        with self._changes() as database:
            row = _row(database, id_)
            if row is None:
                remedy = "see: audience user token list"
                raise ConfigurationError([Fault("token", f"there is no token {id_!r}", remedy)])
            token = _token(database, row)
            database.execute("DELETE FROM api_tokens WHERE id = ?", (id_,))
            return token

    def find(self, written: str) -> ApiToken | None:
        """The token that a program sent; None for one that is unknown or expired."""
        fits = _WRITTEN.fullmatch(written)
        if fits is None or not self._path.exists():
            return None
        with self._changes() as database:
            row = _row(database, fits[1])
            digest = str(row[1]) if row else ""
            if row is None or not hmac.compare_digest(digest_of(written), digest):
                return None
            return self._alive(database, row)

    def find_by_id(self, id_: str) -> ApiToken | None:
        """The token that a signed address is bound to; None for one that has ended."""
        if not self._path.exists():
            return None
        with self._changes() as database:
            row = _row(database, id_)
            return self._alive(database, row) if row else None

    def _alive(self, database: sqlite3.Connection, row: Sequence[object]) -> ApiToken | None:
        """The token of a row, whose use is noted; None once it has expired."""
        token, now = _token(database, row), self._clock()
        if now >= token.expires.timestamp():
            return None
        if token.used is None or now - token.used.timestamp() > portal_limits.TOKEN_NOTED_SECONDS:
            database.execute("UPDATE api_tokens SET used = ? WHERE id = ?", (now, token.id))
        return token

    def _changes(self) -> AbstractContextManager[sqlite3.Connection]:
        return changes(self._path)


def _require_account(database: sqlite3.Connection, login: str) -> UserAccount:
    if not database.execute("SELECT 1 FROM users WHERE login = ?", (login,)).fetchone():
        remedy = "see: audience user list"
        raise ConfigurationError([Fault("login", f"there is no account {login!r}", remedy)])
    return account_of(database, login)


def _faults(name: str, days: int) -> list[Fault]:
    faults = []
    if not _NAME.fullmatch(name):
        remedy = "use 1 to 64 letters, digits, blanks, '.', '_', '@' or '-'"
        faults.append(Fault("--name", f"{name!r} cannot be the name of a token", remedy))
    if not 1 <= days <= portal_limits.TOKEN_DAYS:
        remedy = f"choose 1 to {portal_limits.TOKEN_DAYS} days"
        faults.append(Fault("--days", f"a token cannot last {days} days", remedy))
    return faults


def _unread(account: UserAccount, advertisers: Sequence[str]) -> list[Fault]:
    remedy = "name advertisers that the account reads: audience user list"
    return [
        Fault("--advertiser", f"{account.login} does not read {name!r}", remedy)
        for name in advertisers
        if account.scope is not None and name not in account.scope
    ]


def _row(database: sqlite3.Connection, id_: str) -> tuple[object, ...] | None:
    found: tuple[object, ...] | None = database.execute(
        f"SELECT {_COLUMNS} FROM api_tokens WHERE id = ?",  # noqa: S608
        (id_,),
    ).fetchone()
    return found


def _token(database: sqlite3.Connection, row: Sequence[object] | None) -> ApiToken:
    id_, _, login, name, added, expires, used = row or ()
    named = database.execute(
        "SELECT advertiser FROM api_token_advertisers WHERE id = ? ORDER BY advertiser", (id_,)
    ).fetchall()
    reader = account_of(database, str(login))
    if named:
        reader = UserAccount(str(login), "ad_ops", tuple(one for (one,) in named))
    return ApiToken(
        str(id_),
        str(name),
        reader,
        _time(added),
        _time(expires),
        None if used is None else _time(used),
    )


def _time(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds)), UTC)
