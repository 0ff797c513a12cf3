from collections.abc import Iterator
from pathlib import Path

import pytest
from ledgers import Store
from postgresql import Server, running
from release_world import release

from anonymizer.release.ledger import Ledger
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
