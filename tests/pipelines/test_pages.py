"""`audience ui`: Dagster's pages are up on this machine alone, and gone when they are ended."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from anonymizer.storage.home import Home
from cli.commands.init import create_home

pytestmark = pytest.mark.slow
AUDIENCE = str(Path(sys.executable).with_name("audience"))
PATIENCE_SECONDS = 120


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_home(Home(tmp_path / "home"))


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def until(true: Iterator[bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    for answer in true:
        if answer:
            return
        assert time.monotonic() < deadline
        time.sleep(0.2)


def answering(port: int) -> Iterator[bool]:
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info") as answer:
                yield b"dagster_webserver_version" in answer.read()
        except OSError:
            yield False


def processes_of(home: Home) -> set[int]:
    """Every process that was given this home, however it was started."""
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if str(home.root).encode() in environ.read_bytes():
                found.add(int(environ.parent.name))
    return found


IN_BACKGROUND = ["env", "--ignore-signal=INT"]  # as shells start background jobs


@pytest.mark.parametrize(
    ("before", "number"),
    [([], signal.SIGINT), ([], signal.SIGTERM), (IN_BACKGROUND, signal.SIGTERM)],
    ids=["Ctrl-C", "ended", "ended in the background"],
)
def test_ended_pages_leave_no_process_behind(
    before: list[str], number: signal.Signals, home: Home
) -> None:
    port = free_port()
    with subprocess.Popen(
        [*before, AUDIENCE, "ui", "--port", str(port)],
        env=os.environ | {"AUDIENCE_HOME": str(home.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(answering(port))
            assert len(processes_of(home)) > 2
            process.send_signal(number)
            assert process.wait(PATIENCE_SECONDS) == 0
            until(not processes_of(home) for _ in count())
        finally:
            for left in processes_of(home):
                with suppress(ProcessLookupError):
                    os.kill(left, signal.SIGKILL)


LOADED = '{"query": "{ repositoryOrError(repositorySelector: {repositoryLocationName: '
LOADED += '\\"audience\\", repositoryName: \\"__repository__\\"}) { __typename } }"}'


def loaded(port: int) -> Iterator[bool]:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=LOADED.encode(),
        headers={"Content-Type": "application/json"},
    )
    while True:
        try:
            with urllib.request.urlopen(asked) as answer:
                yield b'"__typename":"Repository"' in answer.read().replace(b" ", b"")
        except OSError:
            yield False


def test_the_pages_load_no_package_of_the_working_directory(home: Home, tmp_path: Path) -> None:
    for package in ("pipelines", "audience", "anonymizer"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise ValueError('not ours')\n", "utf-8")
    port = free_port()
    with subprocess.Popen(
        [AUDIENCE, "ui", "--port", str(port)],
        cwd=tmp_path,
        env=os.environ | {"AUDIENCE_HOME": str(home.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(loaded(port))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_SECONDS)


def test_a_port_that_is_taken_is_said_so_at_once(home: Home, busy: int) -> None:
    command = [AUDIENCE, "ui", "--home", str(home.root), "--port", str(busy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert f"port {busy} cannot be listened on" in done.stderr
