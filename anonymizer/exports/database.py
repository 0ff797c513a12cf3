"""The analysts' database: every released figure, in a DuckDB file that is swapped as a whole.

It is built beside the old one, read back from the disk, and renamed over it only if it says there
what it said while it was built. A reader keeps the version that it opened. Everything in it comes
from releases and from the public list of regions. Figures of a release that was corrected are in a
table of their own, so that nothing counts twice.
"""

import hashlib
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from anonymizer.exports.segment_definitions import Definitions
from anonymizer.model.dimensions import age as age_dimension
from anonymizer.model.dimensions import gender as gender_dimension
from anonymizer.model.dimensions import reference_regions
from anonymizer.model.dimensions import region as region_dimension
from anonymizer.model.errors import NoSpace
from anonymizer.model.subjects import name_of
from anonymizer.release.release import Release
from anonymizer.storage.engines.duckdb import read
from anonymizer.storage.files import PUBLIC, canonical_json, make_folder, move_into_place
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive

# What is created, in this order: tables, and what reads them. Files in sql/: create_<name>.sql.
CREATED = (
    *("releases", "advertisers", "campaigns", "subjects", "regions", "genders", "ages"),
    *("macro_level_of", "macro_is_disjoint", "segments", "released_tables"),
    *("figures", "corrected_figures", "view_catalogue"),
    *("macro_known_kind", "macro_known_period_kind", "macro_known_subject", "macro_known_period"),
    *(
        "macro_known_series",
        "macro_known_segment",
        "macro_direction_of",
        "macro_figures_of",
        "macro_figure_of",
    ),
    *("macro_all_segments", "macro_split", "macro_union_of", "macro_share", "macro_index_of"),
    *("macro_segment", "macro_trend", "macro_compare", "macro_compare_periods"),
    *("macro_repeat_visitors", "macro_overlap", "macro_table_on"),
    *("macro_campaign_day", "macro_campaign_week", "macro_campaign_month"),
    *("macro_interest_week", "macro_audience_month", "macro_total_people"),
    *("macro_figures_by", "macro_totals_of", "view_campaign_days", "view_campaign_weeks"),
    *("view_campaign_months", "view_interest_weeks", "view_audience_months"),
)
TABLES = tuple(name for name in CREATED if not name.startswith(("macro_", "view_")))
# Digests of the objects of databases that earlier versions built: their figures are proved too.
_EARLIER_LAYOUTS = frozenset(
    {
        "e3f678d16f51d438974159a1e1e2ac97b0ad82c029afd2e9a9bd40adc4794f9f",
        "81dddc975ff14736e6530a1cb917e3d291e979dbc9edeee2ed7f671385bcdaf4",  # 0.5.0
        "589cedb201207f02171059e7068dbcad5116ea2a875eb58d3d9c0e37d848d5c0",  # before 0.6.0
    }
)
# What DuckDB raises where a disk or the memory is full, or a file cannot be written or read again.
_FULL = (duckdb.OperationalError, duckdb.FatalException)
_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())
_INCOMING: Mapping[str, Mapping[str, pa.DataType]] = {
    "releases": {
        "release_id": _TEXT,
        "number": pa.int64(),
        "subject_kind": _TEXT,
        "period_kind": _TEXT,
        "period": _TEXT,
        "period_start": pa.date32(),
        "period_end": pa.date32(),
        "provider": _TEXT,
        "timezone": _TEXT,
        "threshold": pa.int32(),
        "protection_level": pa.int32(),
        "rounding": pa.int32(),
        "error": pa.int32(),
        "policy_digest": _TEXT,
        "catalogue_digest": _TEXT,
        "corrects": _TEXT,
        "corrected_by": _TEXT,
    },
    "campaigns": {
        "release_id": _TEXT,
        "number": pa.int64(),
        "campaign_id": _TEXT,
        "campaign": _TEXT,
        "advertiser_id": _TEXT,
        "advertiser": _TEXT,
        "starts_on": pa.date32(),
        "ends_on": pa.date32(),
        "target_regions": _TEXTS,
    },
    "subjects": {
        "number": pa.int64(),
        "subject_kind": _TEXT,
        "subject_id": _TEXT,
        "subject": _TEXT,
        "subject_indonesian": _TEXT,
    },
    "segments": {
        "number": pa.int64(),
        "segment_id": _TEXT,
        "segment": _TEXT,
        "segment_indonesian": _TEXT,
        "named": pa.bool_(),
        "gender": _TEXT,
        "age": _TEXT,
        "region_code": _TEXT,
        "iab_ids": _TEXTS,
    },
    "regions": {
        "region_code": _TEXT,
        "parent_code": _TEXT,
        "level": _TEXT,
        "region": _TEXT,
        "region_indonesian": _TEXT,
        "regencies": _TEXTS,
    },
    "genders": {
        "position": pa.int32(),
        "gender": _TEXT,
        "words": _TEXT,
        "words_indonesian": _TEXT,
        "genders": _TEXTS,
    },
    "ages": {
        "position": pa.int32(),
        "age": _TEXT,
        "level": _TEXT,
        "words": _TEXT,
        "words_indonesian": _TEXT,
        "bands": _TEXTS,
    },
}


_INCOMING_FIGURES: Mapping[str, pa.DataType] = {
    "subject_id": _TEXT,
    "segment_id": _TEXT,
    "status": _TEXT,
    "people": pa.int64(),
    "release_id": _TEXT,
    "position": pa.int64(),
}


def build_database(releases: Sequence[Release], home: Home) -> Path:
    """Build `published/segments.duckdb` from these releases and swap it in; returns its path.

    Equal releases give equal content. Raises NoSpace and leaves the old file when a write fails, or
    when what is read back is not what was written.
    """
    if not all(isinstance(release, Release) for release in releases):
        raise TypeError("the database is built from releases only")
    with replacing(home) as temporary:
        written = _build(releases, temporary)
        temporary.chmod(PUBLIC)
        if _read_back(temporary) != written:
            raise _not_as_written()
    return home.database


@contextmanager
def replacing(home: Home) -> Iterator[Path]:
    """A file to write, which is the database once the block has ended. Raises NoSpace.

    Whatever is raised in the block, the old file stands.
    """
    with exclusive(home):
        _clean(home)
        temporary = home.published / f".segments.{secrets.token_hex(4)}.duckdb"
        try:
            make_folder(home.published, PUBLIC)
            yield temporary
            move_into_place(temporary, home.database)
        except (*_FULL, OSError) as error:
            raise NoSpace("published", type(error).__name__) from None
        finally:
            _clean(home)


def _clean(home: Home) -> None:
    """Remove what an interrupted build left, with what DuckDB keeps beside."""
    for abandoned in home.published.glob(".segments.*.duckdb*"):
        if abandoned.is_dir():
            shutil.rmtree(abandoned, ignore_errors=True)
        else:
            abandoned.unlink()


def differences(releases: Sequence[Release], path: Path) -> list[str]:
    """Tables, macros and comments of a database that are not those of these releases.

    Empty for one that `build_database` made of them, whatever its bytes.
    """
    built, found = duckdb.connect(), None
    try:
        _fill(releases, built)
        found = duckdb.connect(str(path), read_only=True)
        described = [dict(side.sql(read("list_objects")).fetchall()) for side in (built, found)]
        if _layout(described[1]) in _EARLIER_LAYOUTS:
            return _differing_rows(TABLES, built, found)
        names = sorted(described[0].keys() | described[1].keys())
        differing = [name for name in names if described[0].get(name) != described[1].get(name)]
        # A table with other columns was named above; the rest can be compared row by row.
        rest = [name for name in TABLES if f"table {name}" not in differing]
        return differing + _differing_rows(rest, built, found)
    except duckdb.Error:
        return ["the file as a whole"]
    finally:
        built.close()
        if found is not None:
            found.close()


def _layout(described: Mapping[str, str]) -> str:
    """SHA-256 of the objects of a database: names, columns, statements, comments."""
    return hashlib.sha256(canonical_json(described).encode()).hexdigest()


def _differing_rows(
    tables: Iterable[str], built: duckdb.DuckDBPyConnection, found: duckdb.DuckDBPyConnection
) -> list[str]:
    """Which of these tables have other rows, in any order; only columns of the found ones count."""
    there = {name for (name,) in found.sql(read("list_tables")).fetchall()}
    differing = []
    for name in (name for name in tables if name in there):
        columns = found.table(name).columns
        rows = [
            side.table(name).select(*columns).order("ALL").to_arrow_table()
            for side in (built, found)
        ]
        if rows[0] != rows[1]:
            differing.append(f"table {name}")
    return differing


def _build(releases: Sequence[Release], path: Path) -> Mapping[str, object]:
    """Write the file, all of it on the disk; returns what it holds."""
    with duckdb.connect(str(path)) as connection:
        path.chmod(PUBLIC)  # DuckDB opens it again by its name, whatever the umask was
        _fill(releases, connection)
        written = _content(connection)
        connection.execute("CHECKPOINT")  # closing it would not tell of a failure
        return written


def _read_back(path: Path) -> Mapping[str, object]:
    """What a file holds for somebody who opens it anew."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return _content(connection)


def _content(connection: duckdb.DuckDBPyConnection) -> Mapping[str, object]:
    """Tables, macros and comments, and of each table how many rows and a sum over all values."""
    described = dict(connection.sql(read("list_objects")).fetchall())
    return {**described, "rows": table_totals(connection)}


def table_totals(
    connection: duckdb.DuckDBPyConnection, releases: Sequence[str] | None = None
) -> list[tuple[str, int, int | None]]:
    """How many rows each table has, and a sum over all values, whatever the order of rows.

    With `releases`, the sum of the large tables is over the rows of these alone.
    """
    chosen = None if releases is None else list(releases)
    return connection.execute(read("sum_database"), {"releases": chosen}).fetchall()


def require_totals(
    path: Path,
    written: Sequence[tuple[str, int, int | None]],
    releases: Sequence[str] | None = None,
) -> None:
    """Raise NoSpace when a file that is opened anew has other `table_totals`."""
    with duckdb.connect(str(path), read_only=True) as connection:
        if table_totals(connection, releases) != written:
            raise _not_as_written()


def _not_as_written() -> NoSpace:
    return NoSpace("published", "the database that was read back differs from what was written")


def _fill(releases: Sequence[Release], connection: duckdb.DuckDBPyConnection) -> None:
    create_objects(incoming_rows(releases, Definitions.of(releases)), connection)


def create_objects(incoming: Mapping[str, pa.Table], connection: duckdb.DuckDBPyConnection) -> None:
    """Create all tables, views and macros with their comments from `incoming` rows, by name."""
    for name, rows in incoming.items():
        connection.register(f"incoming_{name}", rows)
    for name in CREATED:
        connection.execute(read(f"create_{name}"))
    for (statement,) in connection.sql(read("describe_views")).fetchall():
        connection.execute(statement)


def empty_rows() -> dict[str, pa.Table]:
    """Rows for `create_objects` of a database without any."""
    return {name: rows_of(name, ()) for name in (*_INCOMING, "figures")}


def incoming_rows(releases: Sequence[Release], definitions: Definitions) -> dict[str, pa.Table]:
    """Rows for `create_objects` about these releases, by name."""
    corrected_by = {release.corrects: release.id for release in releases if release.corrects}
    rows = {
        "releases": (
            (*_release_row(release), release.corrects or None, corrected_by.get(release.id))
            for release in releases
        ),
        "campaigns": (row for release in releases for row in _campaign_rows(release)),
        "subjects": (row for release in releases for row in _subject_rows(release)),
        "segments": (row for release in releases for row in _segment_rows(release, definitions)),
        "regions": _region_rows(releases, definitions),
        "genders": _gender_rows(),
        "ages": _age_rows(releases, definitions),
    }
    tables = {name: rows_of(name, given) for name, given in rows.items()}
    return {**tables, "figures": _figures(releases, definitions)}


def rows_of(name: str, rows: Iterable[Sequence[Any]]) -> pa.Table:
    """Rows for `create_objects`, in the columns that it expects of `name`."""
    columns = _INCOMING_FIGURES if name == "figures" else _INCOMING[name]
    schema = pa.schema(list(columns.items()))
    values = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(each, kind) for each, kind in zip(values, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _release_row(release: Release) -> tuple[Any, ...]:
    period, promise = release.period, release.promise
    return (
        release.id,
        release.number,
        release.kind,
        period.kind,
        period.id,
        period.start,
        period.end,
        release.provider,
        release.timezone,
        promise.k,
        promise.inference_floor,
        release.base,
        release.error,
        release.policy_digest,
        release.catalogue_digest,
    )


def _campaign_rows(release: Release) -> Iterator[tuple[Any, ...]]:
    for campaign in release.campaigns:
        yield (
            release.id,
            release.number,
            campaign.id,
            campaign.name,
            campaign.advertiser_id,
            campaign.advertiser_name,
            campaign.starts_on,
            campaign.ends_on,
            campaign.target_regions,
        )


def _subject_rows(release: Release) -> Iterator[tuple[Any, ...]]:
    for subject in release.subjects:
        words = name_of(subject)
        yield (release.number, release.kind, subject.id, words.english, words.indonesian)


def _segment_rows(release: Release, definitions: Definitions) -> Iterator[tuple[Any, ...]]:
    for segment in release.segments.values():
        yield (
            release.number,
            definitions.segment(release, segment),
            segment.name.english,
            segment.name.indonesian,
            segment.named,
            *definitions.codes(release, segment),
            segment.iab_ids,
        )


def _region_rows(
    releases: Sequence[Release], definitions: Definitions
) -> Iterator[tuple[Any, ...]]:
    """The official regions, and the areas that releases are about."""
    dimension = region_dimension()
    for region in reference_regions():
        group = dimension.groups[dimension.positions[region.code]]
        yield (
            region.code,
            region.parent or None,
            region.level,
            group.name.english.removeprefix("in "),
            group.name.indonesian.removeprefix("di "),
            [dimension.leaves[leaf] for leaf in group.leaves],
        )
    for area in _newest_groups(releases, definitions, "area"):
        english, indonesian = area["english"], area["indonesian"]
        names = (english.removeprefix("in "), indonesian.removeprefix("di "))
        yield (area["code"], None, "area", *names, area["leaves"])


def _gender_rows() -> Iterator[tuple[Any, ...]]:
    dimension = gender_dimension()
    for position, group in enumerate(dimension.groups):
        leaves = [dimension.leaves[leaf] for leaf in group.leaves]
        yield (position, group.code, group.name.english, group.name.indonesian, leaves)


def _age_rows(releases: Sequence[Release], definitions: Definitions) -> Iterator[tuple[Any, ...]]:
    """The age bands, and the age groups that releases are about."""
    dimension = age_dimension()
    for position, group in enumerate(dimension.groups):
        leaves = [dimension.leaves[leaf] for leaf in group.leaves]
        words = (group.name.english, group.name.indonesian)
        yield (position, group.code, group.level, *words, leaves)
    for row in _newest_groups(releases, definitions, "group"):
        words = (row["english"], row["indonesian"])
        yield (len(dimension.groups), row["code"], row["level"], *words, row["leaves"])


def _newest_groups(
    releases: Sequence[Release], definitions: Definitions, level: str
) -> list[Mapping[str, Any]]:
    """Groups of a level by their codes, in the words of the newest release that is about them."""
    groups = {
        row["code"]: row for release in releases for row in definitions.groups(release, level)
    }
    return list(groups.values())


def _figures(releases: Sequence[Release], definitions: Definitions) -> pa.Table:
    schema = pa.schema(list(_INCOMING_FIGURES.items()))
    parts = [
        definitions.figures(release)
        .append_column("release_id", pa.repeat(release.id, len(release.figures)))
        .append_column("position", pa.array(range(len(release.figures)), pa.int64()))
        for release in releases
    ]
    return pa.concat_tables([schema.empty_table(), *parts])


def figure_rows(release: Release, definitions: Definitions) -> pa.Table:
    """The rows that the table `figures` has of a release in force, in the order that it has them.

    `corrects` and `corrected_by` play no part: who calls knows that the release is in force.
    """
    with duckdb.connect() as connection:
        for name, rows in incoming_rows([release], definitions).items():
            connection.register(f"incoming_{name}", rows)
        for name in ("releases", "figures"):
            connection.execute(read(f"create_{name}"))
        return connection.table("figures").to_arrow_table()


def releases_in(path: Path) -> list[str]:
    """The releases that a database names; none for one that cannot be read."""
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return [str(row[0]) for row in connection.sql(read("list_releases")).fetchall()]
    except duckdb.Error:
        return []


def count_figures(home: Home, release_id: str) -> int:
    """How many rows of a release the database holds."""
    with duckdb.connect(str(home.database), read_only=True) as connection:
        rows = connection.execute(read("count_figures"), {"release_id": release_id}).fetchall()
    return int(rows[0][0])
