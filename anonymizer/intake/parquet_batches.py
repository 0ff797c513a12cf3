"""Parquet batches in pieces whose decoded size is known before they are decoded.

A dictionary of one long text and a million references to it are a few hundred bytes in a file and
a terabyte once decoded; so is a list whose elements are run-length encoded. Batches are therefore
read with their dictionaries, which costs what the pages cost; how long each row would become is
known from the lengths in the dictionary, and so many rows are decoded at a time as fit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from anonymizer.intake import intake_limits

_FIXED = 36  # most bytes of a value that is no text: a UUID
_SEPARATOR = 1


@dataclass(frozen=True)
class Piece:
    """Some rows of a batch; `too_long` has the rows of lists that are not decoded."""

    rows: pa.RecordBatch
    decoded: int
    too_long: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


def pieces(batch: pa.RecordBatch, longest: int) -> Iterator[Piece]:
    """The batch in pieces of at most MOST_DECODED bytes, or of one row.

    `longest` is more than a field may have: what is longer is cut to it, and is still too long.
    """
    sizes = np.zeros(batch.num_rows, dtype=np.int64)
    row_sizes = np.zeros(batch.num_rows, dtype=np.int64)
    too_long: dict[str, NDArray[np.bool_]] = {}
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        own = decoded_sizes(column)
        row_sizes += own
        if is_list(column.type):
            too_long[name] = own > longest
        columns.append(_cut(column, longest))
        sizes += np.minimum(own, longest)
    cut = pa.RecordBatch.from_arrays(columns, batch.schema.names)
    for first, last in stretches(sizes):
        parts = {name: flags[first:last] for name, flags in too_long.items()}
        yield Piece(cut.slice(first, last - first), int(row_sizes[first:last].sum()), parts)


def decoded_sizes(column: pa.Array) -> NDArray[np.int64]:
    """How many bytes each row has once it is decoded."""
    if is_list(column.type):
        inner = decoded_sizes(column.flatten()) + _SEPARATOR
        ends = np.concatenate([[0], np.cumsum(inner)])
        offsets = np.asarray(column.offsets) - column.offsets[0].as_py()
        sizes: NDArray[np.int64] = np.diff(ends[offsets])
        return sizes
    if pt.is_struct(column.type):
        parts = [decoded_sizes(part) for part in column.flatten()]
        return np.sum(parts, axis=0, dtype=np.int64) if parts else np.zeros(len(column), np.int64)
    if pt.is_dictionary(column.type) and _has_lengths(column.type.value_type):
        lengths = pc.binary_length(column.dictionary).fill_null(0)
        taken = pc.fill_null(pc.take(lengths, column.indices), 0)
        return np.asarray(taken).astype(np.int64)
    if _has_lengths(column.type):
        return np.asarray(pc.fill_null(pc.binary_length(column), 0)).astype(np.int64)
    return np.full(len(column), _FIXED, dtype=np.int64)


def is_list(found: pa.DataType) -> bool:
    """Whether a row has several values."""
    return bool(pt.is_list(found) or pt.is_large_list(found))


def _has_lengths(found: pa.DataType) -> bool:
    return bool(
        pt.is_string(found)
        or pt.is_binary(found)
        or pt.is_large_string(found)
        or pt.is_large_binary(found)
    )


def _cut(column: pa.Array, longest: int) -> pa.Array:
    """The column without the ends of texts in its dictionary that are too long anyway."""
    if not (pt.is_dictionary(column.type) and _has_lengths(column.type.value_type)):
        return column
    lengths = pc.binary_length(column.dictionary)
    if (pc.max(lengths).as_py() or 0) <= longest:
        return column
    octets = column.dictionary.cast(pa.binary())
    ends = pc.binary_slice(octets, 0, longest).to_pylist()
    whole = [value and value.decode("utf-8", "ignore").encode() for value in ends]
    long = pc.greater(lengths, longest)
    shorter = pc.if_else(long, pa.array(whole, pa.binary()), octets)
    return pa.DictionaryArray.from_arrays(column.indices, shorter)


def stretches(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First row and the row after the last, of stretches of at most MOST_DECODED bytes."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        last = int(np.searchsorted(ends, before + intake_limits.MOST_DECODED, side="right"))
        last = max(last, first + 1)
        yield first, last
        first = last
