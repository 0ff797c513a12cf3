"""Reads a small Parquet table as texts, within a limit of memory that is known beforehand.

A dictionary of one long text and a million references to it are a few hundred bytes in a file and
a terabyte once decoded. So what reading takes is computed from the headers of the pages before
any page is decoded, and columns of text are read with their dictionaries: a text of many rows is
in memory once. PyArrow is imported when a file is read: that takes longer than a CSV to read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage import storage_limits
from anonymizer.storage.parquet_pages import (
    DICTIONARY,
    PLAIN,
    SHARED_PREFIX,
    Page,
    Unreadable,
    pages,
)

_MEGABYTE = 1_000_000
_NUMBER_BYTES = 16  # most of a number, a date or a time
_SHORTEST = 4  # bytes of a text in a page: its length


@dataclass(frozen=True)
class TextColumn:
    """A column: the text of each row is `texts[rows[row]]`; no text is in `texts` twice."""

    texts: tuple[str, ...]
    rows: NDArray[np.intp]


class UnfitColumn(ValueError):
    """A column whose values cannot be texts; the message is the type."""


def require_small(path: Path) -> None:
    """Refuse a Parquet file that takes more than MOST_MEGABYTES to read, before it is decoded.

    Raises ConfigurationError for one that is too large or that cannot be read, OSError.
    """
    import pyarrow as pa  # noqa: PLC0415  see above
    import pyarrow.parquet as pq  # noqa: PLC0415  see above

    try:
        with pq.ParquetFile(path) as file:
            _require_small(path, file.metadata, _texts_of(file))
    except pa.ArrowException:
        raise _no_parquet(path) from None


def read_texts(path: Path) -> Mapping[str, TextColumn | UnfitColumn]:
    """All columns by name, in the order of the file; a missing value is an empty text.

    A column whose values cannot be texts is an UnfitColumn. Raises ConfigurationError as
    `require_small` does, OSError, UnicodeDecodeError.
    """
    import pyarrow as pa  # noqa: PLC0415  see above
    import pyarrow.parquet as pq  # noqa: PLC0415  see above

    try:
        with pq.ParquetFile(path) as file:
            texts = _texts_of(file)
            decoded = _require_small(path, file.metadata, texts)
            flat = [one.name for one in file.schema_arrow if not pa.types.is_nested(one.type)]
            fields = list(file.schema_arrow)
        _refuse_doubled(path, [one.name for one in fields])
        with pq.ParquetFile(path, read_dictionary=[t for t in texts if t not in decoded]) as file:
            table = file.read(columns=flat)
        return {
            one.name: _as_texts(table[one.name])
            if one.name in table.column_names
            else UnfitColumn(str(one.type))
            for one in fields
        }
    except pa.ArrowException:
        raise _no_parquet(path) from None


def _refuse_doubled(path: Path, names: Sequence[str]) -> None:
    """Columns are read by name, so each needs its own."""
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigurationError(
            [Fault(f"{path.name}, column {name}", "this name occurs twice") for name in doubled]
        )


def _no_parquet(path: Path) -> ConfigurationError:
    return ConfigurationError([Fault(path.name, "this is not a Parquet file")])


def _texts_of(file: Any) -> frozenset[str]:
    """The columns of texts, which are read with their dictionaries."""
    columns = (file.schema.column(number) for number in range(len(file.schema)))
    return frozenset(
        column.path
        for column in columns
        if column.physical_type == "BYTE_ARRAY" and column.max_repetition_level == 0
    )


@dataclass
class _Size:
    """The pages of a column: bytes once decompressed, and the number of values.

    `dictionary` are bytes of dictionaries, `plain` those of pages of values themselves.
    """

    expanded: int = 0
    dictionary: int = 0
    plain: int = 0
    values: int = 0
    largest: int = 0
    encodings: set[int] = field(default_factory=set)

    def add(self, page: Page) -> None:
        """Count one more page."""
        self.expanded += page.expanded
        self.values += page.values
        self.largest = max(self.largest, page.expanded)
        if not page.values:
            self.dictionary += page.expanded
        else:
            self.encodings.add(page.encoding)
            self.plain += page.expanded if page.encoding not in DICTIONARY else 0

    @property
    def is_decoded(self) -> bool:
        """Whether Arrow cannot keep the dictionary: it does for plain pages and references only."""
        return bool(self.encodings - DICTIONARY - {PLAIN})

    def memory(self, width: int, *, text: bool) -> int:
        """Bytes that reading takes at most; `width` is that of a value that is no text."""
        own = storage_limits.PAGE_COPIES * self.expanded + storage_limits.ROW_BYTES * self.values
        distinct = min(self.values, (self.dictionary + self.plain) // _SHORTEST)
        if not text:
            return own + self.values * (2 * width + storage_limits.TEXT_BYTES)
        if self.is_decoded and self.encodings & (DICTIONARY | {SHARED_PREFIX}):
            own += (
                storage_limits.PAGE_COPIES * self.values * self.largest
            )  # each value can be as long as a page
        return own + storage_limits.TEXT_BYTES * (self.values if self.is_decoded else distinct)


def _require_small(path: Path, metadata: Any, texts: frozenset[str]) -> set[str]:
    """The columns of texts that Arrow cannot read with their dictionaries.

    Raises ConfigurationError for a file that takes too much memory.
    """
    sizes: dict[str, _Size] = {}
    widths: dict[str, int] = {}
    with path.open("rb") as opened:
        for position in range(metadata.num_columns):
            column = metadata.schema.column(position)
            nested = column.max_repetition_level > 0 and column.physical_type == "BYTE_ARRAY"
            size = sizes.setdefault(column.path, _Size())
            for number in range(metadata.num_row_groups):
                _add_chunk(path, opened.fileno(), metadata.row_group(number).column(position), size)
            # A text in a list is decoded: it can be as long as the dictionary.
            widths[column.path] = size.largest if nested else max(column.length, _NUMBER_BYTES)
    needed = storage_limits.LIBRARY_BYTES
    needed += sum(one.memory(widths[name], text=name in texts) for name, one in sizes.items())
    if needed > storage_limits.MOST_MEGABYTES * _MEGABYTE:
        problem = (
            f"it may take {needed // _MEGABYTE:,} MB of memory to read; the limit is "
            f"{storage_limits.MOST_MEGABYTES:,} MB"
        )
        remedy = "leave out columns that are not needed, shorten the codes, or use CSV"
        raise ConfigurationError([Fault(path.name, problem, remedy)])
    return {name for name, one in sizes.items() if one.is_decoded}


def _add_chunk(path: Path, descriptor: int, chunk: Any, size: _Size) -> None:
    positions = [chunk.data_page_offset, chunk.dictionary_page_offset or 0]
    start = min((index for index in positions if index > 0), default=0)
    try:
        for page in pages(descriptor, start, chunk.total_compressed_size):
            size.add(page)
    except (Unreadable, OSError, OverflowError):
        problem = "a page of this Parquet file cannot be read"
        raise ConfigurationError([Fault(path.name, problem, "write the file again")]) from None


def _as_texts(column: Any) -> TextColumn | UnfitColumn:
    """Each text once, in the order of the rows."""
    import pyarrow as pa  # noqa: PLC0415  see above

    try:
        if not pa.types.is_dictionary(column.type):
            column = _encoded(column)
        merged = column.unify_dictionaries().combine_chunks()
        words = merged.dictionary.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        return UnfitColumn(str(column.type))
    positions: dict[str, int] = {}
    for word in [*words, ""]:
        positions.setdefault(word or "", len(positions))
    merging = np.array([*(positions[word or ""] for word in words), positions[""]], dtype=np.intp)
    rows = merging[merged.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)]
    return _in_order(list(positions), rows)


def _encoded(column: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415  see above

    try:
        return column.dictionary_encode()
    except pa.ArrowException:
        return column.cast(pa.string()).dictionary_encode()


def _in_order(texts: list[str], rows: NDArray[np.intp]) -> TextColumn:
    """Leave out texts that no row has; the others by their first row."""
    first = np.full(len(texts), len(rows), dtype=np.intp)
    first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1, dtype=np.intp)
    order = np.argsort(first, kind="stable")[: int(np.count_nonzero(first < len(rows)))]
    index = np.empty(len(texts), dtype=np.intp)
    index[order] = np.arange(len(order), dtype=np.intp)
    return TextColumn(tuple(texts[position] for position in order.tolist()), index[rows])
