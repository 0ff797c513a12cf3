"""A home whose visits come from a source."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from log_world import LogWorld, lenient
from release.postgresql import Server, running


@pytest.fixture
def world(tmp_path: Path) -> LogWorld:
    return lenient(tmp_path / "home")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with running() as server:
        yield server
