"""Delivers in a process that kills itself once a bucket has so many objects.

python interrupted_delivery.py HOME NUMBER
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from destinations import delivered

from anonymizer.delivery import bucket_folder
from anonymizer.storage.home import Home


def die_after(number: int) -> None:
    """Kill this process before the next object, or in the middle of it where it is odd."""
    put, done = bucket_folder._put, []

    def interrupted(system: Any, path: str, content: bytes) -> None:
        if len(done) == number:
            if number % 2:
                stream = system.open_output_stream(path)
                stream.write(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        put(system, path, content)
        done.append(path)

    bucket_folder._put = interrupted


if __name__ == "__main__":
    die_after(int(sys.argv[2]))
    delivered(Home(Path(sys.argv[1])))
