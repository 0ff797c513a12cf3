"""Gathers the judged rows of all files of one raw table and settles what they share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.intake.batches import RowFault
from anonymizer.intake.contract import RawTable
from anonymizer.intake.row_validation import ValidatedBatch
from anonymizer.model.accounting import RowAccount
from anonymizer.model.dimensions import NOT_STATED
from anonymizer.storage.engine import Engine
from anonymizer.storage.files import write_parquet_stream

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
    """What came out of one file: rows read, pointers to bad ones.

    `unread` are the bad rows of requests and consents whose person is known.
    """

    name: str
    digest: str
    rows: int = 0
    faults: list[RowFault] = field(default_factory=list)
    unread: list[pa.Table] = field(default_factory=list)

    def add(self, judged: ValidatedBatch) -> pa.Table:
        """Count the rows of a batch; returns the sound ones."""
        self.rows += judged.claims.num_rows
        self.add_faults(judged.faults)
        if judged.unread is not None and judged.unread.num_rows:
            self.unread.append(judged.unread)
        return judged.claims

    def add_faults(self, faults: Sequence[RowFault]) -> None:
        """Count rows that cannot be read."""
        self.rows += len(faults)
        self.faults += faults


@dataclass(frozen=True)
class DeduplicatedTable:
    """One raw table of the run: the account, pointers to bad rows, and the file of accepted rows.

    `people` have rows among the accepted ones; `unstated` counts profiles by what they do not say.
    """

    account: RowAccount
    quarantine: pa.Table
    accepted: Path
    people: int = 0
    unstated: Mapping[str, int] = field(default_factory=dict)


class Claims:
    """The sound rows of one raw table after the other, pseudonymous, on disk where memory ends.

    `raw` is the database in which batches are judged; it never spills. `erased` are the people of
    whom nothing may be left: they are known once the requests are read.
    """

    def __init__(self, raw: Engine, engine: Engine, folder: Path) -> None:
        self.raw, self.engine, self.folder = raw, engine, folder
        self.erase(pa.array([], pa.binary()))

    def erase(self, people: pa.Array) -> None:
        """Leave these people out of the tables that are settled from here on."""
        self._erased = pc.unique(people)
        self.engine.load("erased", pa.table({"person_key": self._erased}))

    def begin(self) -> None:
        """Forget the rows of the table before."""
        for relation in ("standing", "resolved", "claims"):
            self.engine.drop(relation)

    @property
    def begun(self) -> bool:
        """Whether rows were added, if only none of a file."""
        return self.engine.has("claims")

    def add(self, number: int, rows: pa.Table) -> None:
        """Add sound rows of the file of this number."""
        column = pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)
        self.engine.append("claims", rows.append_column("file", column))

    def refuse(self, number: int) -> None:
        """Forget the rows of a file."""
        if self.begun:
            self.engine.run("remove_refused_rows", {"file": number})

    def settle(self, table: RawTable, files: Mapping[int, FileRows]) -> DeduplicatedTable:
        """Find duplicates and conflicting ids among the rows of all files; write what is accepted.

        The relation `standing` holds what stands, with all columns of accept_*.sql, until the next
        table begins.
        """
        self.engine.create("resolved", "resolve_duplicates", {"winners": table.winners})
        self.engine.view("standing", "select_accepted_rows")
        outcomes: dict[str, Counter[str]] = {"resolved": Counter(), "excluded": Counter()}
        for tallied in self.engine.records("tally_rows"):
            outcomes[tallied["step"]][tallied["outcome"]] = tallied["row_count"]
        if outcomes["resolved"]["conflicting_id"]:
            self._note_conflicts(table, files)
        facts = self._describe(table)
        if erased := facts.pop("erased", 0):
            outcomes["excluded"]["erased"] += erased
        accepted = self.folder / f"{table.name}.parquet"
        counted = write_parquet_stream(self.engine.stream(f"select_{table.name}"), accepted)
        account = RowAccount(
            table.name,
            read=sum(file.rows for file in files.values()),
            counted=counted,
            duplicates=outcomes["resolved"]["duplicate"],
            excluded=dict(sorted(outcomes["excluded"].items())),
            quarantined=dict(
                sorted(Counter(f.reason for file in files.values() for f in file.faults).items())
            ),
        )
        quarantine = _quarantine(table, list(files.values()))
        return DeduplicatedTable(account, quarantine, accepted, **facts)

    def _note_conflicts(self, table: RawTable, files: Mapping[int, FileRows]) -> None:
        column = _ID_COLUMNS.get(table.name, "")
        for conflict in self.engine.fetch("list_conflicts").to_pylist():
            fault = RowFault(conflict["row_number"], column, "conflicting_id")
            files[conflict["file"]].faults.append(fault)

    def _describe(self, table: RawTable) -> dict[str, Any]:
        """Facts of the accepted rows, and how many more would be but for their person's request."""
        if not table.about_people:
            return {}
        facts = self.engine.records("count_people")[0]
        if table.name == "profiles":
            (unstated,) = self.engine.records("count_unstated", {"not_stated": NOT_STATED})
            facts["unstated"] = unstated
        return facts

    def are_erased(self, rows: pa.Table) -> pa.ChunkedArray:
        """Which rows are of erased people; guests are nobody."""
        return pc.fill_null(pc.is_in(rows["person_key"], value_set=self._erased), False)  # noqa: FBT003


def _quarantine(table: RawTable, files: Sequence[FileRows]) -> pa.Table:
    pointers = sorted(
        (table.name, file.name, file.digest, fault.row_number, fault.column, fault.reason)
        for file in files
        for fault in file.faults
    )
    columns = zip(*pointers, strict=True) if pointers else ((),) * len(POINTERS)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, POINTERS, strict=True)]
    return pa.table(arrays, schema=POINTERS)
