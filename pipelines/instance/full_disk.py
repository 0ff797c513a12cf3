"""Dagster keeps its records in the home, too: where these find no room, that is told as such."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from anonymizer.model.errors import AudienceError, NoSpace

_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
# What the operating system and SQLite say.
_WORDS = (
    *map(os.strerror, _NUMBERS),
    *("database or disk is full", "disk I/O error", "attempt to write a readonly database"),
)


@contextmanager
def explaining_full_disks() -> Iterator[None]:
    """Raise NoSpace for errors of other libraries that come from a disk without room."""
    try:
        yield
    except AudienceError:
        raise
    except Exception as error:
        if any(_is_of_a_full_disk(cause) for cause in _causes(error)):
            raise NoSpace("dagster", "the disk is full or read-only") from None
        raise


def tells_of_a_full_disk(text: str) -> bool:
    """Whether an error that is known by its text comes from a disk without room."""
    return any(words in text for words in _WORDS)


def _is_of_a_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _NUMBERS
    return tells_of_a_full_disk(str(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__
