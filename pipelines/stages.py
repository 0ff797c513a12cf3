"""One stage over the days of a run.

Every day is tried, whatever became of the others. A day that is held writes its trouble into
the journal and goes no further: later stages pass it on untouched. A step fails

* when none of its days got through: nothing is left for the steps after it;
* when trouble may pass (a disk, a lock) and attempts are left;
* in publication, the last stage, when any day was held: by then the good days are out.

Once the process is told to stop, no day enters a stage any more: those that are left are held as
`interrupted`, and so is a day whose tables are still being suppressed or checked. Publication
finishes the day that it has begun to write.

So a run with a held day always ends failed and says which days and why, and a run of a single
day fails in the very step that held it. In a range, Dagster shows a held day as materialized in
the stages before publication (a step cannot leave out one of its partitions and still let
the next step run); its metadata and its failed checks say that it is held, and publication,
whose materializations are logged day by day, shows it as failed.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from anonymizer.home import Home
from anonymizer.periods import Period, PeriodKind
from pipelines import interruption, journal
from pipelines.partitions import days_of, partition_key
from pipelines.progress import Step, announce
from pipelines.sealing import Trouble, attempt

RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


@dataclass(frozen=True)
class Outcome:
    """What a stage says of a day: facts for later steps, metadata by asset for engineers."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A named step of the flow; a day enters it when it got through the stage `after`.

    A week or month goes through like a day: it is known by its last day, as its files are.
    """

    name: str
    assets: tuple[str, ...]
    after: str | None = None
    kind: PeriodKind = "day"

    def work_through(
        self, context: dg.AssetExecutionContext, home: Home, work: Callable[[date], Outcome]
    ) -> tuple["Tried", ...]:
        """Try each day of the run. Raises Failure when the run cannot go on from here."""
        # In a run that Dagster's pages started this is the main thread, and Dagster would raise.
        with interruption.heeding_signals():
            days = [Period.of(self.kind, day).end for day in days_of(context.partition_keys)]
            tried = [self._try(context, home, day, work) for day in days]
        entries = [attempted.entry for attempted in tried]
        troubles = [entry.trouble for entry in entries if entry.trouble]
        may_pass = any(trouble.passing for trouble in troubles)
        again = may_pass and not interruption.received()
        if again and context.retry_number < RETRIES.max_retries:
            raise failure(entries, allow_retries=True)
        if len(troubles) == len(entries):
            raise failure(entries)
        return tuple(tried)

    def _try(
        self,
        context: dg.AssetExecutionContext,
        home: Home,
        day: date,
        work: Callable[[date], Outcome],
    ) -> "Tried":
        announce(Step(self.name, day, done=False))
        started = time.monotonic()
        barrier = self._barrier(home, day)
        result: Outcome | Trouble = barrier if barrier else attempt(partial(work, day))
        seconds = round(time.monotonic() - started, 3)
        entry = self._entry(day, seconds, result)
        unwritten = attempt(lambda: journal.write(home, entry))
        if unwritten:
            result = unwritten
            entry = self._entry(day, seconds, result)
        metadata = self._metadata(entry, result)
        for asset, described in metadata.items():
            context.add_asset_metadata(described, asset, partition_key(self.kind, day))
        if entry.trouble:
            context.log.error("%s %s: %s", day, entry.trouble.stage, entry.trouble.message)
        announce(Step(self.name, day, done=True, held=entry.trouble is not None))
        return Tried(entry, metadata)

    def _entry(self, day: date, seconds: float, result: Outcome | Trouble) -> journal.Entry:
        if isinstance(result, Trouble):
            trouble = result if result.stage else replace(result, stage=self.name)
            return journal.Entry(self.name, day, seconds, trouble=trouble)
        return journal.Entry(self.name, day, seconds, facts=result.facts)

    def _barrier(self, home: Home, day: date) -> Trouble | None:
        """What keeps a day from entering this stage."""
        if stopped := interruption.received():
            return Trouble("interrupted", interruption.MESSAGE, interruption.exit_code(stopped))
        if self.after is None:
            return None
        before = journal.read(home, self.after, day)
        if before is None:
            return Trouble(
                "not_ready", f"{day} has not been through {self.after}; materialize that first", 4
            )
        return before.trouble

    def _metadata(
        self, entry: journal.Entry, result: Outcome | Trouble
    ) -> dict[str, dict[str, Any]]:
        if isinstance(result, Trouble):
            said = {"state": f"held: {result.code}", "what_happened": result.message}
            return {asset: {**said, "seconds": entry.seconds} for asset in self.assets}
        return {
            asset: {"state": "done", **result.metadata.get(asset, {}), "seconds": entry.seconds}
            for asset in self.assets
        }


@dataclass(frozen=True)
class Tried:
    """How a day fared at a stage, and what engineers read of it, by asset."""

    entry: journal.Entry
    metadata: Mapping[str, Mapping[str, Any]]


def failure(entries: Sequence[journal.Entry], *, allow_retries: bool = False) -> dg.Failure:
    """The end of a step: which days are held, at which stage, by which code."""
    held = [(entry, entry.trouble) for entry in entries if entry.trouble]
    lines = [f"{entry.day}, {trouble.stage}: {trouble.message}" for entry, trouble in held]
    return dg.Failure(
        f"{len(held)} of {len(entries)} day(s) held\n" + "\n".join(lines),
        metadata={
            "held": dg.MetadataValue.json(
                [{"day": entry.day.isoformat(), **asdict(trouble)} for entry, trouble in held]
            )
        },
        allow_retries=allow_retries,
    )
