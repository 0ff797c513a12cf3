"""The assets of every series, made by one factory.

A series is one step: its stages, day after day, under one lock, and then its checks. So a held day
keeps neither the others of the run from their release nor the checks of these from being made.

A held day is not materialized. The check `not_held` of the stage that held it fails, with a table
of the days that are held, where and why; the step does not fail, as nothing is wrong with it. An
implausible day also fails the check `plausible`, which blocks: Dagster shows its run as failed.

Groups of a period are judged against those of the periods before it, in the order of the ledger, so
a day is suppressed after the day before it was released. The gate is part of publication: figures
are checked before anything is written, and what was published before stays as it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from anonymizer.counting.eligibility import EligibilityCounts, find_eligible_in
from anonymizer.counting.reach import Reach, count_series
from anonymizer.exports.database_growth import update_database
from anonymizer.model.periods import Period
from anonymizer.model.series import CAMPAIGN_DAY, SERIES, Series
from pipelines.assets.column_schemas import column_lineage
from pipelines.assets.jobs import HELD_TAG, MAY_PASS
from pipelines.assets.lineage import specs_of
from pipelines.checks.checks import Check, checks_of, judge_days, report
from pipelines.checks.held_days import NOT_HELD, verdict_on
from pipelines.messages.metadata import rows_table
from pipelines.messages.trouble import Trouble, attempt
from pipelines.partitions.partitions import SINGLE_RUN, Calendar, days_of, partition_key
from pipelines.resources.resources import Installation
from pipelines.stages import journal
from pipelines.stages.accounts import account_facts
from pipelines.stages.days_in_advance import DaysInAdvance, Terms
from pipelines.stages.expiry import purge_expired
from pipelines.stages.finished_days import FINISHED_AS, FinishedDays
from pipelines.stages.flow import Flow
from pipelines.stages.intake_stage import IntakeStage
from pipelines.stages.period_release import objections_as_of, release_period
from pipelines.stages.stages import Stage, StageOutcome, Tried

Work = Callable[[Installation, Period], StageOutcome]
Reported = dg.MaterializeResult[Any] | dg.AssetCheckResult


def graphs(calendar: Calendar) -> Mapping[Series, dg.AssetsDefinition]:
    """The assets and checks of each series."""
    return {series: graph_of(Flow(series), calendar) for series in SERIES}


def graph_of(flow: Flow, calendar: Calendar) -> dg.AssetsDefinition:
    """The assets of a series, which any subset of can be materialized, and their checks."""
    partitions = calendar.partitions(flow.series.period_kind)
    checks = checks_of(flow.series)

    @dg.multi_asset(
        name=flow.job.removeprefix("release_"),
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        can_subset=True,
        specs=specs_of(flow, calendar),
        check_specs=[
            dg.AssetCheckSpec(
                one.name,
                asset=one.asset,
                description=one.description,
                blocking=one.blocking,
                partitions_def=partitions,
            )
            for one in checks
        ],
    )
    def release(
        context: dg.AssetExecutionContext, installation: Installation
    ) -> Iterator[Reported]:
        advance = DaysInAdvance(partial(_terms_of_day, installation))
        parts = parts_of(flow, installation, context, advance)
        yield from SeriesRun(context, installation, flow.series, parts, checks, advance).go()

    return release


@dataclass(frozen=True)
class StageWork:
    """A stage, what it does with a day, and what it does once after all of them."""

    stage: Stage
    work: Work
    after_all: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class SeriesRun:
    """One run over periods of a series."""

    context: dg.AssetExecutionContext
    installation: Installation
    series: Series
    parts: Sequence[StageWork]
    checks: Sequence[Check]
    advance: DaysInAdvance

    @property
    def days(self) -> list[date]:
        """The last day of each period of the run, in order."""
        return _days(self.series, self.context)

    def go(self) -> Iterator[Reported]:
        """Materialize what is selected, and check what is selected of that."""
        selected = {key.to_user_string() for key in self.context.selected_asset_keys}
        parts = [part for part in self.parts if selected & set(part.stage.assets)]
        unreached: set[str] = set()
        with ExitStack() as locked:
            lock = self.installation.writing
            busy = attempt(lambda: locked.enter_context(lock())) if parts else None
            locked.enter_context(self.advance.under_way(part.stage.name for part in parts))
            for number, part in enumerate(parts):
                tried = self._work_through(part, busy)
                made = [name for name in part.stage.assets if name in selected]
                yield from self._materialized(tried, made)
                yield from self._report_held(part.stage, tried)
                if all(one.entry.trouble for one in tried):  # nothing is left for what comes after
                    unreached = {later.stage.name for later in parts[number + 1 :]}
                    break
            yield from self._checked({part.stage.name for part in parts}, unreached)

    def _work_through(self, part: StageWork, busy: object) -> Sequence[Tried]:
        """Every day of the run at a stage; trouble with what concerns all of them holds all."""
        kind = self.series.period_kind
        if isinstance(busy, Trouble):
            return [_held_by(busy, part.stage, day) for day in self.days]
        tried = part.stage.work_through(
            self.context.log,
            self.installation.home,
            self.days,
            lambda day: part.work(self.installation, Period.of(kind, day)),
        )
        if all(one.entry.trouble for one in tried):
            return tried
        unfinished = attempt(part.after_all)
        if not isinstance(unfinished, Trouble):
            return tried
        return [
            one if one.entry.trouble else _held_by(unfinished, part.stage, one.entry.day)
            for one in tried
        ]

    def _materialized(self, tried: Sequence[Tried], assets: Sequence[str]) -> Iterator[Reported]:
        """The days that got through: as results if all of them did, else one by one."""
        kind, lineage = self.series.period_kind, column_lineage(self.series)
        good = [one for one in tried if not one.entry.trouble]
        for one in good:
            for asset in assets:
                key, said = partition_key(kind, one.entry.day), dict(one.metadata[asset])
                if asset in lineage:
                    said["dagster/column_lineage"] = lineage[asset]
                if len(good) == len(tried):
                    self.context.add_asset_metadata(said, asset, key)
                else:
                    event = dg.AssetMaterialization(asset, metadata=said, partition=key)
                    self.context.log_event(event)
        if len(good) == len(tried):
            yield from (dg.MaterializeResult(asset_key=name) for name in assets)

    def _report_held(self, stage: Stage, tried: Sequence[Tried]) -> Iterator[Reported]:
        """What kept days from getting through a stage, by its own check and a tag of the run."""
        kind = self.series.period_kind
        verdicts = {partition_key(kind, one.entry.day): verdict_on(one.entry) for one in tried}
        if held := [key for key, verdict in verdicts.items() if not verdict.passed]:
            said = held[0] if len(held) == 1 else f"{held[0]} and {len(held) - 1} more"
            may_pass = any(one.entry.trouble and one.entry.trouble.may_pass for one in tried)
            tags = {HELD_TAG: said} | (MAY_PASS if may_pass else {})
            self.context.instance.add_run_tags(self.context.run.run_id, tags)
        for check in self.checks:
            if check.stage == stage.name and check.name == NOT_HELD and self._is_selected(check):
                yield report(self.context, check, verdicts)

    def _checked(self, worked: set[str], unreached: set[str]) -> Iterator[Reported]:
        """All other selected checks, except those of stages that no day of the run reached."""
        for check in self.checks:
            reported = check.name == NOT_HELD and check.stage in worked
            if self._is_selected(check) and check.stage not in unreached and not reported:
                yield judge_days(self.context, check, self.series, self.installation)

    def _is_selected(self, check: Check) -> bool:
        key = dg.AssetCheckKey(dg.AssetKey(check.asset), check.name)
        return key in self.context.selected_asset_check_keys


def parts_of(
    flow: Flow,
    installation: Installation,
    context: dg.AssetExecutionContext,
    advance: DaysInAdvance,
) -> list[StageWork]:
    """What a run over periods of a series does, in order; only days are taken in."""
    days = _days(flow.series, context)
    count, publish = (partial(work, flow) for work in (_count, _publish))
    if flow.series != CAMPAIGN_DAY:
        return [
            StageWork(flow.stage("eligibility"), partial(_find, flow)),
            StageWork(flow.stage("reach"), count),
            StageWork(flow.stage("publication"), publish, partial(_finish, installation, ())),
        ]
    intake = IntakeStage(installation, context.log, days, advance)
    found, counted = partial(_find, flow, advance=advance), partial(_count, flow, advance=advance)
    eligibility = StageWork(
        flow.stage("eligibility"), found, partial(advance.go_on, "eligibility", "reach")
    )
    reach = StageWork(flow.stage("reach"), counted, advance.end)
    publication = StageWork(
        flow.stage("publication"), publish, partial(_finish, installation, days)
    )
    finished = intake.finished
    return [
        StageWork(flow.stage("intake"), intake.take, intake.tell),
        *(replace(part, work=_unless(finished, part)) for part in (eligibility, reach)),
        replace(publication, work=_marking(finished, publication)),
    ]


def _terms_of_day(installation: Installation, day: date) -> Terms:
    terms = installation.terms(Period("day", day))
    return terms.policy, terms.secret, terms.catalogue.interests


def _unless(finished: FinishedDays, part: StageWork) -> Work:
    """The work of a stage, but for days that intake has found to be finished."""

    def work(installation: Installation, period: Period) -> StageOutcome:
        if finished.known.get(period.end):
            return finished.reuse(part.stage, period.end)
        return part.work(installation, period)

    return work


def _marking(finished: FinishedDays, part: StageWork) -> Work:
    """The work of publication, and what a later run recognises the finished day by."""

    def work(installation: Installation, period: Period) -> StageOutcome:
        outcome = part.work(installation, period)
        facts = {**outcome.facts, FINISHED_AS: finished.mark(period.end)}
        return replace(outcome, facts=facts)

    return work


def _days(series: Series, context: dg.AssetExecutionContext) -> list[date]:
    """The last day of each period of the run, in order."""
    return [Period.of(series.period_kind, day).end for day in days_of(context.partition_keys)]


def _finish(installation: Installation, days: Sequence[date]) -> None:
    """What a run does once, whatever became of its days: the database, and what may go."""
    home, ledger, secret = installation.home, installation.ledger(), installation.secret()
    update_database(home, ledger)
    purge_expired(home, days, ledger, secret)


def _held_by(trouble: Trouble, stage: Stage, day: date) -> Tried:
    return Tried(
        journal.JournalEntry(stage.name, day, 0.0, trouble=replace(trouble, stage=stage.name)), {}
    )


def _find(
    flow: Flow, installation: Installation, period: Period, advance: DaysInAdvance | None = None
) -> StageOutcome:
    """Who counts in the period."""
    found = advance.outcome("eligibility", period.end) if advance else None
    if not isinstance(found, EligibilityCounts):
        terms, home = installation.terms(period), installation.home
        objections = objections_as_of(home, installation.ledger(), flow.series, period)
        with installation.engine(spill=True) as engine:
            found = find_eligible_in(
                engine, home, flow.series, period, terms.policy, terms.secret, objections
            )
    metadata = {"people": found.people, "people_by_reason": rows_table({"people": found.account})}
    return StageOutcome({"account": account_facts(found.account)}, {flow.people: metadata})


def _count(
    flow: Flow, installation: Installation, period: Period, advance: DaysInAdvance | None = None
) -> StageOutcome:
    """Distinct people of each subject by cell."""
    reach = advance.outcome("reach", period.end) if advance else None
    if not isinstance(reach, Reach):
        terms = installation.terms(period)
        with installation.engine(spill=True) as engine:
            reach = count_series(
                engine,
                installation.home,
                flow.series,
                period,
                terms.policy,
                terms.secret,
                terms.catalogue,
            )
    accounts = {reach.account.table: reach.account}
    metadata = {"tables": reach.tables, "rows_by_reason": rows_table(accounts)}
    facts = {"account": account_facts(reach.account), "tables": reach.tables}
    return StageOutcome(facts, {flow.reach: metadata})


def _publish(flow: Flow, installation: Installation, period: Period) -> StageOutcome:
    """The release and its exports."""
    facts = release_period(installation, installation.ledger(), flow.series, period)
    if not facts["tables"]:
        note = f"there are no tables in {period.id}, so there is nothing to release"
        return StageOutcome(facts, {flow.release: {"note": note}})
    said: dict[str, Mapping[str, Any]] = {
        flow.protected: {"tables": facts["tables"], "published": facts["published"]},
        flow.release: facts,
    }
    if flow.series == CAMPAIGN_DAY:
        said["exports"] = {"advertisers": facts["recipients"], "campaigns": facts["tables"]}
        said["segments_database"] = {"newest_release": facts["release"]}
    return StageOutcome(facts, said)
