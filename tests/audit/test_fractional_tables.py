"""Tables in which people are divided, and ranges that single figures prove."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog
from small_worlds import (
    all_tables,
    bounds_of,
    catalogue_of,
    dimension,
    everywhere,
    figures_of,
    is_sum_of_figures,
    membership,
    promise,
    random_world,
)

from anonymizer.audit import attack_limits, table_audit
from anonymizer.audit.intruder import Intruder, TableRules
from anonymizer.audit.knowledge import read
from anonymizer.audit.published_file import PublishedTable
from anonymizer.audit.table_audit import Questions, audit
from anonymizer.feasible.bounds import Bounds
from anonymizer.feasible.fractional_tables import FractionalTables, SoughtBounds
from anonymizer.feasible.ranges import proved_ranges

CLOSE = 1e-5
SEEDS = st.integers(0, 2**20)
UNHURRIED = settings(deadline=None)


def known_of(world):
    return read(world.figures, world.catalogue, world.promise, world.possible)


def programs(world):
    """The figures as a linear program over the atoms that they cover, and these atoms."""
    inside = membership(world.catalogue)[world.figures.segments] * world.possible.ravel()
    low, high = bounds_of(world)
    atoms = np.flatnonzero(inside.any(axis=0))
    rows = inside[:, atoms]
    return {"A_ub": np.vstack([rows, -rows]), "b_ub": np.concatenate([high, -low])}, atoms


def most(program, weights):
    """The most weighted people in a table of parts of people; None if no table fits."""
    found = linprog(-np.asarray(weights, dtype=float), **program)
    return None if found.status == 2 else -found.fun


def fits(knowledge, table):
    people = knowledge.members @ table
    return (
        (table >= 0).all()
        and (people >= knowledge.lowest - CLOSE).all()
        and (people <= knowledge.highest + CLOSE).all()
    )


@pytest.mark.alternate("second opinion")
@UNHURRIED
@given(SEEDS)
def test_the_middle_fits_and_leaves_nobody_out_who_can_be_there(seed):
    world = random_world(seed)
    if not len(world.figures.segments):
        return
    knowledge, (program, atoms) = known_of(world), programs(world)
    middle = FractionalTables(knowledge).middle
    if most(program, np.zeros(len(atoms))) is None:
        assert middle is None
        return
    assert fits(knowledge, middle)
    for chosen in np.flatnonzero(knowledge.covered):
        inside = (knowledge.class_of.ravel() == chosen)[atoms]
        if most(program, inside) > CLOSE:
            assert middle[chosen] > 0


def test_figures_of_nothing_have_a_middle():
    world = random_world(1)
    world.figures = type(world.figures)(
        world.figures.key, world.figures.segments[:0], world.figures.people[:0]
    )
    assert FractionalTables(known_of(world)).middle is not None


def some_wishes(seed):
    """A random world; class, goal and sense of each wish, none if no table fits."""
    world, random = random_world(seed), np.random.default_rng(seed)
    knowledge = known_of(world)
    if not len(world.figures.segments):
        return knowledge, [], None
    program, atoms = programs(world)
    if most(program, np.zeros(len(atoms))) is None:
        return knowledge, [], None
    wanted = [
        (chosen, float(random.integers(0, 6)), bool(random.random() < 0.5))
        for chosen in np.flatnonzero(knowledge.covered).tolist()
    ]

    def beyond(chosen, requirement, up):
        """The most people on the right side of the goal; none below 0."""
        sign = 1 if up else -1
        return (
            most(program, sign * (knowledge.class_of.ravel() == chosen)[atoms]) - sign * requirement
        )

    return knowledge, wanted, beyond


def as_wishes(knowledge, wanted):
    chosen, requirements, up = map(np.array, zip(*wanted, strict=True)) if wanted else ((), (), ())
    each = sparse.csr_array(sparse.eye_array(knowledge.classes, dtype=np.int64))
    return SoughtBounds(each[list(chosen)], np.array(requirements), np.array(up, dtype=bool))


def fulfilled(table, chosen, requirement, up):
    return table[chosen] >= requirement - CLOSE if up else table[chosen] <= requirement + CLOSE


@pytest.mark.alternate("second opinion")
@UNHURRIED
@given(SEEDS)
@example(7078)  # the interior point ends too far from the figures
def test_what_can_be_is_fulfilled_where_it_is_wished_alone(seed):
    knowledge, wanted, beyond = some_wishes(seed)
    for wish in wanted:
        asked = as_wishes(knowledge, [wish])
        table = next(FractionalTables(knowledge).towards(lambda asked=asked: asked))
        assert fits(knowledge, table)
        if abs(people := beyond(*wish)) > CLOSE:
            assert fulfilled(table, *wish) == (people > 0)


@pytest.mark.alternate("second opinion")
@UNHURRIED
@given(SEEDS)
def test_tables_come_as_long_as_they_fulfil_wishes(seed):
    knowledge, wanted, beyond = some_wishes(seed)
    left, asked = list(wanted), []

    def sought():
        asked.append(len(left))
        return as_wishes(knowledge, left)

    for table in FractionalTables(knowledge).towards(sought):
        assert fits(knowledge, table)
        left = [wish for wish in left if not fulfilled(table, *wish)]
    assert all(fewer < before for before, fewer in itertools.pairwise(asked[:-1]))
    assert all(beyond(*wish) > -CLOSE for wish in wanted if wish not in left)


@pytest.mark.alternate("second opinion")
@UNHURRIED
@given(SEEDS)
def test_ranges_hold_every_table_that_fits(seed):
    world = random_world(seed)
    tables, _ = all_tables(world)
    if tables is None or not len(tables) or not len(world.figures.segments):
        return
    knowledge = known_of(world)
    fewest, greatest = proved_ranges(knowledge)
    for chosen in np.flatnonzero(knowledge.covered):
        people = tables @ (knowledge.class_of.ravel() == chosen)
        assert fewest[chosen] <= people.min()
        assert people.max() <= greatest[chosen]


def test_ranges_go_from_figure_to_figure():
    """One figure settles a part, and with it what the next one leaves."""
    catalogue = catalogue_of([dimension("d", ["a", "b", "c"], [("ab", (0, 1)), ("bc", (1, 2))])])
    figures = figures_of(catalogue, {"all": 30, "ab": 29, "bc": 5})
    knowledge = read(figures, catalogue, promise(), everywhere(catalogue))
    fewest, greatest = proved_ranges(knowledge)
    people = dict(zip("abc", zip(fewest, greatest, strict=True), strict=True))
    of = {leaf: people["abc"[knowledge.class_of[position]]] for position, leaf in enumerate("abc")}
    assert of == {"a": (25, 25), "b": (4, 4), "c": (1, 1)}


def ranges_of(figures, groups, leaves):
    """Of each leaf that some figure tells apart, by the leaf."""
    catalogue = catalogue_of([dimension("d", leaves, groups)])
    knowledge = read(figures_of(catalogue, figures), catalogue, promise(k=1), everywhere(catalogue))
    fewest, greatest = proved_ranges(knowledge)
    return fewest[knowledge.class_of], greatest[knowledge.class_of]


def test_ranges_of_large_figures_are_proved_too():
    large = 2 * 10**12
    fewest, greatest = ranges_of(
        {"ab": large, "bc": large - 5}, [("ab", (0, 1)), ("bc", (1, 2))], ["a", "b", "c"]
    )
    assert fewest.tolist() == [5, 0, 0]
    assert greatest.tolist() == [large, large - 5, large - 5]


def test_ranges_stop_where_no_whole_people_fit():
    figures = {"ab": 3, "abcdf": 8, "acde": 9, "bef": 4}
    groups = [(name, tuple(map("abcdef".index, name))) for name in figures]
    fewest, greatest = ranges_of(figures, groups, list("abcdef"))
    assert (fewest > greatest).any()
    assert np.abs([fewest, greatest]).max() < 100


def intruder(world, inference_k):
    """The same table as a file would give it, with exact figures."""
    published = world.figures.segments
    withheld = np.setdiff1d(np.arange(len(world.catalogue)), published).astype(np.int32)
    nothing = np.zeros(0, dtype=np.int64)
    table = PublishedTable(
        "table", world.catalogue, published, world.figures.people, withheld,
        nothing.astype(np.int32), nothing,
    )  # fmt: skip
    return Intruder(table, TableRules(inference_k))


def exact_world(seed):
    """Figures of all atoms, none rounded."""
    world = random_world(seed)
    world.possible = np.ones(world.catalogue.shape, dtype=bool)
    world.promise = type(world.promise).model_construct(k=1, inference_k=2, rounding=1, k_jitter=0)
    return world


def taken_to_be_large(world, inference_k):
    """What is found with parts of people alone; None where the figures contradict each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attack_limits, "MOST_WHOLE", 0)
        done = audit(intruder(world, inference_k), Questions())
    kinds = {finding.kind for finding in done.findings}
    return None if kinds & {"contradiction", "rule"} else done


@pytest.mark.alternate("second opinion")
@UNHURRIED
@given(SEEDS)
def test_a_large_table_gives_away_what_parts_of_people_do(seed):
    world = exact_world(seed)
    done = taken_to_be_large(world, 2)
    if done is None or not len(world.figures.segments):
        return
    program, atoms = programs(world)
    each = np.eye(len(atoms), dtype=bool)
    small = [most(program, one) < 2 - CLOSE for one in each]
    assert done.disclosed.ravel()[atoms].tolist() == small
    assert done.withstood == (not any(small))


@pytest.mark.slow
@UNHURRIED
@example(624)  # of a class of several cells that is a segment
@given(SEEDS)
def test_a_large_table_solves_what_parts_of_people_cannot_change(seed):
    world = exact_world(seed)
    done = taken_to_be_large(world, 0)
    if done is None or not len(world.figures.segments):
        return
    program, atoms = programs(world)
    solved = {name for finding in done.findings for name in finding.segments}
    inside = membership(world.catalogue)
    for segment in np.setdiff1d(np.arange(len(inside)), world.figures.segments).tolist():
        name, weights = world.catalogue.id(segment), inside[segment][atoms]
        if inside[segment].sum() > weights.sum():
            assert name not in solved
            continue
        least, greatest = -most(program, -weights), most(program, weights)
        people = math.floor(greatest + CLOSE)
        if people > math.ceil(least - CLOSE):
            assert name not in solved
        elif people and people == math.ceil(least - CLOSE):
            # What follows from another finding is not told again.
            assert not done.withstood or is_sum_of_figures(world, inside[segment])


def test_what_is_neither_settled_nor_open_is_told():
    """Without proofs nothing is settled; nor is what no two tables tell apart taken to be open."""
    world = exact_world(624)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bounds, "_proofs", lambda *_: iter(()))
        patch.setattr(table_audit, "plain_contradictions", lambda *_: ())
        done = taken_to_be_large(world, 0)
    assert not done.findings
    assert done.undecided
    assert done.outcome == "undecided"
