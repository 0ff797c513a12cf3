"""The engine of Apache Spark: the statements of `sql/` on a cluster, over pseudonymous rows.

Workers read the Parquet files of `private/` themselves, under the same paths. The types of what
comes back are DuckDB's: each statement is also given to a DuckDB without rows, which says how its
rows are shaped.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.model.errors import Held
from anonymizer.storage.engine import Engine
from anonymizer.storage.engines.spark_dialect import spark_text, translated
from anonymizer.storage.engines.spark_session import new_session

# Hadoop takes a path for a pattern.
_PATTERNS, _ESCAPED = re.compile(r"([*?{}\[\]\\,])"), r"\\\1"
_PYTHON = "workers need Python with this version of the program"
_INTAKE = "Spark counts; statements of intake are for DuckDB (decision 30)"
Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Spark:
    """A private session of Spark for counting. Use as a context manager. Never for raw values.

    `shapes` is another engine, of this session alone: it has the relations without their rows.
    A table is computed once and kept on the cluster, in memory or encrypted on its disks. What only
    intake asks of an engine raises NotImplementedError.
    """

    def __init__(self, shapes: Engine) -> None:
        self._session = new_session()
        self._shapes = shapes
        self._frames: dict[str, Any] = {}
        self._kept: set[str] = set()
        self._loaded: set[str] = set()

    def __enter__(self) -> "Spark":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in list(self._frames):
            with suppress(Exception):  # a dead cluster has nothing left, and the first error counts
                self.drop(name)

    def sibling(self, spill: Path) -> "Spark":
        """Not on Spark."""
        raise NotImplementedError(_INTAKE)

    def load(self, name: str, rows: pa.Table | pa.RecordBatch | pa.RecordBatchReader) -> None:
        """Send Arrow rows to the cluster, readable under `name`."""
        table = _table(rows)
        self.drop(name)
        self._shapes.load(name, table.schema.empty_table())
        self._show(name, self._sent(name, table))
        self._loaded.add(name)

    def scan(self, name: str, paths: Sequence[Path]) -> None:
        """Make Parquet files readable under `name`. Raises Held when one is missing."""
        for path in paths:
            if not path.is_file():
                place = f"{path.parent.name}/{path.name}"
                raise Held("missing_input", f"{place} is missing; run the step that writes it")
        files = [f"file://{_PATTERNS.sub(_ESCAPED, str(path.resolve()))}" for path in paths]
        self.drop(name)
        shape = pq.read_schema(paths[0])
        for path in paths[1:]:  # Spark would read a column that a file lacks as unknown
            if lacking := set(shape.names) - set(pq.read_schema(path).names):
                place, columns = f"{path.parent.name}/{path.name}", ", ".join(sorted(lacking))
                raise Held("missing_input", f"{place} lacks {columns}; take its day in again")
        self._shapes.load(name, shape.empty_table())
        self._show(name, _done(f"reading {name}", lambda: self._session.read.parquet(*files)))

    def create(self, name: str, statement: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Keep the rows of `sql/<statement>.sql` as table `name`; returns how many there are."""
        self._shapes.create(name, statement, parameters)
        frame, count = self._keep(statement, parameters or {})
        self._forget(name)  # not before: the statement may read what it replaces
        self._show(name, frame)
        self._kept.add(name)
        return count

    def append(self, name: str, rows: pa.Table) -> None:
        """Not on Spark."""
        raise NotImplementedError(_INTAKE)

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Not on Spark."""
        raise NotImplementedError(_INTAKE)

    def has(self, name: str) -> bool:
        """Whether there is a table or view of this name."""
        return name in self._frames and name not in self._loaded

    def view(self, name: str, statement: str) -> None:
        """Not on Spark."""
        raise NotImplementedError(_INTAKE)

    def stream(self, statement: str) -> pa.RecordBatchReader:
        """Not on Spark."""
        raise NotImplementedError(_INTAKE)

    def fetch(self, statement: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The rows of `sql/<statement>.sql`."""
        schema = self._shapes.fetch(statement, parameters).schema
        return self._collected(statement, spark_text(statement), parameters or {}, schema)

    def records(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of `sql/<statement>.sql` by column."""
        return list(self.fetch(statement, parameters).to_pylist())

    def fetch_compiled(self, text: str, parameters: Mapping[str, Any]) -> pa.Table:
        """The rows of a statement that was compiled from a mapping, its values bound."""
        schema = self._shapes.fetch_compiled(text, parameters).schema
        return self._collected("a compiled statement", translated(text), parameters, schema)

    def drop(self, name: str) -> None:
        """Forget the loaded rows, scan or table of this name, if there is one."""
        self._shapes.drop(name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        frame = self._frames.pop(name, None)
        self._loaded.discard(name)
        if frame is not None:
            self._session.catalog.dropTempView(name)
        if name in self._kept:
            self._kept.discard(name)
            frame.unpersist()

    def _show(self, name: str, frame: Any) -> None:
        frame.createOrReplaceTempView(name)
        self._frames[name] = frame

    def _sent(self, name: str, rows: pa.Table) -> Any:
        """The rows on the cluster, all of them: a lost row could be an objection."""
        place = f"sending {name}"
        frame = _done(place, lambda: self._session.createDataFrame(_signed(rows)))
        arrived = _done(place, frame.count)
        if arrived != rows.num_rows:
            lost = f"Spark, {place}: {arrived} of {rows.num_rows} rows arrived"
            raise Held("engine_failed", f"{lost}; set effort.engine: duckdb and report this")
        return frame

    def _ask(self, place: str, text: str, parameters: Mapping[str, Any]) -> Any:
        return _done(place, lambda: self._session.sql(text, args=dict(parameters)))

    def _keep(self, statement: str, parameters: Mapping[str, Any]) -> tuple[Any, int]:
        frame = self._ask(statement, spark_text(statement), parameters).persist()
        try:
            return frame, int(_done(statement, frame.count))
        except BaseException:
            with suppress(Exception):  # or a later file of this name would be read from it
                frame.unpersist()
            raise

    def _collected(
        self, place: str, text: str, parameters: Mapping[str, Any], schema: pa.Schema
    ) -> pa.Table:
        found = _done(place, self._ask(place, text, parameters).toArrow)
        columns = [column.cast(field.type) for column, field in zip(found, schema, strict=True)]
        return pa.table(columns, schema=schema)


def on_workers(place: str, work: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
    """What the work returns for each task, in processes of Python on the cluster.

    Python is `$PYSPARK_PYTHON` there, otherwise what lies where this process has its own, with the
    packages of this process. Tasks and answers are in no plan, and encrypted where Spark keeps
    them. Raises Held `engine_failed`, and ConfigurationError as `new_session` does.
    """
    context = new_session().sparkContext
    context.pythonExec = os.environ.get("PYSPARK_PYTHON") or sys.executable
    spread = context.parallelize(tasks, len(tasks)).map(work)
    group = f"audience-{uuid4().hex}"
    context.setJobGroup(group, place, interruptOnCancel=True)
    try:
        return _done(f"{place} ({_PYTHON})", lambda: list(spread.collect()))
    finally:  # what goes on after an error or an interruption has nobody to tell
        with suppress(Exception):
            context.cancelJobGroup(group)


def _done(place: str, work: Callable[[], Answer]) -> Answer:
    """What the work returns; of an error of Spark only its name.

    Messages of Spark quote plans, and plans have the keys of pseudonyms in them.
    """
    try:
        return work()
    except Exception as error:  # noqa: BLE001  Java's, Py4J's and Spark's own
        condition = getattr(error, "getCondition", lambda: None)()
        failed = f"{type(error).__name__} {condition or ''}".strip()
    raise Held(
        "engine_failed",
        f"Spark, {place}: {failed}; check the cluster and its memory and run again, or set "
        "effort.engine: duckdb in policy.yaml",
    )


def _table(rows: pa.Table | pa.RecordBatch | pa.RecordBatchReader) -> pa.Table:
    if isinstance(rows, pa.RecordBatchReader):
        return rows.read_all()
    return pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows


def _signed(rows: pa.Table) -> pa.Table:
    """The rows in types that Spark has, in one chunk: PySpark 4.3 loses rows at empty chunks."""
    wider = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}
    wider[pa.uint64()] = pa.decimal128(20, 0)
    fields = [pa.field(field.name, wider.get(field.type, field.type)) for field in rows.schema]
    if not rows.num_rows:
        return pa.table([pa.array([], field.type) for field in fields], schema=pa.schema(fields))
    return rows.combine_chunks().cast(pa.schema(fields))
