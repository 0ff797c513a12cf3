"""The landing zone as it is found in practice: several files a folder, formats mixed, some
rows delivered twice and some of them bad.

Bad rows live in text files: a typed file cannot hold most of them.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data_samples.chance import stream
from data_samples.dirt import KINDS, Kind, kinds_of
from data_samples.options import Layout, WorldOptions
from data_samples.portions import Portions
from data_samples.raw_schemas import SCHEMAS, Row
from data_samples.textfiles import text_rows, write_text

COMPLETE = "_SUCCESS"
_PARQUET_ROWS = 15_000
# A table of so many rows is in files of 100 to 500 MB (visits), as a warehouse writes them.
_LARGE_ROWS, _LARGE_FILE_ROWS = 1_000_000, 2_500_000
_TEXT_SHARE, _MOST_TEXT_ROWS, _ROWS_PER_BAD_ROW = 0.06, 60_000, 3
_SAME_FILE, _OTHER_FILE = 0.001, 0.001
# Text files of a folder, after its Parquet files; without Parquet they hold all rows.
_TEXT_FILES: dict[Layout, dict[str, tuple[str, ...]]] = {
    "mixed": {"visits": ("csv.gz", "jsonl"), "profiles": ("csv.gz",)},
    "csv": {"visits": ("csv", "csv")},
    "single": {"consents": ("csv.gz",), "profiles": ("csv.gz",)},
}
_VISITS_IN_TURN = ("csv", "csv.gz", "jsonl")  # of a `single` folder, day after day
_WITH_PARQUET: dict[Layout, set[str]] = {
    "mixed": {"visits", "profiles", "consents"},
    "csv": set(),
    "single": set(),
}
_DELIVERED_TWICE = {"visits", "profiles", "consents"}
_OTHER_ZONES, _OTHER_ZONE_SHARE = (0, 8, 9), 0.1
_WINDOWS_EVERY = 3

RowNumbers = NDArray[np.int64]


@dataclass(frozen=True)
class _File:
    """A file to write: the rows of the table it holds, and those that it holds once more."""

    name: str
    rows: RowNumbers
    again: RowNumbers
    bad: frozenset[int]


class _LargeFiles:
    """Parquet files of a folder that are written in portions, one after the other."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._writer: pq.ParquetWriter | None = None
        self._rows = self.files = 0

    def add(self, rows: pa.Table) -> None:
        """Write rows to the file that is open, or to a new one where it is full."""
        if self._writer is None:
            path = self._folder / f"{self._name}-{self.files:02d}.parquet"
            self._writer = pq.ParquetWriter(path, rows.schema, compression="zstd")
            self.files += 1
        self._writer.write_table(rows)
        self._rows += len(rows)
        if self._rows >= _LARGE_FILE_ROWS:
            self.close()

    def close(self) -> None:
        """End the file that is open."""
        if self._writer is not None:
            self._writer.close()
        self._writer, self._rows = None, 0


class LandingZone:
    """Writes raw tables and keeps count of what was planted in them."""

    def __init__(self, raw: Path, options: WorldOptions) -> None:
        self._raw, self._options = raw, options
        self._kinds: dict[tuple[str, bool], Iterator[tuple[str, Kind]]] = {}
        self.rows: Counter[str] = Counter()
        self.planted: Counter[str] = Counter()
        self.files = 0

    def land(self, name: str, table: pa.Table, day: date | None = None) -> None:
        """Write one complete folder of the raw table `name`."""
        folder = self._new_folder(name, day)
        draw = stream(self._options.seed, "landing", name, str(day))
        size = len(table)
        rows_of_a_file = _PARQUET_ROWS if size < _LARGE_ROWS else _LARGE_FILE_ROWS
        endings = self._endings(name, day)
        typed = self._typed(name, max(size // rows_of_a_file, 1))
        for file in self._planned(name, table, typed, endings, _MOST_TEXT_ROWS, draw):
            path = folder / file.name
            if path.suffix == ".parquet":
                part = table.take(np.concatenate([file.rows, file.again]))
                pq.write_table(part, path, compression="zstd")
                self.rows[name] += len(part)
            else:
                self._write_text(name, table, file, path, day, draw)
            self.files += 1
        (folder / COMPLETE).touch()

    def land_portions(self, name: str, portions: Portions, day: date) -> None:
        """Write one complete folder of a large table without ever having all of it.

        Portions follow each other in large Parquet files; each has a text file of its own.
        """
        folder = self._new_folder(name, day)
        draw = stream(self._options.seed, "landing", name, str(day))
        endings, large = self._endings(name, day), _LargeFiles(folder, name)
        texts = 0
        typed, most_text = self._typed(name, 1), max(_MOST_TEXT_ROWS // portions.number, 1)
        for place, table in enumerate(portions.tables):
            text = endings[place % len(endings)]
            for file in self._planned(name, table, typed, (text,), most_text, draw):
                if file.name.endswith(".parquet"):
                    chosen = np.zeros(len(table), dtype=bool)
                    chosen[file.rows] = True
                    once, again = table.filter(pa.array(chosen)), table.take(np.sort(file.again))
                    part = pa.concat_tables([once, again])
                    large.add(part)
                    self.rows[name] += len(part)
                else:
                    path = folder / f"{name}-text-{texts:02d}.{file.name.partition('.')[2]}"
                    self._write_text(name, table, file, path, day, draw)
                    texts += 1
        large.close()
        self.files += texts + large.files
        (folder / COMPLETE).touch()

    def _new_folder(self, name: str, day: date | None) -> Path:
        folder = self._raw / name
        if day is not None:
            folder /= f"day={day.isoformat()}"
        folder.mkdir(parents=True)
        return folder

    def _typed(self, name: str, files: int) -> int:
        """How many Parquet files a table has, where it has any."""
        return files if name in _WITH_PARQUET[self._options.layout] else 0

    def _write_text(
        self,
        name: str,
        table: pa.Table,
        file: _File,
        path: Path,
        day: date | None,
        draw: np.random.Generator,
    ) -> None:
        windows = day is not None and day.toordinal() % _WINDOWS_EVERY == 0
        rows = self._text(name, table, file, draw)
        write_text(path, rows, SCHEMAS[name], windows=windows)
        self.rows[name] += len(rows)

    def _endings(self, name: str, day: date | None) -> tuple[str, ...]:
        """Of the text files of a folder."""
        layout = self._options.layout
        if layout == "single" and name == "visits" and day is not None:
            return (_VISITS_IN_TURN[day.toordinal() % len(_VISITS_IN_TURN)],)
        return _TEXT_FILES[layout].get(name, ("csv",))

    def _planned(
        self,
        name: str,
        table: pa.Table,
        typed: int,
        text: Sequence[str],
        most_text: int,
        draw: np.random.Generator,
    ) -> list[_File]:
        """Which row goes where: every row once, some twice, bad ones only in text.

        Only the first file may be without rows: an empty text file would be refused.
        """
        size = len(table)
        wanted_bad = self._bad_rows(name, size)
        in_text = max(min(math.ceil(size * _TEXT_SHARE), most_text), wanted_bad * _ROWS_PER_BAD_ROW)
        order = draw.permutation(size)
        cut = min(in_text, size) if typed else size
        parts = [
            *(np.array_split(order[cut:], typed) if typed else ()),
            *np.array_split(order[:cut], len(text)),
        ]
        bad = _spoilable(table, order[:cut])[:wanted_bad]
        good = np.ones(size, dtype=bool)
        good[bad] = False
        again = self._twice(name, good, parts, draw)
        endings = ["parquet"] * typed + [*text]
        return [
            _File(f"{name}-{i:02d}.{ending}", np.sort(part), more, frozenset(bad.tolist()))
            for i, (ending, part, more) in enumerate(zip(endings, parts, again, strict=True))
            if len(part) or i == 0
        ]

    def _bad_rows(self, name: str, size: int) -> int:
        """The share asked for; in a small table one of each kind, or one row in ten."""
        if name not in KINDS or self._options.dirt_share == 0:
            return 0
        kinds = len(kinds_of(name, delimited=True))
        return max(round(size * self._options.dirt_share), min(kinds, size // 10))

    def _twice(
        self,
        name: str,
        good: NDArray[np.bool_],
        parts: Sequence[RowNumbers],
        draw: np.random.Generator,
    ) -> list[RowNumbers]:
        """For each file the rows that it repeats: its own, or those of the file before it.

        Only `good` rows are repeated.
        """
        again: list[RowNumbers] = []
        each = [np.sort(part[good[part]]) for part in parts]
        for number, own in enumerate(each):
            before = each[number - 1]
            same = self._some_of(name, own, _SAME_FILE, draw)
            other = self._some_of(name, before, _OTHER_FILE if len(parts) > 1 else 0, draw)
            self.planted[f"{name}.repeated_in_file"] += len(same)
            self.planted[f"{name}.repeated_in_other_file"] += len(other)
            again.append(np.concatenate([same, other]))
        return again

    @staticmethod
    def _some_of(
        name: str, rows: RowNumbers, share: float, draw: np.random.Generator
    ) -> RowNumbers:
        if name not in _DELIVERED_TWICE or not share or not len(rows):
            return rows[:0]
        chosen: RowNumbers = draw.choice(rows, max(round(len(rows) * share), 1), replace=False)
        return chosen

    def _text(
        self, name: str, table: pa.Table, file: _File, draw: np.random.Generator
    ) -> list[Row]:
        positions = np.concatenate([file.rows, file.again])
        moments = [f.name for f in SCHEMAS[name] if pa.types.is_timestamp(f.type)]
        elsewhere = draw.random(len(positions)) < _OTHER_ZONE_SHARE
        rows: list[Row] = []
        for position, row, away in zip(
            positions.tolist(), text_rows(table.take(positions)), elsewhere.tolist(), strict=True
        ):
            if position in file.bad:
                kind, spoil = next(self._kinds_for(name, ".csv" in file.name))
                self.planted[f"{name}.{kind}"] += 1
                rows += spoil(row, draw)
            elif away and moments:
                self.planted[f"{name}.other_zone"] += 1
                hours = _OTHER_ZONES[draw.integers(len(_OTHER_ZONES))]
                rows.append({**row, **{name: _in_zone(row[name], hours) for name in moments}})
            else:
                rows.append(row)
        return rows

    def _kinds_for(self, name: str, delimited: bool) -> Iterator[tuple[str, Kind]]:  # noqa: FBT001
        """All kinds in turn, on from where the folder before stopped."""
        if (name, delimited) not in self._kinds:
            kinds = kinds_of(name, delimited=delimited)
            self._kinds[name, delimited] = itertools.cycle(kinds.items())
        return self._kinds[name, delimited]


def _spoilable(table: pa.Table, positions: RowNumbers) -> RowNumbers:
    """Rows of a person: kinds of bad rows about people need one."""
    if "user_id" not in table.schema.names:
        return positions[:0]
    has_user = table.column("user_id").is_valid().to_numpy()
    theirs: RowNumbers = positions[has_user[positions]]
    return theirs


def _in_zone(moment: str | None, hours: int) -> str | None:
    """The same moment as another zone's clock shows it."""
    if moment is None:
        return None
    zone = timezone(timedelta(hours=hours)) if hours else UTC
    text = datetime.fromisoformat(moment).astimezone(zone).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
