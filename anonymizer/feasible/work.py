"""A fixed amount of work: steps of the search are counted, never seconds.

Whatever looks for tables or proofs charges the meter of its context. When the limit is reached,
programs answer that nothing is known and loops end; what is undecided then stays undecided. So
the same input and the same limit give the same outcome on every machine, busy or not. Where
nobody counts, nothing is limited.

One unit is about 10 microseconds of one core: a step of the simplex method on 400 rows and
columns, or an eighth of a move of people from one class to another.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from anonymizer.feasible import search_limits

Listener = Callable[[int], None]


def _no_listener(_: int) -> None:
    """Where nobody wants to know."""


class Work:
    """Units of work `spent`, and how many are `left` until the limit; None is no limit.

    `tell` is called with the units spent each time that some thousand more are.
    """

    def __init__(self, limit: int | None = None, tell: Listener = _no_listener) -> None:
        self.limit, self.spent = limit, 0
        self._tell, self._reported = tell, 0

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self.limit is not None

    @property
    def left(self) -> int:
        """Units until the limit."""
        return sys.maxsize if self.limit is None else max(self.limit - self.spent, 0)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.limit is not None and self.spent >= self.limit

    def spend(self, units: int) -> None:
        """Charge units; the last step may go beyond the limit."""
        self.spent += units
        if self.spent - self._reported >= search_limits.TELL_EVERY:
            self._reported = self.spent
            self._tell(self.spent)

    @contextmanager
    def part(self, most: int) -> Iterator["Work"]:
        """A meter for at most so many of the units left; what it counts is charged here too."""
        limit = min(most, self.left) if self.limited else None
        before = self.spent
        share = Work(limit, lambda spent: self._tell(before + spent))
        try:
            yield share
        finally:
            self.spend(share.spent)


_current: ContextVar[Work | None] = ContextVar("work", default=None)


def meter() -> Work:
    """The meter of this context."""
    return _current.get() or Work()


@contextmanager
def counting(work: Work) -> Iterator[None]:
    """Charge everything within to this meter."""
    token = _current.set(work)
    try:
        yield
    finally:
        _current.reset(token)
