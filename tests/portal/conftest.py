"""The published world of the portal, released once, and its server."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "release"))

from cheap_passwords import CHEAP
from published_world import Server, build, serving

from anonymizer.storage.home import Home


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of sign-ins need not take a second each."""
    monkeypatch.setattr("portal.passwords._HASHER", CHEAP)


@pytest.fixture(scope="session")
def portal_world(once: Callable[[str, Callable[[Path], object]], Path]) -> Home:
    """Not to be changed: copy it."""
    return Home(once("portal", lambda folder: build(Home(folder / "home"))) / "home")


@pytest.fixture
def portal_home(portal_world: Home, tmp_path: Path) -> Home:
    """A copy to change."""
    return Home(shutil.copytree(portal_world.root, tmp_path / "home"))


@pytest.fixture(scope="session")
def server(portal_world: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A portal of a copy. Its accounts and published files are not to be changed."""
    copy = shutil.copytree(portal_world.root, tmp_path_factory.mktemp("served") / "home")
    with serving(Home(copy)) as running:
        yield running
