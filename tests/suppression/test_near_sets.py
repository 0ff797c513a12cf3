"""Promise 8: no pair of near groups is missed, and each group follows whom it has to.

Everything is compared with exact sets of people (`exact_sets.py`), pair by pair.
"""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exact_sets import (
    SHAPES,
    PlainJudge,
    Released,
    differing,
    groups_of,
    set_families,
    shape_for,
    sketches_of,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rotation import examples
from small_tables import SECRET, Person, catalogues, promise, table_of

from anonymizer.model.errors import Held
from anonymizer.model.proofs import NO_ONE, SUPPRESSED, Shape
from anonymizer.storage.secret import Secret
from anonymizer.suppression.groups import folded, judged_groups, shape_of
from anonymizer.suppression.judgement import PairSteps, judge, representatives
from anonymizer.suppression.near_pairs import near_pairs
from anonymizer.suppression.representatives import read_representatives, write_representatives

patient = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# Largest steps of 12, 16, 17, 64, 65 and 90 people: two of each shape.
PROMISES = [
    promise(k=80, inference_k=inference, rounding=10, near_jitter=jitter)
    for inference, jitter in ((10, 2), (0, 6), (12, 5), (60, 4), (60, 5), (80, 10))
]


# Pairs


@pytest.mark.parametrize("shape", SHAPES)
def test_a_pair_that_agrees_in_any_one_block_is_found(shape):
    """One person in each block, and the set of each of these persons alone."""
    width = shape.buckets // shape.blocks
    people = [Person(n, n * width, 2**40 + n) for n in range(shape.blocks)]
    whole, single = ([frozenset(people)], [frozenset({person}) for person in people])
    pairs = near_pairs(sketches_of(whole, shape), sketches_of(single, shape), shape.blocks - 1, 0)
    assert pairs.right.tolist() == list(range(shape.blocks))


@pytest.mark.parametrize(
    ("sizes", "found"), [((2, 2), True), ((1, 2), True), ((2, 1), True), ((1, 1), False)]
)
def test_groups_that_share_nobody_are_near_where_most_blocks_are_empty(sizes, found):
    """Of two people at least, which one of both has to have."""
    people = [Person(n, 9 * n, 2**40 + n) for n in range(4)]
    one, other = (
        frozenset(people[begin : begin + size]) for begin, size in zip((0, 2), sizes, strict=True)
    )
    pairs = near_pairs(sketches_of([one], SHAPES[0]), sketches_of([other], SHAPES[0]), 4, 2)
    assert bool(len(pairs.left)) is found


@patient
@given(set_families(10, awkward=True), set_families(5, awkward=True), st.data())
def test_no_pair_that_differs_by_few_people_is_missed(left, right, data):
    """Whatever numbers people have, and also where nobody is in what two groups agree in."""
    shape = data.draw(st.sampled_from(SHAPES))
    most = data.draw(st.integers(0, min(shape.blocks, 40) - 1))
    for other in (left, right):
        pairs = near_pairs(sketches_of(left, shape), sketches_of(other, shape), most, 0)
        found = set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
        for a, one in enumerate(left):
            for b, two in enumerate(other):
                assert len(one ^ two) > most or (a, b) in found


@patient
@given(set_families(14), st.data())
def test_pairs_are_those_that_differ_in_few_buckets_and_in_size_by_few(sets, data):
    shape = data.draw(st.sampled_from(SHAPES))
    most = data.draw(st.integers(0, min(shape.blocks, 40) - 1))
    pairs = near_pairs(sketches_of(sets, shape), sketches_of(sets, shape), most, 0)
    every = [
        (a, b, differing(one, other, shape))
        for a, one in enumerate(sets)
        for b, other in enumerate(sets)
    ]
    found = zip(pairs.left.tolist(), pairs.right.tolist(), pairs.differing.tolist(), strict=True)
    assert list(found) == [pair for pair in every if pair[2] <= most]


@pytest.mark.slow
def test_sets_that_differ_by_20_people_are_hardly_ever_taken_to_be_near():
    """Groups of 200 people and the smallest shape, 300 pairs."""
    random, most = np.random.default_rng(3), 11
    shape = shape_for(PROMISES[0])
    taken_to_be_near = 0
    for _ in range(300):
        buckets, numbers = random.integers(0, 256, 220), random.integers(0, 2**63, 220)
        people = [Person(n, int(buckets[n]), int(numbers[n])) for n in range(220)]
        pair = [frozenset(people[:200]), frozenset(people[10:210])]
        sketches = sketches_of(pair, shape)
        taken_to_be_near += len(near_pairs(sketches, sketches, most, 0).left) > 2
    assert taken_to_be_near <= 3


def test_a_step_that_the_blocks_do_not_cover_is_refused():
    sketches = sketches_of([frozenset()], SHAPES[0])
    with pytest.raises(ValueError, match="blocks"):
        near_pairs(sketches, sketches, SHAPES[0].blocks, 0)
    with pytest.raises(ValueError, match="shapes"):
        near_pairs(sketches, sketches_of([frozenset()], SHAPES[1]), 3, 0)


# Sketches


@patient
@given(st.data())
def test_sketches_of_groups_are_those_of_their_people(data):
    catalogue = data.draw(catalogues())
    size = int(np.prod(catalogue.shape))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    people = [
        Person(int(random.integers(size)), int(random.integers(256)), number)
        for number in random.integers(0, 2**63, data.draw(st.integers(0, 60))).tolist()
        # The lower half of some sums is nothing: their key is not that of a block without people.
        + (random.integers(1, 2**30, data.draw(st.integers(0, 3))) << 32).tolist()
    ]
    rules = data.draw(st.sampled_from(PROMISES)).model_copy(update={"k": 4})
    groups = judged_groups(table_of(people, catalogue.shape), catalogue, rules)
    inside = [
        frozenset(person for person in people if _in_segment(catalogue, segment, person))
        for segment in groups.segments.tolist()
    ]
    expected = groups_of(inside, shape_for(rules))
    assert groups.people.tolist() == expected.people.tolist()
    assert groups.totals.tolist() == expected.totals.tolist()
    assert _same(groups.sketches, expected.sketches)
    fewest = max(rules.k - rules.step - rules.near_jitter + 1, 1)
    sizes = [
        sum(_in_segment(catalogue, segment, person) for person in people)
        for segment in range(len(catalogue))
    ]
    judged = [segment for segment, count in enumerate(sizes) if count >= fewest]
    assert groups.segments.tolist() == judged


def _in_segment(catalogue, segment, person):
    position = np.unravel_index(person.cell, catalogue.shape)
    groups = zip(position, catalogue.groups(segment), strict=True)
    return all(leaf in group.leaves for leaf, group in groups)


def _same(one, other):
    return (
        one.shape == other.shape
        and np.array_equal(one.people, other.people)
        and np.array_equal(one.fine, other.fine)
        and np.array_equal(one.keys, other.keys)
    )


@pytest.mark.parametrize(
    ("largest_step", "shape"),
    [(12, (64, 16)), (16, (64, 16)), (17, (256, 64)), (64, (256, 64)), (65, (256, 256))],
)
def test_the_smallest_shape_with_a_block_for_each_person_of_the_step(largest_step, shape):
    rules = promise(k=80, inference_k=10, rounding=10, near_jitter=largest_step - 10)
    assert shape_of(rules) == Shape(*shape)


@patient
@given(set_families(5), st.data())
def test_folded_sketches_are_those_of_the_smaller_shape(sets, data):
    position = data.draw(st.integers(0, 2))
    large, small = SHAPES[position], SHAPES[data.draw(st.integers(0, position))]
    assert _same(folded(sketches_of(sets, large), small), sketches_of(sets, small))


# Judging


def _judged_by_product(tables, history, rules, secret=SECRET):
    names = [name for name, _ in tables]
    groups = [groups_of(sets, shape_for(rules)) for _, sets in tables]
    return judge(names, groups, history, PairSteps(rules, secret), rules)


def _followed(judged):
    return [
        list(
            zip(
                table.earlier.tolist(),
                table.leader_table.tolist(),
                table.leader.tolist(),
                strict=True,
            )
        )
        for table in judged
    ]


@st.composite
def releases(draw):
    """Up to three releases of up to three tables each, of sets that one population has."""
    sets = draw(set_families(16, least_sets=1))
    made = []
    for number in range(draw(st.integers(1, 3))):
        count = draw(st.integers(1, 3))
        tables = [
            (f"campaign c{table} day {number}", draw(st.lists(st.sampled_from(sets), max_size=8)))
            for table in range(count)
        ]
        made.append((draw(st.sampled_from(PROMISES)), tables))
    return made


@patient
@given(releases(), st.data())
def test_each_group_follows_the_earliest_near_one_that_was_judged_on_its_own(made, data):
    """Tables and releases in their order, with steps and shapes that change from one to the next.

    Each state is written and read back, before the next release is judged against it.
    """
    plain_history, history = [], []
    for rules, tables in made:
        expected = PlainJudge(rules, SECRET).judge(tables, plain_history)
        judged = _judged_by_product(tables, history, rules)
        assert _followed(judged) == expected
        outcomes = [
            [data.draw(st.sampled_from([SUPPRESSED, 50, 60, 70])) for _ in of_table]
            for of_table in expected
        ]
        plain_history.append(_plain_release(rules, tables, expected, outcomes))
        arrays = [np.array(of_table, dtype=np.int64) for of_table in outcomes]
        state = representatives([name for name, _ in tables], judged, arrays, rules)
        history.append(_written_and_read(state))
        assert history[-1].figures.tolist() == [o for _, _, o in plain_history[-1].alone]


def _plain_release(rules, tables, followed, outcomes):
    alone = tuple(
        (name, people, outcome)
        for (name, sets), of_table, results in zip(tables, followed, outcomes, strict=True)
        for people, whom, outcome in zip(sets, of_table, results, strict=True)
        if whom == (NO_ONE, -1, -1)
    )
    return Released(rules, alone)


def _written_and_read(state):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "near.parquet"
        write_representatives(state, path)
        read = read_representatives(path)
        once = path.read_bytes()
        write_representatives(read, path)
        assert path.read_bytes() == once
    assert (read.tables, read.step) == (state.tables, state.step)
    assert _same(read.sketches, state.sketches)
    assert np.array_equal(read.table, state.table)
    assert np.array_equal(read.figures, state.figures)
    return read


def test_the_step_is_drawn_once_for_each_pair_of_tables():
    """In either order, evenly, other than with another secret, and never below the promise's."""
    rules = promise(k=50, inference_k=10, rounding=10, near_jitter=2)
    names = [f"campaign c{number} 2026-11-22" for number in range(60)]
    steps, others = PairSteps(rules, SECRET), PairSteps(rules, Secret(bytes(32)))
    drawn = {(a, b): steps.between(a, b, 10) for a in names for b in names}
    assert all(drawn[a, b] == drawn[b, a] for a, b in drawn)
    counts = np.bincount(list(drawn.values()), minlength=13)
    assert counts[:10].sum() == 0
    assert (counts[10:] > 1_000).all()
    assert counts.sum() == counts[10:13].sum() == 3_600
    assert any(others.between(a, b, 10) != drawn[a, b] for a, b in drawn)
    assert steps.most == 12


def _chain(*sizes):
    """Sets of which each has the people of the one before, and more, in buckets of their own."""
    people = [Person(n, n % 256, 2**40 + n) for n in range(max(sizes))]
    return [frozenset(people[:size]) for size in sizes]


def test_the_third_of_a_chain_is_judged_against_the_first_alone():
    """60, 66, 72 people with a step of 10: the second follows the first, the third does not,
    though it is near to the second; the fourth follows the third."""
    rules = promise(k=50, inference_k=10, rounding=10)
    judged = _judged_by_product([("a", _chain(60, 66, 72, 78))], (), rules)
    assert judged[0].leader.tolist() == [-1, 0, -1, 2]
    assert judged[0].alone.tolist() == [True, False, True, False]


def test_nine_people_are_near_and_ten_are_far():
    rules = promise(k=50, inference_k=10, rounding=10)
    judged = _judged_by_product([("a", _chain(60, 69)), ("b", _chain(70))], (), rules)
    assert _followed(judged) == [[(NO_ONE, -1, -1), (NO_ONE, 0, 0)], [(NO_ONE, -1, -1)]]


def test_a_release_that_nothing_was_judged_in_is_written_and_read():
    rules = PROMISES[0]
    state = representatives([], [], [], rules)
    assert len(_written_and_read(state)) == 0


def test_a_state_of_another_format_is_refused(tmp_path):
    for name, metadata in (("none", None), ("other", {"near": '{"format": 99}'})):
        path = tmp_path / f"{name}.parquet"
        table = pa.table({"people": pa.array([1])}).replace_schema_metadata(metadata)
        pq.write_table(table, path)
        with pytest.raises(Held, match="near_state"):
            read_representatives(path)
