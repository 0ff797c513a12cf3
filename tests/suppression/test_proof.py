"""The prover agrees with the enumeration of all tables that fit, both ways."""

from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rotation import examples
from small_tables import (
    KEY,
    SECRET,
    Reader,
    catalogues,
    counted,
    dimension,
    full_catalogue,
    ground_of,
    judged_alone,
    promise,
    tables,
    true_problem,
)

from anonymizer.feasible import search_limits
from anonymizer.feasible.neighbouring_tables import find_witnesses
from anonymizer.feasible.requirements import Witness
from anonymizer.feasible.totals import segment_totals
from anonymizer.feasible.work import Work
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Figures
from anonymizer.suppression.constraints import constraints
from anonymizer.suppression.problem import problem_of
from anonymizer.suppression.proof import Prover, unproved
from anonymizer.suppression.rounding import rounded
from anonymizer.suppression.targets import another_count, enough_people

PLENTY = 10**6
SQUARE = full_catalogue(dimension("a", ["x", "y"], {}), dimension("b", ["x", "y"], {}))
MEANS = st.sampled_from(["all", "programs", "branch and bound"])
RULES = st.sampled_from([(2, 2, 1), (3, 2, 1), (3, 3, 2), (3, 2, 3), (4, 3, 2), (4, 4, 1)])


@contextmanager
def some_means_only(prover, means):
    """Each of the three ways to a proof has to find what there is by itself."""
    if means != "all":
        prover.search = lambda targets, start=0: list(targets)
    attempts = 0 if means == "branch and bound" else search_limits.REQUIREMENT_ATTEMPTS
    with patch.object(search_limits, "REQUIREMENT_ATTEMPTS", attempts):
        yield


def some_figures(table, catalogue, rules, wanted):
    """Figures of those of the wanted segments that have at least k people."""
    totals = segment_totals(catalogue, table.people)
    column_totals = np.zeros(table.people.size, dtype=np.uint64)
    np.add.at(column_totals, table.hashes.cells, table.hashes.totals)
    column_totals = segment_totals(catalogue, column_totals.reshape(table.people.shape))
    segments = np.array([s for s in sorted(wanted) if totals[s] >= rules.k], dtype=np.int32)
    return Figures(KEY, segments, rounded(totals[segments], column_totals[segments], rules, SECRET))


def known_of(table, catalogue, rules, figures):
    return constraints(ground_of(table, catalogue), judged_alone(figures, rules))


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_class_is_proved_exactly_if_a_fitting_table_has_enough_people(data):
    """From the true table or from one that was found from the figures."""
    catalogue = data.draw(catalogues())
    rules = promise(*data.draw(RULES))
    table = data.draw(tables(catalogue, most=4))
    wanted = data.draw(st.sets(st.integers(0, len(catalogue) - 1), max_size=7))
    figures = some_figures(table, catalogue, rules, wanted)
    known = known_of(table, catalogue, rules, figures)
    problem = true_problem(known, table)
    if data.draw(st.booleans()):
        alone = judged_alone(figures, rules)
        problem = problem_of(ground_of(table, catalogue), alone, known, None)
        assume(problem is not None)
    targets = enough_people(known, problem.start, rules.inference_k)
    prover = Prover(problem, targets, Work(PLENTY))
    with some_means_only(prover, data.draw(MEANS)):
        for number in range(len(targets)):
            prover.prove(number)
    reader = Reader(figures, catalogue, rules, table.possible)
    for column in range(len(problem.start)):
        position = known.atoms[np.flatnonzero(known.class_of == column)[0]]
        cell = tuple(map(int, np.unravel_index(position, catalogue.shape)))
        mine = [
            n for n, target in enumerate(targets) if target.requirements[0].classes[0] == column
        ]
        proved = all(number in prover.proofs for number in mine)
        assert proved == reader.can_have(cell, rules.inference_k)
    failed = set(range(len(targets))) - set(prover.proofs)
    assert left_unproved(prover, problem, targets) == failed


def left_unproved(prover, problem, targets):
    return set(unproved(problem, prover.published, targets, prover.starts, prover.proofs))


@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_exact_solution_is_found_exactly_if_there_is_one(data):
    catalogue = data.draw(catalogues())
    rules = promise(data.draw(st.integers(2, 4)), 0, data.draw(st.integers(1, 2)))
    table = data.draw(tables(catalogue, most=3))
    wanted = data.draw(st.sets(st.integers(0, len(catalogue) - 1), max_size=7))
    figures = some_figures(table, catalogue, rules, wanted)
    known = known_of(table, catalogue, rules, figures)
    problem = true_problem(known, table)
    targets = another_count(known, problem.start, catalogue)
    prover = Prover(problem, targets, Work(PLENTY))
    with some_means_only(prover, data.draw(MEANS)):
        safe = all(prover.prove(number) is None for number in prover.open_targets())
    assert safe == (not Reader(figures, catalogue, rules, table.possible).breaches())


def test_cells_that_share_all_figures_and_are_known_to_be_empty_are_solved():
    """5 in all, 5 of them in x: nobody in y and nobody in z."""
    line = full_catalogue(dimension("a", ["x", "y", "z"], {}))
    few = Catalogue(line.dimensions, line.cells[:2], {})
    assert few.id(1) == "x"
    assert not all_proved(few, counted([5, 0, 0]))
    assert all_proved(few, counted([5, 1, 0]))


def test_cells_outside_the_catalogue_are_not_to_be_solved_either():
    """5 in all, 5 in the first row, 5 in the first column: nobody anywhere else."""
    wanted = [s for s in range(len(SQUARE)) if SQUARE.id(s) in {"all:all", "x:all", "all:x"}]
    margins = Catalogue(SQUARE.dimensions, SQUARE.cells[wanted], {})
    assert not all_proved(margins, counted([[5, 0], [0, 0]]))
    assert all_proved(margins, counted([[5, 0], [0, 3]]))


def all_proved(catalogue, table):
    rules = promise(2, 0, 1)
    figures = some_figures(table, catalogue, rules, range(len(catalogue)))
    known = known_of(table, catalogue, rules, figures)
    problem = true_problem(known, table)
    prover = Prover(problem, another_count(known, problem.start, catalogue), Work(PLENTY))
    return all(prover.prove(number) is None for number in prover.open_targets())


def of_a_square(wanted, rules=(5, 5, 1)):
    """[[8, 1], [7, 9]] and its first segments: the problem and its targets.

    With margins and total alone, x,y may still have 0 to 8 people.
    """
    table, rules = counted([[8, 1], [7, 9]]), promise(*rules)
    figures = some_figures(table, SQUARE, rules, range(wanted))
    known = known_of(table, SQUARE, rules, figures)
    problem = true_problem(known, table)
    return problem, enough_people(known, problem.start, rules.inference_k)


@pytest.fixture
def square():
    return of_a_square(5)


def test_a_proof_is_a_table_that_fits(square):
    problem, targets = square
    prover = Prover(problem, targets, Work(PLENTY))
    assert prover.prove(0) is None
    moves = prover.proofs[0]
    table = problem.start.copy()
    table[moves.classes] += moves.people
    assert table[targets[0].requirements[0].classes[0]] >= 5
    members = problem.system.members.toarray()
    assert (members @ table == members @ problem.start).all()


@pytest.mark.parametrize(
    "moves",
    [
        Witness(np.array([1]), np.array([4])),  # breaks margins
        Witness(np.array([0, 1, 2, 3]), np.array([-3, 3, 3, -3])),  # fits, too few
        Witness(np.array([0, 1, 2, 3]), np.array([-9, 9, 9, -9])),  # fewer than nobody
    ],
)
def test_a_wrong_proof_is_recognised(square, moves):
    problem, targets = square
    published, starts = np.ones(problem.figures, dtype=bool), [problem.start]
    assert unproved(problem, published, targets, starts, {0: moves}) == [0]
    right = Witness(np.array([0, 1, 2, 3]), np.array([-4, 4, 4, -4]))
    assert unproved(problem, published, targets, starts, {0: right}) == []


def test_a_proof_from_a_start_that_does_not_fit_is_recognised(square):
    """The same moves from a start with one person more, and from one that fits as well."""
    problem, targets = square
    published = np.ones(problem.figures, dtype=bool)
    right = Witness(np.array([0, 1, 2, 3]), np.array([-4, 4, 4, -4]))
    start = problem.start + np.array([1, 0, 0, 0])
    assert unproved(problem, published, targets, [start], {0: right}) == [0]
    another = problem.start + np.array([-1, 1, 1, -1])
    less = Witness(right.classes, np.array([-3, 3, 3, -3]), start=1)
    starts = [problem.start, another]
    assert unproved(problem, published, targets, starts, {0: less}) == []
    assert unproved(problem, published, targets, starts, {0: replace(less, start=0)}) == [0]


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(st.data())
def test_a_witness_that_is_off_by_one_person_is_caught(data):
    """Judged by counting everybody anew; with exact figures every such witness is wrong."""
    catalogue = data.draw(catalogues())
    rules = promise(*data.draw(RULES))
    table = data.draw(tables(catalogue, most=4))
    wanted = data.draw(st.sets(st.integers(0, len(catalogue) - 1), min_size=1, max_size=4))
    figures = some_figures(table, catalogue, rules, wanted)
    known = known_of(table, catalogue, rules, figures)
    problem = true_problem(known, table)
    targets = enough_people(known, problem.start, rules.inference_k)
    prover = Prover(problem, targets, Work(PLENTY))
    assume(targets)
    number = data.draw(st.integers(0, len(targets) - 1))
    assume(prover.prove(number) is None)
    moves, requirement = prover.proofs[number], targets[number].requirements[0]
    position = data.draw(st.integers(0, len(moves.classes) - 1))
    off = moves.people.copy()
    off[position] += data.draw(st.sampled_from([-1, 1]))
    proofs = prover.proofs | {number: replace(moves, people=off)}
    wrong = unproved(problem, prover.published, targets, prover.starts, proofs)
    people = problem.start.copy()
    people[moves.classes] += off
    assert (number in wrong) == (not fits(known, people, problem.start, requirement))
    assert rules.rounding > 1 or number in wrong
    assert set(wrong) | {number} == set(range(len(targets)))


def fits(known, people, start, requirement):
    """By counting everybody anew."""
    totals = known.matrix.toarray() @ people
    good = (known.lower <= totals) & (totals <= known.upper)
    change = (people - start)[requirement.classes].sum()
    reached = (
        change >= requirement.change if requirement.change > 0 else change <= requirement.change
    )
    return bool(good.all() and reached and (people >= 0).all())


def test_what_stands_in_the_way_is_named():
    problem, targets = of_a_square(9)
    prover = Prover(problem, targets, Work(PLENTY))
    obstacle = prover.prove(0)
    assert obstacle is not None
    while obstacle:
        assert prover.published[obstacle.rows].all()
        prover.publish(int(obstacle.rows[-1]), published=False)
        obstacle = prover.prove(0)
    assert 0 in prover.proofs


def test_publishing_again_forgets_the_proofs_that_it_breaks():
    problem, targets = of_a_square(9)
    prover = Prover(problem, targets, Work(PLENTY))
    rows = list(range(problem.figures))
    for row in rows:
        prover.publish(row, published=False)
    assert prover.prove(0) is None
    for row in rows:
        prover.publish(row, published=True)
    assert prover.proofs == {}


def test_a_table_that_proves_one_target_is_a_start_for_others():
    """From a table found by a program the search reaches what it does not reach from the first."""
    problem, targets = of_a_square(5, (5, 5, 2))
    prover = Prover(problem, targets, Work(PLENTY))
    assert prover.prove(0) is None
    start = prover.start_from(0)
    proved = prover.proofs.pop(0)
    assert prover.starts[start][proved.classes].tolist() == (
        (problem.start[proved.classes] + proved.people).tolist()
    )
    assert prover.search([0], start) == []
    assert prover.proofs[0].start == start
    assert left_unproved(prover, problem, targets) == set()


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_attempts_side_by_side_find_fits_and_reaches_its_goal(data):
    """Few at a time, so that one attempt follows another in the same place."""
    catalogue = data.draw(catalogues())
    rules = promise(*data.draw(RULES))
    table = data.draw(tables(catalogue, most=6))
    wanted = data.draw(st.sets(st.integers(0, len(catalogue) - 1), min_size=1))
    figures = some_figures(table, catalogue, rules, wanted)
    known = known_of(table, catalogue, rules, figures)
    problem = true_problem(known, table)
    targets = enough_people(known, problem.start, 4)
    targets += another_count(known, problem.start, catalogue)
    requirements = [requirement for target in targets for requirement in target.requirements]
    with (
        patch.object(search_limits, "ATTEMPTS", 3),
        patch.object(search_limits, "ATTEMPT_CANDIDATES", 2),
    ):
        found = find_witnesses(problem.system, problem.start, requirements)
        assert as_numbers(found) == as_numbers(
            find_witnesses(problem.system, problem.start, requirements)
        )
    assert len(found) == len(requirements)
    for requirement, moves in zip(requirements, found, strict=True):
        if moves is not None:
            people = problem.start.copy()
            people[moves.classes] += moves.people
            assert fits(known, people, problem.start, requirement)


def as_numbers(found):
    return [moves and (moves.classes.tolist(), moves.people.tolist()) for moves in found]


def test_attempts_side_by_side_find_what_takes_a_few_people():
    """Of the margins of a table of four by four with rounded figures, every cell gets its 5."""
    axes = [dimension(name, ["a", "b", "c", "d"], {}) for name in ("x", "y")]
    catalogue, rules = full_catalogue(*axes), promise(5, 5, 3)
    table = counted(np.arange(16).reshape(4, 4) % 6)
    figures = some_figures(table, catalogue, rules, range(9))
    known = known_of(table, catalogue, rules, figures)
    problem = true_problem(known, table)
    targets = enough_people(known, problem.start, 5)
    requirements = [target.requirements[0] for target in targets]
    assert len(requirements) > 8
    assert None not in find_witnesses(problem.system, problem.start, requirements)
