"""Figures that are shared with near groups stand for wider ranges; the attack reads them so."""

import numpy as np
import pytest
from small_worlds import catalogue_of, dimension, everywhere, figures_of

from anonymizer.audit.attack import Ranges, audit_figures
from anonymizer.model.policy import Promise

CATALOGUE = catalogue_of([dimension("gender", ("f", "m"))])
PROMISE = Promise()  # k 50, rounding 10, inference_k 10
EVERYONE, WOMEN, MEN = (CATALOGUE.id(row) for row in range(3))
ENOUGH = 10**6


def kinds(people: dict[str, int], shared: set[str]) -> set[str]:
    """Kinds of findings where the figures of these segments are shared."""
    figures = figures_of(CATALOGUE, people)
    wide = np.array([CATALOGUE.id(row) in shared for row in figures.segments.tolist()])
    slack = np.where(wide, PROMISE.rounding - 1 + PROMISE.most_shared, PROMISE.rounding - 1)
    ranges = Ranges(np.maximum(figures.people - slack, PROMISE.k), figures.people + slack)
    possible = everywhere(CATALOGUE)
    verdict = audit_figures(figures, CATALOGUE, PROMISE, possible, ENOUGH, ranges)
    assert verdict.decided
    return {finding.kind for finding in verdict.findings}


def narrow(people: dict[str, int]) -> set[str]:
    figures = figures_of(CATALOGUE, people)
    verdict = audit_figures(figures, CATALOGUE, PROMISE, everywhere(CATALOGUE), ENOUGH)
    return {finding.kind for finding in verdict.findings}


# 50 to 59 people, of whom 50 to 59 are men: 9 women at most. Shared, 70 people at most: 20 women.
@pytest.mark.parametrize(("shared", "safe"), [(set(), False), ({EVERYONE}, True), ({MEN}, False)])
def test_a_group_is_small_only_if_the_ranges_show_it(shared: set[str], safe: bool) -> None:
    people = {EVERYONE: 50, MEN: 50}
    assert (kinds(people, shared) == set()) == safe
    assert narrow(people) != set()


# 51 women and 51 men at least, but 99 people at most, unless the figure of everyone is shared.
@pytest.mark.parametrize(("shared", "possible"), [(set(), False), ({EVERYONE}, True)])
def test_figures_contradict_each_other_only_if_their_ranges_do(
    shared: set[str], possible: bool
) -> None:
    people = {EVERYONE: 90, WOMEN: 60, MEN: 60}
    assert ("contradiction" not in kinds(people, shared)) == possible
    assert narrow(people) == {"contradiction"}


def test_without_ranges_rounding_alone_says_what_a_figure_stands_for() -> None:
    for people in ({EVERYONE: 50, MEN: 50}, {EVERYONE: 110, WOMEN: 60, MEN: 60}):
        assert kinds(people, set()) == narrow(people)
