"""The game notices an attacker who is better than a coin; the all-knowing one reckons right."""

from math import exp, inf

import numpy as np
import pytest
from all_knowing import Known, evidence, says_present
from game import Round, score


def round_of(victim: int, says_with: bool | None, says_without: bool | None) -> Round:
    return Round("an attack", victim, says_with, says_without, ())


def test_who_is_always_right_is_no_coin() -> None:
    seen = score([round_of(n, True, False) for n in range(20)], seed=1)
    assert seen.right == 20
    assert seen.chance < 1e-5


def test_who_says_the_same_of_both_worlds_is_a_coin() -> None:
    """Right in exactly one world of two, whatever the answers are."""
    shares = [
        score([round_of(n, bool(n % 3), bool(n % 3)) for n in range(200)], seed).right / 200
        for seed in range(50)
    ]
    assert abs(np.mean(shares) - 0.5) < 0.03


def test_a_bound_stands_beside_the_share() -> None:
    seen = score([round_of(n, None, None) for n in range(100)], seed=3)
    assert seen.right / seen.rounds < seen.at_most < 0.65


@pytest.mark.parametrize(
    ("people", "others", "weight"),
    [
        (70, 60, inf),  # 60 alone would stand as 60
        (60, 69, -inf),  # 70 would stand as 70
        (60, 65, 4 / 5),  # down: 4 of 10 with the victim, 5 of 10 without
        (70, 65, 6 / 5),
    ],
)
def test_figures_are_weighed_by_the_rounding(people: int, others: int, weight: float) -> None:
    found = evidence(Known(people, others, rounding=10, k=50, of="a table"))
    assert (found == weight) if abs(weight) == inf else exp(found) == pytest.approx(weight)


def test_below_the_floor_a_figure_goes_up_always() -> None:
    """With a floor of 55 nothing is told by 60 about 55 or 56 people."""
    assert evidence(Known(60, 55, rounding=10, k=55, of="a table")) == 0


def test_exact_figures_hide_nothing_from_who_knows_the_others() -> None:
    assert says_present([Known(61, 60, rounding=1, k=50, of="a table")]) is True
    assert says_present([Known(60, 60, rounding=1, k=50, of="a table")]) is False
    assert says_present([]) is None
