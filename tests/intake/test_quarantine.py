"""What is said of quarantined rows: where they are and why, the most frequent reasons first."""

import pytest
from raw_world import DAY, World, as_csv, as_json_lines, profile, visit

from anonymizer.intake import intake_limits, quarantine
from anonymizer.model.errors import ConfigurationError, Held, InputsRejected


def fill(world: World) -> None:
    """Of 20 visits 9 are bad: 5 and 2 in one file, 2 in another."""
    bad_time = [visit(f"a{n}", occurred_at="canary") for n in range(5)]
    no_url = [visit(f"b{n}", url="") for n in range(2)]
    fine = [visit(f"c{n}", user_id=f"u{n}") for n in range(10)]
    world.visits(as_csv([fine[0], *bad_time, *no_url, *fine[1:]]), "x.csv")
    world.visits(as_json_lines([visit(f"d{n}", url="") for n in range(2)]), "y.jsonl")


@pytest.mark.alternate("quarantined rows")
def test_a_day_with_too_many_bad_rows_says_where_they_are(world: World) -> None:
    fill(world)
    with pytest.raises(Held) as caught:
        world.take_in()
    said = str(caught.value)
    assert caught.value.reason == "too_many_bad_rows"
    assert "visits: 9 of 20 rows quarantined (45%); the limit is 20%" in said
    folder = f"visits/day={DAY}"
    assert said.splitlines()[1:4] == [
        f"  - {folder}/x.csv, column occurred_at: bad_time, 5 row(s), for example 2, 3, 4, 5, 6",
        f"  - {folder}/x.csv, column url: no_url, 2 row(s), for example 7, 8",
        f"  - {folder}/y.jsonl, column url: no_url, 2 row(s), for example 1, 2",
    ]
    assert f"audience quarantine --day {DAY}" in said
    assert "max_quarantined_share" in said
    assert "canary" not in said


@pytest.mark.alternate("quarantined rows")
def test_every_table_above_the_limit_is_told(world: World) -> None:
    fill(world)
    folder = f"profiles/day={DAY}"
    world.put(f"{folder}/bad.csv", as_csv([profile(f"p{n}", registered_at="x") for n in range(3)]))
    with pytest.raises(Held) as caught:
        world.take_in()
    assert "profiles: 3 of 4 rows quarantined (75%); visits: 9 of 20 rows" in str(caught.value)
    assert f"{folder}/bad.csv, column registered_at: bad_time, 3 row(s)" in str(caught.value)


@pytest.mark.alternate("quarantined rows")
def test_a_file_of_bad_rows_alone_says_what_is_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_limits, "MOST_FAULTS", 8)
    world.visits(as_csv([visit(f"v{n}", occurred_at="canary") for n in range(9)]), "x.csv")
    with pytest.raises(InputsRejected, match="too_many_bad_rows") as caught:
        world.take_in()
    said = str(caught.value)
    assert "the limit is 8 in a file; most frequent: column occurred_at, bad_time, 9 rows" in said
    assert "for example 1, 2, 3, 4, 5" in said
    assert "canary" not in said


@pytest.mark.alternate("quarantined rows")
def test_pointers_are_sorted_and_counted(world: World) -> None:
    fill(world)
    with pytest.raises(Held):
        world.take_in()
    pointers = quarantine.read_pointers(world.home, DAY)
    places = [(row["file"], row["row_number"]) for row in pointers.to_pylist()]
    assert places == sorted(places)
    assert len(places) == 9
    assert quarantine.counts_by_reason(pointers) == [
        ("visits", "occurred_at", "bad_time", 5),
        ("visits", "url", "no_url", 4),
    ]
    assert quarantine.of_reason(pointers, "no_url").num_rows == 4
    with pytest.raises(ConfigurationError, match="the reasons of the day: bad_time, no_url"):
        quarantine.of_reason(pointers, "nope")


def test_at_most_a_few_reasons_and_rows_are_examples(world: World) -> None:
    columns = ("visit_id", "url", "occurred_at", "user_id")
    bad = [visit(f"{column}{n}", **{column: ""}) for column in columns[1:3] for n in range(20)]
    world.judged(*bad)
    found = quarantine.most_frequent(quarantine.read_pointers(world.home, DAY))
    assert [(one.column, one.rows, len(one.examples)) for one in found] == [
        ("occurred_at", 20, 5),
        ("url", 20, 5),
    ]


def test_a_day_that_was_not_taken_in_has_no_pointers(world: World) -> None:
    with pytest.raises(ConfigurationError, match="audience run --from"):
        quarantine.read_pointers(world.home, DAY)
