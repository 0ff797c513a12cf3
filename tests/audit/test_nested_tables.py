"""What is shown in layers, against all tables that fit, or programs where these are too many."""

from dataclasses import replace

import numpy as np
import pytest
from joined_worlds import DAY, enumerated, is_broken, random_join, shown
from rotation import cases
from scipy.optimize import linprog
from small_worlds import catalogue_of, dimension, membership

from anonymizer.audit.history import linked_suppression
from anonymizer.audit.history.join import Containment, Join, joint
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.nested_tables import SafeAtoms, find_safe_atoms
from anonymizer.audit.knowledge import true_counts
from anonymizer.model.policy import Promise

SHOPS = catalogue_of(
    [
        dimension("g", ["m", "f"]),
        dimension("a", ["1", "2", "3", "4"], [("young", (0, 1))]),
        dimension("r", list("ABCDEFGH"), [("north", (0, 1, 2)), ("south", (4, 5, 6, 7))]),
    ]
)
INSIDE = membership(SHOPS)
FLOOR = 10


def stacked(seed):
    """A random join as inner tables in an outer one, with nothing else known of them."""
    join, rules = random_join(seed)
    outer = join.tables[-1].key
    within = tuple(Containment(table.key, outer) for table in join.tables[:-1])
    return Join(join.tables, within), rules.inference_floor


def claims(seed):
    """How many claims are made of a random stack, after each of them was looked up."""
    join, floor = stacked(seed)
    said = find_safe_atoms(join.tables[:-1], join.tables[-1], floor)
    for of, table, within in zip(said, join.tables, join.containments, strict=False):
        tables = enumerated(Join((table, join.tables[-1]), (within,)), floor)
        if tables is None:
            continue
        inner, outer = tables
        for shown_there, people in ((of.inner, inner), (of.beyond, outer - inner)):
            assert len(people) or not shown_there.any(), seed
            assert (people[:, shown_there.ravel()].max(axis=0, initial=0) >= floor).all(), seed
    return sum(int(of.inner.sum() + of.beyond.sum()) for of in said)


@pytest.mark.slow
def test_nothing_is_shown_that_no_table_has():
    made = [claims(seed) for seed in range(25)]
    assert sum(count > 0 for count in made) > 5


@pytest.mark.slow
def test_nothing_is_shown_that_no_table_has_in_many_worlds():
    seeds = cases(range(5_000, 6_000), 100)
    assert sum(claims(seed) for seed in seeds) > len(seeds)


@pytest.mark.slow
def test_the_verdict_is_the_same_without_layers(monkeypatch):
    pairs = [(seed, *stacked(seed)) for seed in range(0, 160, 8)]
    found = {seed: withhold_joined([join], join.tables, floor) for seed, join, floor in pairs}
    nothing = np.zeros((2, 2), dtype=bool)
    monkeypatch.setattr(
        linked_suppression,
        "find_safe_atoms",
        lambda inners, outer, _: [
            SafeAtoms(tuple(d.leaves for d in outer.catalogue.dimensions), nothing, nothing, False)
            for _ in inners
        ],
    )
    broken = 0
    for seed, join, floor in pairs:
        without = withhold_joined([join], join.tables, floor)
        assert found[seed].figures == without.figures, seed
        truth = is_broken(join, floor)
        assert truth is None or truth == (without.figures > 0), seed
        broken += without.figures > 0
    assert 2 < broken < 18


def shops(seed, days=3):
    """A few days in their week: enough people for figures of many groups."""
    rng = np.random.default_rng(seed)
    chances = np.multiply.outer(np.multiply.outer([5, 4], [4, 3, 2, 1]), 1 / np.arange(1, 9))
    week = rng.poisson(chances * 40)
    tables = [rng.binomial(week, 0.3) for _ in range(days)]
    return [published(f"t{number}", table, rng) for number, table in enumerate((*tables, week))]


def published(name, truth, rng):
    counts = INSIDE @ truth.ravel()
    rows = np.flatnonzero(counts >= 50)
    up = rng.random(len(rows)) < counts[rows] % 10 / 10
    people = {SHOPS.id(int(row)): int(counts[row] // 10 * 10 + 10 * more)
              for row, more in zip(rows, up, strict=True)}  # fmt: skip
    return shown(name, people, Promise(), DAY, SHOPS)


def fits(tables, weights, at_least):
    """Whether parts of people fit all figures, with so many of a sum; one row of atoms a table."""
    atoms = SHOPS.shape[0] * SHOPS.shape[1] * SHOPS.shape[2]
    rows, most = [-weights.ravel()], [-at_least]
    for number, table in enumerate(tables):
        low, high = true_counts(table.figures.people, table.promise)
        for row, least, largest in zip(table.figures.segments, low, high, strict=True):
            figure = np.zeros((len(tables), atoms))
            figure[number] = INSIDE[row]
            rows += [figure.ravel(), -figure.ravel()]
            most += [largest, -least]
    beyond = np.zeros((len(tables) - 1, atoms, len(tables), atoms))
    for number in range(len(tables) - 1):
        beyond[number, np.arange(atoms), number, np.arange(atoms)] = 1
        beyond[number, np.arange(atoms), -1, np.arange(atoms)] = -1
    matrix = np.vstack([*rows, beyond.reshape(-1, len(tables) * atoms)])
    limits = np.concatenate([most, np.zeros(len(matrix) - len(most))])
    return linprog(np.zeros(matrix.shape[1]), A_ub=matrix, b_ub=limits).status == 0


@pytest.mark.alternate("linked tables")
def test_days_in_their_week_are_shown_as_programs_find_them():
    tables = shops(1)
    said = find_safe_atoms(tables[:-1], tables[-1], FLOOR)
    assert all(of.complete for of in said)
    rng = np.random.default_rng(2)
    for _ in range(25):
        number, atom = int(rng.integers(len(said))), int(rng.integers(64))
        inner, beyond = np.zeros((2, len(tables), 64))
        inner[number, atom] = beyond[-1, atom] = 1
        beyond[number, atom] = -1
        assert fits(tables, inner, FLOOR)
        assert fits(tables, beyond, FLOOR)


def test_a_group_that_is_too_small_is_never_shown():
    *days, week = shops(3)
    said = find_safe_atoms(days, week, 10_000)
    assert not any(of.beyond.any() or of.inner.any() for of in said)


def test_atoms_that_one_table_rules_out_are_asked_of_the_other_alone():
    rng = np.random.default_rng(4)
    week = rng.poisson(60, SHOPS.shape)
    day = rng.binomial(week, 0.4)
    day[..., -1] = 0
    possible = np.ones(SHOPS.shape, dtype=bool)
    possible[..., -1] = False
    inner = replace(published("day", day, rng), possible=possible)
    outer = published("week", week, rng)
    (said,) = find_safe_atoms([inner], outer, FLOOR)
    assert said.complete
    assert (said.inner == possible).all()
    assert said.beyond.all()
    known = joint(Join((inner, outer), (Containment(inner.key, outer.key),)), FLOOR)
    assert said.reached(known).all()
