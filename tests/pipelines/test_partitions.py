"""What Dagster is told that a period reads is what it reads; and one time zone everywhere."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import deserialize_value, serialize_value

from anonymizer.model.periods import Period
from anonymizer.model.policy import Timing
from anonymizer.model.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    INTEREST_WEEK,
    Series,
)
from anonymizer.model.windows import inputs_of
from anonymizer.storage.home import Home
from pipelines.assembly import assemble
from pipelines.assets.assets import graphs
from pipelines.assets.lineage import raw_tables
from pipelines.partitions.partitions import Calendar
from pipelines.partitions.run_times import RunTimes
from pipelines.resources.resources import Installation
from pipelines.stages.flow import LONGER, Flow

ROWS = dg.AssetKey("accepted_rows")
START = date(2023, 1, 1)
TIMINGS = [Timing(first_day=START), Timing(first_day=START, open_days=7, late_days=3),
           Timing(first_day=START, open_days=0, late_days=0)]  # fmt: skip
# Ends of years, a leap day, a month that touches six weeks, and the shortest one.
PERIODS = {
    "week": ["2023-W52", "2024-W01", "2024-W09", "2025-W01", "2026-W01"],
    "month": ["2023-12", "2024-01", "2024-02", "2024-12", "2025-06", "2025-11", "2026-02"],
}


def graph_of(timing: Timing) -> BaseAssetGraph:
    calendar = Calendar(timing)
    made = graphs(calendar)
    defs = dg.Definitions(
        [*raw_tables(calendar), *made.values()], resources={"installation": Installation()}
    )
    return defs.resolve_asset_graph()


def upstream(graph: BaseAssetGraph, asset: str, parent: dg.AssetKey, *keys: str) -> set[date]:
    """The partitions of an asset that those of another are made from, as Dagster has it."""
    child = dg.AssetKey(asset)
    subset = graph.get(child).partitions_def.subset_with_partition_keys(keys)
    mapping = graph.get_partition_mapping(child, parent)
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        subset, graph.get(child).partitions_def, graph.get(parent).partitions_def
    )
    assert found.required_but_nonexistent_subset.is_empty
    return {date.fromisoformat(key) for key in found.partitions_subset.get_partition_keys()}


def cases() -> Iterator[tuple[Timing, Series, Period]]:
    for timing in TIMINGS:
        for series in LONGER:
            for text in PERIODS[series.period_kind]:
                yield timing, series, Period.from_id(text)


@pytest.mark.alternate("partitions are what is read")
def test_a_period_reads_exactly_the_days_that_windows_names() -> None:
    known = {timing.open_days: graph_of(timing) for timing in TIMINGS}
    for timing, series, period in cases():
        days = set(inputs_of(series, period, timing).days)
        for asset in (Flow(series).people, Flow(series).reach):
            found = upstream(known[timing.open_days], asset, ROWS, period.start.isoformat())

            assert found == days, (series.id, period.id)


@pytest.mark.parametrize(
    ("series", "period", "days"),
    [(INTEREST_WEEK, "2025-W48", 32), (CAMPAIGN_WEEK, "2025-W48", 9),
     (AUDIENCE_MONTH, "2025-10", 33), (CAMPAIGN_MONTH, "2024-02", 31)],
)  # fmt: skip
def test_the_number_of_days_with_the_default_policy(series: Series, period: str, days: int) -> None:
    key = Period.from_id(period).start.isoformat()

    assert len(upstream(graph_of(TIMINGS[0]), Flow(series).reach, ROWS, key)) == days


@pytest.mark.alternate("partitions are what is read")
@pytest.mark.parametrize("timing", TIMINGS)
def test_a_day_belongs_to_every_period_that_reads_it(timing: Timing) -> None:
    graph = graph_of(timing)
    days = [date(2023, 12, 28) + timedelta(days=number) for number in range(45)]
    partitions = graph.get(ROWS).partitions_def
    for series in LONGER:
        child = dg.AssetKey(Flow(series).reach)
        of_child = graph.get(child).partitions_def
        mapping = graph.get_partition_mapping(child, ROWS)
        for day in days:
            subset = partitions.subset_with_partition_keys([day.isoformat()])
            found = mapping.get_downstream_partitions_for_partitions(subset, partitions, of_child)
            expected = {
                key
                for key in of_child.get_partition_keys()
                if day
                in inputs_of(
                    series, Period(series.period_kind, date.fromisoformat(key)), timing
                ).days
            }

            assert set(found.get_partition_keys()) == expected, (series.id, day)


@pytest.mark.parametrize("timing", TIMINGS)
def test_a_day_reads_its_folder_and_those_of_its_late_visits(timing: Timing) -> None:
    graph = graph_of(timing)
    window = {date(2024, 2, 28) + timedelta(days=late) for late in range(timing.late_days + 1)}
    found = upstream(graph, "accepted_rows", dg.AssetKey(["raw", "visits"]), "2024-02-28")
    yesterday = graph.get(ROWS).partitions_def.get_last_partition_key()
    newest = upstream(graph, "accepted_rows", dg.AssetKey(["raw", "visits"]), yesterday)

    assert found == window
    assert len(newest) == timing.late_days + 1


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition:DeprecationWarning")
def test_the_pages_and_the_daemon_are_told_as_much_as_built_in_mappings_can_say(
    tmp_path: Path,
) -> None:
    """They load no code of ours: every mapping has to arrive there as one of Dagster's own."""
    repository = assemble(Installation(), Home(tmp_path)).get_repository_def()
    text = serialize_value(RepositorySnap.from_def(repository))
    snap = deserialize_value(text, RepositorySnap)
    mappings = {
        (node.asset_key.to_user_string(), edge.parent_asset_key.to_user_string()): (
            edge.partition_mapping
        )
        for node in snap.asset_nodes
        for edge in node.parent_edges
        if edge.partition_mapping
    }
    for series in LONGER:
        told = mappings[Flow(series).reach, "accepted_rows"]
        weeks = -4 if series == INTEREST_WEEK else 0

        assert (told.start_offset, told.end_offset) == (weeks, 0)
        assert type(told).__module__.startswith("dagster."), type(told)


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Europe/Dublin", "America/St_Johns"])
def test_one_time_zone_in_partitions_schedules_and_deadlines(zone: str) -> None:
    calendar = Calendar(Timing(timezone=zone), RunTimes(time(4, 15)))
    made = graphs(calendar)
    deadlines = [
        spec.freshness_policy
        for one in made.values()
        for spec in one.specs
        if spec.freshness_policy
    ]

    assert {one.partitions_def.timezone for one in made.values()} == {zone}
    assert {policy.timezone for policy in deadlines} == {zone}
    assert {policy.deadline_cron for policy in deadlines} == {"15 7 * * *"}
    assert len(deadlines) == 3


def test_a_policy_of_dublin_moves_every_schedule(fresh_home: Home) -> None:
    text = fresh_home.policy.read_text()
    fresh_home.policy.write_text(text.replace("Asia/Jakarta", "Europe/Dublin"))
    repository = assemble(Installation.of(fresh_home), fresh_home).get_repository_def()

    assert {schedule.execution_timezone for schedule in repository.schedule_defs} == {
        "Europe/Dublin"
    }
