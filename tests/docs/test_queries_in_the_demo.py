"""The worked queries on the demo: their answers, and what its people really did."""

from collections import Counter
from datetime import date, timedelta

import duckdb
import pandas as pd
import pytest
from demonstration import Demo
from worked_answers import ANSWERS, Released, assert_answered, read_released, worked_queries

from anonymizer.model.periods import Period

QUERIES = worked_queries({})
MONDAYS = [date(2026, 10, 5) + timedelta(weeks=number) for number in range(4)]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def made(demo: Demo) -> Released:
    return read_released(demo.home / "published", {})


def test_every_worked_query_has_its_answer(demo: Demo, made: Released) -> None:
    with duckdb.connect(str(demo.home / "published/segments.duckdb"), read_only=True) as database:
        for query, answer in zip(QUERIES, ANSWERS, strict=True):
            if query.refusal:
                with pytest.raises(duckdb.InvalidInputException, match=query.refusal):
                    database.sql(query.text).fetchall()
                continue
            rows = database.sql(query.text).fetchall()
            assert rows, query.text
            if answer is not None:
                assert_answered(answer, rows, made)


def test_exports_have_the_same_figures(demo: Demo, made: Released) -> None:
    parts = [
        pd.read_csv(path, dtype={"people": "Int64", "subject_id": str})
        for path in sorted((demo.home / "published/exports").glob("*/*/*.csv"))
    ]
    columns = ["subject_id", "period_kind", "period", "segment_id", "status", "people"]
    exported = pd.concat(parts)[columns]
    expected = made.rows[columns]
    kinds = expected[["subject_id", "period_kind"]].drop_duplicates()
    assert {"day", "week", "month"} == set(kinds["period_kind"])
    assert {"everyone", "electronics"} <= set(kinds["subject_id"])
    found, wanted = (
        Counter(
            (*row[:-1], None if pd.isna(row[-1]) else int(row[-1]))
            for row in rows.itertuples(index=False, name=None)
        )
        for rows in (exported, expected)
    )
    assert found == wanted


def who_came(demo: Demo, monday: date) -> pd.DataFrame:
    """Each day on which a person of the week came to a campaign: campaign, person, gender, day."""
    private = demo.home / "private"
    days = [monday + timedelta(days=number) for number in range(7)]
    people = pd.read_parquet(private / f"campaign_week_people/day={days[-1]}.parquet")
    people["province"] = people["region"].str[:2]
    campaigns = pd.read_parquet(private / f"campaigns/day={days[-1]}.parquet")
    targets = dict(zip(campaigns["campaign_id"], campaigns["target_regions"], strict=True))
    visits = pd.concat(
        pd.read_parquet(private / f"visits/day={day}.parquet").assign(day=day) for day in days
    )
    visits = visits[visits["person_key"].notna() & ~visits["program"]]
    visits = visits.merge(people, on="person_key")

    def campaign_of(names: list[str], region: str, province: str) -> str | None:
        """The first whose target has the region."""
        for name in names:
            if targets[name] is None or {region, province} & set(targets[name]):
                return name
        return None

    visits["campaign"] = [
        campaign_of(*row)
        for row in visits[["campaign_ids", "region", "province"]].itertuples(index=False, name=None)
    ]
    return visits[["campaign", "person_key", "gender", "day"]].dropna().drop_duplicates()


@pytest.mark.parametrize("monday", MONDAYS)
def test_repeat_visitors_of_the_demo_lie_within_their_estimates(demo: Demo, monday: date) -> None:
    came = who_came(demo, monday)
    days = came.groupby(["campaign", "person_key", "gender"]).size().reset_index(name="days")
    checked = 0
    with duckdb.connect(str(demo.home / "published/segments.duckdb"), read_only=True) as database:
        for campaign, people in days.groupby("campaign"):
            for segment, gender in (("everyone", None), ("men", "male"), ("women", "female")):
                some = people if gender is None else people[people["gender"] == gender]
                found = database.execute(
                    "SELECT status, estimate_least, estimate_most FROM repeat_visitors(?, ?) "
                    "WHERE period = ?",
                    [campaign, segment, Period.of("week", monday).id],
                ).fetchall()
                if found and found[0][0] == "published":
                    _, least, most = found[0]
                    assert least <= (some["days"] > 1).sum() <= most, (campaign, segment)
                    checked += 1
    assert checked >= 5


@pytest.mark.parametrize("monday", MONDAYS)
def test_days_a_person_are_those_of_the_people_of_the_demo(demo: Demo, monday: date) -> None:
    """Each row within the errors of its figures; none lacks a day, as sums of rows would."""
    (query,) = (one.text for one in QUERIES if "days_a_person" in one.text)
    came, week = who_came(demo, monday), Period.of("week", monday).id
    with duckdb.connect(str(demo.home / "published/segments.duckdb"), read_only=True) as database:
        rows = [row for row in database.sql(query).fetchall() if row[1] == week]
    genders = {"everyone": None, "men": "male", "women": "female"}
    checked = 0
    for campaign, _, segment, people, sum_of_days, days_a_person in rows:
        assert days_a_person >= 1 - 8 * 23 / people, (campaign, segment)
        if segment in genders:
            some = came[came["campaign"] == campaign]
            if genders[segment]:
                some = some[some["gender"] == genders[segment]]
            # Seven figures, and the few whom days and week do not count alike.
            assert abs(len(some) - sum_of_days) <= 7 * 23 + 0.02 * len(some), (campaign, segment)
            checked += 1
    assert checked >= 3
