"""A home with a small raw zone that each test may fill and break."""

from pathlib import Path

import pytest
from raw_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")
