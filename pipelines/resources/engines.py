"""Engines for the steps of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from anonymizer.model.policy import Effort
from anonymizer.storage.engine import Engine
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.engines.spark import Spark
from anonymizer.storage.home import Home
from pipelines import run_limits


@contextmanager
def opened_engine(home: Home, effort: Effort, *, spill: bool) -> Iterator[Engine]:
    """An engine of its own for one step; without `spill` nothing of it reaches a disk.

    Spark always spills where its memory ends, so raw values are DuckDB's, whatever `effort` says.
    """
    if spill and effort.engine == "spark":
        shapes = DuckDB(memory_megabytes=run_limits.SHAPES_MEGABYTES, threads=1, spill=None)
        with shapes, Spark(shapes) as engine:
            yield engine
        return
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
