"""The prover agrees with the enumeration of all tables that fit, both ways."""

from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from anonymizer.feasible.search import NearbyTables
from anonymizer.feasible.side_by_side import Moves
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_tables import (
    KEY,
    SECRET,
    Reader,
    catalogues,
    counted,
    dimension,
    full_catalogue,
    promise,
    tables,
)

from anonymizer.feasible.budget import Budget
from anonymizer.protection import programs, side_by_side
from anonymizer.protection.constraints import constraints
from anonymizer.protection.goals import another_count, enough_people
from anonymizer.protection.proof import Prover, unproved
from anonymizer.protection.rounding import rounded
from anonymizer.protection.totals import segment_totals
from anonymizer.segments import Catalogue
from anonymizer.tables import Figures

SQUARE = full_catalogue(dimension("a", ["x", "y"], {}), dimension("b", ["x", "y"], {}))
MEANS = st.sampled_from(["all", "programs", "branch and bound"])
RULES = st.sampled_from([(2, 2, 1), (3, 2, 1), (3, 3, 2), (3, 2, 3), (4, 3, 2), (4, 4, 1)])


@contextmanager
def some_means_only(prover, means):
    """Each of the three ways to a proof has to find what there is by itself."""
    if means != "all":
        prover.search = lambda targets, moves=0: list(targets)
    attempts = 0 if means == "branch and bound" else programs._ATTEMPTS
    with patch.object(programs, "_ATTEMPTS", attempts):
        yield


def some_figures(table, catalogue, rules, wanted):
    """Figures of those of the wanted segments that have at least k people."""
    totals = segment_totals(catalogue, table.people)
    marks = segment_totals(catalogue, table.marks)
    segments = np.array([s for s in sorted(wanted) if totals[s] >= rules.k], dtype=np.int32)
    return Figures(KEY, segments, rounded(totals[segments], marks[segments], rules, SECRET))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_class_is_proved_exactly_if_a_fitting_table_has_enough_people(data):
    catalogue = data.draw(catalogues())
    rules = promise(*data.draw(RULES))
    table = data.draw(tables(catalogue, most=4))
    wanted = data.draw(st.sets(st.integers(0, len(catalogue) - 1), max_size=7))
    figures = some_figures(table, catalogue, rules, wanted)
    known = constraints(table, catalogue, figures, rules)
    targets = enough_people(known, rules.inference_k)
    prover = Prover(known, targets, Budget(60))
    with some_means_only(prover, data.draw(MEANS)):
        for number in range(len(targets)):
            prover.prove(number)
    reader = Reader(figures, catalogue, rules, table.possible)
    for number, target in enumerate(targets):
        position = known.atoms[np.flatnonzero(known.class_of == target.goals[0].classes[0])[0]]
        atom = tuple(map(int, np.unravel_index(position, catalogue.shape)))
        assert (number in prover.proofs) == reader.can_have(atom, rules.inference_k)
    failed = set(range(len(targets))) - set(prover.proofs)
    assert set(unproved(known, prover.published, targets, prover.proofs)) == failed


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_exact_solution_is_found_exactly_if_there_is_one(data):
    catalogue = data.draw(catalogues())
    rules = promise(data.draw(st.integers(2, 4)), 0, data.draw(st.integers(1, 2)))
    table = data.draw(tables(catalogue, most=3))
    wanted = data.draw(st.sets(st.integers(0, len(catalogue) - 1), max_size=7))
    figures = some_figures(table, catalogue, rules, wanted)
    known = constraints(table, catalogue, figures, rules)
    targets = another_count(known, catalogue)
    prover = Prover(known, targets, Budget(60))
    with some_means_only(prover, data.draw(MEANS)):
        safe = all(prover.prove(number) is None for number in prover.open_targets())
    assert safe == (not Reader(figures, catalogue, rules, table.possible).breaches())


def test_atoms_that_share_all_figures_and_are_known_to_be_empty_are_solved():
    """5 in all, 5 of them in x: nobody in y and nobody in z."""
    line = full_catalogue(dimension("a", ["x", "y", "z"], {}))
    few = Catalogue(line.dimensions, line.cells[:2], {})
    assert few.id(1) == "x"
    assert not all_proved(few, counted([5, 0, 0]))
    assert all_proved(few, counted([5, 1, 0]))


def test_atoms_outside_the_catalogue_are_not_to_be_solved_either():
    """5 in all, 5 in the first row, 5 in the first column: nobody anywhere else."""
    wanted = [s for s in range(len(SQUARE)) if SQUARE.id(s) in {"all:all", "x:all", "all:x"}]
    margins = Catalogue(SQUARE.dimensions, SQUARE.cells[wanted], {})
    assert not all_proved(margins, counted([[5, 0], [0, 0]]))
    assert all_proved(margins, counted([[5, 0], [0, 3]]))


def all_proved(catalogue, table):
    rules = promise(2, 0, 1)
    figures = some_figures(table, catalogue, rules, range(len(catalogue)))
    known = constraints(table, catalogue, figures, rules)
    prover = Prover(known, another_count(known, catalogue), Budget(60))
    return all(prover.prove(number) is None for number in prover.open_targets())


@pytest.fixture
def square():
    """Margins and total of [[8, 1], [7, 9]] published: x,y may still have 0 to 8 people."""
    table, rules = counted([[8, 1], [7, 9]]), promise(5, 5, 1)
    figures = some_figures(table, SQUARE, rules, range(5))
    known = constraints(table, SQUARE, figures, rules)
    return known, enough_people(known, 5)


def test_a_proof_is_a_table_that_fits(square):
    known, targets = square
    prover = Prover(known, targets, Budget(60))
    assert prover.prove(0) is None
    moves = prover.proofs[0]
    table = known.truth.copy()
    table[moves.classes] += moves.people
    assert table[targets[0].goals[0].classes[0]] >= 5
    assert (known.matrix @ table == known.matrix @ known.truth).all()


@pytest.mark.parametrize(
    "moves",
    [
        Moves(np.array([1]), np.array([4])),  # breaks margins
        Moves(np.array([0, 1, 2, 3]), np.array([-3, 3, 3, -3])),  # fits, too few
        Moves(np.array([0, 1, 2, 3]), np.array([-9, 9, 9, -9])),  # fewer than nobody
    ],
)
def test_a_wrong_proof_is_recognised(square, moves):
    known, targets = square
    published = np.ones(len(known.lower), dtype=bool)
    assert unproved(known, published, targets, {0: moves}) == [0]
    right = Moves(np.array([0, 1, 2, 3]), np.array([-4, 4, 4, -4]))
    assert unproved(known, published, targets, {0: right}) == []


def test_what_stands_in_the_way_is_named():
    table, rules = counted([[8, 1], [7, 9]]), promise(5, 5, 1)
    figures = some_figures(table, SQUARE, rules, range(9))
    known = constraints(table, SQUARE, figures, rules)
    prover = Prover(known, enough_people(known, 5), Budget(60))
    obstacle = prover.prove(0)
    assert obstacle is not None
    while obstacle:
        assert prover.published[obstacle.rows].all()
        prover.publish(int(obstacle.rows[-1]), published=False)
        obstacle = prover.prove(0)
    assert 0 in prover.proofs


def test_publishing_again_forgets_the_proofs_that_it_breaks():
    table, rules = counted([[8, 1], [7, 9]]), promise(5, 5, 1)
    figures = some_figures(table, SQUARE, rules, range(9))
    known = constraints(table, SQUARE, figures, rules)
    prover = Prover(known, enough_people(known, 5), Budget(60))
    rows = list(range(len(known.lower)))
    for row in rows:
        prover.publish(row, published=False)
    assert prover.prove(0) is None
    for row in rows:
        prover.publish(row, published=True)
    assert prover.proofs == {}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_attempts_side_by_side_find_what_each_finds_alone(data):
    """Nothing of one is left over for another, whatever was tried and withheld before."""
    catalogue = data.draw(catalogues())
    rules = promise(*data.draw(RULES))
    table = data.draw(tables(catalogue, most=6))
    wanted = data.draw(st.sets(st.integers(0, len(catalogue) - 1), min_size=1))
    known = constraints(table, catalogue, some_figures(table, catalogue, rules, wanted), rules)
    targets = enough_people(known, 4) + another_count(known, catalogue)
    goals = [goal for target in targets for goal in target.goals]
    rows = st.integers(0, len(known.lower) - 1)
    withheld = data.draw(st.sets(rows, max_size=3) if len(known.lower) else st.just(set()))
    with (
        patch.object(side_by_side, "_MOST_TABLES", 3),
        patch.object(side_by_side, "_MOST_LOOKED_AT", 5),
    ):
        together = NearbyTables(known, Budget(60))
        together.find(goals[::-1])
    alone = [NearbyTables(known, Budget(60)) for _ in goals]
    for row in withheld:
        for nearby in (together, *alone):
            nearby.publish(row, published=False)
    found = [nearby.find([goal])[0] for nearby, goal in zip(alone, goals, strict=True)]
    with patch.object(side_by_side, "_MOST_LOOKED_AT", 5):
        again = together.find(goals)
    assert list(map(as_numbers, again)) == list(map(as_numbers, found))
    for goal, moves in zip(goals, again, strict=True):
        assert moves is None or fits(known, withheld, goal, moves)


def fits(known, withheld, goal, moves):
    """By counting everybody anew."""
    people = known.truth.copy()
    people[moves.classes] += moves.people
    totals = known.matrix @ people
    good = (known.lower <= totals) & (totals <= known.upper)
    change = (people - known.truth)[goal.classes].sum()
    reached = change >= goal.change if goal.change > 0 else change <= goal.change
    published = [row for row in range(len(totals)) if row not in withheld]
    enough = (people >= known.truth - known.spare).all()
    return good[published].all() and reached and enough


def as_numbers(moves):
    return moves and (moves.classes.tolist(), moves.people.tolist())
