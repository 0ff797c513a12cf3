"""What a held day does to the other days of its run, on real Dagster runs."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from anonymizer.errors import Busy, Held
from anonymizer.home import Home
from pipelines import journal
from pipelines.partitions import DAYS, SINGLE_RUN
from pipelines.stages import Outcome, Stage

ONE, TWO, THREE = (date(2026, 11, number) for number in (1, 2, 3))
Work = Callable[[date], Outcome]
CANARY = "canary-91@example.invalid"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def run_flow(home: Home, first: Work, second: Work) -> dg.ExecuteInProcessResult:
    """Two stages, one after the other, over three days in one run."""
    before, after = Stage("before", ("early",)), Stage("after", ("late",), after="before")

    @dg.asset(partitions_def=DAYS, backfill_policy=SINGLE_RUN,
              retry_policy=dg.RetryPolicy(max_retries=2))  # fmt: skip
    def early(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        before.work_through(context, home, first)
        return dg.MaterializeResult()

    @dg.asset(partitions_def=DAYS, backfill_policy=SINGLE_RUN, deps=[early])
    def late(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        after.work_through(context, home, second)
        return dg.MaterializeResult()

    # An instance of its own: definitions are loaded with the last one that was made, alive or not.
    with dg.instance_for_test() as instance:
        return dg.materialize(
            [early, late],
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": ONE.isoformat(),
                "dagster/asset_partition_range_end": THREE.isoformat(),
            },
            raise_on_error=False,
        )


def holding(*days: date) -> Work:
    def work(day: date) -> Outcome:
        if day in days:
            raise Held("too_many_bad_rows", "look at the quarantine")
        return Outcome(facts={"day": day.isoformat()})

    return work


def failure_of(result: dg.ExecuteInProcessResult) -> list[dict[str, object]]:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data.metadata["held"].data


def test_a_held_day_lets_the_others_through(home: Home) -> None:
    seen: list[date] = []

    def record(day: date) -> Outcome:
        seen.append(day)
        return Outcome()

    assert run_flow(home, holding(TWO), record).success
    assert seen == [ONE, THREE]


def test_a_held_day_keeps_its_first_trouble(home: Home) -> None:
    run_flow(home, holding(TWO), holding())
    entry = journal.read(home, "after", TWO)

    assert entry is not None
    assert entry.trouble is not None
    assert (entry.trouble.stage, entry.trouble.code) == ("before", "too_many_bad_rows")


def test_with_all_days_held_the_step_fails_and_nothing_follows(home: Home) -> None:
    result = run_flow(home, holding(ONE, TWO, THREE), holding())

    assert not result.success
    assert [held["day"] for held in failure_of(result)] == [
        "2026-11-01",
        "2026-11-02",
        "2026-11-03",
    ]
    assert {held["code"] for held in failure_of(result)} == {"too_many_bad_rows"}
    assert journal.read(home, "after", ONE) is None


def test_a_gate_is_asked_once_but_a_busy_home_again(home: Home) -> None:
    asked: list[date] = []

    def busy_at_first(day: date) -> Outcome:
        asked.append(day)
        if len(asked) == 1:
            raise Busy("process 1")
        return Outcome()

    assert run_flow(home, busy_at_first, holding()).success
    assert asked == [ONE, TWO, THREE] * 2

    asked.clear()

    def refuse(day: date) -> Outcome:
        asked.append(day)
        raise Held("disclosure", "1 finding")

    assert not run_flow(home, refuse, holding()).success
    assert asked == [ONE, TWO, THREE]


def test_a_fault_leaves_no_value_in_events_and_journal(home: Home) -> None:
    def quote(day: date) -> Outcome:
        int(CANARY)
        return Outcome()

    result = run_flow(home, quote, holding())

    assert not result.success
    assert CANARY not in "".join(map(repr, result.all_events))
    assert "ValueError" in json.dumps(failure_of(result))
    for path in home.root.rglob("*.json"):
        assert CANARY not in path.read_text()


def test_metadata_stands_at_each_day(home: Home) -> None:
    result = run_flow(home, holding(TWO), holding())
    states = {
        event.partition: event.materialization.metadata["state"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("early")
    }

    assert states == {
        "2026-11-01": "done",
        "2026-11-02": "held: too_many_bad_rows",
        "2026-11-03": "done",
    }
