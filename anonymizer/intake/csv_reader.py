"""Reads CSV: comma, RFC 4180 quoting (quoting.py), a header line; no guesses about types."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.csv as pa_csv

from anonymizer.intake import intake_limits
from anonymizer.intake.batches import (
    ROW_FAULT,
    FileReading,
    RawBatch,
    RowFault,
)
from anonymizer.intake.contract import Header, RawTable, check_header
from anonymizer.intake.quoting import StrictRows
from anonymizer.intake.raw_source import RawSource
from anonymizer.intake.salvage import read_misfit

_BINARY_STARTS = (b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff", b"PK")


def read_csv(
    source: RawSource, table: RawTable, compression: str, shortest: int | None = None
) -> FileReading:
    """The rows of a CSV file; an unquoted empty field is null, a quoted one is empty text.

    `shortest` as of `StrictRows`; of requests and consents it is known without.

    Raises InputRejected: `wrong_format`, `empty_file`, `corrupt`, `too_large`,
    `too_many_bad_rows`, `duplicate_column`, `schema_missing:<columns>`.
    """
    start = io.BufferedReader(source.expanded(compression)).read(intake_limits.HEADER_BYTES)
    if not start:
        raise source.reject("empty_file")
    lines = start.decode("utf-8-sig", errors="replace").splitlines(keepends=True)
    if start.startswith(_BINARY_STARTS) or "\x00" in lines[0]:
        raise source.reject("wrong_format", "this is not CSV in UTF-8")
    names = next(csv.reader(lines), [])
    header = check_header(table, names, source.name, source.digest)
    shortest = len(table.required) if table.objections else shortest
    stream = StrictRows(source.expanded(compression), len(names), shortest)
    misfits = _Misfits(table, names)
    batches = _batches(source, header, stream, misfits)
    return FileReading(lambda: header, batches, lambda: stream.rows)


@dataclass
class _Misfits:
    """The rows with too many or too few fields: their numbers, and what is left of objections."""

    table: RawTable
    names: Sequence[str]
    numbers: list[int] = field(default_factory=list)
    users: dict[int, str] = field(default_factory=dict, repr=False)

    def add(self, number: int, text: str) -> None:
        """Add a row; of requests and consents with its user id where that is certain."""
        self.numbers.append(number)
        if self.table.objections:
            user = read_misfit(self.table, self.names, text)
            if user is not None:
                self.users[number] = user

    def batch(self, reasons: Mapping[int, str]) -> RawBatch:
        """What is left of objections as rows, the other rows as faults, with these reasons."""
        lost = [number for number in self.numbers if number not in self.users]
        rows = {
            "row_number": pa.array(list(self.users), pa.int64()),
            "user_id": pa.array(list(self.users.values()), pa.string()),
            ROW_FAULT: pa.repeat(pa.scalar(" field_count"), len(self.users)),
        }
        faults = [RowFault(number, "", reasons.get(number, "field_count")) for number in lost]
        return RawBatch(pa.record_batch(rows), faults)


def _batches(
    source: RawSource, header: Header, stream: StrictRows, misfits: _Misfits
) -> Iterator[RawBatch]:
    numbers = _RowNumbers(misfits.numbers)
    batches = _open(source, stream, header, misfits)
    waiting: list[pa.RecordBatch] = []  # a block of text is far fewer rows than a batch
    while True:
        try:
            batch = next(batches, None)
        except pa.ArrowException:
            raise _refusal(source, misfits.numbers) from None
        if batch is None:
            break
        waiting.append(batch.add_column(0, "row_number", numbers.of(batch.num_rows)))
        if sum(part.num_rows for part in waiting) >= intake_limits.ROWS_PER_BATCH:
            yield RawBatch(pa.concat_batches(waiting))
            waiting.clear()
    if stream.cut_off:
        raise source.reject("corrupt", "it ends within a quoted field; deliver it again")
    if waiting:
        yield RawBatch(pa.concat_batches(waiting))
    yield misfits.batch(stream.bad)


def _open(
    source: RawSource, stream: StrictRows, header: Header, misfits: _Misfits
) -> Iterator[pa.RecordBatch]:
    def pass_over(row: pa_csv.InvalidRow) -> str:
        misfits.add(row.number - 1, row.text)  # the header line is row 1
        return "skip" if len(misfits.numbers) <= intake_limits.MOST_FAULTS else "error"

    try:
        return iter(
            pa_csv.open_csv(
                pa.PythonFile(stream, "r"),
                # Threads would lose the row numbers.
                read_options=pa_csv.ReadOptions(
                    use_threads=False, block_size=intake_limits.LONGEST_ROW
                ),
                parse_options=pa_csv.ParseOptions(
                    newlines_in_values=True, invalid_row_handler=pass_over
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=list(header.present),
                    column_types=dict.fromkeys(header.present, pa.binary()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
        )
    except pa.ArrowException:
        raise _refusal(source, misfits.numbers) from None


def _refusal(source: RawSource, misfits: list[int]) -> Exception:
    """Arrow's message may quote the row: nothing of it goes on."""
    if len(misfits) > intake_limits.MOST_FAULTS:
        return source.reject(
            "too_many_bad_rows", f"the limit is {intake_limits.MOST_FAULTS} in a file"
        )
    return source.reject("corrupt", "this is not CSV")


class _RowNumbers:
    """Numbers the rows that were read, leaving out those that were passed over."""

    def __init__(self, misfits: list[int]) -> None:
        self._misfits, self._next, self._seen = misfits, 1, 0

    def of(self, rows: int) -> pa.Array:
        """The numbers of the following rows."""
        if self._seen < len(self._misfits):
            return pa.array([self._following() for _ in range(rows)], pa.int64())
        first, self._next = self._next, self._next + rows
        return pa.array(range(first, first + rows), pa.int64())

    def _following(self) -> int:
        while self._seen < len(self._misfits) and self._misfits[self._seen] == self._next:
            self._next += 1
            self._seen += 1
        self._next += 1
        return self._next - 1
