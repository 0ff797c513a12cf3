"""Brings the analysts' database up to date: what is new is inserted into a copy of the file.

A run adds a release or two to hundreds. So the file is copied, the rows of the new releases are
inserted, and the copy is renamed over the file once it was read back. `private/database.json` says
which releases the file holds, and has its digest: a file that is not byte for byte the one that was
written is not trusted, and all of it is built anew from the releases. So it is where a release was
corrected or withdrawn, where a name means other people than before, and where this version of the
program lays the database out otherwise.

A database that has grown has the rows of one that was built at once. Within a table (a subject in a
period) they are in the same order; tables that were released later come later, until the grown part
is larger than the rest. Then all of it is sorted again.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.exports import export_limits
from anonymizer.exports.database import (
    CREATED,
    TABLES,
    build_database,
    create_objects,
    empty_rows,
    incoming_rows,
    replacing,
    require_totals,
    table_totals,
)
from anonymizer.exports.notice import withdrawn
from anonymizer.exports.segment_definitions import Definitions
from anonymizer.release.corrections import circulates, corrected
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release, load_releases, require_releases
from anonymizer.release.release import Release
from anonymizer.storage.engines.duckdb import read
from anonymizer.storage.files import PUBLIC, sha256, write_bytes
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive

_TABLE_ORDER = "subject_kind, period_kind, subject_id, period_start"
_ORDERS = {"figures": f"{_TABLE_ORDER}, rowid", "released_tables": _TABLE_ORDER}
# Tables that are merged: their newest row wins. What the statement that creates them reads.
_MERGED = {
    "advertisers": "campaigns",
    "campaigns": "campaigns",
    "subjects": "subjects",
    "regions": "regions",
    "ages": "ages",
    "segments": "segments",
}
# Of these a release brings all official rows, and the groups that it is about.
_GROUPS = {"ages": ("age", "group"), "regions": ("region_code", "area")}
_APPENDED = ("releases", "released_tables", "figures")


@dataclass(frozen=True)
class DatabaseState:
    """What a database file holds: its digest, layout and releases, and how much of it is sorted."""

    digest: str
    layout: str
    releases: tuple[str, ...]
    sorted_figures: int


class _CannotGrowError(Exception):
    """The file is not as it was written, or more changes than rows are added."""


def update_database(home: Home, ledger: Ledger) -> Path:
    """Let `published/segments.duckdb` hold the releases in circulation; returns its path.

    Nothing is done where it does. Raises LedgerBroken, Held `release_lost` where a release is not
    as recorded, NoSpace; the old file stands then.
    """
    with exclusive(home):
        require_releases(home, ledger)
        wanted, known = _circulating(ledger), _read_state(home)
        if known and known.layout == layout() and wanted[: len(known.releases)] == known.releases:
            try:
                return _grow(home, ledger, known, wanted[len(known.releases) :])
            except _CannotGrowError:
                pass
        return rebuild_database(home, ledger)


def rebuild_database(home: Home, ledger: Ledger) -> Path:
    """Build `published/segments.duckdb` anew from the releases in circulation; returns its path.

    Raises as `update_database` does.
    """
    with exclusive(home):
        wanted = _circulating(ledger)
        releases = [one for one in load_releases(home, ledger) if one.id in set(wanted)]
        path = build_database(releases, home)
        figures = sum(release.figures.num_rows for release in releases)
        _write_state(home, DatabaseState(sha256(path), layout(), wanted, figures))
    return path


def layout() -> str:
    """SHA-256 of the statements that create the database, and of the version that executes them."""
    texts = [read(f"create_{name}") for name in CREATED]
    content = "\n".join([duckdb.__version__, *texts, read("describe_views")])
    return hashlib.sha256(content.encode()).hexdigest()


def _circulating(ledger: Ledger) -> tuple[str, ...]:
    """The releases that the database is made of, in the order of the ledger."""
    entries = ledger.entries()
    gone, corrections = withdrawn(entries), corrected(entries)
    names = (entry.subject for entry in ledger.releases())
    return tuple(name for name in names if circulates(name, corrections, gone))


def _state_file(home: Home) -> Path:
    return home.private / "database.json"


def _read_state(home: Home) -> DatabaseState | None:
    try:
        found = json.loads(_state_file(home).read_text(encoding="utf-8"))
        return DatabaseState(**{**found, "releases": tuple(found["releases"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write_state(home: Home, state: DatabaseState) -> None:
    write_bytes(json.dumps(asdict(state), indent=1).encode() + b"\n", _state_file(home))


def _grow(home: Home, ledger: Ledger, known: DatabaseState, new: Sequence[str]) -> Path:
    """Insert the new releases. Raises _CannotGrowError."""
    if not new:
        if not home.database.is_file() or sha256(home.database) != known.digest:
            raise _CannotGrowError
        return home.database
    with replacing(home) as copy:
        try:
            shutil.copyfile(home.database, copy)
        except FileNotFoundError:
            raise _CannotGrowError from None
        if sha256(copy) != known.digest:
            raise _CannotGrowError
        copy.chmod(PUBLIC)
        figures = _insert(home, ledger, new, copy)
        sorted_figures = known.sorted_figures
        if figures > 2 * max(sorted_figures, export_limits.LEAST_SORTED):
            _sort(copy)
            sorted_figures = figures
        state = DatabaseState(sha256(copy), known.layout, (*known.releases, *new), sorted_figures)
    _write_state(home, state)
    return home.database


def _insert(home: Home, ledger: Ledger, new: Sequence[str], path: Path) -> int:
    """Insert releases into the file, all of it on the disk; how many figures it has then."""
    with duckdb.connect(str(path)) as connection:
        for name in new:
            add_release(load_release(home, ledger, name), connection)
        written = table_totals(connection, new)
        connection.execute("CHECKPOINT")  # closing it would not tell of a failure
    require_totals(path, written, new)
    return next(rows for name, rows, _ in written if name == "figures")


def add_release(release: Release, connection: duckdb.DuckDBPyConnection) -> None:
    """Insert a release that is newer than all that the database has. Raises _CannotGrowError."""
    if release.corrects:
        raise _CannotGrowError
    incoming = incoming_rows([release], Definitions({release.number: {}}))
    for name, rows in incoming.items():
        connection.register(f"incoming_{name}", rows)
    if connection.sql(read("count_redefined")).fetchall() != [(0,)]:
        raise _CannotGrowError
    for name, source in _MERGED.items():
        connection.register(f"incoming_{source}", _with_known(name, incoming[source], connection))
        _merge(name, connection)
        connection.register(f"incoming_{source}", incoming[source])
    for name in _APPENDED:
        connection.execute(_statement(name, connection, f"INSERT INTO {name}"))


def _with_known(name: str, new: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """What a table is made of: the rows that it has, older than all others, and the new ones."""
    known = connection.table(name).to_arrow_table()
    if name in _GROUPS:
        column, level = _GROUPS[name]
        own = pc.equal(known["level"], level)
        known = known.filter(pc.and_not(own, pc.is_in(known[column], new[column].combine_chunks())))
        given = {"position": pa.repeat(pa.scalar(_LAST, pa.int32()), len(known))}
    else:
        given = {"number": pa.repeat(pa.scalar(0, pa.int64()), len(known))}
    columns = [
        given[field.name]
        if field.name in given
        else known[field.name].cast(field.type)
        if field.name in known.column_names
        else pa.nulls(len(known), field.type)
        for field in new.schema
    ]
    return pa.concat_tables([pa.Table.from_arrays(columns, schema=new.schema), new])


_LAST = 2**31 - 1  # the position of groups, which stand after the bands


def _merge(name: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Let a table have what its statement says now."""
    connection.execute(_statement(name, connection, "CREATE OR REPLACE TEMP TABLE merged AS"))
    merged = connection.table("merged")
    if merged.to_arrow_table() != connection.table(name).to_arrow_table():
        connection.execute(f"DELETE FROM {name}")  # noqa: S608  a name of this module
        merged.insert_into(name)
    connection.execute("DROP TABLE merged")


def _statement(name: str, connection: duckdb.DuckDBPyConnection, instead: str) -> str:
    """The statement that creates a table, with something else done with its rows."""
    (statement, *_) = connection.extract_statements(read(f"create_{name}"))
    return re.sub(rf"CREATE TABLE {name} AS", instead, statement.query, count=1)


def _sort(path: Path) -> None:
    """Write the file anew, in the order of one that is built at once, without gaps."""
    ordered = path.with_suffix(".sorted.duckdb")
    with duckdb.connect(str(ordered)) as connection:
        ordered.chmod(PUBLIC)
        create_objects(empty_rows(), connection)
        place = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{place}' AS grown (READ_ONLY)")
        for name in TABLES:
            connection.execute(f"DELETE FROM {name}")  # noqa: S608  names of this module
            order = _ORDERS.get(name, "rowid")
            rows = f"SELECT * FROM grown.{name} ORDER BY {order}"  # noqa: S608
            connection.execute(f"INSERT INTO {name} {rows}")
        connection.execute("DETACH grown")
        connection.execute("CHECKPOINT")
    with duckdb.connect(str(path), read_only=True) as connection:
        unsorted = table_totals(connection)
    require_totals(ordered, unsorted)
    ordered.replace(path)
