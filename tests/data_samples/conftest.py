"""Worlds that several tests look at."""

from dataclasses import replace

import pytest
from sample_worlds import MEDIUM, World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(MEDIUM, tmp_path_factory.mktemp("medium"))


@pytest.fixture(scope="session")
def tidy(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same world without a bad row."""
    return build(replace(MEDIUM, dirt_share=0.0), tmp_path_factory.mktemp("tidy"))
