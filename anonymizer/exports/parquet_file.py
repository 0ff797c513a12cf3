"""An export as Parquet: typed columns, text as it is."""

from collections.abc import Sequence

import pyarrow as pa

from anonymizer.exports.rows import Row

_TYPES = {
    "period_start": pa.date32(),
    "period_end": pa.date32(),
    "people": pa.int64(),
    "rounding": pa.int32(),
}
SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in Row._fields])


def parquet_table(rows: Sequence[Row]) -> pa.Table:
    """The content of the file."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(SCHEMA)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
