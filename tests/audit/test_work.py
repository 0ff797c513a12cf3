"""A limit of work: counted in steps, the same every time, and never a wrong answer."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from small_worlds import all_tables, figures_of, membership, random_world
from test_attack_agrees_with_enumeration import determined, published

from anonymizer.audit.attack import attack, audit_figures
from anonymizer.audit.knowledge import read
from anonymizer.audit.table_attack import TableAttack, only_contradictions
from anonymizer.feasible.repair import TableRepair
from anonymizer.feasible.solver import Program
from anonymizer.feasible.work import Work, counting, meter

BUDGETS = (1, 100, 300, 1_000)
ENOUGH = 10**9


def verdict(world, work):
    return audit_figures(world.figures, world.catalogue, world.promise, world.possible, work)


# The meter


def test_units_are_spent_until_nothing_is_left():
    work = Work(10)
    work.spend(4)
    assert (work.spent, work.left, work.exhausted) == (4, 6, False)
    work.spend(7)
    assert (work.spent, work.left, work.exhausted) == (11, 0, True)


def test_without_a_limit_nothing_is_ever_exhausted():
    work = Work()
    work.spend(10**15)
    assert not work.exhausted
    assert work.left > 10**15


def test_a_part_is_limited_and_charged_to_the_whole():
    work = Work(100)
    work.spend(90)
    for most, left in ((1_000, 10), (5, 5)):
        with work.part(most) as part:
            assert part.left == left
    with work.part(50) as part:
        part.spend(3)
    assert work.spent == 93


def test_a_part_of_no_limit_has_none():
    with Work().part(5) as part:
        assert not part.limited


def test_who_listens_learns_of_thousands_of_units_not_of_each():
    told = []
    work = Work(10**6, told.append)
    for _ in range(20_000):
        work.spend(1)
    assert told == [5_000, 10_000, 15_000, 20_000]


def test_the_listener_of_the_whole_learns_of_its_parts():
    told = []
    work = Work(10**6, told.append)
    work.spend(100)
    with work.part(10**5) as part:
        part.spend(6_000)
    assert told[0] == 6_100


def test_only_what_runs_within_is_counted():
    work = Work(10)
    with counting(work):
        meter().spend(3)
    meter().spend(100)
    assert work.spent == 3


# What is charged, and what stops


def transport(size):
    """Rows and columns of a square table with given sums, and random costs."""
    random = np.random.default_rng(5)
    people = random.integers(0, 9, (size, size))
    totals = np.concatenate([people.sum(axis=0), people.sum(axis=1)])
    each = sparse.eye_array(size, dtype=np.int64)
    ones = np.ones((1, size), dtype=np.int64)
    matrix = sparse.vstack([sparse.kron(ones, each), sparse.kron(each, ones)])
    program = Program(sparse.csc_array(matrix), totals, totals, np.full(size * size, np.inf))
    return program, random.random(size * size)


def test_a_program_is_charged_for_its_steps():
    program, costs = transport(12)
    work = Work(ENOUGH)
    with counting(work):
        assert program.minimise(costs).status == "optimal"
    small, work_small = transport(3), Work(ENOUGH)
    with counting(work_small):
        small[0].minimise(small[1])
    assert work.spent > work_small.spent > 0


def test_a_program_without_work_left_answers_that_nothing_is_known():
    program, costs = transport(12)
    with counting(Work(0)):
        assert not program.minimise(costs).found
    assert program.minimise(costs).status == "optimal"


def test_a_program_stops_in_the_middle():
    program, costs = transport(40)
    free = Work(ENOUGH)
    with counting(free):
        best = costs @ program.minimise(costs).values
    program, costs = transport(40)
    limited = Work(free.spent // 3)
    with counting(limited):
        outcome = program.minimise(costs)
    assert limited.spent < free.spent
    assert not outcome.found or costs @ outcome.values > best


def test_mending_stops():
    world = random_world(3)
    knowledge = read(world.figures, world.catalogue, world.promise, world.possible)
    table = np.full(knowledge.classes, 50)
    assert len(knowledge.broken(table))
    with counting(Work(1)):
        stopped = TableRepair(knowledge, table)
        assert not stopped.make_fit(10**4)
    assert np.count_nonzero(stopped.table != table) <= 1


# The attack: nothing invented, and nothing missed that is not reported as undecided


@cache
def enumerated(seed, inference):
    world = random_world(seed, inference)
    return world, *all_tables(world)


def check_inference(seed, budget):
    world, tables, covered = enumerated(seed, True)
    if tables is None or not len(tables):
        return "too many tables, or none"
    knowledge = read(world.figures, world.catalogue, world.promise, world.possible)
    table = TableAttack(knowledge, world.promise.inference_floor)
    with counting(Work(budget)):
        found = table.findings()
    assert not only_contradictions(found), seed
    small = covered & (tables.max(axis=0) < world.promise.inference_floor)
    disclosed = table.disclosed.ravel()
    undecided = np.zeros(knowledge.classes, dtype=bool)
    undecided[[int(classes[0]) for classes in table.open_groups]] = True
    open_ = knowledge.atoms(np.flatnonzero(undecided)).ravel()
    assert not (disclosed & ~small).any(), seed
    assert not (small & ~disclosed & ~open_).any(), seed
    assert not (disclosed & open_).any(), seed
    return "undecided" if open_.any() else "decided"


@pytest.mark.parametrize("budget", BUDGETS)
def test_what_a_budget_decides_is_right(budget):
    outcomes = Counter(check_inference(seed, budget) for seed in range(120))
    assert outcomes["undecided" if budget == 1 else "decided"] > 10, outcomes


def check_exact(seed, budget):
    world, tables, covered = enumerated(seed, False)
    if tables is None or not len(tables):
        return "too many tables, or none"
    found = verdict(world, budget)
    if any(finding.kind in ("rule", "contradiction") for finding in found.findings):
        return "broken rule"
    segments, atoms = determined(world, tables, covered)
    told = {id_ for f in found.findings for id_ in f.segments} - published(world)
    assert told <= segments, seed
    if found.undecided:
        return "undecided"
    assert bool(found.findings) == bool(segments or atoms), seed
    return "decided"


@pytest.mark.parametrize("budget", BUDGETS)
def test_what_a_budget_solves_is_right(budget):
    outcomes = Counter(check_exact(seed, budget) for seed in range(120))
    assert outcomes["undecided" if budget == 1 else "decided"] > 10, outcomes


@pytest.mark.alternate("second opinion")
def test_budgets_decide_more_and_more():
    open_ = [sum(verdict(random_world(s), work).undecided.groups for s in range(60))
             for work in (1, 200, ENOUGH)]  # fmt: skip
    assert open_[0] > open_[1] > open_[2] == 0


# The verdict


@pytest.mark.alternate("second opinion")
def test_with_work_enough_the_verdict_is_that_of_the_attack():
    for seed in range(60):
        world = random_world(seed, inference=seed % 2 == 0)
        found = verdict(world, ENOUGH)
        assert found.decided
        everything = attack(world.figures, world.catalogue, world.promise, world.possible)
        assert found.findings == everything


@pytest.mark.alternate("second opinion")
def test_the_same_budget_gives_the_same_verdict():
    for seed in range(30):
        for budget in BUDGETS:
            assert verdict(random_world(seed), budget) == verdict(random_world(seed), budget)


def test_little_is_spent_beyond_the_budget():
    assert all(verdict(random_world(seed), 1).work < 300 for seed in range(60))


def undecided_world():
    """A random world of which a budget of 1 leaves something open."""
    return next(w for w in map(random_world, range(200)) if verdict(w, 1).undecided.groups > 5)


def test_what_is_left_open_is_counted_and_named():
    world = undecided_world()
    left = verdict(world, 1).undecided
    assert not verdict(world, 1).decided
    assert left.cells >= left.groups > len(left.first) == 5
    names = {world.catalogue.name(row).english for row in range(len(membership(world.catalogue)))}
    assert names & set(left.first)


def test_figures_that_break_the_rules_take_no_work():
    world = random_world(0)
    broken = figures_of(world.catalogue, {world.catalogue.id(0): -7})
    found = audit_figures(broken, world.catalogue, world.promise, world.possible, 1)
    assert [finding.kind for finding in found.findings] == ["rule"]
    assert (found.work, found.decided) == (0, True)
