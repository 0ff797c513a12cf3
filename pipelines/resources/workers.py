"""Several processes for the days and tables of a run, which stop when it is told to stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from anonymizer.model.errors import Held
from anonymizer.model.policy import Effort
from anonymizer.storage.processes import ProcessPool, Workers
from pipelines.resources import interruption

_pool: ContextVar[ProcessPool | None] = ContextVar("pool", default=None)


@contextmanager
def lasting_processes() -> Iterator[None]:
    """Let the runs within share their processes, which take a second to start."""
    if _pool.get() is not None:
        yield
        return
    with ProcessPool() as pool:
        token = _pool.set(pool)
        try:
            yield
        finally:
            _pool.reset(token)


def start_processes(effort: Effort, work: Callable[[Any, Any], object]) -> None:
    """Within `lasting_processes`, start those that the policy allows, to be ready for `work`."""
    if (pool := _pool.get()) is not None and effort.threads > 1:
        pool.start(effort.threads, work)


def heedful_workers(effort: Effort) -> Workers:
    """As many as the policy allows. Once a signal is noted their day is held as `interrupted`."""
    return Workers(effort.threads, _go_on, pool=_pool.get())


def _go_on() -> None:
    if interruption.received():
        raise Held("interrupted", interruption.MESSAGE.removeprefix("interrupted; "))
