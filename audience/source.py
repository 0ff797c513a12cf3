"""The analysts' database as a source of DataFrames: found, opened for reading, and typed.

A count never becomes a floating-point number because another one is suppressed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionDtype

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.engines.duckdb import read
from anonymizer.storage.home import Home, PublishedCopy

Place = str | PathLike[str] | None
_DTYPES: Mapping[pa.DataType, ExtensionDtype] = {
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(),
}
# Few values in many rows.
_CATEGORIES = frozenset(
    (
        *("subject_kind", "subject_id", "subject", "advertiser_id", "advertiser", "release_id"),
        *("period_kind", "period", "segment_id", "segment", "status", "gender", "age"),
    )
)
_REMEDY = "name a home, a published folder or a segments.duckdb; `audience run` makes one"


def published_home(place: Place) -> Home:
    """The home or published folder at `place`; `$AUDIENCE_HOME`, else `./home`, for None."""
    home = Home.from_environment() if place is None else Home(Path(place).absolute())
    if home.published.is_dir():
        return home
    copy = PublishedCopy(home.root)
    return copy if copy.public_ledger.exists() or copy.database.exists() else home


def database_path(place: Place) -> Path:
    """The database in a home or a published folder, or the file itself.

    Raises ConfigurationError where there is none.
    """
    path = Path(place).absolute() if place is not None else None
    if path is None or not path.is_file():
        path = published_home(place).database
    if not path.is_file():
        raise ConfigurationError([Fault(str(path), "there is no such file", _REMEDY)])
    return path


class DatabaseSource:
    """One version of the analysts' database, held open while a question is answered."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, name: str, values: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The rows that `sql/<name>.sql` selects, with nullable types."""
        return typed(self._connection.sql(read(name), params=values).to_arrow_table())

    def records(self, name: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The same rows one by one, as plain values of Python."""
        answered = self._connection.execute(read(name), values)
        columns = [column for column, *_ in answered.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in answered.fetchall()]


@contextmanager
def opened(place: Place) -> Iterator[DatabaseSource]:
    """The analysts' database, read only.

    Raises ConfigurationError for a file that is not an analysts' database of this version.
    """
    path = database_path(place)
    with _explained(path), duckdb.connect(str(path), read_only=True) as connection:
        yield DatabaseSource(connection)


class LatestDatabase:
    """The analysts' database at a path, for a process that goes on asking: always the newest file.

    The connection is kept until another file is in its place. One question is answered at a time,
    since a process sees a new file only once it has no connection to the old one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._open: tuple[tuple[int, ...], duckdb.DuckDBPyConnection] | None = None

    @property
    def version(self) -> tuple[int, ...]:
        """Differs from file to file. Raises OSError where there is none."""
        stat = self._path.stat()
        return (stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def records(self, name: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows that `sql/<name>.sql` selects, as plain values of Python.

        Raises ConfigurationError for a file that is not an analysts' database of this version.
        """
        with self._lock, _explained(self._path):
            return DatabaseSource(self._connection()).records(name, values)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        version = self.version
        if self._open is None or self._open[0] != version:
            self._close()
            self._open = (version, duckdb.connect(str(self._path), read_only=True))
        return self._open[1]

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise ConfigurationError for what DuckDB raises, and for a file that there is not."""
    try:
        yield
    except FileNotFoundError:
        raise ConfigurationError([Fault(str(path), "there is no such file", _REMEDY)]) from None
    except (duckdb.CatalogException, duckdb.BinderException):
        problem = "it does not have the tables of this version"
        raise ConfigurationError([Fault(str(path), problem, _REMEDY)]) from None
    except duckdb.InvalidInputException as error:  # what a macro refuses
        problem = str(error).removeprefix("Invalid Input Error: ")
        raise ConfigurationError([Fault(str(path), problem)]) from None
    except duckdb.Error as error:
        problem = f"it cannot be read as an analysts' database ({type(error).__name__})"
        raise ConfigurationError([Fault(str(path), problem, _REMEDY)]) from None


def typed(rows: pa.Table) -> pd.DataFrame:
    """A DataFrame: Int64 counts, datetime64 days, boolean flags, categories and strings."""
    schema = pa.schema([(field.name, _stored(field)) for field in rows.schema])
    frame: pd.DataFrame = rows.cast(schema).to_pandas(
        types_mapper=_DTYPES.get, date_as_object=False
    )
    days = [field.name for field in rows.schema if pa.types.is_date(field.type)]
    return frame.astype(dict.fromkeys(days, "datetime64[s]"))


def _stored(field: pa.Field) -> pa.DataType:
    if field.name in _CATEGORIES:
        return pa.dictionary(pa.int32(), pa.string())
    return pa.int64() if pa.types.is_integer(field.type) else field.type
