"""Cells are of one class exactly if the same segments contain them, against sets of segments."""

import numpy as np
import pytest
from small_worlds import KEY, membership, random_world

from anonymizer.audit.knowledge import IMPOSSIBLE, Statements, from_source, understand
from anonymizer.feasible.classes import classes_of, equal_segments
from anonymizer.feasible.totals import uncut_segments


@pytest.fixture(params=range(0, 60, 3))
def world(request):
    """A catalogue with overlapping groups, its segments as cells, some of them, marked cells."""
    catalogue = random_world(request.param).catalogue
    random = np.random.default_rng(request.param)
    some = np.flatnonzero(random.random(len(catalogue)) < 0.2).astype(np.int32)
    possible = random.random(catalogue.shape) < 0.8
    return catalogue, membership(catalogue), some, possible, random.random(catalogue.shape) < 0.5


def numbered(keys):
    """The number of each key, in the order in which they come."""
    return [list(dict.fromkeys(keys)).index(key) for key in keys]


def test_cells_of_one_class_are_in_the_same_segments(world):
    catalogue, inside, some, possible, marked = world
    atoms = np.flatnonzero(possible)
    around = [tuple(column) for column in inside[some][:, atoms].T]
    firsts, class_of = classes_of(catalogue, some, atoms)
    assert class_of.tolist() == numbered(around)
    assert class_of[firsts].tolist() == list(range(len(firsts)))
    both = list(zip(around, marked.ravel()[atoms].tolist(), strict=True))
    assert classes_of(catalogue, some, atoms, marked.ravel()[atoms])[1].tolist() == numbered(both)


def test_segments_of_the_same_possible_cells_are_found(world):
    catalogue, inside, some, possible, _ = world
    cells = [tuple(row) for row in inside[some] * possible.ravel()]
    assert equal_segments(catalogue, some, possible)[1].tolist() == numbered(cells)


def test_segments_that_cut_no_class_are_found(world):
    catalogue, inside, some, possible, _ = world
    atoms = np.flatnonzero(possible)
    _, class_of = classes_of(catalogue, some, atoms)
    class_of[class_of == class_of.max()] = -1
    held = inside[:, atoms]
    whole = [
        row
        for row, cells in enumerate(held)
        if not cells[class_of < 0].any()
        and all(len(set(cells[class_of == of])) == 1 for of in set(class_of[class_of >= 0]))
    ]
    assert uncut_segments(catalogue, atoms, class_of).tolist() == whole


def test_a_segment_may_have_several_statements(world):
    catalogue, inside, some, possible, marked = world
    twice = np.concatenate([some, some[::-1]])
    numbers = np.arange(len(twice), dtype=np.int64)
    said = Statements(twice, numbers, numbers, numbers, from_source("known", len(twice)))
    knowledge = understand(KEY, catalogue, said, possible, marked & possible)
    assert ((knowledge.class_of == IMPOSSIBLE) == ~possible).all()
    of_atom = knowledge.class_of.ravel()[possible.ravel()]
    counted = knowledge.members.toarray()[:, of_atom]
    assert (counted == inside[twice][:, possible.ravel()]).all()
    assert (np.bincount(of_atom, marked[possible]) == knowledge.certain).all()
    assert set(np.unique(knowledge.certain_in_atom)) <= {0, 1}
