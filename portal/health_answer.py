"""`/health`: whether the pipeline is healthy, for a monitoring system on this machine.

The portal may read neither the ledger nor working data. So it answers with the newest check of the
pipeline itself, which runs and the daemon write to the file of `$AUDIENCE_METRICS`; a check that is
too old, or missing, is no answer. It says one word and never why, and answers requests of this
machine only: one that a proxy passes on is answered like one for an address that does not exist.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal import portal_limits

PATH = "/health"
METRICS_VARIABLE = "AUDIENCE_METRICS"  # as runs and the daemon read it
State = Literal["healthy", "unhealthy", "unknown"]
_STATUS: Mapping[State, int] = {"healthy": 200, "unhealthy": 503, "unknown": 503}
_HERE = frozenset({"127.0.0.1", "::1"})
_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_HEALTHY = re.compile(r"^audience_healthy ([01])$", re.MULTILINE)
_CHECKED = re.compile(r"^audience_checked_timestamp_seconds (\d{1,12})$", re.MULTILINE)


def metrics_file() -> Path | None:
    """The file that the environment names; None without one."""
    named = os.environ.get(METRICS_VARIABLE)
    return Path(named) if named else None


@dataclass(frozen=True)
class HealthAnswer:
    """What `/health` says; without a file of checks there is no such address."""

    metrics: Path | None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def state(self) -> State:
        """That of the newest check; `unknown` where it is missing, damaged or too old."""
        if self.metrics is None:
            return "unknown"
        try:
            with self.metrics.open("rb") as file:
                text = file.read(portal_limits.METRICS_BYTES).decode()
        except (OSError, UnicodeDecodeError):
            return "unknown"
        healthy, checked = _HEALTHY.search(text), _CHECKED.search(text)
        if healthy is None or checked is None:
            return "unknown"
        age = self.clock() - datetime.fromtimestamp(int(checked[1]), UTC)
        if not -portal_limits.NEWEST_CHECK < age < portal_limits.NEWEST_CHECK:
            return "unknown"
        return "healthy" if healthy[1] == "1" else "unhealthy"

    def answer(self, request: Request) -> Response:
        """200 or 503. Raises HTTPException for requests from elsewhere."""
        if self.metrics is None or not _is_from_here(request):
            raise HTTPException(404)
        state = self.state()
        return JSONResponse({"status": state}, _STATUS[state])

    def route(self) -> Route:
        """The address, for GET and HEAD."""

        def answered(request: Request) -> Response:
            return self.answer(request)

        return Route(PATH, answered)


def _is_from_here(request: Request) -> bool:
    sender = request.client.host if request.client else ""
    return sender in _HERE and not any(name in request.headers for name in _PASSED_ON)
