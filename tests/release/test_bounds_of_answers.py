"""The bounds of every macro hold for whatever true counts a figure can stand for."""

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from answer_worlds import DAYS, NAMED, SEGMENTS, AnswerWorld, answer_world
from rotation import cases
from worked_answers import worked_queries

SEEDS = cases(range(200), 6)


@pytest.fixture(scope="module", params=SEEDS, ids=str)
def world(request: pytest.FixtureRequest) -> Iterator[AnswerWorld]:
    made = answer_world(random.Random(request.param))
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def exact() -> Iterator[AnswerWorld]:
    """Figures are the true numbers of people, and none is suppressed for being small."""
    made = answer_world(random.Random(1), error=0, threshold=1)
    yield made
    made.database.close()


def between(least: Any, true: Any, most: Any) -> bool:
    """Floating-point percentages stand for their decimal digits."""
    low, high = (Fraction(str(bound)) for bound in (least, most))
    return bool(low <= true <= high)


def test_shares(world: AnswerWorld) -> None:
    for segment in SEGMENTS:
        for row, day in zip(world.rows("FROM share('c', ?)", segment), DAYS, strict=True):
            if row["status"] == "published":
                true = 100 * Fraction(world.true(segment, [day]), world.true("everyone", [day]))
                assert between(row["percent_least"], true, row["percent_most"])
                assert between(row["percent_least"], Fraction(str(row["percent"])), 100)
            else:
                assert row["percent"] is row["percent_least"] is row["percent_most"] is None


@pytest.mark.alternate("bounds of answers")
def test_indices(world: AnswerWorld) -> None:
    everyone = world.true_audience("everyone")
    for segment in SEGMENTS:
        for every, periods in (("day", [[day] for day in DAYS]), ("week", [DAYS])):
            found = world.rows("FROM index_of('c', ?, every := ?)", segment, every)
            for row, days in zip(found, periods, strict=True):
                if row["status"] != "published":
                    assert row["index"] is row["index_least"] is row["index_most"] is None
                    continue
                share = Fraction(world.true(segment, days), world.true("everyone", days))
                true = 100 * share / Fraction(world.true_audience(segment), everyone)
                assert between(row["index_least"], true, row["index_most"])
                assert between(row["index_least"], Fraction(str(row["index"])), row["index_most"])


@pytest.mark.alternate("bounds of answers")
def test_an_index_lies_within_its_own_bounds() -> None:
    """Also where a segment has a larger figure than everyone, as near numbers can have."""
    published = 0
    for seed in (2, 10, 13):
        world = answer_world(random.Random(seed), threshold=1, few=True)
        for segment in SEGMENTS:
            for row in world.rows("FROM index_of('c', ?, every := 'week')", segment):
                if row["status"] == "published":
                    index = Fraction(str(row["index"]))
                    assert between(row["index_least"], index, row["index_most"])
                    published += 1
        world.database.close()
    assert published > 20


def test_changes(world: AnswerWorld) -> None:
    for row in world.rows("FROM trend('c')"):
        day, segment = row["period_start"], str(row["segment_id"])
        if row["change"] is not None:
            before = DAYS[DAYS.index(day) - 1]  # type: ignore[arg-type]
            true = world.true(segment, [day]) - world.true(segment, [before])  # type: ignore[list-item]
            assert between(row["change_least"], true, row["change_most"])
            assert_direction(row, true)
        else:
            assert row["direction"] is None


def assert_direction(row: dict[str, Any], change: int) -> None:
    assert row["direction"] != "more" or change > 0
    assert row["direction"] != "fewer" or change < 0
    # Certain wherever the bounds are.
    assert (row["direction"] == "more") == (row["change_least"] > 0)
    assert (row["direction"] == "fewer") == (row["change_most"] < 0)


def test_two_periods(world: AnswerWorld) -> None:
    for row in world.rows("FROM compare_periods('c', ?, ?)", str(DAYS[1]), DAYS[4]):
        segment = str(row["segment_id"])
        if row["change"] is not None:
            true = world.true(segment, [DAYS[4]]) - world.true(segment, [DAYS[1]])
            assert between(row["change_least"], true, row["change_most"])
            assert_direction(row, true)


def test_parts_of_a_whole(world: AnswerWorld) -> None:
    for dimension, parts in (("gender", 3), ("age band", 13)):
        for day in DAYS:
            rows = world.rows("FROM split('c', ?, dimension := ?)", day, dimension)
            assert [row["status"] for row in rows].count("rest") == 1
            assert len(rows) == parts + 1
            published = [str(row["segment_id"]) for row in rows if row["status"] == "published"]
            everyone = world.true("everyone", [day])
            rest = everyone - sum(world.true(segment, [day]) for segment in published)
            (last,) = (row for row in rows if row["status"] == "rest")
            if last["people_least"] is not None:
                assert between(last["people_least"], rest, last["people_most"])
            bounds = [
                [row[name] for row in rows if row[name] is not None]
                for name in ("people_least", "people_most")
            ]
            if last["people_least"] is not None:
                assert between(sum(bounds[0]), everyone, sum(bounds[1]))  # type: ignore[arg-type]


def test_repeat_visitors(world: AnswerWorld) -> None:
    for segment in SEGMENTS:
        (row,) = world.rows("FROM repeat_visitors('c', ?)", segment)
        known = [one["people"] for one in world.rows("FROM figures_of('c', ?)", segment)] + [
            one["people"] for one in world.rows("FROM figures_of('c', ?, every := 'week')", segment)
        ]
        assert (row["status"] == "published") == (None not in known)
        if row["status"] == "published":
            assert between(row["estimate_least"], world.true_repeat(segment), row["estimate_most"])
        else:
            assert row["estimate_least"] is row["estimate_most"] is row["sum_of_days"] is None


def test_exact_figures_give_narrow_answers(exact: AnswerWorld) -> None:
    """So that bounds that allow everything would fail too."""
    for segment in NAMED:
        for row, day in zip(exact.rows("FROM share('c', ?)", segment), DAYS, strict=True):
            if row["status"] == "published":
                assert row["percent_most"] - row["percent_least"] <= 0.1001  # type: ignore[operator]
                true = Fraction(exact.true(segment, [day]), exact.true("everyone", [day]))
                assert between(row["percent_least"], 100 * true, row["percent_most"])
                assert row["percent"] == pytest.approx(float(100 * true), abs=0.051)
        for row in exact.rows("FROM index_of('c', ?, every := 'week')", segment):
            assert row["index_most"] - row["index_least"] <= 1  # type: ignore[operator]
    changes = [row for row in exact.rows("FROM trend('c')") if row["change"] is not None]
    assert changes
    for row in changes:
        assert row["change"] == row["change_least"] == row["change_most"]
        assert row["direction"] == "not known" or row["change"] != 0
    assert {row["direction"] for row in changes} >= {"more", "fewer"}


@pytest.mark.alternate("bounds of answers")
def test_estimates_of_repeat_visitors_are_as_close_as_days_and_week_allow() -> None:
    found = []
    for seed in range(16):
        world = answer_world(random.Random(seed), error=5, threshold=1)
        (row,) = world.rows("FROM repeat_visitors('c', 'everyone')")
        if row["status"] == "published":
            days: Any = world.rows("FROM figures_of('c', 'everyone')")
            (week,) = world.rows("FROM figures_of('c', 'everyone', every := 'week')")
            least = sorted((day["people_least"] for day in days), reverse=True)
            most: Any = week["people_most"]
            repeat = max(
                -((most - sum(least[:taken])) // (taken - 1)) for taken in range(2, len(days) + 1)
            )
            assert row["estimate_least"] == max(0, repeat)
            beyond = sum(day["people_most"] for day in days) - week["people_least"]
            assert row["estimate_most"] == min(most, beyond)
            assert row["sum_of_days"] == sum(day["people"] for day in days)
            found.append((row["estimate_least"] > 0, beyond < most))
        world.database.close()
    assert all(map(any, zip(*found, strict=True)))  # each bound is one of days and week somewhere


def test_numbers_of_repeat_visitors_are_called_estimates(world: AnswerWorld) -> None:
    """People of a day can be none of the week, and the other way round: no bounds can be given."""
    columns = world.rows("FROM repeat_visitors('c', 'men')")[0].keys()
    assert {"estimate_least", "estimate_most"} <= columns
    ((comment,),) = world.database.sql(
        "SELECT comment FROM duckdb_functions() WHERE function_name = 'repeat_visitors'"
    ).fetchall()
    assert "Estimates" in comment
    assert not any(word in comment for word in ("bound", "at least", "at most"))


def test_days_a_person_count_every_day(world: AnswerWorld) -> None:
    """The page's query: only segments all of whose days are published, within their errors."""
    (query,) = (one.text for one in worked_queries({}) if "days_a_person" in one.text)
    rows = {str(row["segment_id"]): row for row in world.rows(query)}
    for segment in SEGMENTS:
        days = world.rows("FROM figures_of('c', ?)", segment)
        week = world.rows("FROM figures_of('c', ?, every := 'week')", segment)
        known = None not in [row["people"] for row in (*days, *week)]
        assert known == (segment in rows), segment
        if known:
            true = sum(world.true(segment, [day]) for day in DAYS)
            assert between(
                true - 7 * world.error, rows[segment]["sum_of_days"], true + 7 * world.error
            )
