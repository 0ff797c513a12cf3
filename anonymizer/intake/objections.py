"""What becomes of requests and consents that cannot be read: they fail closed.

An objection that is spelled or delivered badly must not leave a person counted. Of an unread row
the person is known, or not:

    request, person known    the person counts in no release until somebody decides
    consent, person known    a refusal of its purpose, of every purpose if that cannot be read
    person not known         every release is held until somebody decides

Unread rows are quarantined in the account whatever follows from them. A decision names the file's
digest and the row's number, so that a file that is delivered again is not decided about twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.intake.deduplication import FileRows
from anonymizer.intake.quoting import BAD_QUOTING
from anonymizer.model.errors import Held, first_few

UNREAD = "unread"
Treatment = Literal["access", "correct", "erase", "withdraw", "ignored"]
_PURPOSES = ("use", "disclosure", "advertising_cookies", "marketing")


class RowPlace(NamedTuple):
    """Where a row is: the digest of its file and its number, 1 for the first data row."""

    digest: str
    row: int


Decisions = Mapping[RowPlace, Treatment]


@dataclass(frozen=True)
class UnreadRow:
    """A row of requests or consents that cannot be read. Says where and why, never whose."""

    table: str
    file: str
    place: RowPlace
    column: str
    reason: str
    person_known: bool

    def __str__(self) -> str:
        column = f", {self.column}" if self.column else ""
        return f"{self.file} row {self.place.row}{column}: {self.reason}"


def unread_rows(table: str, files: Sequence[FileRows]) -> tuple[UnreadRow, ...]:
    """The unread rows of a table, by file and row."""
    rows = []
    for file in files:
        known = {number for part in file.unread for number in part["row_number"].to_pylist()}
        rows += [
            UnreadRow(
                table,
                file.name,
                RowPlace(file.digest, fault.row_number),
                fault.column,
                fault.reason,
                fault.row_number in known,
            )
            for fault in file.faults
        ]
    return tuple(sorted(rows, key=lambda row: (row.file, row.place.row)))


def add_unread_requests(
    accepted: pa.Table, files: Sequence[FileRows], decisions: Decisions
) -> pa.Table:
    """The accepted requests, and those of known persons that cannot be read, as `unread`.

    One that is decided about is what the decision says.
    """
    return _together(
        accepted,
        (
            rows.append_column("kind", pa.repeat(pa.scalar(kind), rows.num_rows))
            for kind, rows in _treated(files, decisions, drop=["kind"])
        ),
    )


def add_unread_consents(
    accepted: pa.Table, files: Sequence[FileRows], decisions: Decisions
) -> pa.Table:
    """The accepted decisions, and a refusal for each of a known person that cannot be read."""
    refusals = []
    for _, rows in _treated(files, decisions, drop=["granted"]):
        refused = rows.append_column("granted", pa.repeat(pa.scalar(False), rows.num_rows))  # noqa: FBT003
        named = pc.is_valid(refused["purpose"])
        refusals.append(refused.filter(named))
        every = refused.filter(pc.invert(named)).drop_columns("purpose")
        refusals += [
            every.append_column("purpose", pa.repeat(pa.scalar(purpose), every.num_rows))
            for purpose in _PURPOSES
        ]
    return _together(accepted, refusals)


def require_decisions(rows: Iterable[UnreadRow], decisions: Decisions) -> None:
    """Raise Held `objection_unreadable` while nobody has decided about a row of nobody known."""
    waiting = [row for row in rows if not row.person_known and row.place not in decisions]
    if waiting:
        raise Held(
            "objection_unreadable",
            f"{len(waiting)} row(s) of requests or consents, limit 0, have no readable user id, "
            f"so it is not known which person they protect: {first_few(waiting)}. Replace the "
            "file with a corrected one, or decide about each row: audience rights "
            f"review{advice(waiting)}",
        )


def advice(rows: Iterable[UnreadRow]) -> str:
    """What to change in a CSV file whose fields of several lines are not certainly one row each."""
    files = sorted({row.file for row in rows if row.reason == BAD_QUOTING})
    if not files:
        return ""
    return (
        f". In {first_few(files)} lines of a quoted text may be rows: quote every field, "
        "including the header, or remove line breaks from fields, or deliver JSON lines"
    )


def _treated(
    files: Sequence[FileRows], decisions: Decisions, drop: list[str]
) -> Iterable[tuple[str, pa.Table]]:
    """The unread rows of known persons by what they count as; none of those to be ignored."""
    for file in files:
        for part in file.unread:
            pointers = [RowPlace(file.digest, number) for number in part["row_number"].to_pylist()]
            meant = pa.array([decisions.get(place, UNREAD) for place in pointers], pa.string())
            for kind in pc.unique(meant).to_pylist():
                if kind != "ignored":
                    yield kind, part.filter(pc.equal(meant, kind)).drop_columns(drop)


def _together(accepted: pa.Table, others: Iterable[pa.Table]) -> pa.Table:
    """All rows once, in the order of their columns; the accepted alone stay as they are."""
    added = [
        _renamed(rows, accepted.schema).select(accepted.schema.names).cast(accepted.schema)
        for rows in others
        if rows.num_rows
    ]
    if not added:
        return accepted
    names = accepted.schema.names
    distinct = pa.concat_tables([accepted, *added]).group_by(names).aggregate([]).select(names)
    return distinct.sort_by([(name, "ascending") for name in names]).combine_chunks()


def _renamed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """With the key of a claim under the name that it has among accepted requests."""
    if "request_key" not in schema.names:
        return rows
    return rows.rename_columns(
        ["request_key" if name == "record_key" else name for name in rows.schema.names]
    )
