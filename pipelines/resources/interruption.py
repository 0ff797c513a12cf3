"""An orderly end when somebody presses Ctrl-C or a supervisor ends the process.

Signals are noted, not raised: an exception in the middle of a query would look like a fault of
the pipeline, and one in the middle of publication would leave the rest to the next run. Stages
ask `received` before each day, suppression and the gate before each table of it.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

MESSAGE = (
    "interrupted; released figures are unchanged and nothing is half published; run again "
    "to continue"
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_noted: list[int] = []


def exit_code(signal_number: int) -> int:
    """130 for Ctrl-C, 143 for SIGTERM, as shells count."""
    return 128 + signal_number


def received() -> int | None:
    """The signal that asked for an end, None while nobody did."""
    return _noted[0] if _noted else None


@contextmanager
def heeding_signals(on_signal: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Note the first signal and call `on_signal`; the second ends the process as a kill would.

    Does nothing outside of the main thread, which alone receives signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, _: FrameType | None) -> None:
        if _noted:
            os._exit(exit_code(number))
        _noted.append(number)
        with suppress(Exception):
            on_signal()

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
