"""Gives the rows of every format one form, in which user ids are already keyed hashes.

    text (bytes)  -> text, or the row goes into quarantine: bad_encoding, control_character,
                     too_long
    user          -> person_key (16 bytes) + user_id_fault: no_user, placeholder_user,
                     hidden_character, not_an_id
    instant       -> timestamp with zone + <column>_fault: bad_time, naive_time, time_range
    word, boolean -> the plain word that vocabulary.py looks up

A column that the file lacks is null from here on. Of a table of objections no row goes into
quarantine here: what cannot be read becomes null, and `row_fault` says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from anonymizer.intake.batches import ROW_FAULT, RawBatch, RowFault
from anonymizer.intake.contract import Kind, RawTable
from anonymizer.intake.identifiers import canonical_ids
from anonymizer.intake.intake_keys import IntakeKeys
from anonymizer.intake.vocabulary import plain_words
from anonymizer.model.policy import Policy
from anonymizer.storage.engine import Engine

CONTROL = "control_character"
# Unicode's category Cc without tab, line feed, vertical tab, form feed and carriage return.
_CONTROLS = r"[\x00-\x08\x0e-\x1f\x7f-\x{9f}]"
_SPACE, _DELETE, _LATIN = 0x20, 0x7F, 0xC2  # U+0080 to U+009F begin with the byte C2
# Spaces of all sorts at the ends of an id are a writer's accident.
BLANKS = " \t\r\n\v\f\u00a0\u200b\ufeff"


@dataclass(frozen=True)
class Normaliser:
    """Turns raw batches into rows for the `accept_*.sql` statements."""

    engine: Engine
    policy: Policy
    keys: IntakeKeys

    def normalise(self, batch: RawBatch, table: RawTable) -> RawBatch:
        """The same rows in their one form; unreadable ones have become faults."""
        make_legible = _blank_illegible if table.objections else _drop_illegible
        legible = make_legible(batch, self.policy.intake.max_field_characters)
        columns = {"row_number": legible.rows.column("row_number")}
        if table.objections:
            columns[ROW_FAULT] = legible.rows.column(ROW_FAULT)
        for name, kind in table.columns.items():
            columns |= self._column(legible.rows, name, kind)
        return RawBatch(pa.record_batch(columns), legible.faults)

    def _column(self, rows: pa.RecordBatch, name: str, kind: Kind) -> Mapping[str, pa.Array]:
        column = pa.nulls(rows.num_rows, pa.string())
        if name in rows.schema.names:
            column = rows.column(name)
        if kind == "user":
            ids, faults = canonical_ids(column)
            return {"person_key": self._hashed(ids), f"{name}_fault": faults}
        if kind in ("word", "boolean"):
            return {name: plain_words(column)}
        if kind != "instant":
            return {name: column}
        if pt.is_timestamp(column.type):
            return {name: column, f"{name}_fault": pa.nulls(rows.num_rows, pa.string())}
        if column.null_count == rows.num_rows:
            nothing = pa.nulls(rows.num_rows, pa.timestamp("us", "UTC"))
            return {name: nothing, f"{name}_fault": pa.nulls(rows.num_rows, pa.string())}
        instant, fault = self._read(
            column,
            "read_instants",
            zone=self.policy.timing.timezone,
            naive=self.policy.intake.naive_times,
        )
        return {name: instant, f"{name}_fault": fault}

    def _hashed(self, ids: pa.Array) -> pa.Array:
        """The keyed hash of each id; null where there is none."""
        position = pa.array(range(len(ids)), pa.int32())
        self.engine.load("ids", pa.record_batch({"position": position, "id": ids}))
        keyed = self.engine.fetch("hash_users", {"person_key": self.keys.person})
        self.engine.drop("ids")
        return keyed["person_key"].combine_chunks()

    def _read(
        self, column: pa.Array, statement: str, **parameters: object
    ) -> tuple[pa.Array, pa.Array]:
        """Value and fault of each text, in the order of `column`."""
        position = pa.array(range(len(column)), pa.int32())
        self.engine.load("texts", pa.record_batch({"position": position, "text": column}))
        value, fault = self.engine.fetch(statement, {"blanks": BLANKS, **parameters}).columns
        self.engine.drop("texts")
        return value.combine_chunks(), fault.combine_chunks()


def _blank_illegible(batch: RawBatch, most: int) -> RawBatch:
    """All rows, null where a field is not UTF-8, has control characters or is too long.

    `row_fault` is the column and reason of the first such field, or what the reader found.
    """
    rows = batch.rows
    faults = pa.nulls(rows.num_rows, pa.string())
    if ROW_FAULT in rows.schema.names:
        faults = rows.column(ROW_FAULT)
        rows = rows.drop_columns([ROW_FAULT])
    for position, name in enumerate(rows.schema.names):
        column = rows.column(position)
        if pt.is_binary(column.type) or pt.is_large_binary(column.type):
            bad = _misencoded(column)
            column, faults = _blanked(column, bad, f"{name} bad_encoding", faults)
            column = column.cast(pa.string())
        if pt.is_string(column.type):
            for bad, reason in (
                (_too_long(column, most), "too_long"),
                (_controlling(column), CONTROL),
            ):
                column, faults = _blanked(column, bad, f"{name} {reason}", faults)
        rows = rows.set_column(position, name, column)
    return RawBatch(rows.append_column(ROW_FAULT, faults), batch.faults)


def _blanked(
    column: pa.Array, bad: pa.Array | None, fault: str, faults: pa.Array
) -> tuple[pa.Array, pa.Array]:
    """The column without its bad values, and the faults with those that are the row's first."""
    if bad is None:
        return column, faults
    return (
        pc.if_else(bad, pa.scalar(None, column.type), column),
        pc.if_else(pc.and_(bad, pc.is_null(faults)), fault, faults),
    )


def _drop_illegible(batch: RawBatch, most: int) -> RawBatch:
    """Without the rows with a field that is not UTF-8, has control characters or is too long."""
    rows, faults = batch.rows, list(batch.faults)
    for position, name in enumerate(batch.rows.schema.names):
        kind = rows.schema.field(name).type
        if pt.is_binary(kind) or pt.is_large_binary(kind):
            rows = _without(rows, name, _misencoded(rows.column(name)), "bad_encoding", faults)
            rows = rows.set_column(position, name, rows.column(name).cast(pa.string()))
        if pt.is_string(rows.schema.field(name).type):
            rows = _without(rows, name, _too_long(rows.column(name), most), "too_long", faults)
            rows = _without(rows, name, _controlling(rows.column(name)), CONTROL, faults)
    return RawBatch(rows, faults)


def _without(
    rows: pa.RecordBatch, name: str, bad: pa.Array | None, reason: str, faults: list[RowFault]
) -> pa.RecordBatch:
    if bad is None:
        return rows
    numbers = rows.column("row_number").filter(bad).to_pylist()
    faults += [RowFault(number, name, reason) for number in numbers]
    return rows.filter(pc.invert(bad))


def _too_long(column: pa.Array, most: int) -> pa.Array | None:
    if (pc.max(pc.binary_length(column)).as_py() or 0) <= most:
        return None
    return pc.greater(pc.utf8_length(column).fill_null(0), most)


def _controlling(column: pa.Array) -> pa.Array | None:
    """Which texts have control characters, line breaks and tabs aside."""
    content = column.buffers()[2]
    if content is None or not len(content):
        return None
    # A look at the bytes of all rows at once costs next to nothing; few batches need another.
    octets = np.frombuffer(content, np.uint8)
    suspects = (octets < _SPACE).any() or (octets == _DELETE).any() or (octets == _LATIN).any()
    if not suspects:
        return None
    return pc.match_substring_regex(column, _CONTROLS).fill_null(False)  # noqa: FBT003


def _misencoded(column: pa.Array) -> pa.Array | None:
    try:
        column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([not _is_utf8(value) for value in column.to_pylist()])
    return None


def _is_utf8(value: bytes | None) -> bool:
    try:
        return value is None or value.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False
