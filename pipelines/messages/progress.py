"""Tells whoever runs the pipeline in this process how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date

STAGES = ("intake", "eligibility", "reach", "publication")


@dataclass(frozen=True)
class StageProgress:
    """A day begins a stage, or is through it (`held`: it went no further)."""

    stage: str
    day: date
    done: bool
    held: bool = False


Listener = Callable[[StageProgress], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def announce(step: StageProgress) -> None:
    """Tell the listener, if there is one."""
    if listener := _listener.get():
        listener(step)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send all steps of the runs within to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
