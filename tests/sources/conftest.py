"""A home whose visits come from a source."""

from pathlib import Path

import pytest
from log_world import LogWorld, lenient


@pytest.fixture
def world(tmp_path: Path) -> LogWorld:
    return lenient(tmp_path / "home")
