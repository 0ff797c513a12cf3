"""What the promise does not keep is as large as the threat model says, and no larger.

The attacker knows everybody else of a group exactly: accounts of its own fill it, or nobody else
can be there. It is certain if what it sees could not be seen in the other world.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from small_tables import EFFORT, KEY, counted, dimension, full_catalogue, promise

from anonymizer.protection.suppression import protect
from anonymizer.secret import Secret
from anonymizer.tables import TableKey

RULES = promise(50, 10, 10, k_jitter=5)
MANY = 40
ALIKE = full_catalogue(dimension("a", [f"v{n}" for n in range(MANY)], {}))
GENDERS = full_catalogue(dimension("gender", ["m", "f"], {}))
# Of 600 draws three standard deviations of a share of a sixth are 0.046.
KEYS, NEARLY = range(15), 0.05

Seen = tuple[int | None, ...]


def seen(people, trusted, catalogue, draw: int, key: TableKey = KEY) -> Seen:
    """Each segment's figure, None where it is withheld."""
    table = counted(people, trusted=trusted, key=key)
    figures = protect(table, catalogue, RULES, Secret(draw.to_bytes(32, "big")), EFFORT).figures
    published = dict(zip(figures.segments.tolist(), figures.people.tolist(), strict=True))
    return tuple(published.get(segment) for segment in range(len(catalogue)))


@cache
def figures_of(own: int, others: int, *, old: bool) -> Seen:
    """The figures of 600 groups that hold the attacker's accounts and so many others."""
    people = [own + others] * MANY
    trusted = people if old else [others] * MANY
    return tuple(f for draw in KEYS for f in seen(people, trusted, ALIKE, draw)[1:])


def certain(shown: Seen, otherwise: Seen) -> float:
    """The share of figures that could not be in the other world."""
    return float(np.mean([figure not in set(otherwise) for figure in shown]))


@pytest.mark.parametrize("own", [25, 49, 50, 60, 75, 100])
def test_accounts_that_are_too_new_show_nobody(own: int) -> None:
    """B1: from half the floor to twice the floor."""
    for others in (0, 1, 49):
        assert set(figures_of(own, others, old=False)) == {None}


@pytest.mark.parametrize(
    ("own", "of_a_visit", "of_no_visit"),
    [
        (48, 0, 0),
        (49, 1 / 6, 0),  # the group appears
        (50, 1 / 30, 0),  # it appears as 60
        (54, 0, 1 / 6),  # it does not appear
        (59, 0, 1 / 10),  # it appears as 50
        (60, 1 / 10, 0),  # it appears as 70
        (64, 0, 0),
    ],
)
def test_old_accounts_that_fill_a_group_are_certain_once_in_six_at_best(
    own: int, of_a_visit: float, of_no_visit: float
) -> None:
    """A6 and B1: with accounts that are all as old as the policy asks for."""
    there, gone = (figures_of(own, others, old=True) for others in (1, 0))
    for share, expected in (
        (certain(there, gone), of_a_visit),
        (certain(gone, there), of_no_visit),
    ):
        assert share == pytest.approx(expected, abs=NEARLY)
        assert bool(share) == bool(expected)


def test_more_campaigns_of_one_link_draw_no_other_offset() -> None:
    """A6 and D2: ten campaigns show 49 old accounts and one more in the cases that one does."""
    keys = [TableKey("campaign", f"c{number}", KEY.period) for number in range(10)]
    shown = [[seen([50] * MANY, None, ALIKE, draw, key)[1:] for key in keys] for draw in KEYS]
    appears = [any(figures) for of_one_key in shown for figures in zip(*of_one_key, strict=True)]
    assert np.mean(appears) == pytest.approx(1 / 6, abs=NEARLY)


def everybody_and_men(women: int) -> Iterator[Seen]:
    """The two figures of 60 to 69 men and so many women."""
    for men in range(60, 70):
        for draw in range(50):
            yield seen([men, women], None, GENDERS, draw)[:2]


def test_who_alone_can_be_the_rest_of_a_group_is_given_away_in_a_third_of_cases() -> None:
    """C4: the same people have the same figure, so different figures are different people."""
    differ = {women: [a != b for a, b in everybody_and_men(women)] for women in (0, 1)}
    assert not any(differ[0])
    assert np.mean(differ[1]) == pytest.approx(0.34, abs=NEARLY)
