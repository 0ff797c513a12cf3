"""An export as CSV: UTF-8, comma, one header line, empty where there is no figure."""

import csv
import io
from collections.abc import Sequence

from anonymizer.exports.rows import Row, harmless


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """The content of the file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(
        [harmless(value) if isinstance(value, str) else value for value in row] for row in rows
    )
    return text.getvalue().encode()
