"""Schemathesis sends what the description allows, and what it does not, to a real server."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from published_world import ROOT, Server, wait

from anonymizer.storage.home import Home
from portal.account_store import AccountStore
from portal.api_description import DESCRIPTION, ROUTES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("portal")]
# The portal as `audience portal` serves it, but for the number of requests a minute.
_PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
from anonymizer.storage.home import Home
from portal.request_limit import RequestLimit
from portal.server import serve, site_of
site = replace(site_of(Home(Path(sys.argv[1]))), requests=RequestLimit(per_minute=1_000_000))
serve(site, int(sys.argv[2]))
"""


@pytest.fixture
def unlimited(portal_home: Home) -> Iterator[Server]:
    """A server as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(portal_home.root), str(port)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            wait(process, port)
            yield Server(portal_home, port)
        finally:
            process.terminate()


def test_the_api_does_what_its_description_says(unlimited: Server, tmp_path: Path) -> None:
    token = AccountStore(unlimited.home.portal_accounts).tokens.add("both", "test", 1)[1]
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{unlimited.origin}{DESCRIPTION}",
            *("--header", f"Authorization: Bearer {token}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "40", "--seed", "1", "--generation-database", "none"),
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert f"{len(ROUTES)} selected / {len(ROUTES)} total" in done.stdout
