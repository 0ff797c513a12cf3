"""Promise 3: keyed random rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_tables import SECRET, promise

from anonymizer.storage.secret import Secret
from anonymizer.suppression.rounding import possible_counts, rounded

ANYONE = np.random.default_rng(1).integers(0, 2**64, size=4_000, dtype=np.uint64)


def figures(people, totals=ANYONE, k=50, step=10, secret=SECRET):
    people = np.broadcast_to(np.asarray(people, dtype=np.int64), len(totals)).copy()
    return rounded(people, totals, promise(k, 10, step), secret)


@pytest.mark.parametrize("people", [70, 71, 75, 79])
def test_a_figure_is_right_on_average(people):
    published = figures(people)
    assert set(published.tolist()) <= {70, 80}
    # Standard deviation of the mean of 4,000 draws is below 0.08.
    assert abs(published.mean() - people) < 0.4


def test_a_step_of_one_is_exact():
    assert (figures(57, step=1) == 57).all()


def test_the_same_people_give_the_same_figure_whatever_else_is_rounded():
    one = figures(57, ANYONE[:1])
    among_others = figures(57, ANYONE[::-1])
    assert one[0] == among_others[-1]


def test_the_draw_depends_on_the_people_and_the_secret():
    assert len(set(figures(55).tolist())) == 2
    assert (figures(55) != figures(55, secret=Secret(bytes(32)))).any()


def test_no_figure_is_below_k():
    """With k = 55 the lower neighbour of 57 would be 50."""
    assert (figures(57, k=55) == 60).all()
    assert set(figures(62, k=55).tolist()) == {60, 70}


@given(
    st.integers(1, 60),
    st.integers(0, 300),
    st.integers(1, 60),
    st.integers(0, 2**64 - 1),
)
def test_the_truth_is_among_the_counts_that_fit(k, above, step, total):
    people = np.array([k + above])
    rules = promise(k, 0, min(step, k))
    figure = rounded(people, np.array([total], dtype=np.uint64), rules, SECRET)
    assert figure[0] % rules.rounding == 0
    assert figure[0] >= k
    assert abs(figure[0] - people[0]) < rules.rounding
    lower, upper = possible_counts(figure, rules)
    assert lower[0] <= people[0] <= upper[0]
    assert lower[0] >= k


@pytest.mark.parametrize("k", [50, 55, 13])
def test_every_count_that_fits_could_have_led_to_the_figure(k):
    """What the proof lets a reader assume is neither more nor less than what is possible."""
    rules = promise(k, 10, 10)
    led_to = {}
    for people in range(k, k + 60):
        for figure in set(figures(people, ANYONE[:400], k=k).tolist()):
            led_to.setdefault(figure, set()).add(people)
    for figure in list(led_to)[:4]:
        lower, upper = possible_counts(np.array([figure]), rules)
        assert led_to[figure] == set(range(int(lower[0]), int(upper[0]) + 1))
