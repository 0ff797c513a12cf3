"""Small tables from the literature and from other tools, each with a known trap.

The attacker here is integer programming by SciPy on the published figures alone: for each
cell and each suppressed segment the smallest and the largest count that fits.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from small_tables import (
    EFFORT,
    KEY,
    SECRET,
    Reader,
    counted,
    dimension,
    full_catalogue,
    ground_of,
    judged_alone,
    promise,
    true_problem,
)

from anonymizer.feasible.work import Work
from anonymizer.model.tables import Figures
from anonymizer.suppression.constraints import constraints
from anonymizer.suppression.proof import Prover
from anonymizer.suppression.single_table import suppress_alone
from anonymizer.suppression.targets import another_count

PLENTY = 10**6
CASES = Path(__file__).parent / "cases"
EU = {"EU": ["Spain", "Portugal"]}
# File, dimensions with their unions, k (one above what the source calls too small).
TABLES = {
    "acro_margins": ({"g": {}, "r": {}}, 10),
    "gs_table1": ({"age": {}, "geo": {}}, 2),
    "gs_table2_hierarchy": ({"age": {}, "geo": EU}, 3),
    "gs_table8_three_years": ({"age": {}, "geo": EU, "year": {}}, 2),
    "ssbtools_example": ({"var1": {}, "var2": {}}, 5),
    "sdctable_linear_combination": ({"v1": {}, "v2": {}}, 60),
    "hitas_leak": (
        {"geo": {}, "age": {"b0": ["a00", "a01", "a02"], "b1": ["a03", "a04", "a05"]}},
        10,
    ),
}


def load(name):
    """The catalogue of a case (every combination of groups) and its grid of people."""
    content = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    axes = []
    for axis, unions in TABLES[name][0].items():
        leaves = list(dict.fromkeys(str(row[axis]) for row in content["inner"]))
        axes.append(dimension(axis, leaves, unions))
    people = np.zeros([len(axis.leaves) for axis in axes], dtype=np.int64)
    for row in content["inner"]:
        people[tuple(axis.leaves.index(str(row[axis.name])) for axis in axes)] += row["freq"]
    return full_catalogue(*axes), people


def interval(reader, cells):
    """Fewest and most people that a set of cells has in the tables that fit."""
    order = reader.cells()
    rows = [[cell in inside for cell in order] for inside, _, _ in reader.known()]
    lows, highs = [k[1] for k in reader.known()], [k[2] for k in reader.known()]
    limits = LinearConstraint(np.array(rows, dtype=float), lows, highs) if rows else ()
    objective = np.array([float(cell in cells) for cell in order])
    ends = []
    for sense in (1, -1):
        result = milp(
            sense * objective,
            constraints=limits,
            integrality=np.ones(len(order)),
            bounds=Bounds(0, 10_000),
        )
        assert result.status == 0, result.message
        ends.append(round(sense * result.fun))
    return tuple(ends)


@pytest.mark.parametrize("name", TABLES)
def test_no_suppressed_count_can_be_solved(name):
    catalogue, people = load(name)
    rules = promise(TABLES[name][1], 0, 1)
    table = counted(people)
    result = suppress_alone(table, catalogue, rules, SECRET, EFFORT)
    reader = Reader(result.figures, catalogue, rules, table.possible)
    published = set(result.figures.segments.tolist())
    alone = [reader.cells_of(s) for s in published]
    assert 0 < len(published) < len(catalogue)
    for segment in set(range(len(catalogue))) - published:
        low, high = interval(reader, reader.cells_of(segment))
        assert low < high, catalogue.id(segment)
    for cell in reader.cells():
        low, high = interval(reader, {cell})
        assert low < high or {cell} in alone


@pytest.mark.parametrize("rounding", [1, 2])
@pytest.mark.parametrize("name", TABLES)
def test_every_cell_may_have_enough_people(name, rounding):
    catalogue, people = load(name)
    k = TABLES[name][1]
    rules = promise(k, k, rounding)
    table = counted(people)
    result = suppress_alone(table, catalogue, rules, SECRET, EFFORT)
    reader = Reader(result.figures, catalogue, rules, table.possible)
    assert len(result.figures.segments)
    assert all(interval(reader, {cell})[1] >= k for cell in reader.cells())


def test_the_margins_that_give_away_three_men():
    """168 in all, 53 men, 43 in B: together with what else is published, 3 men in B."""
    catalogue, people = load("acro_margins")
    rules, table = promise(10, 0, 1), counted(people)
    everything = np.flatnonzero(totals(catalogue, people) >= 10).astype(np.int32)
    naive = Figures(KEY, everything, totals(catalogue, people)[everything])
    men_in_b = Reader(naive, catalogue, rules, table.possible)
    assert interval(men_in_b, {(0, 1)}) == (3, 3)
    safe = suppress_alone(table, catalogue, rules, SECRET, EFFORT)
    assert safe.for_inference


def test_a_combination_of_several_rows_and_columns_is_found():
    """sdcTable's old heuristic hid two cells in every row and column, and yet w|b was 47."""
    content = json.loads((CASES / "sdctable_linear_combination.json").read_text(encoding="utf-8"))
    catalogue, people = load("sdctable_linear_combination")
    hidden = {tuple(cell) for cell in content["primary"]}
    codes = [tuple(group.code for group in catalogue.groups(s)) for s in range(len(catalogue))]
    shown = np.array([s for s, code in enumerate(codes) if code not in hidden], dtype=np.int32)
    figures = Figures(KEY, shown, totals(catalogue, people)[shown])
    rules, table = promise(1, 0, 1), counted(people)
    cell = (catalogue.dimensions[0].leaves.index("w"), catalogue.dimensions[1].leaves.index("b"))
    assert interval(Reader(figures, catalogue, rules, table.possible), {cell}) == (47, 47)
    known = constraints(ground_of(table, catalogue), judged_alone(figures, rules))
    problem = true_problem(known, table)
    targets = another_count(known, problem.start, catalogue)
    prover = Prover(problem, targets, Work(PLENTY))
    position = np.ravel_multi_index(cell, catalogue.shape)
    column = known.class_of[np.flatnonzero(known.atoms == position)[0]]
    mine = [
        n for n, target in enumerate(targets) if set(target.requirements[0].classes) == {column}
    ]
    assert prover.prove(mine[0]) is not None


def totals(catalogue, people):
    """The sum over each segment, one segment at a time."""
    totals = [
        people[np.ix_(*(group.leaves for group in catalogue.groups(segment)))].sum()
        for segment in range(len(catalogue))
    ]
    return np.array(totals, dtype=np.int64)
