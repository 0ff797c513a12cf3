"""What a held day does to the other days of its run, on real Dagster runs."""

import fcntl
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from anonymizer.model.errors import Busy, Held
from anonymizer.model.policy import Timing
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.storage.home import Home
from pipelines import run_limits
from pipelines.assets.assets import SeriesRun, StageWork
from pipelines.automation.run_settings import range_tags
from pipelines.checks.checks import Check
from pipelines.checks.held_days import NOT_HELD, held_days
from pipelines.checks.held_days import HeldDay as Day
from pipelines.partitions.partitions import SINGLE_RUN, Calendar
from pipelines.resources.resources import Installation
from pipelines.stages import journal
from pipelines.stages.days_in_advance import DaysInAdvance
from pipelines.stages.stages import Stage, StageOutcome

ONE, TWO, THREE = (date(2026, 11, number) for number in (1, 2, 3))
Work = Callable[[date], StageOutcome]
CANARY = "canary-91@example.invalid"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def run_flow(home: Home, first: Work, second: Work) -> dg.ExecuteInProcessResult:
    """Two stages, one after the other, over three days in one run."""
    before, after = Stage("before", ("early",)), Stage("after", ("late",), after="before")
    checks = [Check("early", "before", NOT_HELD, ""), Check("late", "after", NOT_HELD, "")]
    days = Calendar(Timing(first_day=ONE)).partitions("day")

    @dg.multi_asset(
        specs=[dg.AssetSpec("early", skippable=True),
               dg.AssetSpec("late", skippable=True, deps=["early"])],
        check_specs=[dg.AssetCheckSpec(NOT_HELD, asset=name, partitions_def=days)
                     for name in ("early", "late")],
        partitions_def=days, backfill_policy=SINGLE_RUN, can_subset=True,
    )  # fmt: skip
    def flow(
        context: dg.AssetExecutionContext, installation: Installation
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        parts = [
            StageWork(stage, lambda _, period, work=work: work(period.end))
            for stage, work in ((before, first), (after, second))
        ]
        none = DaysInAdvance(lambda _: pytest.fail("no step of these is done in advance"))
        yield from SeriesRun(context, installation, CAMPAIGN_DAY, parts, checks, none).go()

    # An instance of its own: definitions are loaded with the last one that was made, alive or not.
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [flow],
            instance=instance,
            resources={"installation": Installation.of(home)},
            tags=range_tags(ONE, THREE),
            raise_on_error=False,
        )


def holding(*days: date) -> Work:
    def work(day: date) -> StageOutcome:
        if day in days:
            raise Held("too_many_bad_rows", "look at the quarantine")
        return StageOutcome(facts={"day": day.isoformat()})

    return work


def held_in(result: dg.ExecuteInProcessResult) -> list[Day]:
    return held_days(result.get_asset_check_evaluations())


def materialized(result: dg.ExecuteInProcessResult, asset: str) -> list[str | None]:
    return [
        event.partition
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(asset)
    ]


def test_a_held_day_lets_the_others_through(home: Home) -> None:
    seen: list[date] = []

    def record(day: date) -> StageOutcome:
        seen.append(day)
        return StageOutcome()

    assert run_flow(home, holding(TWO), record).success
    assert seen == [ONE, THREE]


def test_a_held_day_keeps_its_first_trouble(home: Home) -> None:
    run_flow(home, holding(TWO), holding())
    entry = journal.read(home, "after", TWO)

    assert entry is not None
    assert entry.trouble is not None
    assert (entry.trouble.stage, entry.trouble.code) == ("before", "too_many_bad_rows")


def test_with_all_days_held_nothing_follows_and_nothing_is_materialized(home: Home) -> None:
    result = run_flow(home, holding(ONE, TWO, THREE), holding())

    assert [held.day for held in held_in(result)] == [ONE, TWO, THREE]
    assert {held.trouble.code for held in held_in(result)} == {"too_many_bad_rows"}
    assert materialized(result, "early") == materialized(result, "late") == []
    assert journal.read(home, "after", ONE) is None


def test_a_held_day_is_a_failed_check_with_a_table_and_no_stack_trace(home: Home) -> None:
    """And in no stage is it materialized, while the other days are."""
    result = run_flow(home, holding(TWO), holding())
    found = result.get_asset_check_evaluations()

    assert [(one.partition, one.passed) for one in found if one.asset_key.path == ["early"]] == [
        ("2026-11-01", True), ("2026-11-02", False), ("2026-11-03", True), (None, False),
    ]  # fmt: skip
    (row,) = found[1].metadata["days_held"].value.records
    assert row.data["day"] == "2026-11-02"
    assert row.data["stage"] == "before"
    assert "look at the quarantine" in row.data["what happened"]
    assert materialized(result, "early") == ["2026-11-01", "2026-11-03"]
    assert materialized(result, "late") == ["2026-11-01", "2026-11-03"]
    assert "Traceback" not in "".join(map(repr, result.all_events))
    assert not [event for event in result.all_events if event.is_step_failure]


def test_a_gate_is_asked_once_but_a_busy_home_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_limits, "PAUSES", (0.0, 0.0))
    asked: list[date] = []

    def busy_at_first(day: date) -> StageOutcome:
        asked.append(day)
        if len(asked) == 1:
            raise Busy("process 1")
        return StageOutcome()

    assert run_flow(home, busy_at_first, holding()).success
    assert asked == [ONE, ONE, TWO, THREE]

    asked.clear()

    def refuse(day: date) -> StageOutcome:
        asked.append(day)
        raise Held("disclosure", "1 finding")

    assert held_in(run_flow(home, refuse, holding()))
    assert asked == [ONE, TWO, THREE]


def test_a_fault_leaves_no_value_in_events_and_journal(home: Home) -> None:
    def quote(day: date) -> StageOutcome:
        int(CANARY)
        return StageOutcome()

    result = run_flow(home, quote, holding())

    assert CANARY not in "".join(map(repr, result.all_events))
    assert all("ValueError" in held.trouble.message for held in held_in(result))
    for path in home.root.rglob("*.json"):
        assert CANARY not in path.read_text()


def test_metadata_stands_at_each_day(home: Home) -> None:
    for first in (holding(TWO), holding()):
        result = run_flow(home, first, holding())
        states = {
            event.materialization.metadata["state"].value
            for event in result.get_asset_materialization_events()
        }

        assert states == {"done"}


def test_a_run_that_finds_the_home_locked_holds_its_days_as_busy(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_limits, "PATIENCE_SECONDS", 0)
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        result = run_flow(home, holding(), holding())
    finally:
        os.close(descriptor)

    assert {held.trouble.code for held in held_in(result)} == {"busy"}
    assert materialized(result, "early") == []
    assert journal.read(home, "before", ONE) is None
    assert materialized(run_flow(home, holding(), holding()), "late")


def test_the_lock_is_held_while_days_are_worked_on(home: Home) -> None:
    def refused(day: date) -> StageOutcome:
        with home.lock.open() as another:
            try:
                fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return StageOutcome()
        raise Held("unlocked", "anybody could write")

    assert held_in(run_flow(home, refused, refused)) == []
