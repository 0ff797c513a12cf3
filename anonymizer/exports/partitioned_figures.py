"""The figures in force as partitioned Parquet, one file a period, for those who outgrow a database.

`published/figures/series=campaign-day/period_start=2026-11-22/figures.parquet` has the rows of the
period in the table `figures` of the analysts' database, in its columns; `period_start` is in the
path, as DuckDB, Polars and Spark read it. One file has one release as a whole, and is renamed into
its place, so no reader sees a part of a release.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from anonymizer.exports.database import figure_rows
from anonymizer.exports.segment_definitions import Definitions
from anonymizer.release.corrections import circulates
from anonymizer.release.release import Release
from anonymizer.storage.files import read_rows

FOLDER = "figures"
PARTITIONED_BY = "period_start"  # in the path, and so in no file
_NAME = "figures.parquet"


@dataclass(frozen=True)
class FigureFiles:
    """What was found of partitioned figures: faults, and what only waits for the next run."""

    faults: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


def partition_of(release: Release) -> str:
    """The path of the file of a release's period in `published/figures`."""
    series = f"series={release.kind}-{release.period.kind}"
    return f"{series}/{PARTITIONED_BY}={release.period.start.isoformat()}/{_NAME}"


def in_force(releases: Iterable[Release]) -> list[Release]:
    """Those of these releases that none of them corrects."""
    found = list(releases)
    superseded = {release.corrects for release in found}
    return [release for release in found if release.id not in superseded]


def partition_rows(release: Release, definitions: Definitions) -> pa.Table:
    """The rows of the file of a release in force."""
    return figure_rows(release, definitions).drop_columns([PARTITIONED_BY])


def verify_partitions(
    folder: Path,
    releases: Sequence[Release],
    corrections: Mapping[str, str],
    gone: Collection[str],
) -> FigureFiles:
    """Compare the files with the releases. A folder that is not there has no faults.

    `corrections` maps releases to those that correct them, `gone` are the withdrawn ones. A file
    that was right earlier in this history, and one that lacks, wait for the next run.
    """
    found = FigureFiles()
    if not folder.is_dir():
        return found
    present = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    current = [one for one in releases if circulates(one.id, corrections, gone)]
    definitions = Definitions.of(current)
    expected = {partition_of(release): release for release in in_force(current)}
    for name in sorted(present.keys() | expected.keys()):
        place = f"{FOLDER}/{name}"
        rows = _rows(present[name]) if name in present else None
        if name not in present:
            found.unfinished.append(f"{place} is not written yet")
        elif name in expected and rows == partition_rows(expected[name], definitions):
            continue
        elif rows is not None and _was_right(name, rows, releases, gone):
            found.unfinished.append(f"{place} is not up to date")
        else:
            found.faults.append(f"{place} differs from what was released")
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _rows(path: Path) -> pa.Table | None:
    """The rows of a file; none for one that cannot be read."""
    try:
        return read_rows(path)
    except (OSError, pa.ArrowException):
        return None


def _was_right(
    name: str, rows: pa.Table, releases: Sequence[Release], gone: Collection[str]
) -> bool:
    """Whether a run that ended earlier in this history left the file so."""
    for last, release in enumerate(releases):
        if partition_of(release) != name:
            continue
        for end in range(last + 1, len(releases) + 1):
            for known in (releases[:end], [one for one in releases[:end] if one.id not in gone]):
                if release in known and rows == partition_rows(release, Definitions.of(known)):
                    return True
    return False
