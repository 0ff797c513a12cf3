"""Tables that fall into parts: the same figures as one by one, whoever works on them."""

from dataclasses import replace

import numpy as np
import pytest
from small_tables import EFFORT, SECRET, counted, dimension, full_catalogue, promise

from anonymizer.storage.processes import Workers
from anonymizer.suppression.single_table import suppress_alone

PLACES = [f"p{n}" for n in range(6)]
GROUPS = {"north": PLACES[:3], "south": PLACES[3:]}
PEOPLE = np.array([[40, 3, 25], [12, 60, 7], [9, 14, 31], [55, 4, 18], [11, 23, 6], [2, 35, 41]])
RULES = [promise(10, 0, 1), promise(10, 5, 1), promise(10, 10, 5)]


def by_half():
    """Every cell of the cross but those of both halves together."""
    position, age = (
        dimension("place", PLACES, GROUPS),
        dimension("age", ["young", "mid", "old"], {}),
    )
    whole = full_catalogue(position, age)
    return replace(whole, cells=whole.cells[whole.cells[:, 0] > 0])


def one_half(catalogue, half):
    """The catalogue of one half, and its rows in the other."""
    leaves = set(catalogue.dimensions[0].groups[half].leaves)
    inside = [
        row
        for row, groups in enumerate(map(catalogue.groups, range(len(catalogue))))
        if set(groups[0].leaves) <= leaves
    ]
    return replace(catalogue, cells=catalogue.cells[inside]), np.array(inside)


@pytest.mark.parametrize("rules", RULES)
def test_each_part_is_suppressed_as_if_it_were_alone(rules):
    catalogue = by_half()
    together = suppress_alone(counted(PEOPLE), catalogue, rules, SECRET, EFFORT).figures
    apart = []
    for half in (1, 2):
        own, rows = one_half(catalogue, half)
        figures = suppress_alone(counted(PEOPLE), own, rules, SECRET, EFFORT).figures
        apart += zip(rows[figures.segments].tolist(), figures.people.tolist(), strict=True)
    assert sorted(apart) == list(
        zip(together.segments.tolist(), together.people.tolist(), strict=True)
    )
    assert 0 < len(together.segments) < len(catalogue)


@pytest.mark.parametrize("rules", RULES)
def test_processes_side_by_side_make_no_difference(rules):
    alone = suppress_alone(counted(PEOPLE), by_half(), rules, SECRET, EFFORT)
    workers = Workers(2, start_seconds=-1)
    beside = suppress_alone(counted(PEOPLE), by_half(), rules, SECRET, EFFORT, workers)
    assert np.array_equal(alone.figures.segments, beside.figures.segments)
    assert np.array_equal(alone.figures.people, beside.figures.people)
    assert alone.for_inference == beside.for_inference
