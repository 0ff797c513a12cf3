"""One stage over the days of a run.

Every day is tried, whatever became of the others. A day that is held writes its trouble into
the journal and goes no further: later stages pass it on untouched. Trouble that may pass (a disk,
a lock) is tried again twice.

Once the process is told to stop, no day enters a stage any more: those that are left are held as
`interrupted`, and so is a day whose tables are still being suppressed or checked. Publication
finishes the day that it has begun to write.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any, TypeVar

from anonymizer.model.periods import PeriodKind
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.storage.home import Home
from pipelines import run_limits
from pipelines.messages.event_log import counts_in, log_event
from pipelines.messages.progress import StageProgress, announce
from pipelines.messages.trouble import Trouble, attempt
from pipelines.resources import interruption
from pipelines.stages import journal

Result = TypeVar("Result")


@dataclass(frozen=True)
class StageOutcome:
    """What a stage says of a day: facts for later steps, metadata by asset for engineers."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tried:
    """How a day fared at a stage, and what engineers read of it, by asset."""

    entry: journal.JournalEntry
    metadata: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Stage:
    """A named step of the flow; a day enters it when it got through the stage `after`.

    A week or month goes through like a day: it is known by its last day, as its files are.
    """

    name: str
    assets: tuple[str, ...]
    after: str | None = None
    kind: PeriodKind = "day"
    series: str = CAMPAIGN_DAY.id

    def work_through(
        self,
        log: logging.Logger,
        home: Home,
        days: Sequence[date],
        work: Callable[[date], StageOutcome],
    ) -> tuple[Tried, ...]:
        """Try each day of the run. Nothing that goes wrong with a day is raised."""
        # In a run that Dagster's pages started this is the main thread, and Dagster would raise.
        with interruption.heeding_signals():
            return tuple(self._try(log, home, day, work) for day in days)

    def _try(
        self, log: logging.Logger, home: Home, day: date, work: Callable[[date], StageOutcome]
    ) -> Tried:
        announce(StageProgress(self.name, day, done=False))
        started = time.monotonic()
        barrier = self._barrier(home, day)
        result: StageOutcome | Trouble = barrier if barrier else _attempt_again(partial(work, day))
        seconds = round(time.monotonic() - started, 3)
        entry = self._entry(day, seconds, result)
        unwritten = _attempt_again(partial(journal.write, home, entry))
        if unwritten:
            entry = self._entry(day, seconds, unwritten)
        if entry.trouble:
            log.error("%s %s: %s", day, entry.trouble.stage, entry.trouble.message)
        self._log(entry)
        announce(StageProgress(self.name, day, done=True, held=entry.trouble is not None))
        done = {} if isinstance(result, Trouble) else result.metadata
        said = {
            asset: {"state": "done", **done.get(asset, {}), "seconds": seconds}
            for asset in self.assets
        }
        return Tried(entry, {} if entry.trouble else said)

    def _log(self, entry: journal.JournalEntry) -> None:
        trouble = entry.trouble
        log_event(
            "held" if trouble else "done",
            "error" if trouble else "info",
            stage=self.name,
            day=entry.day.isoformat(),
            series=self.series,
            seconds=entry.seconds,
            code=trouble.code.partition(":")[0] if trouble else None,
            held_at=trouble.stage if trouble else None,
            exit_code=trouble.exit_code if trouble else None,
            counts=counts_in(entry.facts),
        )

    def _entry(
        self, day: date, seconds: float, result: StageOutcome | Trouble
    ) -> journal.JournalEntry:
        if isinstance(result, Trouble):
            trouble = result if result.stage else replace(result, stage=self.name)
            return journal.JournalEntry(self.name, day, seconds, trouble=trouble)
        return journal.JournalEntry(self.name, day, seconds, facts=result.facts)

    def _barrier(self, home: Home, day: date) -> Trouble | None:
        """What keeps a day from entering this stage."""
        if stopped := interruption.received():
            return Trouble("interrupted", interruption.MESSAGE, interruption.exit_code(stopped))
        if self.after is None:
            return None
        before = journal.read(home, self.after, day)
        if before is None:
            return Trouble(
                "not_ready", f"{day} has not passed {self.after}; materialize that first", 4
            )
        return before.trouble


def _attempt_again(work: Callable[[], Result]) -> Result | Trouble:
    """The result, after a pause or two where the trouble may pass."""
    result = attempt(work)
    for pause in run_limits.PAUSES:
        passing = isinstance(result, Trouble) and result.passing
        if not passing or interruption.received():
            break
        time.sleep(pause)
        result = attempt(work)
    return result
