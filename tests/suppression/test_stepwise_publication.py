"""Exact figures one by one: at every step every aim has a table that fits and reaches it.

Tables are judged here with plain sums over plain lists: nothing of the product but the numbers
that it hands out.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rationals import dot, spans
from rotation import examples
from small_tables import (
    EFFORT,
    KEY,
    SECRET,
    counted,
    dimension,
    full_catalogue,
    ground_of,
    judged_alone,
    promise,
    true_classes,
    true_problem,
)

from anonymizer.feasible.totals import segment_totals
from anonymizer.feasible.work import Work
from anonymizer.model.policy import Effort
from anonymizer.model.tables import Figures
from anonymizer.suppression import stepwise_publication as module
from anonymizer.suppression.column_witnesses import ExactTarget
from anonymizer.suppression.constraints import constraints
from anonymizer.suppression.exact_figures import publish_exactly
from anonymizer.suppression.single_table import suppress_alone
from anonymizer.suppression.stepwise_publication import StepwisePublication
from anonymizer.suppression.targets import another_count, enough_people

PLENTY = 10**6


@st.composite
def worlds(draw):
    """What classes may lose, rows to publish one after the other, and aims, at least one."""
    width = draw(st.integers(2, 9))
    spare = draw(st.lists(st.integers(0, 5), min_size=width, max_size=width))
    classes = st.sets(st.integers(0, width - 1), min_size=1).map(sorted)
    rows = draw(st.lists(classes, min_size=1, max_size=12))
    singles = st.integers(0, width - 1).map(lambda position: [position])
    targets = st.builds(
        lambda members, more: ExactTarget(tuple(members), more),
        singles | classes,
        st.integers(0, 4),
    )
    return spare, rows, draw(st.lists(targets, min_size=1, max_size=6))


def crossed(random, shape, most):
    """The same for a table with all its margins, where most rows hang together."""
    spare = random.integers(0, most + 1, size=shape)
    numbers = np.arange(spare.size).reshape(shape)
    rows = []
    for fixed in np.ndindex(*(size + 1 for size in shape)):
        index = tuple(slice(None) if f == 0 else f - 1 for f in fixed)
        rows.append(sorted(np.atleast_1d(numbers[index]).ravel().tolist()))
    random.shuffle(rows)
    targets = [
        ExactTarget((position,), int(random.integers(0, 4))) for position in range(spare.size)
    ]
    return spare.ravel().tolist(), rows, targets


def indicator(classes, width):
    return [int(position in classes) for position in range(width)]


def wrong(witness, spare, published, target):
    """What speaks against a move as the witness of an aim: nothing, if it is one."""
    width = len(spare)
    vector = [witness.get(position, 0) for position in range(width)]
    change = dot(vector, indicator(target.classes, width))
    reached = change >= target.more if target.more else change != 0
    return [
        *(f"class {n} has too few" for n in range(width) if spare[n] + vector[n] < 0),
        *(f"row {row} changes" for row in published if dot(vector, indicator(row, width))),
        *([] if reached else ["the aim is not reached"]),
    ]


def publish_and_check(stepwise, spare, rows, targets):
    """Which rows are published; every witness is checked after every row."""
    published, outcome = [], []
    for number, row in enumerate(rows):
        outcome.append(stepwise.publish(number))
        if outcome[-1]:
            published.append(row)
        for target, wanted in enumerate(targets):
            assert wrong(stepwise.witness(target), spare, published, wanted) == []
    return outcome


@settings(max_examples=examples(200), deadline=None)
@given(worlds())
def test_every_aim_is_within_reach_at_every_step(world):
    spare, rows, targets = world
    budget = Work(PLENTY)
    outcome = publish_and_check(
        StepwisePublication(spare, rows, targets, budget), spare, rows, targets
    )
    again = StepwisePublication(spare, rows, targets, budget)
    assert [again.publish(number) for number in range(len(rows))] == outcome


@pytest.mark.parametrize("shape", [(3, 4), (4, 5), (2, 3, 3), (3, 3, 3)])
def test_every_aim_is_within_reach_in_a_table_with_its_margins(shape):
    random = np.random.default_rng(sum(shape))
    for _ in range(20):
        spare, rows, targets = crossed(random, shape, most=4)
        stepwise = StepwisePublication(spare, rows, targets, Work(PLENTY))
        outcome = publish_and_check(stepwise, spare, rows, targets)
        assert any(outcome)
        assert not all(outcome)


@pytest.mark.parametrize("width", [12, 14, 16])
def test_every_aim_is_within_reach_where_columns_are_multiplied_and_divided(width):
    """Rows of half of the classes at random, as no table has them: in many, columns come up
    that have a common divisor, some of them witnesses of several people more."""
    random = np.random.default_rng(width)
    for _ in range(100):
        spare = random.integers(0, 60, size=width).tolist()
        sizes = random.integers(2, width * 2 // 3, size=width)
        rows = [sorted(random.choice(width, size=n, replace=False).tolist()) for n in sizes]
        targets = [
            ExactTarget((int(random.integers(width)),), int(random.integers(12))) for _ in range(3)
        ]
        publish_and_check(
            StepwisePublication(spare, rows, targets, Work(PLENTY)), spare, rows, targets
        )


@settings(max_examples=examples(100), deadline=None)
@given(worlds(), st.integers(0, 12))
def test_stopping_early_is_safe_and_suppresses_all_that_follows(world, steps):
    spare, rows, targets = world
    early = publish_and_check(
        StepwisePublication(spare, rows, targets, Work(steps)), spare, rows, targets
    )
    whole = StepwisePublication(spare, rows, targets, Work(PLENTY))
    complete = [whole.publish(number) for number in range(len(rows))]
    same = next((n for n in range(len(rows)) if early[n] != complete[n]), len(rows))
    assert not any(early[same:])


@settings(max_examples=examples(100), deadline=None)
@given(worlds())
def test_a_row_given_up_as_hopeless_would_determine_an_aim(world):
    """Given up at the first pivot: published, the row would make an aim's sum known."""
    spare, rows, targets = world
    width = len(spare)
    published, given_up = [], []

    def judged(one, other):
        given_up.append(honest(one, other))
        return given_up[-1]

    honest = module.proportional
    stepwise = StepwisePublication(spare, rows, targets, Work(PLENTY))
    for number, row in enumerate(rows):
        given_up.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "proportional", judged)
            done = stepwise.publish(number)
        before = [indicator(p, width) for p in published]
        determined = any(
            spans([*before, indicator(row, width)], indicator(target.classes, width))
            for target in targets
        )
        if any(given_up):
            assert not done
            assert determined
        if determined:
            assert not done
        if done:
            published.append(row)


def test_a_row_that_tells_nothing_new_is_published_without_effort():
    """The third row is the sum of the first two: everybody can add."""
    budget = Work(PLENTY)
    stepwise = StepwisePublication(
        [3, 3, 3, 3], [[0, 1], [2, 3], [0, 1, 2, 3]], [ExactTarget((0,), 1)], budget
    )
    assert stepwise.publish(0)
    assert stepwise.publish(1)
    left = budget.left
    assert stepwise.publish(2)
    assert budget.left == left


def test_people_are_whole_and_not_below_zero():
    """Three empty classes that add up to a published zero are known to be empty, though no
    equation says so of any of them; a fourth with people in it leaves them open."""
    targets = [ExactTarget((position,), 1) for position in range(3)]
    assert not StepwisePublication([0, 0, 0], [[0, 1, 2]], targets, Work(PLENTY)).publish(0)
    assert StepwisePublication([0, 0, 0, 2], [[0, 1, 2, 3]], targets, Work(PLENTY)).publish(0)


def test_as_many_more_as_are_wanted_or_none():
    """The neighbour has 3 to give: an aim for 3 more lets the sum be published, one for 4 not."""
    for more, published in ((3, True), (4, False)):
        stepwise = StepwisePublication([1, 3], [[0, 1]], [ExactTarget((0,), more)], Work(PLENTY))
        assert stepwise.publish(0) is published


WEST = dimension("region", ["w1", "w2", "e1", "e2"], {"west": ["w1", "w2"], "metro": ["w2", "e1"]})
REGIONS = full_catalogue(WEST, dimension("age", ["a", "b", "c"], {}))


@pytest.mark.parametrize("inference_k", [0, 3])
@pytest.mark.parametrize("occupied", [False, True])
def test_each_proof_of_published_rows_is_a_table_with_their_figures(inference_k, occupied):
    """What `publish_exactly` hands over, read as tables of people, one by one."""
    random = np.random.default_rng(11)
    rules = promise(3, inference_k, 1)
    for _ in range(10):
        people = random.integers(0, 6, size=REGIONS.shape)
        table = counted(people, possible=people > 0 if occupied else None, occupied=occupied)
        totals = segment_totals(REGIONS, table.people)
        shown = np.flatnonzero(totals >= rules.k).astype(np.int32)
        figures = judged_alone(Figures(KEY, shown, totals[shown]), rules)
        known = constraints(ground_of(table, REGIONS), figures)
        truth, problem = true_classes(known, table), true_problem(known, table)
        if inference_k:
            targets = enough_people(known, problem.start, inference_k)
        else:
            targets = another_count(known, problem.start, REGIONS)
        rows = range(len(known.lower))
        published, proofs = publish_exactly(problem, targets, rows, Work(PLENTY))
        matrix, least = known.matrix.toarray(), known.sizes if occupied else 0 * truth
        for number, target in enumerate(targets):
            if target.row is not None and published[target.row]:
                continue
            moves = proofs[number]
            full = truth.copy()
            full[moves.classes] += moves.people
            assert (full >= least).all()
            assert (matrix @ full == matrix @ truth)[published].all()
            changes = [
                (int((full - truth)[g.classes].sum()), g.change) for g in target.requirements
            ]
            assert any(c >= g if g > 0 else c <= g for c, g in changes)


@pytest.mark.alternate("equal bytes")
def test_figures_depend_on_the_input_alone():
    """In any process, with any seed of the hashes; and after other tables in the same process."""
    script = (
        "import hashlib, sys\n"
        "from test_stepwise_publication import published\n"
        "tables = {number: published(number) for number in map(int, sys.argv[1])}\n"
        "print(hashlib.sha256(b''.join(tables[n] for n in range(3))).hexdigest())\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script, order],
            cwd=Path(__file__).parent,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, order in (("1", "012"), ("2", "210"))
    }
    assert len(runs) == 1


def published(seed):
    """The figures of a table of 1,200 people on 14 regions in three areas and 8 ages, as bytes."""
    codes = [f"r{n}" for n in range(14)]
    areas = {"north": codes[:5], "south": codes[5:], "coast": codes[3:9]}
    ages = dimension("age", [f"a{n}" for n in range(8)], {})
    catalogue = full_catalogue(dimension("region", codes, areas), ages)
    random = np.random.default_rng(seed)
    weights = np.multiply.outer(1 / np.arange(1, 15), 1 / np.arange(1, 9)).ravel()
    people = random.multinomial(1_200, weights / weights.sum()).reshape(14, 8)
    inference_k = (0, 5, 10)[seed % 3]
    done = suppress_alone(counted(people), catalogue, promise(10, inference_k, 1), SECRET, EFFORT)
    assert done.for_inference
    return done.figures.segments.tobytes() + done.figures.people.tobytes()


def test_with_little_memory_less_is_published_and_all_of_it_proved():
    """About 40 numbers: the 36 cells alone are as many, so the limit is met on the way."""
    position = dimension("place", [f"p{n}" for n in range(6)], {"north": ["p0", "p1", "p2"]})
    catalogue = full_catalogue(position, dimension("age", [f"a{n}" for n in range(6)], {}))
    table = counted(np.random.default_rng(5).integers(0, 40, size=(6, 6)))
    rules = promise(10, 0, 1)
    sizes = []
    for megabytes in (0.010, 0.013, 1):
        effort = Effort.model_construct(memory_megabytes=megabytes)
        done = suppress_alone(table, catalogue, rules, SECRET, effort)
        sizes.append(len(done.figures.segments))
    assert sizes[0] <= sizes[1] < sizes[2]
