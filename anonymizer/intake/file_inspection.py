"""Finds the raw files that a run would refuse, without taking anything in.

A broken file is to be reported when it lands, not when the last late arrival of its day has come.
Nothing is judged row by row and nothing is written; values are read and dropped.
"""

from collections.abc import Sequence

from anonymizer.intake import intake_limits
from anonymizer.intake.contract import TABLES
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.intake.raw_source import Limits, opened
from anonymizer.intake.readers import read
from anonymizer.model.errors import AudienceError, InputRejected
from anonymizer.model.policy import IntakeLimits


def broken_files(files: Sequence[LandedFile], limits: IntakeLimits) -> tuple[InputRejected, ...]:
    """The refusal of each of these files that cannot be read, in their order."""
    sizes = Limits.of(limits)
    return tuple(refusal for file in files if (refusal := _refusal(file, sizes)))


def _refusal(file: LandedFile, sizes: Limits) -> InputRejected | None:
    # Libraries quote values in their messages: of an unforeseen error only the type goes on.
    try:
        _read_through(file, sizes)
    except InputRejected as refusal:
        return refusal
    except AudienceError:
        raise
    except Exception as error:  # noqa: BLE001
        unforeseen = type(error).__name__
    else:
        return None
    return InputRejected(file.name, "unreadable", detail=unforeseen)


def _read_through(file: LandedFile, sizes: Limits) -> None:
    """Read every row once. Raises InputRejected as a run would."""
    with opened(file, sizes) as source:
        reading = read(source, TABLES[file.table])
        rows = faults = 0
        for batch in reading.batches:
            faults += len(batch.faults)
            rows += batch.rows.num_rows + len(batch.faults)
            if faults > intake_limits.MOST_FAULTS:
                raise source.reject(
                    "too_many_bad_rows", f"the limit is {intake_limits.MOST_FAULTS} in a file"
                )
        if rows != reading.rows():
            raise source.reject(
                "corrupt", f"only {rows} of its {reading.rows()} rows could be read"
            )
