"""What lies in the landing zone for a day, and whether all of it has arrived.

A file that is still being written must not be half read, and a day that was not
delivered must not look like a day without visits.
"""

import json
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from anonymizer.errors import Held
from anonymizer.policy import Timing

_SUCCESS = "_SUCCESS"
_MANIFEST = "_manifest.json"
_MANIFEST_BYTES = 1_000_000
_IRREGULAR = {
    stat.S_IFLNK: "symbolic_link",
    stat.S_IFDIR: "folder",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}
_HOUR_FOLDER = re.compile(r"^hour=([01]?\d|2[0-3])$")
_WHERE_TO = "put them into the folder above; the files of a day may also lie in hour=00 to hour=23"
_DAY_FOLDER = re.compile(r"^day=(\d{4}-\d{2}-\d{2})$")
_BY_DAY = ("profiles", "visits")
_WHOLE = ("campaigns", "consents", "requests")
WORKING_FILE = "working_file"


@dataclass(frozen=True)
class LandedFile:
    """A regular file to read. `name` is relative to raw/; `promised` is its manifest digest."""

    table: str
    path: Path
    name: str
    arrival: date | None = None
    promised: str = ""


@dataclass(frozen=True)
class Landing:
    """All files of one run, by table and in a fixed order; and what was passed over, and why."""

    files: tuple[LandedFile, ...]
    ignored: Mapping[str, str]
    absent: tuple[str, ...] = ()

    def of(self, table: str) -> tuple[LandedFile, ...]:
        """The files of one table."""
        return tuple(file for file in self.files if file.table == table)


@dataclass
class _Survey:
    raw: Path
    settled_before: float
    files: list[LandedFile] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)

    def take(self, table: str, folder: Path, arrival: date | None = None) -> int:
        """Add the files of `folder`, and of a day's folders by the hour; returns how many.

        Raises Held: `incomplete`, and `unread_folder` for files in any other folder.
        """
        taken = self._take_folder(table, folder, arrival)
        hours = sorted(folder.glob("hour=*")) if arrival else []
        complete = (folder / _SUCCESS).is_file()
        for hour in (path for path in hours if _HOUR_FOLDER.match(path.name)):
            if not _is_folder(hour):
                raise Held("unread_folder", f"{hour.relative_to(self.raw)} is not a folder")
            taken += self._take_folder(table, hour, arrival, complete=complete)
        return taken

    def _take_folder(
        self, table: str, folder: Path, arrival: date | None, *, complete: bool = False
    ) -> int:
        promised = _manifest(folder, self.raw)
        complete = complete or (folder / _SUCCESS).is_file()
        of_day = arrival is not None and not _HOUR_FOLDER.match(folder.name)
        found = []
        for path in sorted(folder.iterdir()):
            name = str(path.relative_to(self.raw))
            by_hour = of_day and _HOUR_FOLDER.match(path.name)
            if path.name in (_SUCCESS, _MANIFEST) or by_hour:
                continue
            if _holds_files(path):
                raise Held("unread_folder", f"{name} has files; {_WHERE_TO}")
            if reason := _reason_to_ignore(path):
                self.ignored[name] = reason
                continue
            settled = path.lstat().st_mtime <= self.settled_before
            if not (complete or path.name in promised or settled):
                raise Held(
                    "incomplete",
                    f"{name} may still be written; add _SUCCESS beside it or wait",
                )
            digest = promised.get(path.name, "")
            found.append(LandedFile(table, path, name, arrival, digest))
        lacking = len(promised.keys() - {file.path.name for file in found})
        if lacking:
            place = folder.relative_to(self.raw)
            raise Held(
                "incomplete", f"{place}: {lacking} of {len(promised)} files of the manifest lack"
            )
        self.files += found
        return len(found)


@dataclass(frozen=True)
class Surveyed:
    """What lies in the landing zone for a day, and everything that holds it, in a fixed order."""

    landing: Landing
    problems: tuple[Held, ...]


def survey(raw: Path, day: date, timing: Timing, now: float) -> Landing:
    """The files of a run for `day`. Raises the first Held of `survey_all`."""
    surveyed = survey_all(raw, day, timing, now)
    if surveyed.problems:
        raise surveyed.problems[0]
    return surveyed.landing


def survey_all(raw: Path, day: date, timing: Timing, now: float) -> Surveyed:
    """The files of a run for `day`, and all that holds it; a folder that does is left out.

    Held: `missing_day` and `not_yet_arrived` for visits, `missing_profiles`, `missing_campaigns`,
    `missing_consents`, `incomplete` for what is still arriving, and `unread_folder`.
    """
    found = _Survey(raw, now - timing.settle_seconds)
    absent: list[str] = []
    problems: list[Held] = []

    def try_to(look: Callable[[], None]) -> None:
        try:
            look()
        except Held as problem:
            problems.append(problem)

    try_to(lambda: _note_strays(found))
    for table in _WHOLE:
        try_to(partial(_take_whole, found, table, absent))
    try_to(lambda: _take_profiles(found, day))
    for offset in range(timing.late_days + 1):
        try_to(partial(_take_visits, found, day, day + timedelta(days=offset)))
    return Surveyed(Landing(tuple(found.files), found.ignored, tuple(absent)), tuple(problems))


def _note_strays(found: _Survey) -> None:
    """Note what no run ever reads: other names beside the tables, and beside the folders of days.

    Raises Held `unread_folder` for a table that is a link or a file: it would look empty.
    """
    tables = (*_BY_DAY, *_WHOLE)
    for path in sorted(found.raw.iterdir()) if found.raw.is_dir() else []:
        if path.name not in tables:
            found.ignored[path.name] = _stray(path, "not_in_contract")
        elif not _is_folder(path):
            raise Held("unread_folder", f"raw/{path.name} is not a folder; deliver files in it")
    for table in _BY_DAY:
        folder = found.raw / table
        for path in sorted(folder.iterdir()) if _is_folder(folder) else []:
            if not (_is_day(path.name) and _is_folder(path)):
                found.ignored[f"{table}/{path.name}"] = _stray(path, "not_a_day")


def _stray(path: Path, otherwise: str) -> str:
    return _reason_to_ignore(path) if path.name.startswith((".", "_")) else otherwise


def _take_whole(found: _Survey, table: str, absent: list[str]) -> None:
    folder = found.raw / table
    files = found.take(table, folder) if _is_folder(folder) else 0
    if not files and table == "requests":
        absent.append(table)
    elif not files:
        raise Held(f"missing_{table}", f"no files in raw/{table}; deliver them")


def _take_profiles(found: _Survey, day: date) -> None:
    snapshot = _latest_snapshot(found.raw / "profiles", day)
    if snapshot is None or not found.take("profiles", snapshot[1], snapshot[0]):
        raise Held("missing_profiles", f"no snapshot in raw/profiles of {day} or before")


def files_of(raw: Path, table: str) -> tuple[LandedFile, ...]:
    """The files of a table without folders of days, complete or not, in a fixed order."""
    folder = raw / table
    paths = sorted(folder.iterdir()) if _is_folder(folder) else []
    return tuple(
        LandedFile(table, path, str(path.relative_to(raw)))
        for path in paths
        if path.name not in (_SUCCESS, _MANIFEST) and not _reason_to_ignore(path)
    )


def _take_visits(found: _Survey, day: date, arrival: date) -> None:
    folder = found.raw / "visits" / f"day={arrival}"
    files = found.take("visits", folder, arrival) if _is_folder(folder) else 0
    if files:
        return
    if arrival == day:
        raise Held("missing_day", f"no files in raw/visits/day={day}: that is not zero visits")
    if not (_is_folder(folder) and ((folder / _SUCCESS).is_file() or _manifest_in(folder))):
        raise Held(
            "not_yet_arrived",
            f"raw/visits/day={arrival} may still bring visits of {day}; run again when it is there",
        )


def _latest_snapshot(profiles: Path, day: date) -> tuple[date, Path] | None:
    if not _is_folder(profiles):
        return None
    days = [
        (date.fromisoformat(match[1]), path)
        for path in profiles.iterdir()
        if _is_day(path.name) and (match := _DAY_FOLDER.match(path.name)) and _is_folder(path)
    ]
    return max((entry for entry in days if entry[0] <= day), default=None)


def _is_day(name: str) -> bool:
    """Whether a folder of this name is one of a day."""
    match = _DAY_FOLDER.match(name)
    try:
        return match is not None and bool(date.fromisoformat(match[1]))
    except ValueError:
        return False


def _holds_files(path: Path) -> bool:
    """Whether this is a folder with anything in it that somebody meant to be read."""
    return _is_folder(path) and any(
        not _is_folder(within) and _reason_to_ignore(within) != WORKING_FILE
        for within in path.rglob("*")
    )


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _reason_to_ignore(path: Path) -> str:
    """Why a name is passed over without being opened; empty when it is to be read."""
    if path.name.startswith((".", "_")) or path.name.endswith((".tmp", ".part")):
        return WORKING_FILE
    kind = stat.S_IFMT(path.lstat().st_mode)
    return "" if kind == stat.S_IFREG else _IRREGULAR.get(kind, "device")


def _manifest_in(folder: Path) -> bool:
    path = folder / _MANIFEST
    return path.is_file() and not path.is_symlink()


def _manifest(folder: Path, raw: Path) -> dict[str, str]:
    """Digest (empty if not stated) by file name. Raises Held when it cannot be read."""
    if not _manifest_in(folder):
        return {}
    try:
        with (folder / _MANIFEST).open("rb") as file:
            content = json.loads(file.read(_MANIFEST_BYTES))
        entries: Sequence[Mapping[str, str]] = content["files"]
        return {str(entry["name"]): str(entry.get("sha256") or "").lower() for entry in entries}
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
        place = folder.relative_to(raw)
        raise Held("incomplete", f"{place}/{_MANIFEST} cannot be read; deliver it anew") from None
