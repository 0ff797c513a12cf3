"""What follows from published figures is decided exactly, whatever their size."""

from fractions import Fraction

import numpy as np
import pytest
from linear_solutions import linearly_solvable
from scipy import sparse
from small_worlds import KEY, catalogue_of, dimension, everywhere, figures_of

from anonymizer.feasible.elimination import PRIMES, eliminate, independent_rows


def rank(rows):
    """By fractions."""
    rows, found = [[Fraction(int(x)) for x in row] for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((row for row in rows[found:] if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows.insert(found, pivot)
        for row in rows[found + 1 :]:
            times = row[column] / pivot[column]
            row[:] = [x - times * y for x, y in zip(row, pivot, strict=True)]
        found += 1
    return found


def random_rows(seed):
    random = np.random.default_rng(seed)
    base = (random.random((random.integers(1, 20), random.integers(1, 30))) < 0.3).astype(int)
    mixed = random.integers(-2, 3, (15, len(base))) @ base
    return np.vstack([base, mixed])[random.permutation(len(base) + 15)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("prime", PRIMES)
def test_the_echelon_form_has_the_rank_and_the_kernel(seed, prime):
    rows = random_rows(seed)
    echelon = eliminate(sparse.csr_array(rows), prime)
    assert len(echelon.rows) == len(echelon.pivots) == rank(rows)
    assert rank(rows[echelon.rows]) == rank(rows)
    vectors = echelon.kernel(np.random.default_rng(1), 3)
    assert not (rows.astype(object) @ vectors.astype(object) % prime).any()
    assert vectors[echelon.free].any() == bool(len(echelon.free))


@pytest.mark.parametrize("seed", range(12))
def test_essential_rows_are_sums_of_figures_and_allow_the_same_tables(seed):
    random = np.random.default_rng(seed)
    members = (random.random((40, 15)) < random.choice([0.1, 0.4])).astype(int)
    members = members[members.any(axis=1)]
    table = random.integers(0, 9, 15)
    exact = random.random(len(members)) < 0.8
    low, high = members @ table, members @ table + np.where(exact, 0, 3)
    rows = independent_rows(sparse.csr_array(members), low, high)
    assert (rows.origin @ members == rows.members.toarray()).all()
    assert (rows.lowest == rows.origin @ low)[rows.lowest == rows.highest].all()
    equal = rows.lowest == rows.highest
    assert rank(rows.members.toarray()[equal]) == rank(members[exact])
    assert (rows.members @ table >= rows.lowest).all()


def test_a_contradiction_is_not_lost_with_what_repeats():
    members = sparse.csr_array(np.array([[1, 1, 0], [0, 0, 1], [1, 1, 1]]))
    people = np.array([5, 4, 8])
    rows = independent_rows(members, people, people)
    assert len(rows.lowest) == 3


def test_a_total_that_its_parts_contradict_is_kept():
    members = sparse.csr_array(np.array([[1, 0], [0, 1], [1, 1]]))
    for total, kept in ((5, 2), (6, 3)):
        people = np.array([2, 3, total])
        assert len(independent_rows(members, people, people).lowest) == kept


def solvable(catalogue, people):
    found = linearly_solvable(figures_of(catalogue, people), catalogue, everywhere(catalogue))
    return {catalogue.id(row) for row in np.flatnonzero(found)} - set(people)


def test_two_of_three_parts_and_the_whole_give_the_third():
    catalogue = catalogue_of([dimension("d", list("abc"), [("bc", (1, 2))])])
    assert solvable(catalogue, {"all": 9, "a": 2, "b": 3}) == {"c", "bc"}
    assert solvable(catalogue, {"all": 9, "a": 2}) == {"bc"}
    assert solvable(catalogue, {"a": 2, "b": 3}) == set()


def test_halves_are_numbers_too():
    groups = [("ab", (0, 1)), ("bc", (1, 2)), ("ac", (0, 2))]
    catalogue = catalogue_of([dimension("d", list("abc"), groups)])
    assert solvable(catalogue, {"ab": 5, "bc": 5, "ac": 4}) == {"a", "b", "c", "all"}


def test_figures_do_not_matter_and_structural_zeros_do():
    catalogue = catalogue_of([dimension("d", list("abc"))])
    possible = np.array([True, True, False])
    figures = figures_of(catalogue, {"all": 0, "a": 0})
    found = linearly_solvable(figures, catalogue, possible)
    assert [catalogue.id(row) for row in np.flatnonzero(found)] == ["all", "a", "b"]
    assert figures.key == KEY
