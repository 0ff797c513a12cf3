"""A home of the version before is upgraded as docs/deployment.md says, and brought back.

The way back is tried by the version before itself where its commit is in this repository.
"""

import io
import os
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from demonstration import ROOT

from anonymizer.storage.home import Home

Command = Callable[..., tuple[int, str]]
BEFORE = "5ccefc3"  # 0.5.0
ARCHIVE = Path(__file__).parent / "homes/of_this_format" / f"{BEFORE}.tar.xz"
LARGEST = 400_000
NEXT = "2026-11-05"
PAGE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path / "home", filter="data")
    return Home(tmp_path / "home")


def content(folder: Path) -> dict[str, bytes]:
    """What is there, but for a ledger's file, which SQLite may lay out anew."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "ledger.sqlite"
    }


def run_as(code: Path, home: Home, *words: str) -> str:
    """What a command of the code in a folder prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        cwd=home.root,
        env={**os.environ, "PYTHONPATH": str(code), "AUDIENCE_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def steps_of_the_upgrade() -> list[list[str]]:
    """The commands of the page that prove that nothing released has changed."""
    section = PAGE.split("### Upgrade\n")[1].split("\n### ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line)[1:] for line in block.splitlines()]


def test_the_archive_is_small() -> None:
    assert ARCHIVE.stat().st_size < LARGEST


@pytest.mark.slow
def test_a_home_is_upgraded_step_by_step_and_brought_back(
    home: Home, command: Command, tmp_path: Path
) -> None:
    released = {**content(home.releases), **content(home.exports)}
    chain = home.public_ledger.read_bytes()
    code, told = command("backup", tmp_path / "backup", "--home", home.root)
    assert code == 0, told

    assert steps_of_the_upgrade()[0] == ["migrate", "--dry-run"]
    for words in steps_of_the_upgrade():
        code, told = command(*words, "--home", home.root)
        assert code == 0, (words, told)
    run_as(ROOT, home, "run", "--from", "2026-11-04", "--to", NEXT)
    for words in (("verify",), ("ledger", "verify")):
        code, told = command(*words, "--home", home.root)
        assert code == 0, told
        assert "4 releases" in told
    now = {**content(home.releases), **content(home.exports)}
    assert {name: now[name] for name in released} == released
    assert home.public_ledger.read_bytes().startswith(chain)

    # The way back: the backup in a new home is what the version before had written.
    back = Home(tmp_path / "back")
    code, told = command("restore", tmp_path / "backup", "--home", back.root)
    assert code == 0, told
    assert {**content(back.releases), **content(back.exports)} == released
    assert back.public_ledger.read_bytes() == chain
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path / "before", filter="data")
    before = Home(tmp_path / "before")
    for name in ("policy", "segments", "database"):
        assert getattr(back, name).read_bytes() == getattr(before, name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.needs("git")
def test_the_version_before_goes_on_with_what_is_brought_back(
    home: Home, command: Command, tmp_path: Path
) -> None:
    git = ["git", "-C", str(ROOT)]
    here = subprocess.run([*git, "cat-file", "-e", f"{BEFORE}^{{commit}}"], check=False)
    if here.returncode:
        pytest.skip(f"this copy of the repository does not have {BEFORE}")
    archived = subprocess.run([*git, "archive", BEFORE], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
        archive.extractall(tmp_path / "code", filter="data")

    assert command("backup", tmp_path / "backup", "--home", home.root)[0] == 0
    run_as(ROOT, home, "run", "--from", NEXT, "--to", NEXT)
    back = Home(tmp_path / "back")
    assert command("restore", tmp_path / "backup", "--home", back.root)[0] == 0
    back.secret.write_bytes(home.secret.read_bytes())
    back.secret.chmod(0o600)
    home.raw.rename(back.raw)
    told = run_as(tmp_path / "code", back, "verify")
    assert "3 releases" in told
    run_as(tmp_path / "code", back, "run", "--from", NEXT, "--to", NEXT)
    assert "4 releases" in run_as(tmp_path / "code", back, "verify")
    # Equal settings and equal people give equal figures in either version.
    name = f"campaign-day-{NEXT}"
    first, second = (content(one.releases / name) for one in (home, back))
    assert first.keys() == second.keys()
    assert first["figures.parquet"] == second["figures.parquet"]
