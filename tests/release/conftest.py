from pathlib import Path

import pytest
from release_world import release

from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.release import Release


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
