"""What lies in the landing zone for a day, and whether all of it has arrived.

A file that is still being written must not be half read, and a day that was not
delivered must not look like a day without visits.
"""

import json
import re
import stat
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta

from anonymizer.intake import intake_limits
from anonymizer.model.errors import Held, InputRejected, first_few
from anonymizer.model.policy import Timing
from anonymizer.storage.object_tree import MANIFEST, SUCCESS
from anonymizer.storage.raw_zone import RawPath

_IRREGULAR = {
    stat.S_IFLNK: "symbolic_link",
    stat.S_IFDIR: "folder",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}
_HOUR_FOLDER = re.compile(r"^hour=([01]?\d|2[0-3])$")
_WHERE_TO = "move them into the folder above; the files of a day may also be in hour=00 to hour=23"
_DAY_FOLDER = re.compile(r"^day=(\d{4}-\d{2}-\d{2})$")
_BY_DAY = ("profiles", "visits")
_WHOLE = ("campaigns", "consents", "requests")
WORKING_FILE = "working_file"
_NO_MANIFEST = (
    *(ValueError, KeyError, TypeError, AttributeError, RecursionError),
    *(OSError, InputRejected),
)


@dataclass(frozen=True)
class LandedFile:
    """A regular file to read. `name` is relative to raw/; `promised` is its manifest digest."""

    table: str
    path: RawPath
    name: str
    arrival: date | None = None
    promised: str = ""


@dataclass(frozen=True)
class Landing:
    """All files of one run, by table and in a fixed order; and what was passed over, and why.

    `waits` says what has not arrived, or is not there in a form that can be read; a run needs it
    empty. `files` are those that have arrived whole, whatever else is missing.
    """

    files: tuple[LandedFile, ...]
    ignored: Mapping[str, str]
    absent: tuple[str, ...] = ()
    waits: tuple[Held, ...] = ()

    def of(self, table: str) -> tuple[LandedFile, ...]:
        """The files of one table."""
        return tuple(file for file in self.files if file.table == table)

    def require_all(self) -> None:
        """Raise Held with everything that is missing, under the code of the first."""
        if self.waits:
            raise Held(self.waits[0].reason, "; ".join(hold.detail for hold in self.waits))


@dataclass
class _Survey:
    raw: RawPath
    unchanged_since: float
    files: list[LandedFile] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    waits: list[Held] = field(default_factory=list)

    def take(self, table: str, folder: RawPath, arrival: date | None = None) -> int:
        """Add the files of a folder, and of a day's folders by the hour; returns how many it has.

        Notes what has to be waited for: `incomplete`, and `unread_folder` for files in any other
        folder. The manifest of a day may name files in its folders by the hour.
        """
        hours = [path for path in sorted(folder.glob("hour=*")) if _HOUR_FOLDER.match(path.name)]
        hours = hours if arrival else []
        promised = self._manifest(folder)
        complete = (folder / SUCCESS).is_file()
        seen = self._take_folder(table, folder, arrival, promised, complete=complete)
        for hour in hours:
            if not _is_folder(hour):
                self.wait("unread_folder", f"{hour.relative_to(self.raw)} is not a folder")
                continue
            own = self._manifest(hour)
            of_hour = self._both(hour, own, _below(promised, hour.name))
            success = complete or (hour / SUCCESS).is_file()
            found = self._take_folder(table, hour, arrival, of_hour, complete=success)
            self._compare(hour, own, found)
            seen |= {f"{hour.name}/{name}" for name in found}
        self._compare(folder, promised, seen)
        return len(seen)

    def _take_folder(
        self,
        table: str,
        folder: RawPath,
        arrival: date | None,
        promised: Mapping[str, str],
        *,
        complete: bool,
    ) -> set[str]:
        """Add the files that lie in the folder itself; returns the names of all that do."""
        of_day = arrival is not None and not _HOUR_FOLDER.match(folder.name)
        seen = set()
        for path in sorted(folder.iterdir()):
            name = str(path.relative_to(self.raw))
            by_hour = of_day and _HOUR_FOLDER.match(path.name)
            if path.name in (SUCCESS, MANIFEST) or by_hour:
                continue
            if _holds_files(path):
                self.wait("unread_folder", f"{name} has files; {_WHERE_TO}")
                continue
            if reason := _reason_to_ignore(path):
                self.ignored[name] = reason
                continue
            seen.add(path.name)
            unchanged = path.lstat().st_mtime <= self.unchanged_since
            if not (complete or path.name in promised or unchanged):
                remedy = f"add {SUCCESS} to its folder or wait"
                self.wait("incomplete", f"{name} may be incomplete; {remedy}")
                continue
            digest = promised.get(path.name, "")
            self.files.append(LandedFile(table, path, name, arrival, digest))
        return seen

    def _both(
        self, hour: RawPath, own: Mapping[str, str], of_day: Mapping[str, str]
    ) -> dict[str, str]:
        """What the manifests of an hour and of its day say together of the files of the hour."""
        both = {name: of_day.get(name) or own.get(name, "") for name in own.keys() | of_day.keys()}
        if any(own.get(name) not in (None, "", digest) for name, digest in both.items()):
            problem = "its manifest and the manifest of the day state different digests"
            self.wait("incomplete", f"{hour.relative_to(self.raw)}: {problem}; correct one")
        return both

    def _compare(self, folder: RawPath, promised: Mapping[str, str], seen: Set[str]) -> None:
        """Note what a manifest lists and nobody delivered."""
        if lacking := sorted(promised.keys() - seen):
            place = folder.relative_to(self.raw)
            problem = f"{len(lacking)} of {len(promised)} files of the manifest are missing"
            problem += f" ({first_few(lacking)})"
            self.wait("incomplete", f"{place}: {problem}; deliver them or correct the manifest")

    def _manifest(self, folder: RawPath) -> dict[str, str]:
        try:
            return _manifest(folder, self.raw)
        except Held as hold:
            self.waits.append(hold)
            return {}

    def wait(self, reason: str, detail: str) -> None:
        self.waits.append(Held(reason, detail))

    def take_visits(self, day: date, arrival: date) -> None:
        """Add the visits that arrived on a day; notes `missing_day` and `not_yet_arrived`."""
        folder = self.raw / "visits" / f"day={arrival}"
        there = _is_folder(folder)
        if there and self.take("visits", folder, arrival):
            return
        name = f"raw/visits/day={arrival}"
        if arrival == day:
            problem = "has no files" if there else "is not there"
            if folder.is_symlink() or folder.is_file():
                problem = "is not a folder (links are not followed)"
            self.wait(
                "missing_day", f"{name} {problem}; this does not mean zero visits: deliver it"
            )
        elif not (there and ((folder / SUCCESS).is_file() or _manifest_in(folder))):
            problem = f"{name} has not arrived yet and may contain visits of {day}"
            self.wait("not_yet_arrived", f"{problem}; run again when it has arrived")


def survey(raw: RawPath, day: date, timing: Timing, now: float) -> Landing:
    """The files of a run for `day`, and in `waits` all that keeps the run waiting.

    That is `missing_day` and `not_yet_arrived` for visits, `missing_profiles`,
    `missing_campaigns`, `missing_consents`, `incomplete` for what is still arriving, and
    `unread_folder`.
    """
    found = _Survey(raw, now - timing.settle_seconds)
    _note_strays(found)
    absent = []
    for table in _WHOLE:
        folder = raw / table
        files = found.take(table, folder) if _is_folder(folder) else 0
        if not files and table == "requests":
            absent.append(table)
        elif not files:
            found.waits.append(Held(f"missing_{table}", f"no files in raw/{table}; deliver them"))
    snapshot = _latest_snapshot(raw / "profiles", day)
    if snapshot is None or not found.take("profiles", snapshot[1], snapshot[0]):
        missing = f"no snapshot in raw/profiles of {day} or before; deliver it"
        found.waits.append(Held("missing_profiles", missing))
    for offset in range(timing.late_days + 1):
        found.take_visits(day, day + timedelta(days=offset))
    return Landing(tuple(found.files), found.ignored, tuple(absent), tuple(found.waits))


def _note_strays(found: _Survey) -> None:
    """Note what no run ever reads: other names beside the tables, and beside the folders of days.

    A table that is a link or a file would look empty: it is waited for as `unread_folder`.
    """
    tables = (*_BY_DAY, *_WHOLE)
    for path in sorted(found.raw.iterdir()) if found.raw.is_dir() else []:
        if path.name not in tables:
            found.ignored[path.name] = _stray(path, "not_in_contract")
        elif not _is_folder(path):
            found.wait("unread_folder", f"raw/{path.name} is not a folder; deliver files in it")
    for table in _BY_DAY:
        folder = found.raw / table
        for path in sorted(folder.iterdir()) if _is_folder(folder) else []:
            if not (_is_day(path.name) and _is_folder(path)):
                found.ignored[f"{table}/{path.name}"] = _stray(path, "not_a_day")


def _stray(path: RawPath, otherwise: str) -> str:
    return _reason_to_ignore(path) if path.name.startswith((".", "_")) else otherwise


def files_of(raw: RawPath, table: str) -> tuple[LandedFile, ...]:
    """The files of a table without folders of days, complete or not, in a fixed order."""
    folder = raw / table
    paths = sorted(folder.iterdir()) if _is_folder(folder) else []
    return tuple(
        LandedFile(table, path, str(path.relative_to(raw)))
        for path in paths
        if path.name not in (SUCCESS, MANIFEST) and not _reason_to_ignore(path)
    )


def _below(promised: Mapping[str, str], folder: str) -> dict[str, str]:
    """What a day's manifest says of the files in one of its folders."""
    prefix = f"{folder}/"
    return {
        name.removeprefix(prefix): digest
        for name, digest in promised.items()
        if name.startswith(prefix)
    }


def _latest_snapshot(profiles: RawPath, day: date) -> tuple[date, RawPath] | None:
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


def _holds_files(path: RawPath) -> bool:
    """Whether this is a folder with anything in it that somebody meant to be read."""
    return _is_folder(path) and any(
        not _is_folder(within) and _reason_to_ignore(within) != WORKING_FILE
        for within in path.rglob("*")
    )


def _is_folder(path: RawPath) -> bool:
    return path.is_dir() and not path.is_symlink()


def _reason_to_ignore(path: RawPath) -> str:
    """Why a name is passed over without being opened; empty when it is to be read."""
    if path.name.startswith((".", "_")) or path.name.endswith((".tmp", ".part")):
        return WORKING_FILE
    kind = stat.S_IFMT(path.lstat().st_mode)
    return "" if kind == stat.S_IFREG else _IRREGULAR.get(kind, "device")


def _manifest_in(folder: RawPath) -> bool:
    path = folder / MANIFEST
    return path.is_file() and not path.is_symlink()


def _manifest(folder: RawPath, raw: RawPath) -> dict[str, str]:
    """Digest (empty if not stated) by file name. Raises Held when it cannot be read."""
    if not _manifest_in(folder):
        return {}
    try:
        with (folder / MANIFEST).open("rb") as file:
            content = json.loads(file.read(intake_limits.MANIFEST_BYTES))
        entries: Sequence[Mapping[str, str]] = content["files"]
        return {str(entry["name"]): str(entry.get("sha256") or "").lower() for entry in entries}
    except _NO_MANIFEST:
        place = folder.relative_to(raw)
        raise Held("incomplete", f"{place}/{MANIFEST} cannot be read; deliver it again") from None
