"""Brings `published/figures/` up to date, after the analysts' database.

A run writes the files of the periods that it released; all files are compared where the database
was built anew. Files that go are removed first, then those that stay are replaced, then new ones
are added: where an id means other people than before, no reader that lists the folder afterwards
finds two meanings under one id. `private/figures.json` has the digest of each file and is
written last, so a run that finds another state than the database's does it all again.
"""

import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from anonymizer.exports.database_growth import circulating, database_build, layout
from anonymizer.exports.partitioned_figures import (
    in_force,
    partition_of,
    partition_rows,
)
from anonymizer.exports.segment_definitions import Definitions
from anonymizer.model.errors import NoSpace
from anonymizer.release.ledger import Ledger
from anonymizer.release.publication import load_release, load_releases
from anonymizer.release.release import Release
from anonymizer.storage.files import PUBLIC, move_into_place, sha256, write_bytes, write_parquet
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive


@dataclass(frozen=True)
class PartitionState:
    """What the files hold: which releases, after which build of the database, and digests."""

    layout: str
    build: str
    releases: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


def update_figures(home: Home, ledger: Ledger, *, wanted: bool) -> None:
    """Let `published/figures/` have the releases in force, or nothing where it is not wanted.

    To be called after `update_database`, and raises as it does.
    """
    with exclusive(home):
        _clean(home)
        try:
            if wanted:
                _write(home, ledger)
            elif home.figures.is_dir():
                _remove_others(home, {})
                home.figures.rmdir()
                _state_file(home).unlink(missing_ok=True)
        except OSError as error:
            raise NoSpace("published", type(error).__name__) from None


def follow_figures(home: Home, ledger: Ledger) -> None:
    """`update_figures` for commands that are no runs: files that are there are kept up to date."""
    update_figures(home, ledger, wanted=home.figures.is_dir())


def are_current(home: Home, ledger: Ledger, *, wanted: bool) -> bool:
    """Whether the last run got as far as `update_figures`. The files are not read."""
    if not wanted:
        return not home.figures.is_dir()
    known = _read_state(home)
    state = PartitionState(layout(), database_build(home), circulating(ledger))
    return known is not None and replace(known, files={}) == state


def _write(home: Home, ledger: Ledger) -> None:
    names = circulating(ledger)
    state, known = PartitionState(layout(), database_build(home)), _read_state(home)
    if known and _continues(home, known, state) and names[: len(known.releases)] == known.releases:
        new = names[len(known.releases) :]
        releases = [load_release(home, ledger, name) for name in new]
        files = known.files | _replaced(
            home, releases, Definitions({r.number: {} for r in releases})
        )
    else:
        chosen = set(names)
        releases = [one for one in load_releases(home, ledger) if one.id in chosen]
        _remove_others(home, {partition_of(one): one for one in in_force(releases)})
        files = _replaced(home, in_force(releases), Definitions.of(releases))
    _write_state(home, PartitionState(state.layout, state.build, names, files))


def _continues(home: Home, known: PartitionState, state: PartitionState) -> bool:
    """Whether the files are as they were written, and the database only grew since then."""
    if (known.layout, known.build) != (state.layout, state.build):
        return False
    present = {path.relative_to(home.figures).as_posix() for path in _files(home)}
    return present == known.files.keys() and all(
        sha256(home.figures / name) == digest for name, digest in known.files.items()
    )


def _replaced(home: Home, releases: Sequence[Release], definitions: Definitions) -> dict[str, str]:
    """Write the file of each release; files that are there already come first. Their digests."""
    ordered = sorted(releases, key=lambda one: not (home.figures / partition_of(one)).exists())
    return {partition_of(one): _put(home, one, definitions) for one in ordered}


def _put(home: Home, release: Release, definitions: Definitions) -> str:
    """Write one file beside its place and rename it; one that is the same stays."""
    target = home.figures / partition_of(release)
    temporary = home.published / f".figures.{secrets.token_hex(4)}.parquet"
    write_parquet(partition_rows(release, definitions), temporary, mode=PUBLIC)
    digest = sha256(temporary)
    if target.is_file() and not target.is_symlink() and sha256(target) == digest:
        temporary.unlink()
    else:
        move_into_place(temporary, target)
    return digest


def _remove_others(home: Home, kept: dict[str, Release]) -> None:
    """Remove every file but these, and folders that are empty then."""
    for path in _files(home):
        if path.relative_to(home.figures).as_posix() not in kept:
            path.unlink()
    for folder in sorted((one for one in home.figures.rglob("*") if one.is_dir()), reverse=True):
        with suppress(OSError):  # not empty
            folder.rmdir()


def _files(home: Home) -> list[Path]:
    found = home.figures.rglob("*")
    return sorted(path for path in found if path.is_symlink() or not path.is_dir())


def _clean(home: Home) -> None:
    """Remove what an interrupted run left."""
    for abandoned in home.published.glob(".*figures.*"):
        abandoned.unlink()


def _state_file(home: Home) -> Path:
    return home.private / "figures.json"


def _read_state(home: Home) -> PartitionState | None:
    try:
        found = json.loads(_state_file(home).read_text(encoding="utf-8"))
        return PartitionState(**{**found, "releases": tuple(found["releases"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write_state(home: Home, state: PartitionState) -> None:
    write_bytes(json.dumps(asdict(state), indent=1).encode() + b"\n", _state_file(home))
