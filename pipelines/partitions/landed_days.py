"""What lies in the landing zone for each day, by name, size and time of change."""

import hashlib
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from anonymizer.model.policy import Timing
from anonymizer.sources.source_zone import source_root
from anonymizer.storage.home import Home
from anonymizer.storage.raw_zone import RawPath

RUN_AT = time(3)  # local time of the policy's zone, unless a deployment sets another
Listed = tuple[str, int, int]
_UNDATED = ("campaigns", "consents", "requests")


@dataclass(frozen=True)
class Landed:
    """The files that a run of one day would read, as digests of names, sizes and times.

    `visits` is about the day's visits alone, `inputs` about all tables.
    """

    day: date
    visits: str
    inputs: str
    changed_at: float


def complete_at(day: date, timing: Timing, run_at: time = RUN_AT) -> datetime:
    """When the schedule runs a day: once nothing of it may arrive any more."""
    after = day + timedelta(days=1 + timing.late_days)
    return datetime.combine(after, run_at, ZoneInfo(timing.timezone))


def newest_complete_day(moment: datetime, timing: Timing) -> date:
    """The day that the schedule runs at `moment`."""
    local = moment.astimezone(ZoneInfo(timing.timezone)).date()
    return local - timedelta(days=1 + timing.late_days)


def landed_days(home: Home, timing: Timing, since: date) -> Iterator[Landed]:
    """Every day from `since` on that has a folder of visits, with what has landed for it.

    Only names, sizes and times are read, never a content.
    """
    raw = source_root(home)
    undated = [entry for name in _UNDATED for entry in _listing(raw / name)]
    snapshots = _dated_folders(raw / "profiles")
    for day in _dated_folders(raw / "visits"):
        if day < since:
            continue
        window = (day + timedelta(days=late) for late in range(timing.late_days + 1))
        visits = [
            entry for arrival in window for entry in _listing(_folder(raw, "visits", arrival))
        ]
        snapshot = max((other for other in snapshots if other <= day), default=None)
        profiles = _listing(_folder(raw, "profiles", snapshot)) if snapshot else []
        everything = [*visits, *profiles, *undated]
        latest = max((changed for _, _, changed in everything), default=0)
        yield Landed(day, _digest(visits), _digest(everything), latest / 1e9)


def arrived_days(home: Home) -> list[date]:
    """Every day that has a folder of visits, in order."""
    return _dated_folders(source_root(home) / "visits")


def has_files(raw: RawPath, day: date) -> bool:
    """Whether the day's folder of visits has a file that a run would read."""
    listed = _listing(_folder(raw, "visits", day))
    names = [Path(name).name for name, _, _ in listed]
    return any(not _is_working_file(name) for name in names)


def misnamed_folders(home: Home) -> list[str]:
    """Names in the folder of visits that are no day and no working files, in order."""
    visits = source_root(home) / "visits"
    days = {f"day={day.isoformat()}" for day in _dated_folders(visits)}
    names = sorted(path.name for path in visits.iterdir()) if visits.is_dir() else []
    return [name for name in names if name not in days and not _is_working_file(name)]


def has_visits(home: Home) -> bool:
    """Whether any day of visits has landed."""
    return bool(_dated_folders(source_root(home) / "visits"))


def landed_range(home: Home) -> tuple[date, date] | None:
    """The first and last day of visits that have landed."""
    days = _dated_folders(source_root(home) / "visits")
    return (days[0], days[-1]) if days else None


def runnable_days(home: Home, timing: Timing) -> list[date]:
    """Days with a folder of visits whose late arrivals have a folder too."""
    arrived = _dated_folders(source_root(home) / "visits")
    window = timedelta(days=timing.late_days)
    return [day for day in arrived if day + window in arrived]


def _folder(raw: RawPath, table: str, day: date) -> RawPath:
    return raw / table / f"day={day.isoformat()}"


def _dated_folders(folder: RawPath) -> list[date]:
    days = []
    for path in folder.glob("day=*"):
        text = path.name.removeprefix("day=")
        try:
            day = date.fromisoformat(text)
        except ValueError:
            continue
        if day.isoformat() == text:  # Python takes 20261101 and 2026-W45-1, too
            days.append(day)
    return sorted(days)


def _is_working_file(name: str) -> bool:
    return name.startswith((".", "_")) or name.endswith((".tmp", ".part"))


def _digest(entries: Sequence[Listed]) -> str:
    content = "\n".join(f"{name}\t{size}\t{changed}" for name, size, changed in entries)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _listing(folder: RawPath) -> list[Listed]:
    """Name, size and time of change of each plain file, in the order of names.

    With the files of a day's folders by the hour.
    """
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    found = [(path, path.lstat()) for path in paths]
    files = [
        (f"{folder.name}/{path.name}", status.st_size, status.st_mtime_ns)
        for path, status in found
        if stat.S_ISREG(status.st_mode)
    ]
    hours = [path for path, _ in found if path.name.startswith("hour=")]
    by_hour = [listed for hour in hours if hour.is_dir() for listed in _listing(hour)]
    return sorted([*files, *by_hour])
