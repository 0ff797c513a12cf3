"""Editions of one table: which are put together, and what is assumed of their people."""

from dataclasses import replace
from datetime import timedelta

import pytest
from joined_worlds import DAY, WEEK, shown

from anonymizer.audit.history.join import Containment, Cover
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.related_releases import joins_of, joins_of_editions, may_lie_inside
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise

RULES = Promise()
EXACT = Promise(rounding=1, near_jitter=0)
MONDAY, TUESDAY = (Period("day", WEEK.start + timedelta(days=number)) for number in (0, 1))
RUNS = (MONDAY.start, TUESDAY.start)


def table(people, period=DAY, edition=1, name="c", rules=RULES, **facts):
    made = shown(name, people, rules, period, runs=RUNS, **facts)
    key = replace(made.key, edition=edition)
    return replace(made, figures=replace(made.figures, key=key))


def together(joins):
    return [[(t.key.period, t.key.edition) for t in join.tables] for join in joins]


def test_a_week_is_judged_with_the_newest_days_and_with_each_corrected_day_by_itself():
    days = [table({"all:all": 200}, MONDAY), table({"all:all": 100}, TUESDAY)]
    right = table({"all:all": 150}, TUESDAY, edition=2)
    week = table({"all:all": 320}, WEEK)
    joins = joins_of([week], [*days, right])
    assert together(joins) == [
        [(WEEK, 1), (MONDAY, 1), (TUESDAY, 2)],
        [(TUESDAY, 1), (WEEK, 1)],
    ]
    whole, older = joins
    assert whole.covers == (Cover(week.key, (days[0].key, right.key)),)
    assert older.containments == (Containment(days[1].key, week.key),)


def test_a_corrected_day_is_judged_with_the_week_that_was_released_before_it():
    monday, week = table({"all:all": 200}, MONDAY), table({"all:all": 320}, WEEK)
    right = table({"all:all": 150}, TUESDAY, edition=2)
    (join,) = joins_of([right], [monday, week])
    assert together([join]) == [[(WEEK, 1), (MONDAY, 1), (TUESDAY, 2)]]
    # The week was made with the wrong Tuesday: nobody says that these two days are all of it.
    assert join.covers == ()


def test_a_corrected_day_with_more_people_than_the_week_is_no_part_of_it():
    week = table({"all:all": 320}, WEEK)
    right = table({"all:all": 900}, TUESDAY, edition=2)
    assert not may_lie_inside(right, week)
    assert joins_of([right], [week]) == ()
    assert may_lie_inside(table({"all:all": 310}, TUESDAY, edition=2), week)


def test_a_corrected_day_that_is_hardly_less_than_its_week_loses_a_figure():
    """As a first release would: a day and its week leave at least ten people between them."""
    week = table({"all:all": 300, "m:all": 80}, WEEK)
    right = table({"all:all": 200, "m:all": 90}, TUESDAY, edition=2)
    left = withhold_joined(joins_of([right], [week]), [right], RULES.inference_floor)
    assert left.figures == 1
    assert left.tables[0].figures.people.tolist() == [200]


def test_campaigns_of_different_editions_do_not_lie_in_each_other():
    inner = table({"all:all": 50}, edition=2, name="inner", inside=frozenset({"outer"}))
    outer = table({"all:all": 50}, edition=2, name="outer")
    old = table({"all:all": 50}, name="outer")
    (join,) = joins_of([inner, outer], [old])
    assert {one.key.edition for one in join.tables} == {2}


@pytest.mark.parametrize("kept", [True, False])
def test_what_stands_of_an_earlier_edition_counts_with_the_new_one(kept):
    """All less men leaves 38 women; with the old ones 8 of them are in no group of young ones."""
    old = table({"all:all": 200, "m:all": 162}, rules=EXACT)
    new = table({"all:all": 200, "f:y": 30}, edition=2, rules=EXACT)
    standing = old if kept else old.without(old.figures.segments)
    joins = joins_of_editions([new], [standing])
    left = withhold_joined(joins, [new], EXACT.inference_floor)
    assert len(joins) == kept
    assert left.figures == kept


def test_what_the_new_edition_says_as_well_is_not_put_together():
    old = table({"all:all": 200, "m:all": 162})
    new = table({"all:all": 200, "m:all": 162, "f:y": 70}, edition=2)
    assert joins_of_editions([new], [old]) == ()
