"""Days that are released and whose input has not changed since: nothing of them is computed again.

A run of a released day verifies the release and its exports, and restores what is lost. Taking in
its raw files and counting them again would give the working files that are there, so a run that
finds everything as it was when the day got through publication passes these stages.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from anonymizer.exports.recorded_files import EXPORTS
from anonymizer.model.codings import Codings
from anonymizer.model.periods import Period
from anonymizer.model.policy import Timing
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.model.version import code_version
from anonymizer.release.corrections import newest, open_order
from anonymizer.release.ledger import RELEASE
from anonymizer.sources.source_catalogue import FILE_NAME
from anonymizer.storage.raw_zone import RawZone
from pipelines.resources.resources import Installation
from pipelines.stages import journal
from pipelines.stages.flow import STAGES
from pipelines.stages.stages import Stage, StageOutcome

FINISHED_AS = "finished_as"  # the fact of publication that a later run compares with
UNCHANGED = "nothing has changed since the day was released, so it was not computed again"
_WHOLE_TABLES = ("campaigns", "consents", "requests")
_WORKING_FILES = (
    *("campaigns", "profiles", "consents", "requests", "visits", "quarantine"),
    *("people", "excluded", "reach"),
)
_OPTIONAL_FILES = ("late", "overlaps", "protected")
_PARTITION = "day="


@dataclass
class FinishedDays:
    """Which days of a run are finished, as it stood before the run did anything with them."""

    installation: Installation
    codings: Callable[[], Codings]
    inputs: dict[date, str] = field(default_factory=dict)
    known: dict[date, bool] = field(default_factory=dict)

    def has(self, day: date) -> bool:
        """Whether the day is released, and everything that it was made from is as it was then."""
        if day not in self.known:
            self.inputs[day] = self._inputs_of(day)
            self.known[day] = self._is_finished(day)
        return self.known[day]

    def reuse(self, stage: Stage, day: date) -> StageOutcome:
        """What the stage says of a finished day: the facts of the last time."""
        entry = journal.read(self.installation.home, stage.name, day)
        assert entry is not None, "a finished day has been through every stage"
        return StageOutcome(entry.facts, {asset: {"note": UNCHANGED} for asset in stage.assets})

    def mark(self, day: date) -> str:
        """What a later run compares with, after the day was published.

        A digest of what the day was taken in from when the run began, of the working files now, and
        of what was recorded in the ledger beside releases. Empty where that is not known: nothing
        was taken in, files lie in a bucket or belong to `sources.yaml`, or working files are gone.
        """
        working, entries = list(self._working_files(day)), self.installation.ledger().entries()
        recorded = [(e.kind, e.sequence) for e in entries if e.kind not in {RELEASE, EXPORTS}]
        inputs = self.inputs.get(day)
        return _digest((inputs, working, recorded)) if inputs and working else ""

    def _inputs_of(self, day: date) -> str:
        """A digest of everything that a day is taken in and counted from; no file is read."""
        terms, codings = self.installation.terms(Period("day", day)), self.codings()
        if RawZone.of(self.installation.home).store is not None or FILE_NAME in codings.files:
            return ""
        content = (
            code_version(),
            terms.policy.model_dump_json(),
            terms.catalogue.digest,
            terms.secret.fingerprint,
            codings,
            list(_raw_files(self.installation.home.raw, day, terms.policy.timing)),
        )
        return _digest(content)

    def _is_finished(self, day: date) -> bool:
        home, ledger = self.installation.home, self.installation.ledger()
        order = open_order(ledger, CAMPAIGN_DAY, Period("day", day))
        if order or newest(ledger, CAMPAIGN_DAY, Period("day", day)) is None:
            return False
        entries = [journal.read(home, stage, day) for stage in ("intake", *STAGES)]
        if any(entry is None or entry.trouble for entry in entries):
            return False
        published = entries[-1]
        marked = published.facts.get(FINISHED_AS) if published else None
        return bool(marked) and marked == self.mark(day)

    def _working_files(self, day: date) -> Iterator[tuple[str, ...]]:
        home = self.installation.home
        needed = [home.working_file(stage, day) for stage in _WORKING_FILES]
        if all(path.is_file() for path in needed):
            optional = [home.working_file(stage, day) for stage in _OPTIONAL_FILES]
            for path in (*needed, *(path for path in optional if path.is_file())):
                yield _described(path.parent.name, path.stat())


def _digest(content: object) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _raw_files(raw: Path, day: date, timing: Timing) -> Iterator[tuple[str, ...]]:
    """Every file that a day may be taken in from, and every folder on the way."""
    arrivals = {day + timedelta(days=number) for number in range(timing.late_days + 1)}
    for table in _WHOLE_TABLES:
        yield from _below(raw / table)
    for folder in _folders(raw / "profiles"):
        if folder.name <= f"{_PARTITION}{day}":
            yield from _below(folder)
    for arrival in sorted(arrivals):
        yield from _below(raw / "visits" / f"{_PARTITION}{arrival}")


def _folders(place: Path) -> list[Path]:
    return sorted(place.iterdir()) if place.is_dir() else []


def _below(place: Path) -> Iterator[tuple[str, ...]]:
    for folder, folders, files in os.walk(place):
        folders.sort()
        for name in sorted(files):
            path = Path(folder) / name
            yield _described(path.as_posix(), path.lstat())


def _described(name: str, stat: os.stat_result) -> tuple[str, ...]:
    numbers = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return (name, *map(str, numbers))
