"""Fixtures that several parts share: the home that `make demo` leaves behind."""

import atexit
import os
import subprocess
import sys

import pytest
from demonstration import ROOT, Demo
from filelock import FileLock

pytest_plugins = ["system_packages"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Demo:
    """`make demo` in a folder of its own, run once for all test workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    home, log = shared / "demo", shared / "demo.txt"
    with FileLock(shared / "demo.lock"):
        if not log.exists():
            done = subprocess.run(
                ["make", "demo", f"HOME_DIR={home}"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
            log.write_text(done.stdout, encoding="utf-8")
    return Demo(home, log.read_text(encoding="utf-8"))


@atexit.register
def _close_standard_error() -> None:
    """Keep pytest's closing line the last one.

    Where DuckDB's types are alive when the interpreter ends, its bindings list them on standard
    error, after everything else has been said.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
