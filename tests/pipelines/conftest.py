"""A small world, released once through the real command line, and copies of it to break."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from anonymizer.storage.home import Home

FIRST, LAST = "2026-11-01", "2026-11-03"
Audience = Callable[..., subprocess.CompletedProcess[str]]


def run_audience(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The installed command, as a process of its own."""
    command = Path(sys.executable).with_name("audience")
    return subprocess.run(
        [str(command), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        check=False,
    )


@pytest.fixture
def audience() -> Audience:
    return run_audience


@pytest.fixture(scope="session")
def sample_world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Raw zone, policy and secret; nothing has been run."""
    home = Home(tmp_path_factory.mktemp("world") / "home")
    for arguments in (
        ("init",),
        ("sample", "--people", "3000", "--days", "3", "--visits", "30000", "--campaigns", "4",
         "--advertisers", "2"),
    ):  # fmt: skip
        done = run_audience(*arguments, "--home", home.root)
        assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="session")
def released_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Home:
    """The same world with its three days released in one run. Not to be changed: copy it.

    It is kept where `AUDIENCE_RELEASED_WORLD` says, if it does: for many runs of few tests.
    """
    kept = os.environ.get("AUDIENCE_RELEASED_WORLD")
    place = Path(kept) if kept else tmp_path_factory.mktemp("released") / "home"
    if place.exists():
        return Home(place)
    home = copy_home(request.getfixturevalue("sample_world"), place)
    done = run_audience("run", "--from", FIRST, "--to", LAST, "--home", home.root)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture
def fresh_home(sample_world: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of the world that nothing has run on, named by the environment."""
    home = copy_home(sample_world, tmp_path / "home")
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    return home


@pytest.fixture
def released_home(released_world: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of the released world, named by the environment."""
    home = copy_home(released_world, tmp_path / "home")
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    return home


def copy_home(home: Home, target: Path) -> Home:
    shutil.copytree(home.root, target, symlinks=True)
    return Home(target)
