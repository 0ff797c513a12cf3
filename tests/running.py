"""The command `audience`: in this process where its words and files are the point, or by itself.

A process of its own costs up to three seconds of imports, so tests of what a command says and does
call it here. Signals, kills, locks, start-up, what a command loads and the one run from end to end
need `start`.
"""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from cli.main import main

COMMAND = str(Path(sys.executable).with_name("audience"))
Done = subprocess.CompletedProcess[str]


def call(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
    folder: Path | None = None,
) -> Done:
    """The command in this process, with what it printed and its exit code.

    `environment` adds variables, `without` takes those away that begin so; `folder` is where it
    is called.
    """
    words = [COMMAND, *map(str, arguments)]
    output, errors = _stream(), _stream()
    with ExitStack() as during:
        during.enter_context(_variables(environment or {}, without))
        during.enter_context(_own_handlers())
        during.enter_context(chdir(folder or Path.cwd()))
        during.enter_context(mock.patch.object(sys, "argv", words))
        during.enter_context(mock.patch.object(sys, "stdin", _stream()))
        during.enter_context(redirect_stdout(output))
        during.enter_context(redirect_stderr(errors))
        code = _exit_code()
    return Done(words, code, _content(output), _content(errors))


def start(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Done:
    """The installed command as a process of its own, to its end."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        cwd=folder,
        check=False,
    )


def _exit_code() -> int:
    """What a process that only calls `main` would end with."""
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@contextmanager
def _variables(added: Mapping[str, str], without: tuple[str, ...]) -> Iterator[None]:
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith(without)]:
            del os.environ[name]
        os.environ.update(added)
        yield


@contextmanager
def _own_handlers() -> Iterator[None]:
    """Some commands take signals over until their process ends."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stream() -> io.TextIOWrapper:
    """As a pipe of a process is: text over bytes."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
