"""What the readers of all formats hand on: readable rows, and pointers to the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from anonymizer.intake.contract import Header

# A column of the rows of requests and consents: `column reason` of a row that cannot be read as a
# whole but keeps what could be read of it, null for others. The column is empty for a whole row.
ROW_FAULT = "row_fault"


@dataclass(frozen=True)
class RowFault:
    """Why a row goes into quarantine. Says where the value stands, never what it is."""

    row_number: int
    column: str
    reason: str


@dataclass(frozen=True)
class RawBatch:
    """Some rows of a file: `row_number` and the contract's columns; and unreadable rows.

    Rows of requests and consents of which something can be read are among `rows`, with `row_fault`.
    """

    rows: pa.RecordBatch
    faults: list[RowFault] = field(default_factory=list)


@dataclass(frozen=True)
class FileReading:
    """A file being read: its batches one after the other, and after these its header.

    `rows` is how many rows the file has, once all batches are read, counted apart from what
    makes the batches: a row that is lost on the way is noticed.

    Columns that the file lacks may be missing from the batches or all null there.

    `filtered` is how many rows are not meant for the table, once all batches are read: those that
    the filters of a source leave out. They are not among `rows`.
    """

    header: Callable[[], Header]
    batches: Iterator[RawBatch]
    rows: Callable[[], int]
    filtered: Callable[[], int] = lambda: 0
