"""DuckDB engines for the steps of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from anonymizer.model.policy import Effort
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.home import Home


@contextmanager
def opened_engine(home: Home, effort: Effort, *, spill: bool) -> Iterator[DuckDB]:
    """A DuckDB of its own for one step; without `spill` nothing of it reaches a disk."""
    home.private.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=home.private, prefix="spill-") as folder,
        DuckDB(
            memory_megabytes=effort.memory_megabytes,
            threads=effort.threads,
            spill=Path(folder) if spill else None,
        ) as engine,
    ):
        yield engine
