"""Tables that are far from each other are not attacked together: when is one far?"""

from dataclasses import replace
from datetime import date

import pytest
from joined_worlds import DAY, promise, shown

from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.join import Containment, Join
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.nearness import is_near
from anonymizer.model.periods import Period
from anonymizer.model.tables import Figures, TableKey

RULES = promise(50, 10, 10)
# At most 1009 - 891 = 118 men, of whom at least 111 are in the inner table: 7 beyond it.
WHOLE = {"all:all": 1000, "f:all": 900}
MEN = {"m:all": 120}


def as_(table, key):
    figures = Figures(key, table.figures.segments, table.figures.people)
    return replace(table, figures=figures)


def test_what_three_figures_tell_is_found_where_no_two_come_near():
    campaign = shown("c1", MEN, RULES)
    audience = as_(shown("x", WHOLE, RULES), TableKey("audience", "everyone", DAY))
    join = Join((campaign, audience), (Containment(campaign.key, audience.key),))
    assert withhold_joined([join], [campaign], 10).figures == 1


def test_a_day_is_near_its_month_by_three_figures_with_its_week_between(monkeypatch):
    start = date(2026, 11, 18)
    periods = Period("day", start), Period.of("week", start), Period.of("month", start)
    keys = [TableKey("campaign", "c1", period) for period in periods]
    people = (MEN, {"all:y": 300}, WHOLE)
    day, week, month = (as_(shown("x", p, RULES), key) for p, key in zip(people, keys, strict=True))
    inside = [(week, month), (day, month), (day, week)]
    join = Join((month, week, day), tuple(Containment(a.key, b.key) for a, b in inside))
    monkeypatch.setattr(linking_limits, "FIGURES_AS_ONE", 0)
    assert withhold_joined([join], [day, week, month], 10).figures == 1


@pytest.mark.parametrize(("men", "near"), [(120, False), (160, True)])
def test_far_is_less_than_half_of_what_is_expected_of_every_group(men, near):
    """About 300 men are expected in the whole, from figures that do not name them."""
    whole = shown("x", {"all:all": 1200, "f:all": 900}, RULES)
    assert is_near(shown("c1", {"m:all": men}, RULES), whole, 10) is near
