"""A home whose visits come from a source, and one way to take it in."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pyarrow.parquet as pq
from intake.raw_world import NOW, World

from anonymizer.intake.day_intake import Intake, take_in
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.engines.duckdb import DuckDB


class LogWorld(World):
    """Its folder of visits is gone; files of `logs/` are what a test writes there."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for path in sorted((self.home.raw / "visits").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (self.home.raw / "visits").rmdir()

    def describe(self, text: str) -> None:
        """Write sources.yaml."""
        self.home.sources.write_text(dedent(text), encoding="utf-8")

    def deliver(self, files: Mapping[str, bytes | str]) -> None:
        """Write files below raw/."""
        for name, content in files.items():
            self.put(name, content if isinstance(content, bytes) else content.encode())

    def take(self, **_: object) -> Intake:
        """Take in the day with the sources of the home."""
        with DuckDB(memory_megabytes=512, threads=1, spill=None) as engine:
            return take_in(
                self.home,
                self.day,
                self.policy,
                self.secret,
                engine,
                now=NOW,
                interests=self.interests,
                raw=source_root(self.home),
            )

    def pointers(self) -> list[tuple[str, int, str, str]]:
        """File, row, column and reason of all quarantined rows."""
        path = self.home.working_file("quarantine", self.day)
        rows = pq.read_table(path, partitioning=None).to_pylist()
        return [(row["file"], row["row_number"], row["column"], row["reason"]) for row in rows]


def lenient(root: Path) -> LogWorld:
    """One that no share of bad rows holds."""
    world = LogWorld(root)
    world.with_policy("intake", max_quarantined_share=1.0)
    return world
