"""Runs the whole of publication in a process that kills itself at a given point.

python interrupted_run.py HOME DAY POINT
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from release_world import SECRET, release

from anonymizer.exports import database, export_folders
from anonymizer.exports.database_growth import update_database
from anonymizer.release import folder as release_folder
from anonymizer.release import publication
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home

NEXT = date(2026, 11, 23)
# Where: the function that is interrupted, and whether it has done its work by then.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "while staging": (release_folder, "write_bytes", False),
    "before the state": (publication, "keep_state", False),
    "between state and ledger": (publication, "keep_state", True),
    "between ledger and rename": (Ledger, "append", True),
    "after the rename": (publication, "move_into_place", True),
    "while writing exports": (export_folders, "manifest_bytes", False),
    "between two advertisers": (export_folders, "move_into_place", True),
    "while building the database": (database, "move_into_place", False),
    "after the database": (database, "move_into_place", True),
    "never": (publication, "", False),
}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt(point: str) -> None:
    owner, name, finished = POINTS[point]
    if not name:
        return
    whole: Callable[..., object] = getattr(owner, name)

    def interrupted(*arguments: object, **named: object) -> None:
        if finished:
            whole(*arguments, **named)
        die()

    setattr(owner, name, interrupted)


def run(home: Home, day: date) -> None:
    published = release(home, day).release
    export_folders.write_exports(published, home, Ledger.open(home.ledger), SECRET)
    update_database(home, Ledger.open(home.ledger))


def run_and_die(home: Home, point: str, **environment: str) -> int:
    """Run the second day in a process that dies at a point; its exit code."""
    return subprocess.run(
        [sys.executable, __file__, str(home.root), NEXT.isoformat(), point],
        env=os.environ | environment,
        check=False,
        timeout=60,
    ).returncode


if __name__ == "__main__":
    position, day, point = sys.argv[1:]
    interrupt(point)
    run(Home(Path(position)), date.fromisoformat(day))
