"""All files but visits are read once in a run: the other days take what is kept of the file."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from raw_world import DAY, NO_DECISIONS, NOW, World, as_csv, consent, profile, request_of, visit

from anonymizer.intake import file_assessment
from anonymizer.intake.assessed_files import AssessedFiles
from anonymizer.intake.day_intake import take_in
from anonymizer.intake.intake_outcome import Intake
from anonymizer.model.errors import InputsRejected
from anonymizer.model.policy import Policy
from anonymizer.storage.engines.duckdb import DuckDB

KEPT = ("campaigns", "requests", "consents", "profiles")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two days, and people of whom each is read differently on them, or not at all."""
    world = World(tmp_path)
    born = date(DAY.year - 40, DAY.month, DAY.day) + timedelta(days=1)  # a year older tomorrow
    world.put(
        f"profiles/day={DAY}/p.csv",
        as_csv(
            [
                profile("u1", birth_date=born.isoformat()),
                profile("u2", closed_at=f"{DAY + timedelta(days=1)}T10:00:00+07:00"),
                profile("u3", gender="f"),
                profile("u3", gender="m"),  # conflicting_id
                profile("u4", region_code="nowhere"),
                profile("", gender="f"),  # no_user
            ]
        ),
    )
    world.put(
        "consents/c.csv",
        as_csv([consent("u1"), consent("u2"), consent("u3"), consent("u4", granted="perhaps")]),
    )
    world.visits(as_csv([visit("v2", user_id="u2")]), offset=1)
    (world.folder(2) / "_SUCCESS").touch()
    return world.with_policy("intake", max_quarantined_share=1.0)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables of the files that are read, in order."""
    read, seen = file_assessment.read, list[str]()

    def noted(source: Any, table: Any) -> Any:
        seen.append(table.name)
        return read(source, table)

    monkeypatch.setattr(file_assessment, "read", noted)
    return seen


def taken(
    world: World, day: date, assessed: AssessedFiles | None = None, policy: Policy | None = None
) -> tuple[Intake, dict[str, bytes]]:
    """What is said of a day, and the files that it becomes."""
    with DuckDB(memory_megabytes=500, threads=1, spill=None) as engine:
        said = take_in(
            world.home,
            day,
            policy or world.policy,
            world.secret,
            engine,
            now=NOW,
            decisions=NO_DECISIONS,
            assessed=assessed,
        )
    files = {name: text for name, text in world.written().items() if f"day={day}" in name}
    return said, files


@pytest.mark.alternate("assessed files are kept")
def test_the_second_day_reads_nothing_but_visits_again(world: World, reads: list[str]) -> None:
    assessed = AssessedFiles()
    taken(world, DAY, assessed)
    assert [table for table in reads if table in KEPT] == list(KEPT)
    taken(world, DAY + timedelta(days=1), assessed)
    assert [table for table in reads if table in KEPT] == list(KEPT)
    assert reads.count("visits") == 3, "files of visits are read for every day that needs them"


@pytest.mark.parametrize("day", [DAY, DAY + timedelta(days=1)])
def test_what_is_kept_gives_what_the_file_gives(world: World, day: date) -> None:
    """Ages, closed accounts, conflicts, warnings and quarantine of the day, byte by byte."""
    assessed = AssessedFiles()
    other = DAY if day != DAY else DAY + timedelta(days=1)
    taken(world, other, assessed)
    expected = taken(world, day)
    assert taken(world, day, assessed) == expected
    assert taken(world, day, assessed) == expected, "also when it is used again"


@pytest.mark.alternate("assessed files are kept")
def test_the_day_decides_about_age_and_account(world: World) -> None:
    assessed = AssessedFiles()
    seen = {}
    for day in (DAY, DAY + timedelta(days=1)):
        taken(world, day, assessed)
        world.day = day
        seen[day] = {(row["age"], row["closed"]) for row in world.rows("profiles")}
    assert (39, False) in seen[DAY]
    assert (40, False) in seen[DAY + timedelta(days=1)]
    assert not any(closed for _, closed in seen[DAY])
    assert any(closed for _, closed in seen[DAY + timedelta(days=1)])


def test_an_erased_person_does_not_come_back(world: World) -> None:
    assessed = AssessedFiles()
    taken(world, DAY, assessed)
    world.put("requests/r.csv", as_csv([request_of("u1", kind="erase")]))
    said, files = taken(world, DAY, assessed)
    assert (said, files) == taken(world, DAY)
    world.day = DAY
    erased = {row["person_key"] for row in world.rows("requests")}
    for stage in ("consents", "profiles"):
        assert not erased & {row["person_key"] for row in world.rows(stage)}
        assert said.accounts[stage].excluded["erased"] == 1


@pytest.mark.parametrize("change", ["bytes", "policy", "key"])
def test_another_file_another_policy_or_another_key_is_read_anew(
    world: World, reads: list[str], change: str
) -> None:
    assessed, policy = AssessedFiles(), None
    taken(world, DAY, assessed)
    if change == "bytes":
        world.put(f"profiles/day={DAY}/p.csv", as_csv([profile("u9")]))
    elif change == "policy":
        world.with_policy("intake", naive_times="policy_zone")
    else:
        world.secret = type(world.secret)(b"n" * 32)
    reads.clear()
    expected = taken(world, DAY, assessed, policy)
    again = ["profiles"] if change == "bytes" else list(KEPT)
    assert [table for table in reads if table in KEPT] == again
    assert expected == taken(world, DAY)


@pytest.mark.alternate("assessed files are kept")
def test_a_file_that_changes_while_it_is_read_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, place = file_assessment.read, world.home.raw / "consents" / "c.csv"

    def read_and_changed(source: Any, table: Any) -> Any:
        reading = read(source, table)
        if table.name == "consents":
            place.write_bytes(place.read_bytes() + b"\n")
        return reading

    monkeypatch.setattr(file_assessment, "read", read_and_changed)
    assessed = AssessedFiles()
    with pytest.raises(InputsRejected, match="changed"):
        taken(world, DAY, assessed)
    monkeypatch.undo()
    assert taken(world, DAY, assessed) == taken(world, DAY)


@pytest.mark.alternate("assessed files are kept")
def test_no_more_is_kept_than_there_is_room_for(world: World, reads: list[str]) -> None:
    small = AssessedFiles(most_bytes=10)
    for _ in range(2):
        assert taken(world, DAY, small) == taken(world, DAY)
    assert reads.count("profiles") == 4
    assessed = AssessedFiles(most_bytes=1)
    taken(world, DAY, assessed)
    assert not assessed.find(("profiles",))
