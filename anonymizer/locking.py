"""One process writes at a time: an advisory lock on `run.lock`.

The kernel drops the lock when its holder ends, however it ends, so there is no stale lock to
remove; the file stays and only says who held it last.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from anonymizer.errors import Busy, NoSpace
from anonymizer.home import Home
from anonymizer.permissions import restrict


@dataclass
class _Held:
    """A lock that this process has: its open file and how many blocks are inside."""

    descriptor: int
    depth: int = 1


_held: dict[str, _Held] = {}
_guard = threading.Lock()


@contextmanager
def exclusive(home: Home) -> Iterator[None]:
    """Hold the home's lock for the block. Raises Busy at once when another process has it.

    A process that has the lock may enter again: a run takes it as a whole, and so does each
    step that writes.
    """
    place = str(home.lock.absolute())
    with _guard:
        if place in _held:
            _held[place].depth += 1
        else:
            _held[place] = _Held(_take(home))
    try:
        yield
    finally:
        with _guard:
            lock = _held[place]
            lock.depth -= 1
            if not lock.depth:
                del _held[place]
                restrict(home)
                os.close(lock.descriptor)


def _take(home: Home) -> int:
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise NoSpace(home.root.name, type(error).__name__) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise Busy(f"process {holder or 'unknown'} holds {home.lock.name}") from None
    restrict(home)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        pass  # a full disk: the lock is held all the same, it only does not say by whom
    return descriptor
