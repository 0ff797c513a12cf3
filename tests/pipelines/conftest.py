"""A small world, released once through the real command line, and copies of it to break."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Done, call

from anonymizer.storage.home import Home
from pipelines.instance.instance import make_storage, prepare_instance

FIRST, LAST = "2026-11-01", "2026-11-03"
Audience = Callable[..., Done]
Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture
def audience() -> Audience:
    """The command in this process; `running.start` is for what needs a process of its own."""
    return call


@pytest.fixture(scope="session")
def sample_world(once: Once) -> Home:
    """Raw zone, policy, secret and Dagster's empty tables; nothing has been run."""

    def make(folder: Path) -> None:
        for arguments in (
            ("init",),
            ("sample", "--people", "3000", "--days", "3", "--visits", "30000", "--campaigns", "4",
             "--advertisers", "2"),
        ):  # fmt: skip
            done = call(*arguments, "--home", folder / "home")
            assert done.returncode == 0, done.stderr
        make_storage(prepare_instance(Home(folder / "home")))

    return Home(once("world", make) / "home")


@pytest.fixture(scope="session")
def released_world(request: pytest.FixtureRequest, once: Once) -> Home:
    """The same world with its three days released in one run.

    It is kept where `AUDIENCE_RELEASED_WORLD` says, if it does: for many runs of few tests.
    """

    def make(folder: Path) -> None:
        home = copy_home(request.getfixturevalue("sample_world"), folder / "home")
        done = call("run", "--from", FIRST, "--to", LAST, "--home", home.root)
        assert done.returncode == 0, done.stdout + done.stderr

    kept = os.environ.get("AUDIENCE_RELEASED_WORLD")
    if not kept:
        return Home(once("released", make) / "home")
    if not Path(kept).exists():
        make(Path(kept))
    return Home(Path(kept) / "home")


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
