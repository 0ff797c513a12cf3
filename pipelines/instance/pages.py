"""Dagster's pages and its daemon, under the process that `audience ui` becomes.

Like `dagster dev`, but for two things: the webserver refuses what other sites ask (`webserver.py`),
and the screen shows the address and what goes wrong, not the log of the daemon.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines import run_limits
from pipelines.instance.instance import make_storage
from pipelines.messages.screen import notices, out

_HERE = "127.0.0.1"
_QUIET = ("--code-server-log-level", "error")


def main() -> int:
    """Serve the code location on a port of this machine until a signal; 1 if a process ends."""
    parser = argparse.ArgumentParser(prog="pages")
    parser.add_argument("port", type=int)
    port: int = parser.parse_args().port
    # A supervisor's SIGTERM, a closed terminal, and Ctrl-C also where a shell's background job was
    # told to ignore it: all end the processes below.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    notices().print("Starting Dagster's pages; this takes up to half a minute ...")
    try:
        make_storage(Path(os.environ["DAGSTER_HOME"]))
        with _running(_webserver(port), _daemon()) as processes:
            return _watch(processes, f"http://{_HERE}:{port}")
    except KeyboardInterrupt:
        return 0


def _webserver(port: int) -> list[str]:
    address = ["--host", _HERE, "--port", str(port)]
    return ["pipelines.webserver", *address, "--dagster-log-level", "warning", *_QUIET]


def _daemon() -> list[str]:
    return ["dagster._daemon", "run", "--log-level", "warning", *_QUIET]


@contextmanager
def _running(*modules: Sequence[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes of their own session: a terminal's Ctrl-C reaches them once, from here."""
    workspace = str(Path(__file__).parents[1] / "workspace.yaml")
    processes: list[subprocess.Popen[bytes]] = []
    ending = threading.Event()
    try:
        for module in modules:
            command = [sys.executable, "-P", "-m", *module, "--workspace", workspace]
            process = subprocess.Popen(  # noqa: S603
                command, start_new_session=True, stderr=subprocess.PIPE
            )
            processes.append(process)
            threading.Thread(target=_pass_on, args=(process, ending), daemon=True).start()
        yield processes
    finally:
        ending.set()
        _end(processes)


def _pass_on(process: subprocess.Popen[bytes], ending: threading.Event) -> None:
    """Show what a process complains about, but not that it was interrupted because all end."""
    assert process.stderr is not None
    for line in process.stderr:
        if not ending.is_set():
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Let each finish what it has begun; a run finishes the day that it writes."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(run_limits.PAGES_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()


def _watch(processes: Sequence[subprocess.Popen[bytes]], address: str) -> int:
    """Say when the pages answer; returns when a process has ended, which none should."""
    ready = False
    while all(process.poll() is None for process in processes):
        if not ready and (ready := _answers(address)):
            out().print(f"Dagster's pages: {address} (Ctrl-C ends them)")
        time.sleep(run_limits.PAGES_PAUSE_SECONDS)
    time.sleep(
        run_limits.PAGES_PAUSE_SECONDS
    )  # for what it complained about to be shown before this
    notices().print("A process of Dagster has ended; the pages end, too.", style="red")
    return 1


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5):  # noqa: S310  # nosec
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
