"""How many requests a session, or an address without one, may send: so that none slows the others.

Each has a bucket of tokens, kept in memory: a request takes one, and they come back evenly.
Signed addresses of files have buckets of their own: a table can have thousands of files.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from portal import portal_limits

_MINUTE = 60.0


class RequestLimit:
    """Buckets by name. `clock` says how many seconds have passed."""

    def __init__(
        self,
        per_minute: int = portal_limits.REQUESTS_PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when
        self._stated: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def seconds_to_wait(self, name: str) -> int:
        """0 for a request that is within the limit and is counted; else when to try again."""
        with self._lock:
            now, per_second = self._clock(), self._per_minute / _MINUTE
            self._forget_full(now)
            tokens, since = self._buckets.pop(name, (float(self._per_minute), now))
            tokens = min(self._per_minute, tokens + (now - since) * per_second)
            wait = 0 if tokens >= 1 else max(1, math.ceil((1 - tokens) / per_second))
            self._buckets[name] = (tokens if wait else tokens - 1, now)
            return wait

    def is_news(self, name: str) -> bool:
        """Whether a name that is refused was not stated within a minute: for one line of a log."""
        with self._lock:
            now = self._clock()
            while self._stated and now - next(iter(self._stated.values())) >= _MINUTE:
                self._stated.popitem(last=False)
            is_news = name not in self._stated
            self._stated.setdefault(name, now)
            return is_news

    def _forget_full(self, now: float) -> None:
        """Buckets that were not used for a minute are full, as those of new names are."""
        while self._buckets:
            name, (_, since) = next(iter(self._buckets.items()))
            if now - since < _MINUTE:
                return
            del self._buckets[name]
