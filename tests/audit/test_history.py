"""What tables tell only together: found, withheld from the new ones, and nothing else touched."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from joined_worlds import CATALOGUE, DAY, WEEK, shown
from linked_worlds import links_among
from small_worlds import catalogue_of, dimension

from anonymizer.audit.history.join import Containment
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.related_releases import joins_of, related
from anonymizer.audit.linked_checker import check_linked
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.series import (
    AUDIENCE_MONTH,
    CAMPAIGN_DAY,
    CAMPAIGN_MONTH,
    CAMPAIGN_WEEK,
    INTEREST_WEEK,
    SERIES,
)
from anonymizer.model.tables import TableKey

RULES = Promise()
FLOOR = RULES.inference_floor
TWO_DAYS = [Period("day", WEEK.start + timedelta(days=number)) for number in (0, 1)]
RUNS = (TWO_DAYS[0].start, TWO_DAYS[1].start)
SHARED = RULES.error_of((RULES.rounding,))


def withheld(new, earlier=()):
    """Segment ids that go from each new table, and the explanations.

    The checker accepts what is left, and not what had to go.
    """
    left = withhold_joined(joins_of(new, earlier), new, FLOOR)
    assert check_linked(links_among(left.tables, earlier), left.proofs, FLOOR) == ()
    if left.figures:
        assert check_linked(links_among(new, earlier), left.proofs, FLOOR)
    gone = [
        {before.catalogue.id(int(row)) for row in before.figures.segments}
        - {after.catalogue.id(int(row)) for row in after.figures.segments}
        for before, after in zip(new, left.tables, strict=True)
    ]
    return gone, left


def audience(people, month="2026-11", catalogue=CATALOGUE):
    period = Period("month", date.fromisoformat(f"{month}-01"))
    table = shown("everyone", people, RULES, period, catalogue)
    key = TableKey("audience", "everyone", period)
    return replace(table, figures=replace(table.figures, key=key))


def test_fifty_of_a_campaign_inside_of_one_of_fifty_leave_nine_at_most():
    inner = shown("inner", {"all:all": 50}, RULES, inside=frozenset({"outer"}))
    outer = shown("outer", {"all:all": 50}, RULES)
    gone, left = withheld([inner, outer])
    assert sorted(map(len, gone)) == [0, 1]
    assert "59 - 50 = 9" in left.findings[0].explanation
    again, _ = withheld(list(left.tables))
    assert again == [set(), set()]


def test_tables_without_figures_tell_nothing_even_if_nobody_can_be_in_them():
    """Hardly anybody came, and nobody twice: each table lies in the other and shares nobody."""
    few = [
        shown(name, {}, RULES, inside=frozenset({other}), apart=frozenset({other}))
        for name, other in (("one", "two"), ("two", "one"))
    ]
    gone, left = withheld(few)
    assert gone == [set(), set()]
    assert left.proofs == ()


def test_campaigns_of_the_same_people_tell_nothing_together():
    inner = shown("inner", {"all:all": 50}, RULES, inside=frozenset({"outer"}))
    outer = shown("outer", {"all:all": 50}, RULES, inside=frozenset({"inner"}))
    assert withheld([inner, outer])[0] == [set(), set()]


def test_who_came_decides_what_lies_inside_not_the_days_on_which_campaigns_run():
    inner = shown("inner", {"all:all": 50}, RULES, WEEK, inside=frozenset({"outer"}))
    outer = shown("outer", {"all:all": 50}, RULES, WEEK, runs=RUNS)
    (join,) = joins_of([inner, outer], ())
    assert join.containments == (Containment(inner.key, outer.key),)
    strangers = replace(inner, inside=frozenset())
    assert joins_of([strangers, outer], ()) == ()


def test_a_week_that_is_hardly_more_than_its_day_goes_and_the_day_stays():
    day = shown("c", {"all:all": 200, "m:all": 90}, RULES, TWO_DAYS[0], runs=RUNS)
    week = shown("c", {"all:all": 300, "m:all": 80}, RULES, WEEK, runs=RUNS)
    gone, left = withheld([week], [day])
    assert gone == [{"m:all"}]
    assert left.tables[0].figures.people.tolist() == [300]


def test_days_that_add_up_to_their_week_say_that_nobody_came_twice():
    days = [shown("c", {"all:all": 60}, RULES, day, runs=RUNS) for day in TWO_DAYS]
    week = shown("c", {"all:all": 140}, RULES, WEEK, runs=RUNS)
    gone, _ = withheld([week], days)
    assert gone == [{"all:all"}]
    third = (RUNS[0], RUNS[1] + timedelta(days=1))
    on_a_day_not_released = [replace(table, runs=third) for table in (week, *days)]
    assert withheld(on_a_day_not_released[:1], on_a_day_not_released[1:])[0] == [set()]


def test_many_days_that_add_up_to_their_week_are_seen_figure_by_figure():
    runs = (WEEK.start, WEEK.end)
    days = [
        shown("c", {"all:all": 1_000, "m:all": 60}, RULES, Period("day", day), runs=runs)
        for day in WEEK.days
    ]
    week = shown("c", {"all:all": 5_000, "m:all": 490}, RULES, WEEK, runs=runs)
    gone, _ = withheld([week], days)
    assert gone == [{"m:all"}]


@pytest.mark.parametrize("month", ["2026-11", "2026-10"])
def test_a_campaign_that_fills_a_segment_of_the_audience_goes(month):
    everybody = audience({"all:all": 3_000, "f:all": 50}, month)
    campaign = shown("c", {"all:all": 500, "f:all": 50}, RULES)
    gone, _ = withheld([campaign], [everybody])
    assert gone == [{"f:all"}]


def test_an_audience_goes_where_a_campaign_has_filled_it():
    everybody = audience({"all:all": 3_000, "f:all": 50})
    campaign = shown("c", {"all:all": 500, "f:all": 50}, RULES)
    gone, _ = withheld([everybody], [campaign])
    assert gone == [{"f:all"}]


def test_new_groups_are_judged_against_old_ones():
    ages = ["a", "b", "c"]
    old = catalogue_of([dimension("g", ["m", "f"]), dimension("a", ages, [("ab", (0, 1))])])
    new = catalogue_of([dimension("g", ["m", "f"]), dimension("a", ages, [("abc", (0, 1, 2))])])
    day = shown("c", {"all:all": 400, "all:ab": 80}, RULES, TWO_DAYS[0], old, runs=RUNS)
    week = shown("c", {"m:all": 200, "all:a": 90, "all:b": 60}, RULES, WEEK, new, runs=RUNS)
    assert withheld([week], [day])[0] == [set()]
    tight = shown("c", {"all:all": 900, "all:a": 50}, RULES, WEEK, new, runs=RUNS)
    small = shown("c", {"all:all": 400, "all:a": 50}, RULES, TWO_DAYS[0], old, runs=RUNS)
    assert withheld([tight], [small])[0] == [{"all:a"}]


def test_figures_at_odds_are_a_finding_and_the_new_one_goes():
    day = shown("c", {"all:all": 100}, RULES, TWO_DAYS[0], runs=RUNS)
    week = shown("c", {"all:all": 60}, RULES, WEEK, runs=RUNS)
    gone, left = withheld([week], [day])
    assert gone == [{"all:all"}]
    assert left.findings[0].kind == "contradiction"


def test_figures_at_odds_because_one_is_shared_cost_nothing():
    """The day has 111 people or more, the week 109 at most: a reader knows that one is shared."""
    day = shown("c", {"all:all": 120}, RULES, TWO_DAYS[0], runs=RUNS, error=SHARED)
    week = shown("c", {"all:all": 100}, RULES, WEEK, runs=RUNS, error=SHARED)
    gone, left = withheld([week], [day])
    assert gone == [set()]
    assert left.findings == left.beyond_help == ()


def test_figures_that_no_sharing_explains_go():
    day = shown("c", {"all:all": 120}, RULES, TWO_DAYS[0], runs=RUNS, error=SHARED)
    week = shown("c", {"all:all": 70}, RULES, WEEK, runs=RUNS, error=SHARED)
    assert withheld([week], [day])[0] == [{"all:all"}]


def test_figures_at_odds_still_tell_what_shared_ones_tell():
    """Below the threshold is no figure: of 50 to 59 men of the day 50 at least are in the week."""
    rules = Promise(k=50, rounding=5)
    day = shown("c", {"all:all": 400, "m:all": 60}, rules, TWO_DAYS[0], runs=RUNS, error=5)
    week = shown("c", {"all:all": 500, "m:all": 50}, rules, WEEK, runs=RUNS, error=5)
    gone, left = withheld([week], [day])
    assert gone == [{"m:all"}]
    assert "55 - 55 = 0" in left.findings[0].explanation


def test_only_the_figures_at_odds_are_read_as_shared():
    """The women of the week are 59 at most, and 50 of them came on the day."""
    day = shown("c", {"m:all": 120, "f:all": 50}, RULES, TWO_DAYS[0], runs=RUNS, error=SHARED)
    week = shown("c", {"m:all": 100, "f:all": 50}, RULES, WEEK, runs=RUNS, error=SHARED)
    gone, left = withheld([week], [day])
    assert gone == [{"f:all"}]
    assert "59 - 50 = 9" in left.findings[0].explanation


def test_a_week_of_more_than_its_days_says_that_a_figure_is_shared():
    """161 at least, and 158 at most on the days: not that nobody came twice."""
    days = [shown("c", {"all:all": 70}, RULES, day, runs=RUNS, error=SHARED) for day in TWO_DAYS]
    week = shown("c", {"all:all": 170}, RULES, WEEK, runs=RUNS, error=SHARED)
    assert withheld([week], days)[0] == [set()]
    unshared = [replace(table, error=RULES.rounding - 1) for table in (week, *days)]
    assert withheld(unshared[:1], unshared[1:])[0] == [{"all:all"}]


def test_what_old_tables_tell_among_themselves_is_noted_and_costs_nothing():
    runs = (WEEK.start, WEEK.end)
    day = shown("c", {"all:all": 50}, RULES, TWO_DAYS[0], runs=runs)
    week = shown("c", {"all:all": 50}, RULES, WEEK, runs=runs)
    other = shown("c", {"all:all": 400}, RULES, TWO_DAYS[1], runs=runs)
    left = withhold_joined(joins_of([week], [day]), [other], FLOOR)
    assert left.figures == 0
    assert left.beyond_help


def test_tables_far_from_each_other_lose_nothing():
    day = shown("c", {"all:all": 200, "m:all": 90}, RULES, TWO_DAYS[0], runs=RUNS)
    week = shown("c", {"all:all": 420, "m:all": 220}, RULES, WEEK, runs=RUNS)
    everybody = audience({"all:all": 9_000, "m:all": 4_000}, "2026-10")
    assert withheld([week], [day, everybody])[0] == [set()]


def test_the_calendar_alone_says_what_bears_on_a_release():
    week = Period.of("week", date(2026, 12, 1))
    assert related(CAMPAIGN_WEEK, week) == (
        "audience-month-2026-11", "audience-month-2026-12",
        *(f"campaign-day-{day}" for day in week.days),
        "campaign-month-2026-11", "campaign-month-2026-12",
    )  # fmt: skip
    day = related(CAMPAIGN_DAY, DAY)
    assert "campaign-week-2026-W47" in day
    assert not [name for name in day if name.startswith("campaign-day")]
    month = related(CAMPAIGN_MONTH, Period.of("month", DAY.start))
    assert "campaign-week-2026-W47" in month
    assert "campaign-week-2026-W44" not in month  # begins in October
    assert related(INTEREST_WEEK, WEEK) == ("audience-month-2026-10", "audience-month-2026-11")


def test_what_bears_on_a_release_does_not_grow_with_the_history():
    for series in SERIES:
        early, late = (
            len(related(series, Period.of(series.period_kind, date(year, 11, 22))))
            for year in (2026, 2036)
        )
        assert abs(early - late) <= 5
        assert late < 100


def test_bearing_goes_both_ways_but_for_days_of_a_nested_release():
    """Whichever of two releases comes second sees the first."""
    periods = {(series, Period.of(series.period_kind, DAY.start)) for series in SERIES}
    for series, period in periods:
        for other, when in periods:
            one = other.release_id(when) in related(series, period)
            back = series.release_id(period) in related(other, when)
            assert one == back, (series, other)
    assert AUDIENCE_MONTH.release_id(Period.of("month", DAY.start)) in related(CAMPAIGN_DAY, DAY)


@pytest.mark.slow
def test_no_figure_of_an_old_table_ever_changes():
    rng = np.random.default_rng(7)
    for _ in range(20):
        people = {code: int(rng.integers(5, 12)) * 10 for code in ("all:all", "m:all", "all:y")}
        day = shown("c", people, RULES, TWO_DAYS[0], runs=RUNS)
        week = shown("c", people, RULES, WEEK, runs=RUNS)
        before = day.figures.people.copy(), day.figures.segments.copy()
        _, left = withheld([week], [day])
        assert (day.figures.people == before[0]).all()
        assert (day.figures.segments == before[1]).all()
        again, _ = withheld(list(left.tables), [day])
        assert again == [set()]
