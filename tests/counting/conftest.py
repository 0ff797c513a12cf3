"""Fixtures of eligibility and counting."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from small_world import Run, work

from anonymizer.model.segments import Catalogue, SegmentSettings, build_catalogue
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return build_catalogue(SegmentSettings())


@pytest.fixture(scope="session")
def engine() -> Iterator[DuckDB]:
    with DuckDB(memory_megabytes=512, threads=2, spill=None) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def run(home: Home, engine: DuckDB, catalogue: Catalogue) -> Run:
    """`work` on a home of this test's own."""
    return partial(work, home=home, engine=engine, catalogue=catalogue)
