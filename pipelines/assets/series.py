"""Weeks, months, interests and the audience: one graph of assets for each series.

The same stages as a day's after intake, over periods that are made from days that were taken in
before. One factory makes them, so that no series has a rule of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import dagster as dg

from anonymizer.counting import count_series
from anonymizer.eligibility import find_eligible_in
from anonymizer.periods import Period
from anonymizer.series import CAMPAIGN_DAY, SERIES, Series
from pipelines.accounts import account_facts
from pipelines.assets.publication import finish, log_good_days
from pipelines.columns import PEOPLE, PROTECTED, REACH
from pipelines.metadata import rows_table
from pipelines.partitions import PARTITIONS, SINGLE_RUN
from pipelines.releasing import objections_as_of, release_period
from pipelines.resources import Installation, Writing
from pipelines.sealing import attempt
from pipelines.stages import RETRIES, Outcome, Stage, failure

LONGER = tuple(series for series in SERIES if series != CAMPAIGN_DAY)
_WORDS = {
    "campaign-week": "people who accessed a campaign's link in an ISO week",
    "campaign-month": "people who accessed a campaign's link in a month",
    "interest-week": "people who viewed products of a category in the 30 days to a week's end",
    "audience-month": "everybody who counts at the end of a month",
}
STAGES = ("eligibility", "reach", "publication")
Work = Callable[[Installation, Period], Outcome]


@dataclass(frozen=True)
class Graph:
    """The stages of a series and the names of the assets that they make."""

    series: Series

    @property
    def people(self) -> str:
        """The asset of who counts: `campaign_week_people`."""
        return self.series.stage("people")

    @property
    def reach(self) -> str:
        """The asset of the true counts."""
        return self.series.stage("reach")

    @property
    def protected(self) -> str:
        """The asset of the figures that may be published."""
        return self.series.stage("protected")

    @property
    def release(self) -> str:
        """The asset of what is published."""
        return "campaign_release" if self.series == CAMPAIGN_DAY else self.series.stage("release")

    def stage(self, name: str) -> Stage:
        """A stage over the series' periods."""
        assets = {
            "eligibility": (self.people,),
            "reach": (self.reach,),
            "publication": (self.protected, self.release),
        }
        before = STAGES.index(name) - 1
        return Stage(
            self.series.stage(name),
            assets[name],
            after=self.series.stage(STAGES[before]) if before >= 0 else None,
            kind=self.series.period_kind,
        )

    def find(self, installation: Installation, period: Period) -> Outcome:
        """Who counts in the period."""
        terms, home = installation.terms(period), installation.home
        objections = objections_as_of(home, installation.ledger(), self.series, period)
        with installation.engine(spill=True) as engine:
            found = find_eligible_in(
                engine, home, self.series, period, terms.policy, terms.secret, objections
            )
        shown = {"people": found.people, "people_by_reason": rows_table({"people": found.account})}
        return Outcome({"account": account_facts(found.account)}, {self.people: shown})

    def count(self, installation: Installation, period: Period) -> Outcome:
        """Distinct people of each subject by cell."""
        terms = installation.terms(period)
        with installation.engine(spill=True) as engine:
            reach = count_series(
                engine,
                installation.home,
                self.series,
                period,
                terms.policy,
                terms.secret,
                terms.catalogue,
            )
        accounts = {reach.account.table: reach.account}
        shown = {"tables": reach.tables, "rows_by_reason": rows_table(accounts)}
        facts = {"account": account_facts(reach.account), "tables": reach.tables}
        return Outcome(facts, {self.reach: shown})

    def publish(self, installation: Installation, period: Period) -> Outcome:
        """The release and its exports."""
        facts = release_period(installation, installation.ledger(), self.series, period)
        protected = {"tables": facts["tables"], "published": facts["published"]}
        return Outcome(facts, {self.release: facts, self.protected: protected})


def graph_of(series: Series) -> list[dg.AssetsDefinition]:
    """The assets of a series, in the order of the flow."""
    graph = Graph(series)
    words = _WORDS[series.id]
    return [
        _working(graph, "eligibility", graph.find, ["accepted_rows"],
                 f"Who counts, under a pseudonym, among {words}.", PEOPLE),
        _working(graph, "reach", graph.count, ["accepted_rows", graph.people],
                 f"True counts by cell, private: {words}. Days are never added up.", REACH),
        _releasing(graph, f"Released, exported and in the analysts' database: {words}."),
    ]  # fmt: skip


def _working(
    graph: Graph, stage: str, work: Work, deps: list[str], description: str, columns: dg.TableSchema
) -> dg.AssetsDefinition:
    """An asset that leaves a private working file for each period."""
    (name,) = graph.stage(stage).assets

    @dg.asset(
        name=name,
        deps=deps,
        partitions_def=PARTITIONS[graph.series.period_kind],
        backfill_policy=SINGLE_RUN,
        retry_policy=RETRIES,
        group_name=graph.series.stage("series"),
        owners=["team:data-engineering", "team:privacy"],
        kinds={"duckdb", "parquet"},
        description=description,
        metadata={"dagster/column_schema": columns},
    )
    def made(
        context: dg.AssetExecutionContext,
        installation: Installation,
        writing: Writing,  # noqa: ARG001  held for the run
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        graph.stage(stage).work_through(
            context, installation.home, lambda day: work(installation, _period(graph.series, day))
        )
        return dg.MaterializeResult()

    return made


def _releasing(graph: Graph, description: str) -> dg.AssetsDefinition:
    """The last asset: it fails when any period of the run was held, the others being out."""

    @dg.multi_asset(
        name=graph.series.stage("publication"),
        partitions_def=PARTITIONS[graph.series.period_kind],
        backfill_policy=SINGLE_RUN,
        retry_policy=RETRIES,
        group_name=graph.series.stage("series"),
        specs=[
            dg.AssetSpec(
                graph.protected,
                deps=[graph.reach],
                skippable=True,
                description="The figures that may be published, with a proof for every cell.",
                owners=["team:privacy"],
                kinds={"python", "parquet"},
                metadata={"dagster/column_schema": PROTECTED},
            ),
            dg.AssetSpec(
                graph.release,
                deps=[
                    graph.protected,
                    *(Graph(earlier).release for earlier in graph.series.judged_after),
                ],
                skippable=True,
                description=description,
                owners=["team:privacy", "team:data-engineering", "team:ad-ops"],
                kinds={"python", "parquet"},
            ),
        ],
    )
    def publication(
        context: dg.AssetExecutionContext,
        installation: Installation,
        writing: Writing,  # noqa: ARG001  held for the run
    ) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        home = installation.home
        tried = graph.stage("publication").work_through(
            context, home, lambda day: graph.publish(installation, _period(graph.series, day))
        )
        entries = [attempted.entry for attempted in tried]
        unfinished = attempt(lambda: finish(home, installation.ledger(), installation.secret(), ()))
        if unfinished:
            entries = [replace(entry, trouble=entry.trouble or unfinished) for entry in entries]
        if any(entry.trouble for entry in entries):
            log_good_days(context, tried, graph.series.period_kind)
            raise failure(entries)
        for name in graph.stage("publication").assets:
            yield dg.MaterializeResult(asset_key=name)

    return publication


def _period(series: Series, day: date) -> Period:
    return Period.of(series.period_kind, day)


GRAPHS = {series: graph_of(series) for series in LONGER}
