"""The analysts' database as a source of DataFrames: found, opened for reading, and typed.

A count never becomes a floating-point number because another one is suppressed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
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


@contextmanager
def opened(place: Place) -> Iterator[DatabaseSource]:
    """The analysts' database, read only.

    Raises ConfigurationError for a file that is not an analysts' database of this version.
    """
    path = database_path(place)
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            yield DatabaseSource(connection)
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
