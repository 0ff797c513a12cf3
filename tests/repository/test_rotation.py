"""Tests that try some of their cases try all of them in the end."""

import pytest
from rotation import cases, of_the_day


@pytest.mark.parametrize("number", [1, 2, 3, 4, 10])
def test_every_listed_case_has_its_day_and_each_day_a_case(number: int) -> None:
    listed = list(range(number))
    days = [of_the_day(listed, day) for day in range(740_000, 740_000 + 3 * number)]
    assert all(days)
    assert set().union(*days) == set(listed)
    assert max(map(len, days)) <= -(-number // 3)


def test_seeds_are_of_the_range_and_as_many_as_asked_for() -> None:
    found = cases(range(100, 150), 7)
    assert set(found) <= set(range(100, 150))
    assert len(set(found)) in (7, 50)
