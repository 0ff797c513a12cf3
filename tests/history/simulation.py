"""A history released day by day through the real pipeline, and the same history without a victim.

Without a victim only the releases that the victim touches differ. Each is made in a copy of the
home as it stood before the run, from which everything of the victim has been taken out, raw
and private; what the victim does not touch must come out of that run byte for byte the same.
"""

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer
from attacks.published import Archive, Watcher
from raw_quarter import Options, RawQuarter, Victim
from two_logins import approve_by_two

from anonymizer.intake.person_search import canonical_user
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands.init import create_home
from cli.commands.run import run

_KEY = "5a" * 32
_INTEREST_DAYS = 30
# On these days the first victim is taken out whether it was there or not: nothing may change.
_SAMPLED_EVERY = 11
_NEW_GROUP = """age_groups:
  under_30:
    bands: [18-20, 21-24, 25-29]
    english: under 30
    indonesian: di bawah 30 tahun
"""
_VICTIMS_STAGES = ("visits", "late", "people", "excluded", "profiles", "consents", "requests")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Accidents:
    """When what happens, as numbers of days; nothing where a number is None."""

    policy_changes_on: int | None = None
    catalogue_changes_on: int | None = None
    restored_on: int | None = None
    run_again_every: int = 10


@dataclass
class Otherwise:
    """The releases that differ without a victim: their files, and the people counted then.

    `made` are all that the victim touches and that were made again, `same` counts those that it
    does not touch and that came out equal, `different` names those that did not.
    """

    made: set[str] = field(default_factory=set)
    files: dict[str, Path] = field(default_factory=dict)
    counted: dict[str, Path] = field(default_factory=dict)
    same: int = 0
    different: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """A finished simulation."""

    quarter: RawQuarter
    home: Home
    archive: Archive
    without: Mapping[int, Otherwise]
    days_released: int
    runs_again: int
    restored: bool
    held: tuple[str, ...]


class Simulation:
    """Runs all days of `options`.

    `victims` says whose absence is followed, `in_periods` for whom of them in weeks and months too.
    """

    def __init__(
        self,
        folder: Path,
        options: Options,
        accidents: Accidents,
        victims: Sequence[int],
        in_periods: Sequence[int],
    ) -> None:
        self._in_periods = frozenset(in_periods)
        self._folder, self._options, self._accidents = folder, options, accidents
        self._quarter = RawQuarter(options)
        self._home = create_home(Home(folder / "home"))
        self._home.secret.chmod(0o600)
        self._home.secret.write_text(_KEY, encoding="ascii")
        self._watcher = Watcher(self._home.published, folder / "kept")
        self._followed = [self._quarter.victims[number] for number in victims]
        self._without = {number: Otherwise() for number in victims}
        self._again, self._held = 0, []

    def run(self, say: Say = lambda _: None) -> History:
        quarter, options = self._quarter, self._options
        quarter.deliver_first(self._home.raw)
        quarter.deliver(self._home.raw, 0)
        for number in range(options.days - 1):
            quarter.deliver(self._home.raw, number + 1)
            self._change_settings(number)
            self._day(number)
            if number and number % self._accidents.run_again_every == 0:
                self._run_again(number)
            if number == self._accidents.restored_on:
                self._restore(number)
            say(f"{options.day(number)}")
        return History(
            quarter,
            self._home,
            self._watcher.archive(),
            self._without,
            options.days - 1,
            self._again,
            self._accidents.restored_on is not None,
            tuple(self._held),
        )

    def _day(self, number: int) -> None:
        day = self._options.day(number)
        before = self._folder / "before"
        concerned = [v for v in self._followed if concerns(v, day)]
        sample = self._followed[:1] if number % _SAMPLED_EVERY == 0 else []
        if concerned or sample or number == self._accidents.restored_on:
            _copy(self._home, before)
        known = _releases(self._home)
        self._release(self._home, day)
        self._watcher.look(f"{number:03d} {day}")
        new = sorted(_releases(self._home) - known)
        for victim in self._followed:
            touched = any(self._is_followed(victim, release) for release in new)
            if victim in sample or (victim in concerned and touched):
                self._otherwise(victim, number, new)

    def _is_followed(self, victim: Victim, release: str) -> bool:
        days_only = victim.number not in self._in_periods
        if days_only and series_of(release) != "campaign-day":
            return False
        return touches(victim, release)

    def _release(self, home: Home, day: date) -> None:
        """`audience run` of one day: with it whatever longer period has become due."""
        said = io.StringIO()
        try:
            with redirect_stdout(said), redirect_stderr(said):
                run(day.isoformat(), day.isoformat(), home.root)
        except typer.Exit as done:
            if done.exit_code:
                self._held.append(f"{day}: exit {done.exit_code}\n{said.getvalue()[-2_000:]}")

    def _otherwise(self, victim: Victim, number: int, new: Sequence[str]) -> None:
        """The run of a day once more, in a copy where the victim has never been."""
        other = Home(self._folder / "other")
        _copy(Home(self._folder / "before"), other.root)
        self._take_out(victim, other, number)
        self._release(other, self._options.day(number))
        found = self._without[victim.number]
        kept = self._folder / "without" / str(victim.number)
        for release in new:
            same = _bytes(other, release) == _bytes(self._home, release)
            if not touches(victim, release):
                found.same += same
                found.different += [] if same else [release]
            elif self._is_followed(victim, release):
                found.made.add(release)
                if not same:
                    found.files.update(_kept_files(other, release, kept))
                    found.counted.update(_kept_count(other, release, kept))
        (other.root / "dagster").rename(self._folder / "dagster")
        shutil.rmtree(other.root)

    def _take_out(self, victim: Victim, home: Home, number: int) -> None:
        person = pseudonym(home, victim)
        today = self._options.day(number)
        days = {day + timedelta(days=late) for day, _ in victim.visits for late in range(3)}
        days |= {today - timedelta(days=back) for back in range(4)}
        for stage in _VICTIMS_STAGES:
            for day in days:
                path = home.working_file(stage, day)
                if path.exists():
                    table = pq.read_table(path, partitioning=None)
                    _replace(path, table, pc.equal(table["person_key"], pa.scalar(person)))
        for path in self._raw_files(home, today):
            table = pq.read_table(path, partitioning=None)
            gone = pc.fill_null(pc.equal(table["user_id"], victim.user), False)
            _replace(path, table, gone)
        dagster = self._folder / "dagster"
        if dagster.exists():
            dagster.rename(home.root / "dagster")

    def _raw_files(self, home: Home, today: date) -> Iterator[Path]:
        for late in range(-2, 2):
            yield from (home.raw / f"visits/day={today + timedelta(days=late)}").glob("*.parquet")
        for name in ("consents", "requests"):
            yield from (home.raw / name).glob("*.parquet")
        yield from (home.raw / "profiles").glob("*/*.parquet")

    def _run_again(self, number: int) -> None:
        """Days that were released are run again: late visits and requests have come since."""
        for back in (2, 5):
            day = self._options.day(number - back)
            self._release(self._home, day)
            self._watcher.look(f"{number:03d} again {day}")
            self._again += 1

    def _restore(self, number: int) -> None:
        """The state before the day's run comes back from its backup, and the day is run again."""
        for name in ("private", "published", "ledger.sqlite", "dagster"):
            path = self._home.root / name
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            backup = self._folder / "before" / name
            if backup.is_dir():
                shutil.copytree(backup, path)
            elif backup.exists():
                shutil.copyfile(backup, path)
                path.chmod(0o600)
        self._release(self._home, self._options.day(number))
        self._watcher.look(f"{number:03d} restored")

    def _change_settings(self, number: int) -> None:
        if number == self._accidents.policy_changes_on:
            text = self._home.policy.read_text(encoding="utf-8")
            self._home.policy.write_text(text.replace("\n  k: 50", "\n  k: 60"), encoding="utf-8")
        if number == self._accidents.catalogue_changes_on:
            text = self._home.segments.read_text(encoding="utf-8")
            text = text.replace("age_groups:\n", _NEW_GROUP)
            self._home.segments.write_text(text, encoding="utf-8")
            policy = self._home.policy.read_text(encoding="utf-8")
            self._home.policy.write_text(policy.replace("\n  k: 60", "\n  k: 50"), encoding="utf-8")
            ledger, secret = Ledger.open(self._home.ledger), Secret.load(self._home.secret)
            approve_by_two(self._home, ledger, secret)


def pseudonym(home: Home, victim: Victim) -> bytes:
    """The key of a victim in the private files."""
    key = Secret.load(home.secret).derive("person") + canonical_user(victim.user).encode()
    return hashlib.sha256(key).digest()[:16]


def concerns(victim: Victim, day: date) -> bool:
    """Whether the run of a day may make a release that the victim touches."""
    return any(0 <= (day - visit).days <= _INTEREST_DAYS + 40 for visit, _ in victim.visits)


def touches(victim: Victim, release: str) -> bool:
    """Whether the release would be another one without the victim."""
    series, (start, end) = series_of(release), period_of(release)
    if series.startswith("audience"):
        return True
    if series.startswith("interest"):
        start = end - timedelta(days=_INTEREST_DAYS - 1)
    late = {victim.day} if victim.late and series == "campaign-day" else set()
    return any(start <= day <= end for day, _ in victim.visits if day not in late)


def series_of(release: str) -> str:
    """`campaign-week` of `campaign-week-2026-W47`."""
    return "-".join(release.split("-")[:2])


def period_of(release: str) -> tuple[date, date]:
    """First and last day of the release's period."""
    _, kind, name = release.split("-", maxsplit=2)
    if kind == "day":
        return date.fromisoformat(name), date.fromisoformat(name)
    if kind == "week":
        start = date.fromisoformat(f"{name}-1")
        return start, start + timedelta(days=6)
    start = date.fromisoformat(f"{name}-01")
    return start, (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _releases(home: Home) -> set[str]:
    return {path.name for path in home.releases.iterdir()} if home.releases.exists() else set()


def _files(home: Home, release: str) -> Iterator[Path]:
    for folder in (home.releases / release, *home.exports.glob(f"*/{release}")):
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _kept_files(home: Home, release: str, kept: Path) -> Mapping[str, Path]:
    """Copies of all files of a release and its exports, by name."""
    copies = {}
    for path in _files(home, release):
        name = str(path.relative_to(home.published))
        copies[name] = kept / name
        copies[name].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copies[name])
    return copies


def _kept_count(home: Home, release: str, kept: Path) -> Mapping[str, Path]:
    """What a reader who knows everybody else counts: all people but the victim."""
    series, end = series_of(release), period_of(release)[1]
    stage = "reach" if series == "campaign-day" else f"{series.replace('-', '_')}_reach"
    path = home.working_file(stage, end)
    if not path.exists():
        return {}
    copy = kept / f"{release}.reach.parquet"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)
    return {release: copy}


def _bytes(home: Home, release: str) -> Mapping[str, str]:
    """Digests of a release's folder, which knows neither its number nor its history."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((home.releases / release).glob("*"))
    }


def _copy(home: Home | Path, target: Path) -> None:
    """A copy that shares what is only ever replaced as a whole."""
    source = home.root if isinstance(home, Home) else home
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=_link, ignore=_without_dagster)


def _without_dagster(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "dagster" or name.startswith("spill-")]


def _link(source: str, target: str) -> None:
    if source.endswith((".parquet", ".csv", ".xlsx", ".json", "_SUCCESS")):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _replace(path: Path, table: pa.Table, gone: pa.ChunkedArray) -> None:
    """Write the rest under the same name; copies that share the old content keep it."""
    if pc.any(gone).as_py():
        times = path.stat()
        path.unlink()
        pq.write_table(table.filter(pc.invert(gone)), path, compression="zstd")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
