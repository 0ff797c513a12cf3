"""Who signed in and who downloaded what: one JSON object a line, appended and never changed.

For a SIEM to collect. It has no password, no token and nothing that someone typed in place of a
login or of a part of an address: of unknown logins the log says only that they are unknown.
"""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from anonymizer.model.errors import NoSpace
from anonymizer.storage.files import make_folder

Event = Literal[
    "sign_in",
    "sign_in_refused",
    "sign_in_limited",
    "sign_out",
    "password_changed",
    "password_refused",
    "sessions_ended",
    "download",
    "download_gone",
    "download_not_found",
    "download_held",
    "page_not_found",
    "form_refused",
    "token_added",
    "token_revoked",
    "token_refused",
    "requests_limited",
    "api_read",
    "segment_requested",
    "trial_read",
    "effect_read",
    "requests_read",
    "days_read",
    "decision_sent",
    "decision_refused",
    "fault",
]
Fact = str | int | list[str]
_PLAIN = re.compile(r"[A-Za-z0-9._~@:-]{1,160}")
_TOKEN = re.compile(r"aud_[0-9a-f]{12}_", re.IGNORECASE)


def _now() -> datetime:
    return datetime.now(UTC)


class AccessLog:
    """The log at `path`, readable by its owner alone; `clock` says what time it is."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = _now) -> None:
        self._path, self._clock = path, clock

    def write(self, event: Event, **facts: Fact) -> None:
        """Append a line. Raises NoSpace: what cannot be recorded must not happen."""
        stated = {name: _harmless(value) for name, value in facts.items()}
        time = self._clock().isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **stated}) + "\n"
        try:
            make_folder(self._path.parent)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NoSpace(self._path.parent.name, type(error).__name__) from None


def _harmless(value: Fact) -> Fact:
    """A value that was requested can be anything: only plain names are repeated, and no token."""
    if isinstance(value, list):
        return [str(_harmless(one)) for one in value]
    if isinstance(value, int) or not value:
        return value
    return value if _PLAIN.fullmatch(value) and not _TOKEN.search(value) else "unreadable"
