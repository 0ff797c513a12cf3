"""Who reads the officer's page: whoever has the key that its process printed when it began.

The login that starts the process may approve settings, and is the officer. No account of the portal
opens it. Sessions end with the process.

Browsers send a cookie to every port of a host, so a portal that is broken into could receive one
that was set for 127.0.0.1. The page therefore has a host name of its own below `localhost`, which
nobody can guess and which browsers look up on this machine.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from officer import officer_limits

_HOST_BYTES = 16  # 32 digits; a label has at most 63 characters


@dataclass
class OfficerSession:
    """A browser that is signed in; times are in seconds.

    `said` is shown once, on the next page. `effects` are those that were computed for it, by the
    request: they are kept nowhere else.
    """

    form_token: str
    started: float
    used: float
    said: str = ""
    effects: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def take_said(self) -> str:
        """What is to be shown once."""
        said, self.said = self.said, ""
        return said


class OfficerSessions:
    """The sessions of a process, its key and the host name of its pages.

    `clock` says how many seconds have passed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.key = secrets.token_urlsafe(24)
        self.host = f"{secrets.token_hex(_HOST_BYTES)}.localhost"
        self._clock, self._failures = clock, 0
        self._sessions: dict[str, OfficerSession] = {}
        self._lock = Lock()

    @property
    def is_closed(self) -> bool:
        """Whether too many keys were wrong."""
        return self._failures >= officer_limits.MOST_FAILURES

    def begin(self, typed: str) -> str | None:
        """The token of a new session; None for a wrong key, and for any key after too many."""
        with self._lock:
            fits = hmac.compare_digest(typed.strip().encode(), self.key.encode())
            if self.is_closed or not fits:
                self._failures += 1
                return None
            token, now = secrets.token_urlsafe(32), self._clock()
            self._sessions[token] = OfficerSession(secrets.token_urlsafe(32), now, now)
            return token

    def find(self, token: str) -> OfficerSession | None:
        """The session of a token; None for one that is unknown, ended or too old."""
        with self._lock:
            session, now = self._sessions.get(token), self._clock()
            if session is None:
                return None
            if (
                now - session.used > officer_limits.IDLE_SECONDS
                or now - session.started > officer_limits.LONGEST_SECONDS
            ):
                del self._sessions[token]
                return None
            session.used = now
            return session

    def end(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(token, None)
