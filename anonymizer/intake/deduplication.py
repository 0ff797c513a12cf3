"""Gathers the judged rows of all files of one raw table and settles what they share."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.intake.batches import RowFault
from anonymizer.intake.contract import RawTable
from anonymizer.intake.row_validation import ValidatedBatch
from anonymizer.model.accounting import RowAccount
from anonymizer.storage.engines.duckdb import DuckDB

POINTERS = pa.schema(
    {
        "raw_table": pa.string(),
        "file": pa.string(),
        "file_sha256": pa.string(),
        "row_number": pa.int64(),
        "column": pa.string(),
        "reason": pa.string(),
    }
)
_ID_COLUMNS = {
    "campaigns": "campaign_id",
    "profiles": "user_id",
    "requests": "request_id",
    "visits": "visit_id",
}


@dataclass
class FileRows:
    """What came out of one file: rows read, sound rows, pointers to bad ones.

    `unread` are the bad rows of requests and consents whose person is known.
    """

    name: str
    digest: str
    rows: int = 0
    claims: list[pa.Table] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    unread: list[pa.Table] = field(default_factory=list)

    def add(self, judged: ValidatedBatch) -> None:
        """Add the rows of a batch."""
        self.rows += judged.claims.num_rows + len(judged.faults)
        self.faults += judged.faults
        self.claims.append(judged.claims)
        if judged.unread is not None and judged.unread.num_rows:
            self.unread.append(judged.unread)


@dataclass(frozen=True)
class DeduplicatedTable:
    """One raw table of the run: accepted rows, the account, and pointers to bad rows.

    The relation `standing` holds what stands, with all columns of accept_*.sql, until the
    next table is settled.
    """

    account: RowAccount
    accepted: pa.Table
    quarantine: pa.Table


def deduplicate(engine: DuckDB, table: RawTable, files: Sequence[FileRows]) -> DeduplicatedTable:
    """Find duplicates and conflicting ids among the rows of all files, of which there is one."""
    engine.load("claims", pa.concat_tables(_claims(files)))
    deduplicated = engine.fetch("resolve_duplicates", {"winners": table.winners})
    engine.load("resolved", deduplicated)
    engine.create("standing", "select_accepted_rows")
    engine.drop("claims")
    conflicts = deduplicated.filter(pc.equal(deduplicated["outcome"], "conflicting_id"))
    column = _ID_COLUMNS.get(table.name, "")
    for conflict in conflicts.to_pylist():
        fault = RowFault(conflict["row_number"], column, "conflicting_id")
        files[conflict["file"]].faults.append(fault)
    accepted = engine.fetch(f"select_{table.name}")
    excluded = engine.fetch("tally_excluded").to_pydict()
    account = RowAccount(
        table.name,
        read=sum(file.rows for file in files),
        counted=accepted.num_rows,
        duplicates=deduplicated.num_rows - conflicts.num_rows,
        excluded=dict(zip(excluded["excluded"], excluded["row_count"], strict=True)),
        quarantined=dict(sorted(Counter(f.reason for file in files for f in file.faults).items())),
    )
    return DeduplicatedTable(account, accepted, _quarantine(table, files))


def leave_out(deduplicated: DeduplicatedTable, people: pa.Array, reason: str) -> DeduplicatedTable:
    """The same without the rows of these people: they are excluded for `reason`."""
    accepted = deduplicated.accepted.filter(pc.invert(rows_of(deduplicated.accepted, people)))
    left_out = deduplicated.accepted.num_rows - accepted.num_rows
    if not left_out:
        return deduplicated
    account = deduplicated.account
    excluded = dict(sorted((Counter(account.excluded) + Counter({reason: left_out})).items()))
    return replace(
        deduplicated,
        accepted=accepted,
        account=replace(account, counted=accepted.num_rows, excluded=excluded),
    )


def rows_of(table: pa.Table, people: pa.Array) -> pa.ChunkedArray:
    """Which rows are about these people; guests are nobody."""
    return pc.fill_null(pc.is_in(table["person_key"], value_set=people), False)  # noqa: FBT003


def _claims(files: Sequence[FileRows]) -> Iterator[pa.Table]:
    """The claims of all files with the number of their file."""
    for number, file in enumerate(files):
        for claims in file.claims:
            column = pa.repeat(pa.scalar(number, pa.int32()), claims.num_rows)
            yield claims.append_column("file", column)


def _quarantine(table: RawTable, files: Sequence[FileRows]) -> pa.Table:
    pointers = sorted(
        (table.name, file.name, file.digest, fault.row_number, fault.column, fault.reason)
        for file in files
        for fault in file.faults
    )
    columns = zip(*pointers, strict=True) if pointers else ((),) * len(POINTERS)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, POINTERS, strict=True)]
    return pa.table(arrays, schema=POINTERS)
