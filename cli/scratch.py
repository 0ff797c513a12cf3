"""A home for a dry run, outside of the real one, that goes whatever becomes of the process.

It holds pseudonymous working data. A small process beside this one waits for the end of it, also by
a signal that cannot be caught, and removes the folder.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anonymizer.storage.home import Home

_PREFIX = "audience-check-"
# Ends when the pipe closes, whoever closes it; what stops the command does not stop this.
_REMOVER = (
    "import shutil, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "sys.stdin.buffer.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"
)


@contextmanager
def scratch_home(raw: Path) -> Iterator[Home]:
    """An empty home for the owner alone that sees the raw zone of another; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    remover = subprocess.Popen(  # noqa: S603  nothing of it comes from outside
        [sys.executable, "-I", "-S", "-c", _REMOVER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        (folder / "raw").symlink_to(raw)
        yield Home(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        remover.communicate()
