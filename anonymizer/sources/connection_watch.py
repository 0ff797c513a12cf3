"""Ends a connection on which nothing has been answered for too long.

A time limit of a statement is kept by the server; one that is stopped, or whose machine is gone,
keeps none. Then the end of the connection is what a waiting reader notices.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic


class ConnectionWatch:
    """Counts the seconds since something was answered on the connection of a descriptor."""

    def __init__(self, descriptor: int, seconds: float) -> None:
        self._seconds = seconds
        self._done = Event()
        self._answered = monotonic()
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._thread = Thread(target=self._watch, name="connection-watch", daemon=True)

    def note_answer(self) -> None:
        """The time begins again."""
        self._answered = monotonic()

    @contextmanager
    def running(self) -> Iterator["ConnectionWatch"]:
        """Watch until the block ends."""
        self._thread.start()
        try:
            yield self
        finally:
            self._done.set()
            self._thread.join()
            self._socket.close()

    def _watch(self) -> None:
        while (left := self._answered + self._seconds - monotonic()) > 0:
            if self._done.wait(left):
                return
        with suppress(OSError):  # it has ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)
