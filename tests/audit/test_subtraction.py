"""Additions and subtractions: what follows from sums of groups, held against linear programs."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog
from small_worlds import catalogue_of, dimension

from anonymizer.audit.subtraction import Subtraction
from anonymizer.feasible.totals import segment_totals


def small_catalogue():
    gender = dimension("gender", ("m", "f"))
    age = dimension("age", ("a", "b", "c"), [("ab", (0, 1))])
    return catalogue_of([gender, age])


def bounds(catalogue, figures):
    rows = np.array([catalogue.positions[name] for name in figures], dtype=np.intp)
    people = np.array(list(figures.values()), dtype=np.int64)
    low, high = Subtraction(catalogue).bounds(rows, people, people)
    return {name: (int(low[n]), int(high[n])) for name, n in catalogue.positions.items()}


def test_a_total_less_its_parts_gives_away_what_is_left() -> None:
    found = bounds(small_catalogue(), {"all:all": 100, "all:a": 60, "all:b": 37})

    assert found["all:c"] == (3, 3)


def test_one_solution_leads_to_the_next() -> None:
    """Men of c follow only after everybody of c was solved."""
    known = {"all:all": 100, "all:a": 60, "all:b": 37, "f:c": 1}
    found = bounds(small_catalogue(), known)

    assert found["m:c"] == (2, 2)


def test_nothing_is_solved_where_two_are_missing() -> None:
    found = bounds(small_catalogue(), {"all:all": 100, "all:a": 60})

    assert found["all:b"] == (0, 40) == found["all:c"]


def test_ranges_add_up() -> None:
    catalogue = small_catalogue()
    rows = np.array([catalogue.positions[name] for name in ("all:all", "m:all")])
    low, high = Subtraction(catalogue).bounds(rows, np.array([95, 60]), np.array([105, 62]))

    women = catalogue.positions["f:all"]
    assert (low[women], high[women]) == (33, 45)


@pytest.mark.parametrize("seed", range(60))
def test_the_truth_is_never_excluded_and_no_bound_beats_a_linear_program(seed: int) -> None:
    draw = np.random.default_rng(seed)
    catalogue = small_catalogue()
    people = draw.integers(0, 12, size=catalogue.shape)
    totals = segment_totals(catalogue, people)
    rows = np.flatnonzero(draw.random(len(catalogue)) < 0.5)
    error = draw.integers(0, 4, size=len(rows))
    lowest, highest = np.maximum(totals[rows] - error, 0), totals[rows] + error

    low, high = Subtraction(catalogue).bounds(rows, lowest, highest)

    assert ((low <= totals) & (totals <= high)).all()
    inside = np.array([membership(catalogue, n) for n in range(len(catalogue))], dtype=float)
    upper = np.vstack([inside[rows], -inside[rows]])
    limit = np.concatenate([highest, -lowest])
    for segment in range(len(catalogue)):
        for sign, bound in ((1, low[segment]), (-1, high[segment])):
            best = linprog(sign * inside[segment], A_ub=upper, b_ub=limit)
            if best.status == 0:
                assert sign * (sign * best.fun - bound) > -1e-6


def membership(catalogue, segment):
    parts = [set(group.leaves) for group in catalogue.groups(segment)]
    cells = itertools.product(*(range(size) for size in catalogue.shape))
    return [all(leaf in part for leaf, part in zip(c, parts, strict=True)) for c in cells]
