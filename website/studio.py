"""Homes of sample data, servers on loopback and a browser, of which pictures are taken."""

import csv
import gzip
import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
# Of sample data alone. A home with people in it has a key that `audience init` draws.
KNOWN_KEY = hashlib.sha256(b"a key that everyone knows").hexdigest()
LOGIN, PASSWORD = "pictures", "only for pictures of the sample data"  # guards nothing
AUDIENCE = (sys.executable, "-m", "cli.main")
Scheme = Literal["light", "dark"]
_HELD_DAYS = ("2026-11-01", "2026-11-04")
_PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Studio:
    """A demo, a home with a held day, a folder for what is in between, and a browser."""

    home: Path
    held: Path
    folder: Path
    browser: Browser

    @contextmanager
    def page(self, width: int, height: int, scheme: Scheme = "light") -> Iterator[Page]:
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            locale="en-GB",
            timezone_id="Asia/Jakarta",
        )
        yield context.new_page()
        context.close()


@contextmanager
def studio(home: Path, held: Path, folder: Path) -> Iterator[Studio]:
    """With an account for the portal, in copies of both homes."""
    own = folder / "copies"
    shutil.rmtree(own, ignore_errors=True)
    copies = [shutil.copytree(one, own / one.name, symlinks=True) for one in (home, held)]
    adding = ("user", "add", LOGIN, "--role", "analyst", "--ask")
    audience(*adding, home=copies[0], typed=f"{PASSWORD}\n")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield Studio(copies[0], copies[1], own, browser)
        browser.close()
    shutil.rmtree(own)


def audience(*words: str, home: Path, typed: str = "", code: int = 0) -> str:
    """What a command prints, on both streams. Ends the program where its exit code is another."""
    done = subprocess.run(
        [*AUDIENCE, *words],
        env=_environment(home),
        input=typed,
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode != code:
        sys.exit(f"audience {' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def demo_home(home: Path) -> Path:
    """The demo of `make demo`, but for its key; what is there is used."""
    if not (home / "published").exists():
        with_known_key(home, "demo")
    return home


def held_home(home: Path) -> Path:
    """Three days of a smaller sample are released; profiles of the fourth have lost birth dates."""
    if (home / "published").exists():
        return home
    first, last = _HELD_DAYS
    size = (
        "--people",
        "2000",
        "--days",
        "5",
        "--visits",
        "10000",
        "--campaigns",
        "3",
        "--advertisers",
        "2",
    )
    with_known_key(home, "init")
    audience("sample", *size, "--start", first, "--layout", "single", home=home)
    (path,) = (home / f"raw/profiles/day={last}").glob("*.csv.gz")
    rows = list(csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8-sig"))))
    column = rows[0].index("birth_date")
    for row in rows[1::3]:
        row[column] = ""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    run_held(home)
    return home


def run_held(home: Path) -> str:
    """What a run says of the held day."""
    first, last = _HELD_DAYS
    return audience("run", "--from", first, "--to", last, home=home, code=4)


def with_known_key(home: Path, *words: str) -> None:
    """Run a command that makes a home; this keeps the known key."""
    home.parent.mkdir(parents=True, exist_ok=True)
    key = home.with_name(f"{home.name}.key")
    key.touch(mode=0o600)
    key.write_text(KNOWN_KEY + "\n", encoding="ascii")
    os.environ["AUDIENCE_SECRET_FILE"] = str(key)
    try:
        audience(*words, home=home)
    finally:
        del os.environ["AUDIENCE_SECRET_FILE"]
    key.rename(home / "secret.key")


@contextmanager
def serving(home: Path, command: tuple[str, ...], path: str) -> Iterator[str]:
    """A server of a home on loopback, ended by its process id; yields its address.

    `command` ends with the option of the port, `path` is a page that answers once it is up.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*command, str(port)],
        env=_environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _await(address + path, server)
        yield address
    finally:
        server.terminate()
        server.wait(_PATIENCE_SECONDS)


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "AUDIENCE_HOME": str(home), "PYTHONPATH": str(ROOT)}


def _await(address: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.3)
        else:
            return
    sys.exit(f"no server answers at {address}")
