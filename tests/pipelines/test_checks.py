"""Each asset check fails on what it is there for, so none of them could as well always pass."""

import json
import sqlite3
from collections.abc import Callable
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from checking import KEYS, outcome, outcomes

from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home
from pipelines.checks import verdicts
from pipelines.checks.checks import checks_of
from pipelines.stages import journal
from pipelines.stages.flow import LONGER

DAY, NEXT, LAST = (date(2026, 11, number) for number in (1, 2, 3))
RELEASE = f"campaign-day-{DAY}"
_OF_DAYS = (
    *("accepted_rows", "quarantined_rows", "eligible_people", "campaign_reach"),
    *("protected_tables", "campaign_release", "exports", "segments_database"),
)


def changed(home: Home, stage: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Rewrite a working file of the day."""
    path = home.working_file(stage, DAY)
    write_parquet(change(pq.read_table(path, partitioning=None)), path)


def with_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    position = table.schema.get_field_index(name)
    return table.set_column(position, table.schema.field(name), values)


def a_visit_is_gone(home: Home) -> None:
    changed(home, "visits", lambda visits: visits.slice(1))


def the_limit_of_bad_rows_is_lower(home: Home) -> None:
    text = home.policy.read_text()
    home.policy.write_text(
        text.replace("max_quarantined_share: 0.2", "max_quarantined_share: 0.001")
    )


def a_person_is_there_twice(home: Home) -> None:
    changed(home, "people", lambda people: pa.concat_tables([people, people.slice(0, 1)]))


def more_people_came_than_there_are(home: Home) -> None:
    def one_more(reach: pa.Table) -> pa.Table:
        people = reach["people"].to_numpy().copy()
        people[0] += 1_000
        return with_column(reach, "people", pa.array(people))

    changed(home, "reach", one_more)


def hardly_anyone_came(home: Home) -> None:
    """One person in each bucket of a cell that was reached by more, in all tables of the day."""
    changed(home, "reach", lambda reach: with_column(reach.slice(0, 40), "people", ones(40)))


def ones(count: int) -> pa.Array:
    return pa.array(np.ones(count, dtype=np.int64))


def the_state_is_that_of_another_day(home: Home) -> None:
    near = home.private / "near"
    near.joinpath(f"{RELEASE}.parquet").write_bytes(
        near.joinpath(f"campaign-day-{NEXT}.parquet").read_bytes()
    )


def a_group_says_that_it_was_judged_on_its_own(home: Home) -> None:
    def on_its_own(judged: pa.Table) -> pa.Table:
        shared = judged["shared"].to_numpy(zero_copy_only=False).copy()
        shared[np.flatnonzero(shared)[0]] = False
        return with_column(judged, "shared", pa.array(shared))

    changed(home, "protected", on_its_own)


def a_representative_has_another_figure(home: Home) -> None:
    def ten_more(judged: pa.Table) -> pa.Table:
        own = pc.and_(pc.invert(judged["shared"]), pc.is_valid(judged["people"]))
        first = np.flatnonzero(own.to_numpy(zero_copy_only=False))[0]
        people = judged["people"].to_pylist()
        people[first] += 10
        return with_column(judged, "people", pa.array(people, pa.int64()))

    changed(home, "protected", ten_more)


def a_rounding_step_more_came(home: Home) -> None:
    """Ten people more in a cell of the table with most figures: within the range of shared ones."""

    def ten_more(reach: pa.Table) -> pa.Table:
        subject = pq.read_table(home.working_file("protected", DAY), partitioning=None)
        most = subject["subject_id"].value_counts().to_pylist()
        largest = max(most, key=lambda one: one["counts"])["values"]
        row = reach["subject_id"].to_pylist().index(largest)
        people = reach["people"].to_numpy().copy()
        people[row] += 10
        return with_column(reach, "people", pa.array(people))

    changed(home, "reach", ten_more)


def an_entry_of_the_ledger_is_edited(home: Home) -> None:
    with sqlite3.connect(home.ledger) as ledger:
        triggers = ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            ledger.execute(f"DROP TRIGGER {name}")
        ledger.execute("UPDATE ledger SET kept = replace(kept, '\"counted\":', '\"counted\":1')")


def a_release_file_is_edited(home: Home) -> None:
    """What is not as released is not attacked; real findings are in `test_disclosure.py`."""
    path = home.releases / RELEASE / "figures.parquet"
    path.write_bytes(path.read_bytes() + b"\n")


def an_exported_file_is_edited(home: Home) -> None:
    path = next(home.exports.glob(f"*/{RELEASE}/*.csv"))
    path.write_bytes(path.read_bytes() + b"\n")


def a_figure_is_missing_from_the_database(home: Home) -> None:
    with duckdb.connect(str(home.database)) as database:
        database.execute(
            "DELETE FROM figures WHERE rowid = (SELECT min(rowid) FROM figures WHERE period = ?)",
            [DAY.isoformat()],
        )


def nobody_has_an_age(home: Home) -> None:
    """As if the birth dates came in another format on this day."""
    path = home.private / "journal" / "eligibility" / f"day={DAY}.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    account = entry["facts"]["account"]
    account["excluded"] = {"age_not_known": account["read"]}
    account["counted"] = 0
    path.write_text(json.dumps(entry), encoding="utf-8")


def held_at(stage: str) -> Callable[[Home], None]:
    """As if the last run had held the day at a stage."""

    def hold(home: Home) -> None:
        path = home.private / "journal" / stage / f"day={DAY.isoformat()}.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        content["trouble"] = {"code": "disclosure", "message": "1 finding", "exit_code": 4,
                              "passing": False, "stage": stage}  # fmt: skip
        path.write_text(json.dumps(content), encoding="utf-8")

    return hold


FAULTS: dict[tuple[str, str], tuple[Callable[[Home], None], ...]] = {
    ("accepted_rows", "not_held"): (held_at("intake"),),
    ("eligible_people", "not_held"): (held_at("eligibility"),),
    ("campaign_reach", "not_held"): (held_at("reach"),),
    ("campaign_release", "not_held"): (held_at("publication"),),
    ("accepted_rows", "rows_balance"): (a_visit_is_gone,),
    ("quarantined_rows", "quarantine_share"): (the_limit_of_bad_rows_is_lower,),
    ("eligible_people", "one_row_a_person"): (a_person_is_there_twice,),
    ("campaign_reach", "reach_within_people"): (more_people_came_than_there_are,),
    ("campaign_reach", "plausible"): (nobody_has_an_age,),
    ("protected_tables", "threshold_reached"): (hardly_anyone_came,),
    ("protected_tables", "near_sets"): (
        the_state_is_that_of_another_day,
        a_group_says_that_it_was_judged_on_its_own,
        a_representative_has_another_figure,
    ),
    ("campaign_release", "figures_in_range"): (a_rounding_step_more_came,),
    ("campaign_release", "ledger_verified"): (an_entry_of_the_ledger_is_edited,),
    ("campaign_release", "intruder_attack"): (a_release_file_is_edited,),
    ("exports", "exports_as_recorded"): (an_exported_file_is_edited,),
    ("segments_database", "database_is_complete"): (a_figure_is_missing_from_the_database,),
}


# Takes a release that the gate would hold: see test_disclosure.py.
_ELSEWHERE = ("campaign_release", "intruder_attack")


def test_every_check_of_a_day_has_a_fault_here() -> None:
    assert {key for key in KEYS if key[0] in _OF_DAYS} == {*FAULTS, _ELSEWHERE}


@pytest.mark.parametrize("series", LONGER, ids=lambda series: series.id)
def test_a_longer_period_is_judged_by_the_functions_of_a_day(series: Series) -> None:
    """Their faults are here; `release_as_recorded` is in `test_recorded_weeks.py`."""
    of_days = {check.judge for check in checks_of(CAMPAIGN_DAY)}
    own = {check.judge for check in checks_of(series)} - of_days
    assert own == {verdicts.release_as_recorded}


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        pytest.param(check, fault, id=f"{check[0]}-{check[1]}-{fault.__name__}")
        for check, faults in FAULTS.items()
        for fault in faults
    ],
)
def test_a_check_fails_where_there_is_something_to_find(
    check: tuple[str, str], fault: Callable[[Home], None], released_home: Home
) -> None:
    """On the same world every check passes: `test_every_check_passed_on_every_day`."""
    fault(released_home)
    passed, said = outcome(*check, DAY)

    assert not passed
    assert "fault" not in str(said.get("state", "")), said


def test_in_a_range_the_day_with_the_fault_fails_and_so_does_the_range(
    released_home: Home,
) -> None:
    a_visit_is_gone(released_home)
    found = outcomes("accepted_rows", "rows_balance", DAY, LAST)

    assert [passed for passed, _ in found] == [False, True, True, False]
    assert found[-1][1]["days_not_passed"] == [DAY.isoformat()]


@pytest.mark.parametrize(
    ("asset", "name"),
    [("protected_tables", "threshold_reached"), ("campaign_release", "figures_in_range")],
)
def test_counts_of_other_raw_files_are_not_compared_with_a_final_release(
    asset: str, name: str, released_home: Home
) -> None:
    hardly_anyone_came(released_home)
    entry = journal.read(released_home, "intake", DAY)
    assert entry is not None
    entry.facts["inputs"]["visits/day=2026-11-01/late.csv"] = "0" * 64
    journal.write(released_home, entry)
    passed, said = outcome(asset, name, DAY)

    assert passed
    assert said["note"] == "raw files have changed since the release"


@pytest.mark.parametrize("name", ["threshold_reached", "near_sets"])
def test_working_data_that_are_gone_are_told(name: str, released_home: Home) -> None:
    released_home.working_file("protected", DAY).unlink()
    passed, said = outcome("protected_tables", name, DAY)

    assert passed
    assert said["note"] == "the groups judged for the release are no longer kept"


def test_near_sets_says_what_was_judged(released_home: Home) -> None:
    """Counted here from the private file, and the representatives from the state."""
    judged = pq.read_table(released_home.working_file("protected", DAY), partitioning=None)
    state = pq.read_table(released_home.private / "near" / f"{RELEASE}.parquet", partitioning=None)
    shared = [row for row in judged.to_pylist() if row["shared"]]
    _, said = outcome("protected_tables", "near_sets", DAY)

    assert said["judged"] == judged.num_rows
    assert said["judged_on_their_own"] == said["recorded"] == state.num_rows
    assert said["sharing_an_outcome"] == len(shared) == judged.num_rows - state.num_rows
    assert said["sharing_a_figure"] == sum(row["reason"] == "kept" for row in shared) > 0


def test_a_held_day_does_not_pass(released_home: Home) -> None:
    held_at("publication")(released_home)
    passed, said = outcome("campaign_release", "figures_in_range", DAY)

    assert not passed
    assert said["state"] == "held: disclosure"
