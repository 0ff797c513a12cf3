"""Ctrl-C and SIGTERM during a run: an orderly end, and the next run finishes the rest."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from cli.release_summary import verify_published


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "stage"),
    [(signal.SIGINT, 130, "journal/intake"), (signal.SIGTERM, 143, "journal/eligibility")],
)
def test_an_interrupted_run_ends_in_good_order(
    fresh_home: Home, released_world: Home, audience, number: int, code: int, stage: str
) -> None:  # type: ignore[no-untyped-def]
    words = ("run", "--from", "2026-11-01", "--to", "2026-11-03")
    command = Path(sys.executable).with_name("audience")
    run = subprocess.Popen([command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(fresh_home.private / stage, run)
    run.send_signal(number)
    said = run.communicate(timeout=60)[0].decode()
    assert run.returncode == code, said
    assert "interrupted; released figures are unchanged" in " ".join(said.split())
    assert "fault of the pipeline" not in said
    again = audience(*words)
    assert again.returncode == 0, again.stderr
    ledger = Ledger.open(fresh_home.ledger)
    assert verify_published(fresh_home, ledger).releases == 3
    assert exports(fresh_home) == exports(released_world)


def wait_for(path: Path, run: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert path.exists()


def exports(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.exports)): path.read_bytes()
        for path in home.exports.rglob("*")
        if path.is_file()
    }
