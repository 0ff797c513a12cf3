"""The analysts' database: does it say more than the releases, or something of single people?"""

from collections.abc import Iterator

import duckdb

from attacks.published import Seen
from attacks.verdicts import Proof, Suspicion, Verdict

_OF_PEOPLE = ("BLOB", "UBIGINT", "HUGEINT", "TIMESTAMP", "TIME", "UUID")
_COUNTS = ("visits", "events", "share", "percent", "average", "withheld_people")


def further_rows(seen: Seen, suspicion: Suspicion) -> Verdict:
    """95, 98: figures that stand in no release; columns of moments, keys or other counts."""
    path = seen.published / "segments.duckdb"
    if not path.exists():
        return Verdict()
    with duckdb.connect(str(path), read_only=True) as connection:
        return Verdict((*_columns(connection), *_figures(connection, seen)))


def _columns(connection: duckdb.DuckDBPyConnection) -> Iterator[Proof]:
    columns = connection.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
    ).fetchall()
    for table, column, kind in columns:
        if kind.startswith(_OF_PEOPLE) or column.lower() in _COUNTS:
            yield Proof("95", table, f"column {column} ({kind})", 0, 0)


def _figures(connection: duckdb.DuckDBPyConnection, seen: Seen) -> Iterator[Proof]:
    columns = {row[0] for row in connection.execute("DESCRIBE figures").fetchall()}
    subject = "subject_id" if "subject_id" in columns else "campaign_id"
    rows = connection.table("figures").project(f"release_id, {subject}, segment_id, people")
    said = {
        (table.release, table.subject, name, people)
        for table in seen.tables
        for name, (_, people) in table.names.items()
    }
    for release, about, segment, people in rows.fetchall():
        if (release, about, segment, people) not in said:
            yield Proof("95", release, f"{about} {segment}", people or 0, people or 0)
