"""Files on their way to a reader: so many for an account, and for so long.

A file that is sent is a temporary one without a name, and a connection. A reader that takes nothing
would keep both: some of them would fill the disk, and then nobody would have a connection.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import IO

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from anonymizer.exports import export_limits
from portal import portal_limits


class TooManySendings(Exception):
    """An account is sent as many files as it may be at the same time."""


class Sending:
    """A file that an account is sent; it is gone, and its place free, when it is closed."""

    def __init__(self, sendings: "FileSendings", login: str, content: IO[bytes]) -> None:
        self.content, self._sendings, self._login = content, sendings, login
        self._is_open = True

    def close(self) -> None:
        """Close the file; more than once does nothing."""
        if self._is_open:
            self._is_open = False
            self.content.close()
            self._sendings.end(self._login)


class FileSendings:
    """How many files each account is sent now. `shortest` and `per_second` make the deadline."""

    def __init__(
        self,
        shortest: float = portal_limits.SHORTEST_SECONDS,
        per_second: int = portal_limits.BYTES_PER_SECOND,
    ) -> None:
        self._shortest, self._per_second = shortest, per_second
        self._open: Counter[str] = Counter()
        self._lock = Lock()

    def begin(self, login: str, content: IO[bytes]) -> Sending:
        """Begin to send a file. Closes it and raises TooManySendings beyond the limit."""
        with self._lock:
            if self._open[login] >= portal_limits.SENT_AT_ONCE:
                content.close()
                raise TooManySendings
            self._open[login] += 1
        return Sending(self, login, content)

    def end(self, login: str) -> None:
        """One is closed."""
        with self._lock:
            self._open[login] -= 1
            if not self._open[login]:
                del self._open[login]

    def seconds_for(self, size: int) -> float:
        """How long a file of so many bytes may take."""
        return self._shortest + size / self._per_second


class SentFile(StreamingResponse):
    """A file, closed when it is sent, when the reader has gone, and at its deadline."""

    def __init__(
        self, sending: Sending, seconds: float, headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(_parts(sending.content), 200, headers, media_type)
        self._sending, self._seconds = sending, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. At the deadline the answer stays incomplete, and the server ends it."""
        try:
            async with asyncio.timeout(self._seconds):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            return
        finally:
            self._sending.close()


def _parts(content: IO[bytes]) -> Iterator[bytes]:
    content.seek(0)
    while part := content.read(export_limits.PART_BYTES):
        yield part
