"""Exports are rendered column by column: the same bytes as row by row."""

import csv
import hashlib
import io
from datetime import date
from itertools import cycle

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anonymizer.exports.csv_file import csv_bytes
from anonymizer.exports.file_seal import _digest_of
from anonymizer.exports.parquet_file import parquet_table
from anonymizer.exports.rows import Row, harmless
from anonymizer.exports.workbook_parts import Columns, Line, _row, _rows
from anonymizer.storage.files import canonical_json

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", '"', ",", "a,b", 'say "so"', "=1", " x ", "_x0041_", "<&>", "\n", "é\u2028"]
    ),
)
PEOPLE = st.one_of(st.none(), st.integers(0, 10**9))
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


def row_of(texts: list[str], people: int | None, rounding: int, day: date) -> Row:
    values = cycle(texts)
    given_values = {"people": people, "rounding": rounding, "period_start": day, "period_end": day}
    return Row(*(given_values.get(name, next(values)) for name in Row._fields))  # type: ignore[arg-type]


ROWS = st.lists(
    st.builds(
        row_of,
        st.lists(TEXTS, min_size=1, max_size=5),
        PEOPLE,
        st.integers(1, 100),
        DAYS,
    ),
    max_size=3,
)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(ROWS)
def test_a_csv_file_is_that_of_the_library(rows: list[Row]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    for row in rows:
        writer.writerow([harmless(one) if isinstance(one, str) else one for one in row])
    assert csv_bytes(rows) == text.getvalue().encode()


@FEW
@given(ROWS)
def test_the_digest_of_a_table_is_that_of_its_rows(rows: list[Row]) -> None:
    digest = hashlib.sha256()
    table: pa.Table = parquet_table(rows)
    for row in table.to_pylist():
        values = [one.isoformat() if isinstance(one, date) else one for one in row.values()]
        digest.update(f"{canonical_json(values)}\n".encode())
    assert _digest_of(table) == digest.hexdigest()


@FEW
@given(st.lists(st.tuples(TEXTS, PEOPLE, st.integers(1, 10), TEXTS), min_size=1, max_size=5))
def test_the_rows_of_a_sheet_are_those_of_its_lines(
    lines: list[tuple[str, int | None, int, str]],
) -> None:
    begins = [('<c r="A', ""), ('<c r="B', ' s="3"'), ('<c r="C', ""), ('<c r="D', "")]
    numbers = range(3, len(lines) + 3)
    one_by_one = [_row(n, Line(line), begins) for n, line in zip(numbers, lines, strict=True)]
    columns = Columns(list(zip(*lines, strict=True)), frozenset({3}))
    assert _rows(columns, numbers, begins) == "".join(one_by_one)
