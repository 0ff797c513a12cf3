"""Visits that arrive too late for their own day wait for the week or month that is still open."""

from datetime import date

import pytest
from raw_world import LINK, World, as_csv, campaign, request_of, visit

from anonymizer.model.dimensions import Text
from anonymizer.model.segments import Interest

BOOKS = Interest("books", Text("books", "buku"), ("Books", "buku tulis"))


def test_late_visits_are_kept_for_open_periods_and_still_count_as_late(world: World) -> None:
    """Folder of 1 January; late before 31 December; the month of 30 December may be open."""
    world.visits(
        as_csv(
            [
                visit("in time", occurred_at="2026-01-01T10:00:00+07:00"),
                visit("of yesterday", occurred_at="2025-12-31T10:00:00+07:00"),
                visit("late", occurred_at="2025-12-30T10:00:00+07:00"),
                visit("very late", occurred_at="2025-12-01T00:00:00+07:00", user_id=None),
                visit("too late", occurred_at="2025-11-30T23:59:59+07:00"),
            ]
        )
    )
    account = world.take_in().accounts["visits"]
    assert (account.counted, account.excluded) == (1, {"late": 3, "other_day": 1})
    rows = world.rows("late")
    assert {row["local_day"] for row in rows} == {date(2025, 12, 30), date(2025, 12, 1)}
    assert [row["person_key"] is None for row in sorted(rows, key=lambda r: r["local_day"])] == [
        *(True, False)
    ]
    assert {row["local_day"] for row in world.rows("visits")} == {world.day}


def test_a_late_visit_accesses_what_ran_on_its_own_day(world: World) -> None:
    world.put(
        "campaigns/c.csv",
        as_csv(
            [
                campaign(campaign_id="over", starts_on="2025-12-01", ends_on="2025-12-29"),
                campaign(campaign_id="begun", starts_on="2025-12-30", ends_on="2026-01-31"),
                campaign(campaign_id="whole", starts_on="2025-12-01", ends_on="2026-01-31"),
                campaign(campaign_id="to-come", starts_on="2026-01-01", ends_on="2026-01-31"),
                campaign(campaign_id="deep", starts_on="2025-12-30", link_url=LINK + "/deep"),
            ]
        ),
    )
    days = {"a": "2025-12-29", "b": "2025-12-30", "c": "2026-01-01"}
    visits = [visit(name, occurred_at=f"{day}T10:00:00+07:00") for name, day in days.items()]
    visits += [
        row | {"visit_id": row["visit_id"] + "-deep", "url": LINK + "/deep"} for row in visits
    ]
    tagged = {"visit_id": "tagged", "url": LINK + "?utm_id=begun"}
    world.visits(as_csv([*visits, visits[0] | tagged, visits[1] | tagged | {"visit_id": "too"}]))
    world.take_in()
    late = sorted((str(row["local_day"]), row["campaign_ids"]) for row in world.rows("late"))
    assert late == [
        *[("2025-12-29", ["over", "whole"])] * 3,
        *[("2025-12-30", ids) for ids in (["begun"], ["deep"], ["whole", "begun"])],
    ]
    assert sorted(row["campaign_ids"] for row in world.rows("visits")) == [
        ["deep"],
        ["whole", "begun", "to-come"],
    ]


def test_no_late_visit_of_who_asked_to_be_erased_is_kept(world: World) -> None:
    world.put("requests/r.csv", as_csv([request_of("u1")]))
    late = "2025-12-30T10:00:00+07:00"
    world.visits(
        as_csv([visit("1", occurred_at=late), visit("2", occurred_at=late, user_id="u2"), visit()])
    )
    world.take_in()
    assert len(world.rows("late")) == 1


def test_categories_become_interests_and_no_other_value_is_kept(world: World) -> None:
    world.interests = (BOOKS,)
    spellings = ["books", " BOOKS ", "Buku Tulis", "bookshelves", "", None]
    world.visits(
        as_csv([visit(f"v{n}", product_category=text) for n, text in enumerate(spellings)])
    )
    intake = world.take_in()
    found = sorted(str(row["interest"]) for row in world.rows("visits"))
    assert found == ["None"] * 3 + ["books"] * 3
    assert [str(warning) for warning in intake.warnings] == ["visits: category_not_mapped (1)"]
    assert not any(b"bookshelves" in content for content in world.written().values())


@pytest.mark.alternate("rows and their faults")
def test_without_interests_no_category_is_missed(world: World) -> None:
    world.visits(as_csv([visit(product_category="books")]))
    assert world.take_in().warnings == ()
    assert world.rows("visits")[0]["interest"] is None
