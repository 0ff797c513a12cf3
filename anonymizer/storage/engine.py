"""What the library asks of a database engine: statements of `sql/` over named relations.

`engines/` has the implementations. They are handed in, so that no step depends on one of them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa


class Engine(Protocol):
    """A private database of one step. Relations have plain lower-case names; values are bound.

    A statement is named by its file, `sql/<statement>.sql`. All raise Held with `missing_input`
    where a file that is scanned is not there.
    """

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget every relation."""

    def sibling(self, spill: Path) -> Self:
        """Another database with the same limits, for pseudonymous rows: these may spill."""

    def load(self, name: str, rows: pa.Table | pa.RecordBatch | pa.RecordBatchReader) -> None:
        """Make Arrow rows readable under `name`, without a copy."""

    def scan(self, name: str, paths: Sequence[Path]) -> None:
        """Make Parquet files readable under `name`."""

    def create(self, name: str, statement: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Keep the rows of the statement as table `name`; returns how many there are."""

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to the table `name`, which the first of them make."""

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Do what the statement says, which gives no rows."""

    def has(self, name: str) -> bool:
        """Whether there is a table or view of this name."""

    def view(self, name: str, statement: str) -> None:
        """Make the rows of the statement readable as `name`, found when they are read."""

    def stream(self, statement: str) -> pa.RecordBatchReader:
        """The rows of the statement, a few in memory at a time; read all before the next."""

    def fetch(self, statement: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The rows of the statement."""

    def records(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of the statement by column: for a few rows, cheaper than `fetch`."""

    def fetch_compiled(self, text: str, parameters: Mapping[str, Any]) -> pa.Table:
        """The rows of a statement that was compiled from a mapping, its values bound."""

    def drop(self, name: str) -> None:
        """Forget the loaded rows, scan or table of this name, if there is one."""
