"""Files of the groups that were judged on their own in one release.

Nothing here names a person or says who is in a group: a sketch keeps 8 bits of the sum of keyed
numbers of the people in each bucket, and 32 bits of that of each block.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.model.errors import Held
from anonymizer.model.proofs import SUPPRESSED, Representatives, Shape, Sketches
from anonymizer.storage.files import read_rows, write_parquet

_FORMAT = 1


def write_representatives(of: Representatives, path: Path) -> None:
    """Write the state file of a release; equal content gives equal bytes. Raises NoSpace."""
    shape = of.sketches.shape
    about = {
        "format": _FORMAT,
        "tables": list(of.tables),
        "step": of.step,
        "rounding": of.rounding,
        "buckets": shape.buckets,
        "blocks": shape.blocks,
    }
    rows = pa.table(
        {
            "table": pa.array(of.table, pa.int32()),
            "people": pa.array(of.figures, pa.int64(), mask=of.figures == SUPPRESSED),
            "size": pa.array(of.sketches.people, pa.int64()),
            "keys": _column(of.sketches.keys.astype("<u4")),
            "fine": _column(of.sketches.fine),
        }
    )
    write_parquet(rows.replace_schema_metadata({"near": json.dumps(about)}), path)


def read_representatives(path: Path) -> Representatives:
    """The state file of a release. Raises Held `near_state` for one of another format."""
    rows = read_rows(path, memory_map=True)
    about = json.loads((rows.schema.metadata or {}).get(b"near", b"{}"))
    if about.get("format") != _FORMAT:
        raise Held(
            "near_state", f"{path.name} is not a file of judged groups that this version can read"
        )
    shape = Shape(about["buckets"], about["blocks"])
    keys = _array(rows["keys"], shape.blocks * 4).view("<u4")
    fine = _array(rows["fine"], shape.buckets)
    figures = rows["people"].fill_null(SUPPRESSED).to_numpy()
    table = rows["table"].to_numpy().astype(np.int32)
    sketches = Sketches(shape, rows["size"].to_numpy(), fine, keys.astype(np.uint32, copy=False))
    promise = about["step"], about["rounding"]
    return Representatives(tuple(about["tables"]), *promise, sketches, table, figures)


def _column(numbers: NDArray[np.uint8] | NDArray[np.uint32]) -> pa.Array:
    """Each row of numbers as bytes of a fixed width."""
    width = numbers.shape[1] * numbers.itemsize
    content = pa.py_buffer(np.ascontiguousarray(numbers).tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(numbers), [None, content])


def _array(column: pa.ChunkedArray, width: int) -> NDArray[np.uint8]:
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8, len(chunk) * width, chunk.offset * width)
        for chunk in column.chunks
        if len(chunk)
    ]
    content = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.uint8), *parts])
    return content.reshape(len(column), width)
