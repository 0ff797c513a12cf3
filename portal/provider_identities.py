"""Which account a user of the provider has, and the sign-ins that the provider has yet to answer.

An answer is taken once, within ten minutes, from the browser that began, so that an answer that
someone else obtained, or obtained before, signs nobody in.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from anonymizer.model.errors import ConfigurationError, Fault
from portal import portal_limits
from portal.account_database import changes, digest_of

_LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, section 2


@dataclass(frozen=True)
class PendingSignIn:
    """What was sent to the provider, to compare its answer with. Its `repr` has no secret."""

    redirect_uri: str
    next_path: str
    state: str
    nonce: str
    verifier: str

    def __repr__(self) -> str:
        return f"PendingSignIn(next_path={self.next_path!r})"


class ProviderIdentities:
    """Links and pending sign-ins in the file of accounts; `clock` says the time, in seconds."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock

    # --- links

    def link(self, login: str, issuer: str, subject: str) -> None:
        """Link an account with a user of a provider, who then signs in to it.

        Raises ConfigurationError for an unknown account, and where either is linked already.
        """
        if not is_subject(subject):
            problem = f"a subject has 1 to {_LONGEST_SUBJECT} printable ASCII characters"
            raise ConfigurationError([Fault("--oidc-subject", problem)])
        with self._changes() as database:
            database.execute("BEGIN IMMEDIATE")
            if not _has_account(database, login):
                raise _mistake(f"there is no account {login!r}", "see: audience user list")
            taken = database.execute(
                "SELECT 1 FROM provider_identities WHERE issuer = ? AND (subject = ? OR login = ?)",
                (issuer, subject, login),
            ).fetchone()
            if taken:
                problem = "the account or the subject is linked already"
                raise _mistake(problem, "end the link first: audience user unlink LOGIN")
            database.execute(
                "INSERT INTO provider_identities VALUES (?, ?, ?)", (issuer, subject, login)
            )

    def unlink(self, login: str) -> None:
        """End the links of an account, its sessions and its API tokens.

        Raises ConfigurationError for an account without a link.
        """
        with self._changes() as database:
            ended = database.execute("DELETE FROM provider_identities WHERE login = ?", (login,))
            if not ended.rowcount:
                raise _mistake(f"{login!r} has no link with a provider", "see: audience user list")
            for table in ("sessions", "api_tokens"):
                database.execute(f"DELETE FROM {table} WHERE login = ?", (login,))  # noqa: S608

    def login_of(self, issuer: str, subject: str) -> str | None:
        """The account of a user of this provider; None where there is none."""
        with self._changes() as database:
            row = database.execute(
                "SELECT login FROM provider_identities WHERE issuer = ? AND subject = ?",
                (issuer, subject),
            ).fetchone()
        return str(row[0]) if row else None

    def linked(self) -> frozenset[str]:
        """The logins that have a link."""
        with self._changes() as database:
            rows = database.execute("SELECT login FROM provider_identities").fetchall()
        return frozenset(login for (login,) in rows)

    # --- sign-ins that the provider has to answer

    def begin(self, redirect_uri: str, next_path: str) -> tuple[str, PendingSignIn]:
        """Begin a sign-in; returns the token for the browser, and what to send."""
        browser, now = secrets.token_urlsafe(32), self._clock()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        pending = PendingSignIn(redirect_uri, next_path, state, nonce, verifier)
        with self._changes() as database:
            database.execute(
                "DELETE FROM provider_sign_ins WHERE started < ?",
                (now - portal_limits.SIGN_IN_SECONDS,),
            )
            database.execute(
                "INSERT INTO provider_sign_ins VALUES (?, ?, ?, ?, ?, ?, ?)",
                (digest_of(state), digest_of(browser), nonce, verifier, redirect_uri, next_path,
                 now),
            )  # fmt: skip
        return browser, pending

    def take(self, state: str, browser: str) -> PendingSignIn | None:
        """The sign-in that a browser began, once; None for any other, and for one that is old."""
        if not (state and browser):
            return None
        with self._changes() as database:
            row = database.execute(
                "DELETE FROM provider_sign_ins WHERE state = ? AND browser = ? AND started >= ? "
                "RETURNING redirect_uri, next_path, nonce, verifier",
                (
                    digest_of(state),
                    digest_of(browser),
                    self._clock() - portal_limits.SIGN_IN_SECONDS,
                ),
            ).fetchone()
        if row is None:
            return None
        redirect_uri, next_path, nonce, verifier = row
        return PendingSignIn(redirect_uri, next_path, state, nonce, verifier)

    def _changes(self) -> AbstractContextManager[sqlite3.Connection]:
        return changes(self._path)


def is_subject(subject: object) -> bool:
    """Whether a subject is one as OpenID Connect defines it."""
    return (
        isinstance(subject, str)
        and 0 < len(subject) <= _LONGEST_SUBJECT
        and subject.isascii()
        and subject.isprintable()
    )


def _has_account(database: sqlite3.Connection, login: str) -> bool:
    return database.execute("SELECT 1 FROM users WHERE login = ?", (login,)).fetchone() is not None


def _mistake(problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Fault("login", problem, remedy)])
