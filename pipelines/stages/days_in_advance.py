"""Days that processes of their own take in and count, ahead of the stages that ask for them.

What a day becomes at these stages depends on its files and on the settings, not on other days;
only publication goes day after day. So the days of a run can be worked on side by side: a stage
asks here for what came of a day, and does the work itself where nothing did, because the days are
few, the policy allows one thread, or a process was killed. The files that result are the same, and
so is everything that a stage says of a day.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from anonymizer.counting.eligibility import EligibilityCounts, find_eligible
from anonymizer.counting.reach import Reach, count_reach
from anonymizer.intake.assessed_files import AssessedFiles
from anonymizer.intake.day_intake import take_in
from anonymizer.intake.intake_outcome import Intake
from anonymizer.intake.objections import Decisions
from anonymizer.model.codings import Codings
from anonymizer.model.errors import AudienceError, Held
from anonymizer.model.policy import Effort, Policy
from anonymizer.model.segments import Interest
from anonymizer.rights.retention import remove_spilled
from anonymizer.storage.home import Home
from anonymizer.storage.processes import Advance
from anonymizer.storage.secret import Secret
from pipelines import run_limits
from pipelines.resources.engines import opened_engine
from pipelines.resources.workers import heedful_workers

Step = Literal["intake", "eligibility", "reach"]
Outcome = Intake | EligibilityCounts | Reach
Terms = tuple[Policy, Secret, tuple[Interest, ...]]


@dataclass(frozen=True)
class DayWork:
    """A step of one day, under the terms of the day."""

    step: Step
    day: date
    policy: Policy
    secret: Secret
    interests: tuple[Interest, ...]
    now: float


@dataclass(frozen=True)
class Surroundings:
    """What all days of a run share: where they are, and what their raw files mean."""

    home: Home
    effort: Effort
    codings: Codings
    decisions: Decisions
    assessed: AssessedFiles = field(default_factory=AssessedFiles)


def done(shared: Surroundings, work: DayWork) -> Outcome:
    """Do a step of a day; the files of `private/` that it writes are those of the stage."""
    home, day, policy, secret = shared.home, work.day, work.policy, work.secret
    with opened_engine(home, shared.effort, spill=work.step != "intake") as engine:
        if work.step == "eligibility":
            return find_eligible(engine, home, day, policy, secret)
        if work.step == "reach":
            return count_reach(engine, home, day, policy, secret)
        return take_in(
            home,
            day,
            policy,
            secret,
            engine,
            now=work.now,
            interests=work.interests,
            decisions=shared.decisions,
            codings=shared.codings,
            assessed=shared.assessed,
        )


def dealt(days: Sequence[date], processes: int) -> list[date]:
    """The days in an order in which each process meets neighbouring ones: 1, 4, 2, 5, 3, 6 for two.

    Neighbouring days have the same files of profiles, which a process assesses once.
    """
    stretch = -(-len(days) // processes)
    return [day for start in range(stretch) for day in days[start::stretch]]


class DaysInAdvance:
    """The days of a run that are worked on side by side, `under_way` while the run has the lock.

    `terms` gives the policy, the secret and the interests of a day.
    """

    def __init__(self, terms: Callable[[date], Terms]) -> None:
        self._terms, self._running = terms, ExitStack()
        self._advance: Advance[DayWork, Outcome] | None = None
        self._passed: dict[Step, list[date]] = {}
        self._steps: frozenset[str] = frozenset()
        self._home: Home | None = None

    @contextmanager
    def under_way(self, steps: Iterable[str]) -> Iterator[None]:
        """Do these steps, those that the run was asked for; none goes on after the block."""
        self._steps = frozenset(steps)
        try:
            yield
        finally:
            self.end()

    def start(self, shared: Surroundings, days: Iterable[date]) -> None:
        """Begin with the intake of these days, if processes of their own save time."""
        effort, wanted = shared.effort, list(days)
        if effort.engine == "spark":  # a cluster spreads the work of a day itself
            return
        megabytes = effort.memory_megabytes // effort.threads
        if (
            effort.threads == 1
            or len(wanted) < run_limits.FEWEST_DAYS
            or megabytes < run_limits.LEAST_MEGABYTES
        ):
            return
        share = effort.model_copy(update={"threads": 1, "memory_megabytes": megabytes})
        each = Surroundings(shared.home, share, shared.codings, dict(shared.decisions))
        workers = heedful_workers(effort)
        with suppress(Held):  # a process is gone: the stages do the work
            self._advance = self._running.enter_context(workers.in_advance(done, each))
            self._home = shared.home
            self._add("intake", dealt(wanted, effort.threads))

    def go_on(self, before: Step, step: Step) -> None:
        """Begin a step of the days that got through the one before in advance."""
        self._add(step, self._passed.get(before, ()))

    def end(self) -> None:
        """Nothing more is asked for; what processes that were ended have spilled goes, too."""
        self._running.close()
        self._advance = None
        if self._home is not None:
            remove_spilled(self._home)

    def outcome(self, step: Step, day: date) -> Outcome | None:
        """What came of a day; None where the stage has to do the work, and meets what it raises."""
        found = self._advance.take((step, day)) if self._advance else None
        if found is not None:
            self._passed.setdefault(step, []).append(day)
        return found

    def _add(self, step: Step, days: Iterable[date]) -> None:
        if self._advance is None or step not in self._steps:
            return
        for day in days:
            with suppress(AudienceError):  # the stage finds the same, and says so
                policy, secret, interests = self._terms(day)
                work = DayWork(step, day, policy, secret, interests, time.time())
                self._advance.add((step, day), work)
