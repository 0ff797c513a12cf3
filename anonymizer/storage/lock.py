"""One process writes at a time: an advisory lock on `run.lock`.

The kernel drops the lock when its holder ends, however it ends, so there is no stale lock to
remove; the file stays and only says who held it last. Reading it is enough to lock it, so it can be
read by its owner alone: no other account can keep the runs out.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from anonymizer.model.errors import Busy, NoSpace
from anonymizer.storage.files import PUBLIC, make_folder
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import OWNER_ONLY, require_writable, restrict

_MODE = 0o600


@dataclass
class _LockState:
    """A lock that this process has: its open file, the umask before, how many blocks are inside."""

    descriptor: int
    umask: int
    depth: int = 1


_held: dict[str, _LockState] = {}
_guard = threading.Lock()


@contextmanager
def exclusive(home: Home) -> Iterator[None]:
    """Hold the home's lock for the block. Raises Busy at once when another process has it.

    Raises NoSpace at once when something cannot be written that a run writes. What the block
    creates without stating a mode is its owner's alone, whatever the umask was.

    A process that has the lock may enter again: a run takes it as a whole, and so does each
    step that writes.
    """
    place = str(home.lock.absolute())
    with _guard:
        if place in _held:
            _held[place].depth += 1
        else:
            _held[place] = _LockState(_take(home), os.umask(OWNER_ONLY))
    try:
        yield
    finally:
        with _guard:
            lock = _held[place]
            lock.depth -= 1
            if not lock.depth:
                del _held[place]
                restrict(home)
                os.umask(lock.umask)
                os.close(lock.descriptor)


def is_free(home: Home) -> bool:
    """Whether nobody writes at the moment. Asking takes the lock for that moment, shared."""
    try:
        descriptor = os.open(home.lock, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _take(home: Home) -> int:
    require_writable(home)
    try:
        make_folder(home.root, PUBLIC)
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _MODE)
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
