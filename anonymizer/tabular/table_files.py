"""Writes what became of a table: for everybody, and for the privileged role.

Rows stand in the order of the catalogue, whatever is suppressed. Columns are those of
the dimensions, then `status` and `people`, empty where a segment is suppressed.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.coarser_segments import NONE, nearest_coarser
from anonymizer.model.segments import Catalogue
from anonymizer.storage.files import PUBLIC, write_bytes
from anonymizer.storage.text_columns import PARQUET
from anonymizer.tabular.protection import REASONS, ProtectedTable

_NUMBERS = ("people", "true_people")

Columns = Mapping[str, Sequence[Any]]


def write_published(outcome: ProtectedTable, path: Path) -> None:
    """What anybody may see, as CSV, or Parquet by the name of the file. Raises NoSpace."""
    write_bytes(_content(_published(outcome), path), path, mode=PUBLIC)


def write_internal(outcome: ProtectedTable, path: Path) -> None:
    """The same rows with reason, true count and nearest coarser published segment, mode 0600.

    `coarser_<dimension>` are empty where no published segment contains the row's.
    """
    catalogue = outcome.catalogue
    nearest = nearest_coarser(catalogue, np.flatnonzero(outcome.published))
    nearest[outcome.published] = NONE
    columns = {
        **_published(outcome),
        "reason": np.array(REASONS, dtype=object)[outcome.reasons].tolist(),
        "true_people": outcome.true_people.tolist(),
        **{f"coarser_{name}": codes for name, codes in _codes(catalogue, nearest).items()},
    }
    write_bytes(_content(columns, path), path)


def _published(outcome: ProtectedTable) -> Columns:
    published = outcome.published
    people = outcome.people.astype(object)
    people[~published] = None
    return {
        **_codes(outcome.catalogue, np.arange(len(outcome.catalogue))),
        "status": np.where(published, "published", "suppressed").tolist(),
        "people": people.tolist(),
    }


def _codes(catalogue: Catalogue, rows: NDArray[np.integer]) -> Columns:
    """The code of each dimension for these rows of the catalogue; None for NONE."""
    columns = {}
    for axis, positions in zip(catalogue.dimensions, catalogue.cells.T, strict=True):
        codes = np.array([group.code for group in axis.groups], dtype=object)[positions[rows]]
        codes[rows == NONE] = None
        columns[axis.name] = codes.tolist()
    return columns


def _content(columns: Columns, path: Path) -> bytes:
    return _parquet(columns) if path.suffix == PARQUET else _csv(columns)


def _csv(columns: Columns) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _parquet(columns: Columns) -> bytes:
    import pyarrow as pa  # noqa: PLC0415  costs 0.15 s: not for those who write CSV
    import pyarrow.parquet as pq  # noqa: PLC0415  likewise

    arrays = {
        name: pa.array(values, pa.int64() if name in _NUMBERS else pa.string())
        for name, values in columns.items()
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content
