import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from interrupted_run import NEXT, run
from ledgers import Store
from postgresql import Server, running
from release_world import DAY, SECRET, release, release_longer

from anonymizer.exports.database import build_database
from anonymizer.exports.export_folders import write_exports
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_releases
from anonymizer.release.release import Release
from anonymizer.storage.home import Home


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty place for a ledger, in each database."""
    if request.param == "sqlite":
        return Store(f"sqlite:///{tmp_path}/ledger.sqlite")
    server: Server = request.getfixturevalue("postgresql")
    return Store(server.url(server.new_database()), server)


@pytest.fixture(scope="session")
def two_days(once: Callable[[str, Callable[[Path], object]], Path]) -> Home:
    """Two days released, exported and in the database. Not to be changed: copy it."""

    def make(folder: Path) -> None:
        home = Home(folder / "home")
        run(home, DAY)
        shutil.copytree(home.root, folder / "first")
        run(home, NEXT)

    return Home(once("two days", make) / "home")


@pytest.fixture(scope="session")
def one_day(two_days: Home) -> Home:
    """The same as it stood after its first day. Not to be changed: copy it."""
    return Home(two_days.root.with_name("first"))


@pytest.fixture(scope="session")
def all_series(two_days: Home, once: Callable[[str, Callable[[Path], object]], Path]) -> Home:
    """The two days and the longer periods around them, exported. Not to be changed: copy it."""

    def make(folder: Path) -> None:
        home = Home(shutil.copytree(two_days.root, folder / "home"))
        release_longer(home)
        ledger = Ledger.open(home.ledger)
        releases = load_releases(home, ledger)
        for one in releases:
            if not list(home.exports.glob(f"*/{one.id}")):
                write_exports(one, home, ledger, SECRET)
        build_database(releases, home)

    return Home(once("all series", make) / "home")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def ledger(home: Home) -> Ledger:
    return Ledger.open(home.ledger)


@pytest.fixture
def released(home: Home) -> Release:
    """The small world's release in `home`."""
    return release(home).release
