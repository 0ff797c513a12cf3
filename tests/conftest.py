"""Fixtures that several parts share: the home that `make demo` leaves behind."""

import atexit
import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from demonstration import ROOT, Demo
from filelock import FileLock

pytest_plugins = ["system_packages", "rotation", "object_server", "spark_cluster"]
Once = Callable[[str, Callable[[Path], object]], Path]

# As in the command: at Python's usual counts, a tenth of the time of a run goes into looking again
# and again at objects that live as long as the process.
gc.set_threshold(50_000, 20, 20)


def pytest_collection_finish() -> None:
    """Leave modules and collected tests out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Folders that are filled once for all test workers, by name. Not to be changed: copy them."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def filled(name: str, fill: Callable[[Path], object]) -> Path:
        folder, mark = shared / "once" / name, shared / "once" / f"{name}.done"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(folder.with_name(f"{name}.lock")):
            if not mark.exists():
                folder.mkdir()
                fill(folder)
                mark.touch()
        return folder

    return filled


@pytest.fixture(scope="session")
def demo(once: Once) -> Demo:
    """`make demo` in a folder of its own, with the key of the pictures (website/pictures.py)."""

    def make(folder: Path) -> None:
        key = folder / "known.key"
        key.touch(mode=0o600)
        key.write_text(hashlib.sha256(b"a key that everyone knows").hexdigest(), encoding="ascii")
        done = subprocess.run(
            ["make", "demo", f"HOME_DIR={folder / 'home'}"],
            cwd=ROOT,
            env={**os.environ, "AUDIENCE_SECRET_FILE": str(key)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        key.rename(folder / "home/secret.key")
        (folder / "said.txt").write_text(done.stdout, encoding="utf-8")

    folder = once("demo", make)
    return Demo(folder / "home", (folder / "said.txt").read_text(encoding="utf-8"))


@atexit.register
def _close_standard_error() -> None:
    """Keep pytest's closing line the last one.

    Where DuckDB's types are alive when the interpreter ends, its bindings list them on standard
    error, after everything else has been said.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
