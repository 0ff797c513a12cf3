"""The privileged inspection: every promise about a figure and its true count."""

from dataclasses import replace

import numpy as np
import pytest
from small_worlds import KEY, catalogue_of, dimension, everywhere, figures_of

from anonymizer.audit.inspection import inspect
from anonymizer.periods import Period
from anonymizer.policy import Promise
from anonymizer.tables import Counted, Figures, TableKey

PROMISE = Promise()
CATALOGUE = catalogue_of(
    [dimension("g", ["m", "f"]), dimension("r", ["x", "y", "z"], [("xy", (0, 1))])]
)
PEOPLE = np.array([[64, 52, 0], [70, 7, 0]], dtype=np.int64)


def counted(people=PEOPLE, trusted=None, possible=None):
    marks = np.arange(6, dtype=np.uint64).reshape(2, 3) * np.uint64(7919)
    marks[people == 0] = 0
    return Counted(
        KEY,
        people.copy(),
        (people if trusted is None else trusted).copy(),
        marks,
        everywhere(CATALOGUE) if possible is None else possible,
    )


def kinds(people, truth=None, promise=PROMISE):
    shown = figures_of(CATALOGUE, people)
    found = inspect(shown, counted() if truth is None else truth, CATALOGUE, promise)
    return [(finding.kind, finding.segments) for finding in found]


def test_figures_that_keep_every_promise_pass():
    assert kinds({"all:all": 190, "m:all": 120, "f:x": 70, "all:xy": 190}) == []
    assert kinds({"all:all": 193, "m:x": 64}, promise=Promise(rounding=1)) == []


@pytest.mark.parametrize("published", [50, 60])
def test_both_neighbours_of_a_count_pass(published):
    assert kinds({"m:y": published}) == []


@pytest.mark.parametrize("published", [40, 70, 52, 55, 0])
def test_anything_but_a_neighbour_is_a_rounding_fault(published):
    assert kinds({"m:y": published}) == [("rounding", ("m:y",))]


@pytest.mark.parametrize("published", [51, 53, 50])
def test_exact_figures_must_be_exact(published):
    assert kinds({"m:y": published}, promise=Promise(rounding=1)) == [("rounding", ("m:y",))]


def test_a_multiple_must_stay_what_it_is():
    assert kinds({"f:x": 80}) == [("rounding", ("f:x",))]


def test_too_few_people_break_the_floor():
    assert kinds({"f:y": 10}) == [("floor", ("f:y",))]


def test_too_few_trusted_people_break_the_floor():
    trusted = PEOPLE.copy()
    trusted[0, 1] = 49
    assert kinds({"m:y": 50, "m:x": 60}, counted(trusted=trusted)) == [("floor", ("m:y",))]
    trusted[0, 1] = 50
    assert kinds({"m:y": 50}, counted(trusted=trusted)) == []


def test_the_same_people_must_have_the_same_figure():
    assert kinds({"all:all": 190, "all:xy": 200}) == [("rounding", ("all:all", "all:xy"))]


def test_explanations_do_not_tell_the_truth():
    found = inspect(figures_of(CATALOGUE, {"f:y": 20}), counted(), CATALOGUE, PROMISE)
    assert [f.explanation for f in found] == [
        "the figure of f:y counts fewer than k = 50 trusted people",
        "the figure of f:y is not one of the two multiples of 10 around it",
    ]


def test_counts_of_another_table_are_refused():
    other = replace(counted(), key=TableKey("campaign", "c2", Period("day", KEY.period.start)))
    assert kinds({"all:all": 190}, other) == [("structure", ())]


def test_an_unknown_segment_is_refused():
    figures = Figures(KEY, np.array([len(CATALOGUE)], np.int32), np.array([60], np.int64))
    found = inspect(figures, counted(), CATALOGUE, PROMISE)
    assert [finding.kind for finding in found] == ["structure"]


def test_people_on_structural_zeros_are_refused():
    possible = everywhere(CATALOGUE)
    possible[:, 2] = False
    truth = counted(possible=possible)
    assert kinds({"all:all": 190}, truth) == []
    forged = truth.people.copy()
    forged[0, 2] = 1
    object.__setattr__(truth, "people", forged)  # the type itself refuses both
    assert kinds({"all:all": 190}, truth) == [("structure", ())]


def test_a_grid_of_another_shape_is_refused():
    truth = counted()
    cut = Counted(KEY, truth.people[:1], truth.trusted[:1], truth.marks[:1], truth.possible[:1])
    assert kinds({"all:all": 190}, cut) == [("structure", ())]
