"""A PostgreSQL server for the services of deploy/."""

from collections.abc import Iterator

import pytest
from release.postgresql import Server, running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as made:
        yield made
