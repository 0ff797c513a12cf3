"""A small home with everything that the portal has to show, and its server as a process.

The two campaigns of `release_world`, one of each advertiser, on three days, in the week and the
month, with interests and the audience. The first day was released wrong and corrected, the third
was withdrawn.
"""

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
from datetime import timedelta
from pathlib import Path

from cheap_passwords import CHEAP
from correction_world import correct, release_wrong
from release_world import DAY, SECRET, release, release_longer

from anonymizer.exports.database import build_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.exports.withdrawal import in_circulation, withdraw
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.storage.home import Home, PublishedCopy
from portal.account_store import AccountStore
from portal.user_accounts import UserAccount

ROOT = Path(__file__).parents[2]
SECOND_DAY, THIRD_DAY = DAY + timedelta(days=1), DAY + timedelta(days=2)
CORRECTED, CORRECTION = "campaign-day-2026-11-22", "campaign-day-2026-11-22~2"
GOOD, WITHDRAWN = "campaign-day-2026-11-23", "campaign-day-2026-11-24"
WEEK = "campaign-week-2026-W47"
WHY_WITHDRAWN = "Visits of this day were delivered twice"
PASSWORD = "a horse that is correct"
ACCOUNTS = (
    UserAccount("nina", "ad_ops", ("maju",)),
    UserAccount("budi", "ad_ops", ("jaya",)),
    UserAccount("both", "ad_ops", ("jaya", "maju")),
    UserAccount("sari", "ad_ops", ("nowhere",)),
    UserAccount("wira", "analyst"),
)


def build(home: Home) -> None:
    """Release everything, and make the accounts."""
    home.root.mkdir(parents=True, exist_ok=True)
    for name in ("policy.yaml", "segments.yaml"):
        shutil.copy(ROOT / "anonymizer/defaults" / name, home.root / name)
    release_wrong(home)
    correct(home)
    for day in (SECOND_DAY, THIRD_DAY):
        release(home, day)
    release_longer(home)
    ledger = Ledger.open(home.ledger)
    for one in load_releases(home, ledger):
        write_exports(one, home, ledger, SECRET)
    withdraw(WITHDRAWN, WHY_WITHDRAWN, home, ledger, SECRET)
    build_database(in_circulation(load_releases(home, ledger), ledger), home)
    add_accounts(AccountStore(home.portal_accounts))


def add_accounts(store: AccountStore) -> None:
    password = CHEAP.hash(PASSWORD)
    for account in ACCOUNTS:
        store.add(account, password)


def published(home: Home) -> PublishedCopy:
    return PublishedCopy(home.published)


@dataclass(frozen=True)
class Server:
    """A portal that is running."""

    home: Home
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(home: Home) -> Iterator[Server]:
    """`audience portal` as a process with cheap passwords, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    program = [sys.executable, str(Path(__file__).with_name("cheap_passwords.py"))]
    command = [*program, "portal", "--home", str(home.root), "--port", str(port)]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            wait(process, port)
            yield Server(home, port)
        finally:
            process.terminate()


def wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Until the portal answers."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in") as page:
                assert page.status == 200
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the portal did not answer within two minutes")
