"""The rows of people in working files, found by pseudonym.

Counts go out, keys never do.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.storage.files import read_rows, write_parquet
from anonymizer.storage.home import Home

_KEY = "person_key"
# Why a person must not come back; it goes when the day's other working files go.
_KEPT = "requests"


def count_people(home: Home, people: pa.Array) -> Mapping[str, int]:
    """How many rows of these people each stage's files hold, requests aside."""
    rows: Counter[str] = Counter()
    for path in _keyed_files(home):
        rows[path.parent.name] += _rows_of(path, people)
    return {stage: n for stage, n in sorted(rows.items()) if n}


def remove_people(home: Home, people: pa.Array) -> Mapping[str, int]:
    """Rewrite every file that holds a row of these people; returns the rows by stage.

    Requests stay, and so does the order of the other rows. Older days come first, so that a
    killed run leaves the newest as they were. Raises NoSpace.
    """
    rows: Counter[str] = Counter()
    for path in _keyed_files(home):
        found = _rows_of(path, people)
        if found:
            whole = read_rows(path)
            write_parquet(whole.filter(pc.invert(_are(whole[_KEY], people))), path)
            rows[path.parent.name] += found
    return dict(sorted(rows.items()))


def days_with_visits(home: Home, people: pa.Array) -> tuple[date, ...]:
    """The days on which a working file holds a visit of one of these people."""
    return days_with_people(home, "visits", people)


def days_with_people(home: Home, stage: str, people: pa.Array) -> tuple[date, ...]:
    """The days of which a stage's file holds a row of one of these people."""
    return tuple(day_of(path) for path in _files(home, stage) if _rows_of(path, people))


def keys(path: Path, only: str = "") -> pa.Array:
    """The different people of a file; with `only`, those in whose rows that column is true."""
    columns = [_KEY, only] if only else [_KEY]
    rows = read_rows(path, columns)
    if only:
        rows = rows.filter(rows[only])
    return pc.unique(pc.drop_null(rows[_KEY].combine_chunks()))


def day_of(path: Path) -> date:
    """The day of a partition, from its name."""
    return date.fromisoformat(path.stem.removeprefix("day="))


def _keyed_files(home: Home) -> Iterator[Path]:
    """Every partition with rows of people, older days first."""
    paths = [path for path in home.private.glob("*/day=*.parquet") if path.parent.name != _KEPT]
    for path in sorted(paths, key=lambda path: (path.name, path.parent.name)):
        if _KEY in pq.read_schema(path).names:
            yield path


def _files(home: Home, stage: str) -> list[Path]:
    return sorted((home.private / stage).glob("day=*.parquet"))


def _rows_of(path: Path, people: pa.Array) -> int:
    column = read_rows(path, [_KEY])[_KEY]
    return pc.sum(_are(column, people)).as_py() or 0


def _are(column: pa.ChunkedArray, people: pa.Array) -> pa.ChunkedArray:
    return pc.fill_null(pc.is_in(column, value_set=people), False)  # noqa: FBT003
