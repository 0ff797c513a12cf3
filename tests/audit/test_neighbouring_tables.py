"""Tables that depart from a first one are evidence only as far as they fit, whoever made them."""

import numpy as np
import pytest
from scipy import sparse
from small_worlds import catalogue_of, dimension, everywhere, figures_of, promise, random_world

from anonymizer.audit import table_attack
from anonymizer.audit.knowledge import read
from anonymizer.audit.table_attack import TableAttack
from anonymizer.feasible import class_witnesses, search_limits
from anonymizer.feasible.neighbouring_tables import NeighbouringTables, find_neighbours, reaching
from anonymizer.feasible.start import first_table as table_near

CATALOGUE = catalogue_of([dimension("g", ("f", "m")), dimension("r", ("A", "B", "C"))])
FIGURES = {"all:all": 60, "f:all": 30, "m:all": 30, "all:A": 20, "all:B": 20, "all:C": 20}


@pytest.fixture
def knowledge():
    """Rounded to 5: each figure may be up to 4 away, so a region has 16 to 24 people."""
    figures = figures_of(CATALOGUE, FIGURES)
    return read(figures, CATALOGUE, promise(k=5, rounding=5), everywhere(CATALOGUE))


def first_table(known):
    """A table that fits, or None."""
    return None if known.rigid else table_near(known, known.sizes.astype(float))


def departures_with(knowledge, *changes, first=10):
    """From so many people in each cell, each table by itself: {(gender, region): people}."""
    rows = np.zeros((len(changes), knowledge.classes), dtype=np.int64)
    for row, change in zip(rows, changes, strict=True):
        for cell, people in change.items():
            row[int(knowledge.class_of[cell])] = people
    return NeighbouringTables(np.full(knowledge.classes, first), sparse.csr_array(rows))


def tables_of(found):
    return found.first + np.vstack([np.zeros_like(found.first), found.changes.toarray()])


def departed(knowledge, first, people):
    """Tables for the covered classes that lack people in the first one."""
    lacking = np.flatnonzero(knowledge.covered & (first < people))
    return find_neighbours(knowledge, first, reaching(first, people, lacking))


def random_cases(seeds):
    """Tables of random worlds that have a first table, and what every class is to reach."""
    for seed in range(seeds):
        world = random_world(seed)
        known = read(world.figures, world.catalogue, world.promise, world.possible)
        if (first := first_table(known)) is not None:
            yield known, first, np.full(known.classes, world.promise.inference_floor)


def test_every_cell_comes_to_its_goal_in_a_table_that_fits(knowledge):
    requirements = np.full(knowledge.classes, 20)
    found = departed(knowledge, first_table(knowledge), requirements)
    assert all(knowledge.allows(table) for table in tables_of(found))
    assert (found.most_people(knowledge) >= requirements).all()


def test_tables_of_random_worlds_hold_what_they_claim():
    some = 0
    for known, first, requirements in random_cases(300):
        found = departed(known, first, requirements)
        tables = tables_of(found)
        some += len(tables) > 1
        assert all(known.allows(table) for table in tables)
        assert (found.most_people(known) == tables.max(axis=0)).all()
    assert some > 20


def test_attempts_are_made_a_few_at_a_time_where_there_are_many_figures(monkeypatch):
    """How many are made side by side changes which moves are drawn, not what is found."""
    monkeypatch.setattr(search_limits, "ATTEMPT_FIGURES", 1)
    for known, first, requirements in random_cases(40):
        found = departed(known, first, requirements)
        assert all(known.allows(table) for table in tables_of(found))


def test_the_same_attempts_end_in_the_same_tables(knowledge):
    requirements = np.full(knowledge.classes, 20)
    first = first_table(knowledge)
    one, other = (departed(knowledge, first, requirements) for _ in range(2))
    assert (one.changes != other.changes).nnz == 0


def test_what_no_moves_mend_is_left_out(knowledge):
    """Region A has at most 24 people."""
    requirements = np.full(knowledge.classes, 25)
    found = departed(knowledge, first_table(knowledge), requirements)
    assert found.changes.shape[0] == 0


def test_a_table_that_does_not_fit_is_no_evidence_and_spoils_no_other(knowledge):
    swap, too_many = {(0, 0): 4, (1, 0): -4}, {(0, 1): 15}
    most = departures_with(knowledge, too_many, swap).most_people(knowledge)
    assert most[knowledge.class_of[0, 0]] == 14
    assert most[knowledge.class_of[0, 1]] == 10


def test_fewer_than_no_people_are_no_evidence(knowledge):
    """No figure notices people who change places."""
    positions = {(0, 0): 11, (1, 0): -11, (0, 1): -11, (1, 1): 11}
    assert (departures_with(knowledge, positions).most_people(knowledge) == 10).all()


def test_a_first_table_that_does_not_fit_proves_nothing(knowledge):
    astray = departures_with(knowledge, {}, first=30)
    assert (astray.most_people(knowledge) < 0).all()


def test_an_attack_takes_no_finder_at_its_word(knowledge, monkeypatch):
    """Of regions of at most 24 people no cell can have 25, whatever a finder claims."""
    astray = departures_with(knowledge, {(0, 0): 90}, {(1, 1): 90}, first=10)
    monkeypatch.setattr(class_witnesses, "find_neighbours", lambda *_, closed, seed: astray)
    crowded = np.full(knowledge.classes, 90)
    monkeypatch.setattr(table_attack, "first_table", lambda *_: crowded)
    attacked = TableAttack(knowledge, 25)
    attacked.findings()
    assert attacked.disclosed.all()
