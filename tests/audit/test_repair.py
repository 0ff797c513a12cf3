"""Tables that do not fit are repaired, by moves of people and by small programs around them."""

import numpy as np
import pytest
from small_worlds import catalogue_of, dimension, everywhere, figures_of, promise, random_world

from anonymizer.audit.knowledge import read
from anonymizer.feasible import search_limits
from anonymizer.feasible.neighbourhood import fit_nearby
from anonymizer.feasible.repair import TableRepair, made_to_fit, nearly_made_to_fit
from anonymizer.feasible.start import first_table

CATALOGUE = catalogue_of([dimension("g", ("f", "m")), dimension("r", ("A", "B", "C"))])
FIGURES = {"all:all": 60, "f:all": 30, "m:all": 30, "all:A": 20, "all:B": 20, "all:C": 20}


@pytest.fixture
def knowledge():
    """Rounded to 5: each figure may be up to 4 away, so a region has 16 to 24 people."""
    figures = figures_of(CATALOGUE, FIGURES)
    return read(figures, CATALOGUE, promise(k=5, rounding=5), everywhere(CATALOGUE))


def class_of(knowledge, gender, region):
    return int(knowledge.class_of[gender, region])


@pytest.mark.alternate("repair of tables")
def test_a_first_table_that_gets_stuck_is_mended_after_all():
    """Nobody moves back in one mending; in the next everybody may."""
    stuck = 0
    for seed in range(500):
        world = random_world(seed)
        known = read(world.figures, world.catalogue, world.promise, world.possible)
        start = np.random.default_rng(seed).integers(0, 6, known.classes)
        once = TableRepair(known, start).make_fit(len(known.segments) * 10 + 1_000)
        if known.exact or once or made_to_fit(known, start) is None:
            continue
        stuck += 1
        first = fit_nearby(known, nearly_made_to_fit(known, start))
        assert first is not None, seed
        assert known.allows(first), seed
    assert stuck > 5


def test_mending_goes_on_where_one_figure_cannot_be_mended():
    """Nobody can be in region A, which lacks ten; region B has two too many."""
    possible = everywhere(CATALOGUE)
    possible[:, 0] = False
    figures = figures_of(CATALOGUE, {"all:A": 20, "all:B": 20, "all:C": 20})
    known = read(figures, CATALOGUE, promise(k=5, rounding=5), possible)
    table = np.full(known.classes, 20)
    table[class_of(known, 0, 1)] = 26
    repair = TableRepair(known, table)
    assert not repair.make_fit(most_steps=50)
    assert len(known.broken(table)) == 2
    assert len(known.broken(repair.table)) == 1


@pytest.mark.alternate("repair of tables")
def test_what_mending_leaves_broken_is_solved_nearby(monkeypatch):
    """One round of mending, so that something is left."""
    monkeypatch.setattr(search_limits, "REPAIR_TRIES", 1)
    solved = 0
    for seed in range(500):
        world = random_world(seed)
        known = read(world.figures, world.catalogue, world.promise, world.possible)
        start = np.random.default_rng(seed).integers(0, 6, known.classes)
        nearly = nearly_made_to_fit(known, start)
        if known.exact or known.allows(nearly):
            continue
        table = fit_nearby(known, nearly)
        assert table is None or known.allows(table), seed
        solved += table is not None
    assert solved > 5


def test_a_table_with_many_broken_figures_is_left_to_others(knowledge, monkeypatch):
    astray = np.zeros(knowledge.classes, dtype=np.int64)
    assert knowledge.allows(fit_nearby(knowledge, astray))
    monkeypatch.setattr(search_limits, "NEARBY_BROKEN", len(knowledge.segments) - 1)
    assert fit_nearby(knowledge, astray) is None


def test_a_figure_of_nobody_that_counts_ten_has_no_first_table():
    possible = everywhere(CATALOGUE)
    possible[0, 0] = False
    figures = figures_of(CATALOGUE, {"all:all": 60, "f:all": 30, "m:all": 30, "f:A": 10})
    known = read(figures, CATALOGUE, promise(k=5, rounding=5), possible)
    assert first_table(known, known.sizes.astype(float)) is None


def test_who_is_to_have_people_gives_none_away(knowledge):
    chosen, table = class_of(knowledge, 0, 0), np.full(knowledge.classes, 10)
    table[chosen] = 20
    repair = TableRepair(knowledge, table)
    assert repair.make_fit_keeping(chosen, most_steps=50)
    assert knowledge.allows(repair.table)
    assert repair.table[chosen] == 20
