"""A backup of a home, of one moment, and the way back.

A backup is laid out as a home, without what comes back from elsewhere: the key, the raw files,
working data and what Dagster remembers. It is copied while no run can write, and proved from the
copy. Both ways end with a rename, so a command that was killed leaves no half of either, and is run
again.
"""

import filecmp
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from anonymizer.exports.verification import VerifiedFolder, verify_folder
from anonymizer.model.errors import ConfigurationError, Fault, LedgerBroken, NoSpace
from anonymizer.model.policy import Policy
from anonymizer.release.ledger import Ledger
from anonymizer.release.near_state import STATES
from anonymizer.storage.files import take_over
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from cli.release_summary import verify_published
from pipelines.resources.release_history import open_ledger
from pipelines.resources.resources import Installation
from portal.account_database import ENDED_BY_RESTORE

_REMEDY = "name a folder that is not there yet"


@dataclass(frozen=True)
class ProvedBackup:
    """What a backup has: its place and what was proved of it."""

    place: Home
    proved: VerifiedFolder


def make_backup(home: Home, folder: Path, *, with_requests: bool) -> ProvedBackup:
    """Copy what is lost with the machine into a new folder, between two runs.

    Waits for a run that is writing. Requests are copied where the raw files are not in the home.
    Raises ConfigurationError, Busy, NoSpace, and LedgerBroken or Held when the home or the copy is
    not as it was released.
    """
    _require_new(home, folder)
    with _growing(folder) as place, _explained(folder):
        with Installation.of(home).writing():
            _copy_files(home, place, with_requests=with_requests)
            open_ledger(home).copy_into(Ledger.open(place.ledger))
        proved = verify_published(place, Ledger.open(place.ledger))
    return ProvedBackup(Home(folder), proved)


def restore_backup(backup: Home, home: Home, head: str) -> VerifiedFolder:
    """Put a backup into a home without policy, ledger and releases; its ledger goes where
    `$AUDIENCE_LEDGER` says.

    The backup is proved first, and whether it has the entry with the hash `head`, if that is given.
    Accounts and log of the portal and the log of deliveries stay where the home has them: an older
    copy would bring back accounts that were removed, and repeat deliveries. Run again after a kill,
    it completes what is missing. Raises ConfigurationError when the home has something else, Busy,
    NoSpace, LedgerBroken, Held.
    """
    kept = Ledger.open(backup.ledger)
    verify_published(backup, kept)
    if head:
        verify_folder(backup.published, head)
    with exclusive(home), _explained(home.root):
        _refuse_others(backup, home)
        ledger = open_ledger(home)
        if ledger.entries() != kept.entries():
            kept.copy_into(ledger)
        for path in _files(backup):
            _put(path, home.root / path.relative_to(backup.root))
        return verify_published(home, ledger)


def _files(place: Home, *, with_requests: bool = True) -> Iterator[Path]:
    """Files and folders that a backup has beside the ledger; the policy, which makes a folder a
    home, last.
    """
    codings = Policy.load(place.policy).codings
    mappings = {str(one.file) for one in (codings.region, codings.target_regions) if one.file}
    requests = [place.raw / "requests"] if with_requests else []
    wanted = [
        *(place.published, place.private / STATES, *requests, place.segments, place.sources),
        *(place.deliveries, place.delivery_log),
        *(place.portal_accounts, place.portal_log, place.segment_requests, place.sign_in),
        *(path for name in sorted(mappings) if _is_in(path := place.root / name, place.root)),
        place.policy,
    ]
    yield from (path for path in wanted if path.exists())


def _copy_files(home: Home, place: Home, *, with_requests: bool) -> None:
    place.published.mkdir()
    place.published.chmod(0o755)
    for path in _files(home, with_requests=with_requests):
        _copy(path, place.root / path.relative_to(home.root))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif source.suffix == ".sqlite":
        _copy_database(source, target)
    else:
        shutil.copy2(source, target)


def _copy_database(source: Path, target: Path) -> None:
    """Copy accounts of the portal, which may be serving pages."""
    try:
        with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
            one.backup(other)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        remedy = "restore it from an earlier backup, or move it away"
        raise ConfigurationError([Fault(str(source), "is damaged", remedy)]) from None
    shutil.copymode(source, target)


def _end_sessions(accounts: Path) -> None:
    """Whoever was signed in when the backup was made signs in again, as on a new device.

    Programs need a new token: one that was revoked after the backup must not come back.
    """
    with closing(sqlite3.connect(accounts)) as database, database:
        found = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        for table in sorted(found.intersection(ENDED_BY_RESTORE)):
            database.execute(f"DELETE FROM {table}")  # noqa: S608


def _put(source: Path, target: Path) -> None:
    """Copy beside the place and rename. What is there already is the same, or stays."""
    if target.exists():
        return
    with tempfile.TemporaryDirectory(dir=_nearest(target.parent), prefix=".restore-") as folder:
        copy = Path(folder) / source.name
        _copy(source, copy)
        if copy.suffix == ".sqlite":
            _end_sessions(copy)
        take_over(copy, target)


def _nearest(folder: Path) -> Path:
    return folder if folder.is_dir() else _nearest(folder.parent)


def _refuse_others(backup: Home, home: Home) -> None:
    """Raise when the home has what this backup would replace or would be joined with."""
    taken = [
        target.relative_to(home.root)
        for path in _files(backup)
        if path.parent not in (backup.portal, backup.delivery)
        and (target := home.root / path.relative_to(backup.root)).exists()
        and not _is_same(path, target)
    ]
    if taken:
        raise ConfigurationError(
            [
                Fault(str(home.root / name), "is not that of the backup", "move it away first")
                for name in taken
            ]
        )
    if open_ledger(home).entries() not in ((), Ledger.open(backup.ledger).entries()):
        raise LedgerBroken(
            "the ledger of the home is not empty and not that of the backup; move it away, or name "
            "an empty database in AUDIENCE_LEDGER"
        )


def _is_same(one: Path, other: Path) -> bool:
    if not one.is_dir():
        return other.is_file() and filecmp.cmp(one, other, shallow=False)
    found = filecmp.dircmp(one, other, ignore=[])
    differing = filecmp.cmpfiles(one, other, found.common_files, shallow=False)[1:]
    alone = (found.left_only, found.right_only, found.common_funny, *differing)
    return not any(alone) and all(_is_same(one / name, other / name) for name in found.common_dirs)


def _require_new(home: Home, folder: Path) -> None:
    inside = next(
        (at for at in (home.published, home.private, home.raw) if _is_in(folder, at)), None
    )
    if inside:
        problem = f"it is inside {inside.name}/ of the home"
        raise ConfigurationError([Fault(str(folder), problem, _REMEDY)])
    if os.path.lexists(folder):
        raise ConfigurationError([Fault(str(folder), "is there already", _REMEDY)])


def _is_in(folder: Path, other: Path) -> bool:
    return folder.resolve().is_relative_to(other.resolve())


@contextmanager
def _growing(folder: Path) -> Iterator[Home]:
    """A folder beside its place, readable by its owner alone, that is renamed if all went well."""
    with _explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield Home(place)
        take_over(place, folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, shutil.Error, sqlite3.OperationalError) as error:
        raise NoSpace(str(folder), type(error).__name__) from None
