"""A real PostgreSQL server in a folder of its own, reached by a socket in that folder."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

_ACCOUNT = "postgres"
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

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
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
    """Run as the account that Debian's package makes: the server refuses to be root."""
    if os.geteuid():
        return {}
    return {"user": _ACCOUNT, "group": _ACCOUNT, "extra_groups": []}


def find_programs() -> Path | None:
    """The folder of the newest installed server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    # Not pytest's folder: the server's account may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="ledger-", dir="/tmp"))
    account = getpass.getuser() if os.geteuid() else _ACCOUNT
    server = Server(folder, programs)
    try:
        word = folder / "password"
        word.write_text(PASSWORD, encoding="utf-8")
        for path in (folder, word):
            shutil.chown(path, account)
        made = [
            *(programs / "initdb", "-D", folder / "data", "-U", "keeper", "-A", "scram-sha-256"),
            *("--pwfile", word, "--no-sync", "-E", "UTF8", "--locale", "C"),
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **unprivileged())
        server.start()
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
