"""The pointers to quarantined rows of a day: file, row number, column and reason; never a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer.intake import intake_limits
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.storage.home import Home

_GROUP = ("raw_table", "file", "column", "reason")


@dataclass(frozen=True)
class Frequent:
    """The rows of one file that are quarantined for one reason, with the first few of them."""

    table: str
    file: str
    column: str
    reason: str
    rows: int
    examples: tuple[int, ...]

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        listed = ", ".join(map(str, self.examples))
        return f"{self.file}{column}: {self.reason}, {self.rows:,} row(s), for example {listed}"


def most_frequent(
    pointers: pa.Table, most: int = intake_limits.FREQUENT_FAULTS
) -> tuple[Frequent, ...]:
    """The most frequent reasons by file and column, and the first rows of each."""
    counted = pointers.group_by(list(_GROUP)).aggregate([("row_number", "count")])
    order = [("row_number_count", "descending"), *((name, "ascending") for name in _GROUP)]
    return tuple(
        Frequent(
            row["raw_table"],
            row["file"],
            row["column"],
            row["reason"],
            row["row_number_count"],
            _first_rows(pointers, row),
        )
        for row in counted.sort_by(order).slice(0, most).to_pylist()
    )


def frequent_lines(pointers: pa.Table) -> str:
    """The most frequent reasons as lines of a message; empty without any."""
    found = most_frequent(pointers)
    return "Most frequent:" + "".join(f"\n  - {one}" for one in found) if found else ""


def read_pointers(home: Home, day: date) -> pa.Table:
    """All pointers of a day by table, file and row. Raises ConfigurationError without any file."""
    path = home.working_file("quarantine", day)
    if not path.exists():
        problem = (
            f"there is no quarantine list of {day}: the day was not taken in, or retention "
            "removed the list"
        )
        remedy = f"take the day in with: audience run --from {day} --to {day}"
        raise ConfigurationError([Fault("--day", problem, remedy)])
    pointers = pq.read_table(path, partitioning=None)
    order = ("raw_table", "file", "row_number", "column", "reason")
    return pointers.sort_by([(name, "ascending") for name in order])


def of_reason(pointers: pa.Table, reason: str) -> pa.Table:
    """The pointers with one reason. Raises ConfigurationError, naming all reasons, for another."""
    found = pointers.filter(pc.equal(pointers["reason"], reason))
    if not found.num_rows:
        known = ", ".join(sorted(set(pointers["reason"].to_pylist()))) or "none"
        problem = f"no row is quarantined for {reason!r}"
        raise ConfigurationError([Fault("--reason", problem, f"the reasons of the day: {known}")])
    return found


def of_table(pointers: pa.Table, table: str) -> pa.Table:
    """The pointers into one raw table."""
    return pointers.filter(pc.equal(pointers["raw_table"], table))


def counts_by_reason(pointers: pa.Table) -> Sequence[tuple[str, str, str, int]]:
    """Table, column, reason and number of rows; the most frequent first."""
    keys = ["raw_table", "column", "reason"]
    counted = pointers.group_by(keys).aggregate([("row_number", "count")])
    order = [("row_number_count", "descending"), *((name, "ascending") for name in keys)]
    rows = counted.sort_by(order).to_pylist()
    return [(*(row[key] for key in keys), row["row_number_count"]) for row in rows]


def _first_rows(pointers: pa.Table, group: dict[str, object]) -> tuple[int, ...]:
    chosen = pointers
    for name in _GROUP:
        chosen = chosen.filter(pc.equal(chosen[name], group[name]))
    numbers = pc.unique(chosen["row_number"]).sort()
    return tuple(numbers.slice(0, intake_limits.EXAMPLES).to_pylist())
