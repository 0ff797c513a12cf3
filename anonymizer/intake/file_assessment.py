"""Assesses one raw file: its rows are read, judged and stripped of everything that identifies."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa

from anonymizer.intake import intake_limits
from anonymizer.intake.assessed_files import AssessedFile
from anonymizer.intake.batches import RowFault
from anonymizer.intake.contract import RawTable
from anonymizer.intake.deduplication import FileRows
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.intake.raw_source import RawSource
from anonymizer.intake.readers import read
from anonymizer.intake.row_validation import RowValidator


def assess(
    validator: RowValidator,
    landed: LandedFile,
    source: RawSource,
    table: RawTable,
    file: AssessedFile,
) -> Iterator[pa.Table]:
    """The sound rows of a file, a batch at a time; what else it has is in `file` at the end.

    Raises InputRejected as the readers do, `too_many_bad_rows`, and `corrupt` where fewer rows
    come than the file has.
    """
    gathered = FileRows(landed.name, source.digest)
    reading = read(source, table)
    for batch in reading.batches:
        if batch.rows.num_rows:
            claims = gathered.add(validator.assess(batch, table, landed.arrival))
            file.add(claims)
            yield claims
        else:
            gathered.add_faults(batch.faults)
        if len(gathered.faults) > intake_limits.MOST_FAULTS:
            raise source.reject("too_many_bad_rows", _most_faults(gathered.faults))
    if gathered.rows != reading.rows():
        raise source.reject(
            "corrupt", f"only {gathered.rows} of its {reading.rows()} rows could be read"
        )
    file.end(gathered, reading.header(), reading.filtered())


def _most_faults(faults: Sequence[RowFault]) -> str:
    """The most frequent reason of a file with more bad rows than are kept."""
    counted = Counter((fault.column, fault.reason) for fault in faults)
    ((most, rows),) = counted.most_common(1)
    numbers = sorted(f.row_number for f in faults if (f.column, f.reason) == most)
    examples = ", ".join(map(str, numbers[: intake_limits.EXAMPLES]))
    column, reason = most
    return (
        f"the limit is {intake_limits.MOST_FAULTS:,} in a file; most frequent: column "
        f"{column or 'unknown'}, {reason}, {rows:,} rows, for example {examples}"
    )
