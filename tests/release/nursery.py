"""Runs publication again and again in children that are killed at a given step.

python nursery.py DAY          then a line `HOME STEP` each on standard input
python nursery.py correction   the same, with a correction in place of a release of the day

A step is a moment at which the program asks the system to change something: it opens, makes,
renames or removes a file, waits for a disk, or enters the ledger's database. STEP 0 is never.
For each line it prints the child's exit code and how many steps it took, as far as it lived.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from correction_world import correct
from interrupted_run import run

from anonymizer.storage.home import Home

STEPS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate",
         "shutil.rmtree", "sqlite3.connect"}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Steps:
    """Counts the steps of this process, and ends it at one of them."""

    def __init__(self, last: int, counter: int) -> None:
        self.taken, self._last, self._counter = 0, last, counter

    def take(self) -> None:
        self.taken += 1
        os.pwrite(self._counter, f"{self.taken:8}".encode(), 0)
        if self.taken == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if opened or event in STEPS:
            self.take()


def after_each(function: Callable[[int], None], steps: Steps) -> Callable[[int], None]:
    def stepping(descriptor: int) -> None:
        function(descriptor)
        steps.take()

    return stepping


def child(home: Home, work: Callable[[Home], object], last: int, counter: int) -> None:
    steps = Steps(last, counter)
    os.fsync = after_each(os.fsync, steps)
    sys.addaudithook(steps.see)
    work(home)


def work_of(word: str) -> Callable[[Home], object]:
    """What a child does."""
    if word == "correction":
        return correct
    return partial(run, day=date.fromisoformat(word))


def main() -> None:
    work = work_of(sys.argv[1])
    for line in sys.stdin:
        position, last = line.split()
        counter = os.memfd_create("steps")
        process = os.fork()
        if not process:
            child(Home(Path(position)), work, int(last), counter)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        taken = int(os.pread(counter, 8, 0) or b"0")
        os.close(counter)
        print(os.waitstatus_to_exitcode(status), taken, flush=True)


if __name__ == "__main__":
    main()
