"""An export as Parquet: typed columns, text as it is."""

from collections.abc import Sequence

import pyarrow as pa

from anonymizer.exports.rows import Row, columns_of
from anonymizer.model.added_dimensions import ADDED_DIMENSIONS

_TYPES = {
    "period_start": pa.date32(),
    "period_end": pa.date32(),
    "people": pa.int64(),
    "rounding": pa.int32(),
}


def _schema(names: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, _TYPES.get(name, pa.string())) for name in names])


SCHEMA = _schema(Row._fields)


def parquet_table(rows: Sequence[Row]) -> pa.Table:
    """The content of the file."""
    schema = _schema(columns_of(rows))
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def is_schema(schema: pa.Schema) -> bool:
    """Whether these are the columns of an export, with or without added dimensions."""
    more = schema.names[len(SCHEMA) :]
    return set(more) <= set(ADDED_DIMENSIONS) and schema.equals(_schema((*SCHEMA.names, *more)))
