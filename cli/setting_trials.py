"""Released periods suppressed again under other settings, in memory: what each would publish.

For those alone who may approve settings. It reads the counts in `private/` as a run does, and
writes nothing: no file, no entry of the ledger.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from pydantic import ValidationError

from anonymizer.feasible.totals import segment_totals
from anonymizer.model.dimensions import ALL
from anonymizer.model.errors import ConfigurationError, Disclosure, Fault, Held
from anonymizer.model.periods import Period
from anonymizer.model.policy import InferenceK, Policy, PolicyPromise
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import CAMPAIGN_DAY, CAMPAIGN_WEEK, SERIES, Series
from anonymizer.model.strictness import weakened
from anonymizer.model.tables import Counted, Figures
from anonymizer.release.corrections import newest
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.publication import load_release
from anonymizer.release.release import PUBLISHED
from anonymizer.release.settings import Meaning
from anonymizer.release.settings_change import (
    recorded_settings,
    require_decider,
    settings_change,
)
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from anonymizer.storage.secret import Secret
from cli import command_limits
from pipelines.resources.resources import PeriodTerms
from pipelines.stages.figures import reasons_of
from pipelines.stages.period_release import ForeseenRelease, foresee_period

_ADDED = (
    *("tables", "segments", "published", "publishable", "named", "named_published"),
    *("people", "covered", "in_detail"),
)
COMMAND = "audience whatif"


@dataclass(frozen=True)
class ReleasedPeriod:
    """A period of a series that is released."""

    series: Series
    period: Period

    def __str__(self) -> str:
        return self.series.release_id(self.period)


@dataclass(frozen=True)
class SettingGrid:
    """Values that are tried in every combination; the recorded one where none is given."""

    k: tuple[int, ...] = ()
    rounding: tuple[int, ...] = ()
    inference_k: tuple[InferenceK, ...] = ()

    def promises(self, recorded: PolicyPromise) -> tuple[list[PolicyPromise], list[str]]:
        """The recorded promise and the others, each once; and which combinations there are not."""
        found, refused = [recorded], []
        combinations = product(
            self.k or (recorded.k,),
            self.rounding or (recorded.rounding,),
            self.inference_k or (recorded.inference_k,),
        )
        for k, rounding, inference_k in combinations:
            values = {"k": k, "rounding": rounding, "inference_k": inference_k}
            try:
                promise = PolicyPromise.model_validate({**recorded.model_dump(), **values})
            except ValidationError as error:
                words = error.errors()[0]["msg"].removeprefix("Value error, ")
                refused.append(f"{_named(values)} is not a setting: {words}")
                continue
            if promise not in found:
                found.append(promise)
        return found, refused


@dataclass(frozen=True)
class TrialCounts:
    """What tables would have under a setting, added up.

    A publishable segment counts `k` people. `covered` are people in at least one published figure,
    `in_detail` those in one that states gender, age and region. `largest_error` is of the figures
    that would be published; `error_bound` is what readers are told.
    """

    tables: int = 0
    segments: int = 0
    published: int = 0
    publishable: int = 0
    named: int = 0
    named_published: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    people: int = 0
    covered: int = 0
    in_detail: int = 0
    largest_error: int = 0
    error_bound: int = 0

    def __add__(self, other: "TrialCounts") -> "TrialCounts":
        added: dict[str, Any] = {
            name: getattr(self, name) + getattr(other, name) for name in _ADDED
        }
        return TrialCounts(
            **added,
            reasons=self.reasons + other.reasons,
            largest_error=max(self.largest_error, other.largest_error),
            error_bound=max(self.error_bound, other.error_bound),
        )

    @property
    def suppressed(self) -> int:
        """Segments without a figure."""
        return self.segments - self.published


@dataclass(frozen=True)
class SettingTrial:
    """One setting and what came of it; `refused` says why the gate would publish nothing."""

    promise: PolicyPromise
    is_recorded: bool
    weaker: tuple[str, ...]
    counts: TrialCounts
    refused: str = ""


def require_officer(home: Home, ledger: Ledger, command: str) -> None:
    """Refuse a login that may not approve settings. Raises ConfigurationError."""
    require_decider(settings_change(home, ledger.entries()), account_name(), command)


@dataclass(frozen=True)
class TrialGround:
    """What trials start from: the settings recorded last, and the periods."""

    home: Home
    ledger: Ledger
    recorded: Meaning
    today: Policy
    secret: Secret
    periods: tuple[ReleasedPeriod, ...]

    @classmethod
    def of(cls, home: Home, ledger: Ledger, periods: Sequence[ReleasedPeriod]) -> "TrialGround":
        """The trials of a home. Raises Held where the recorded settings cannot be read."""
        _, recorded = recorded_settings(ledger.entries())
        if recorded is None:
            raise Held("old_settings", "the ledger has no settings that this version reads")
        today = Policy.load(home.policy)
        return cls(home, ledger, recorded, today, Secret.of(home), tuple(periods))

    def foresee(
        self, released: ReleasedPeriod, promise: PolicyPromise, catalogue: Catalogue
    ) -> ForeseenRelease:
        """A period under a promise and a catalogue. Raises Disclosure or Held."""
        policy = self.recorded.policy.model_copy(update={"promise": promise})
        terms = PeriodTerms(policy.running_as(self.today), catalogue, self.secret)
        return foresee_period(self.home, self.ledger, released.series, released.period, terms)


def released_periods(
    entries: Sequence[Entry],
    periods: Sequence[Period],
    series: str | None,
    *,
    command: str = COMMAND,
    most: int = 1,
) -> tuple[ReleasedPeriod, ...]:
    """The released periods that are asked for; without options the last weeks, else days.

    There are `most` of these, newest first.
    Raises ConfigurationError for a series that there is not and a period that is not released.
    """
    releases = (_released(entry) for entry in entries if entry.kind == RELEASE)
    known = list(dict.fromkeys(one for one in releases if one))
    if not known:
        raise _mistake("nothing is released yet", "release a day with: audience run", command)
    of_series = [one for one in known if series is None or one.series.id == series]
    if not of_series:
        names = ", ".join(sorted({one.series.id for one in known}))
        problem = f"no release is of the series {series!r}"
        raise _mistake(problem, f"released are {names}", command)
    if not periods:
        return _last(of_series, most)
    chosen = []
    for period in periods:
        of_period = [one for one in of_series if one.period == period]
        if not of_period:
            problem = f"nothing is released for {period.id}"
            raise _mistake(problem, "see: audience ledger list", command)
        chosen += of_period
    return tuple(dict.fromkeys(chosen))


def try_settings(
    ground: TrialGround, grid: SettingGrid, progress: Callable[[int, int], None]
) -> tuple[tuple[SettingTrial, ...], tuple[str, ...]]:
    """What each combination would publish, the recorded one first; and notes on the result.

    Raises ConfigurationError for more combinations than are tried at once.
    """
    recorded = ground.recorded.policy.promise
    promises, notes = grid.promises(recorded)
    steps = len(promises) * len(ground.periods)
    if steps > command_limits.MOST_TRIALS:
        problem = f"{len(promises)} settings for {len(ground.periods)} period(s) are {steps} trials"
        raise _mistake(problem, f"ask for at most {command_limits.MOST_TRIALS} at once")
    trials = []
    for position, promise in enumerate(promises):
        weaker = weaker_words(ground, promise)
        trial = SettingTrial(promise, promise == recorded, weaker, TrialCounts())
        for number, released in enumerate(ground.periods):
            progress(position * len(ground.periods) + number, steps)
            try:
                foreseen = ground.foresee(released, promise, ground.recorded.catalogue)
            except Disclosure as error:
                trial = replace(trial, counts=TrialCounts(), refused=_refused(released, error))
                break
            counts = counts_of(foreseen)
            trial = replace(trial, counts=trial.counts + counts)
            if trial.is_recorded:
                notes += _differing(ground, released, counts.published)
        trials.append(trial)
    progress(steps, steps)
    return tuple(trials), tuple(notes)


def weaker_words(
    ground: TrialGround, promise: PolicyPromise, catalogue: Catalogue | None = None
) -> tuple[str, ...]:
    """What makes a promise weaker than the recorded one, a setting each; nothing if it is not."""
    policy, known = ground.recorded.policy, ground.recorded.catalogue
    after = policy.model_copy(update={"promise": promise})
    return tuple(map(str, weakened((policy, known), (after, catalogue or known))))


def counts_of(foreseen: ForeseenRelease) -> TrialCounts:
    """What the tables of a release would have."""
    total = TrialCounts()
    for counted, table, figures in zip(
        foreseen.counted, foreseen.tables, foreseen.checked.figures, strict=True
    ):
        catalogue, promise = foreseen.checked.catalogue, foreseen.checked.promise
        people = segment_totals(catalogue, counted.people)
        kept = np.isin(table.judged.groups.segments, figures.segments)
        reasons = Counter(str(reason) for reason in reasons_of(table, kept))
        reasons["threshold"] += len(catalogue) - len(kept)  # too few people to be judged
        named = np.array(sorted(catalogue.named), dtype=np.int32)
        covered, in_detail = _covered(counted, figures, catalogue)
        errors = np.abs(figures.people - people[figures.segments])
        total += TrialCounts(
            tables=1,
            segments=len(catalogue),
            published=len(figures.segments),
            publishable=int((people >= promise.k).sum()),
            named=len(named),
            named_published=int(np.isin(figures.segments, named).sum()),
            reasons=reasons,
            people=int(counted.people.sum()),
            covered=covered,
            in_detail=in_detail,
            largest_error=int(errors.max(initial=0)),
            error_bound=promise.error_of(
                (promise.rounding, *foreseen.checked.comparison.roundings)
            ),
        )
    return total


def _released(entry: Entry) -> ReleasedPeriod | None:
    period = Period.from_id(entry.body["period"])
    found = (one for one in SERIES if one.period_kind == period.kind)
    series = next((one for one in found if entry.subject.startswith(f"{one.id}-")), None)
    return ReleasedPeriod(series, period) if series else None


def _last(known: Sequence[ReleasedPeriod], most: int) -> tuple[ReleasedPeriod, ...]:
    """The last campaign weeks, else campaign days, else the last of all."""
    chosen = known
    for series in (CAMPAIGN_DAY, CAMPAIGN_WEEK):
        chosen = [one for one in known if one.series == series] or chosen
    return tuple(sorted(chosen, key=lambda one: one.period.end, reverse=True)[:most])


def _refused(released: ReleasedPeriod, error: Disclosure) -> str:
    return f"the gate would hold {released}: {len(error.findings)} finding(s)"


def _differing(ground: TrialGround, released: ReleasedPeriod, published: int) -> Iterator[str]:
    """A note where the recorded settings do not give the number of figures that was released."""
    entry = newest(ground.ledger, released.series, released.period)
    assert entry is not None, "only released periods are tried"
    release = load_release(ground.home, ground.ledger, entry.subject)
    figures = sum(status == PUBLISHED for status in release.figures["status"].to_pylist())
    if figures != published:
        yield (
            f"{released} was released with {figures:,} figures, not {published:,}: its settings or "
            "working data have changed since"
        )


def _covered(counted: Counted, figures: Figures, catalogue: Catalogue) -> tuple[int, int]:
    """People in at least one published figure, and in one that states all dimensions."""
    covered = np.zeros(counted.people.shape, dtype=bool)
    in_detail = np.zeros(counted.people.shape, dtype=bool)
    for row in figures.segments.tolist():
        groups = catalogue.groups(row)
        cells = np.ix_(*(np.array(group.leaves) for group in groups))
        covered[cells] = True
        if all(group.code != ALL for group in groups):
            in_detail[cells] = True
    return int(counted.people[covered].sum()), int(counted.people[in_detail].sum())


def _named(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _mistake(problem: str, remedy: str, command: str = COMMAND) -> ConfigurationError:
    return ConfigurationError([Fault(command, problem, remedy)])
