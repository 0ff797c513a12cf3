"""What promise 8 tells a reader is in the proof: read by somebody who tries every table that fits.

The reader of these tests knows more than any reader has: which segments were candidates, which of
them were judged on their own and whom the others follow.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rotation import examples
from scipy import sparse
from small_tables import (
    EFFORT,
    KEY,
    SECRET,
    Judgement,
    Reader,
    catalogues,
    counted,
    dimension,
    ground_of,
    judged_alone,
    promise,
    tables,
)

from anonymizer.model.policy import Effort
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Figures
from anonymizer.suppression.constraints import Candidates, Ground
from anonymizer.suppression.differences import RowOrder, StepBounds, known_differences
from anonymizer.suppression.groups import judged_groups
from anonymizer.suppression.rounding import possible_counts, rounded
from anonymizer.suppression.suppression import SuppressionRules, suppress

# k, inference_k, rounding and the largest jitter of the step.
RULES = [
    promise(k, inference_k, rounding, near_jitter=jitter)
    for k, inference_k, rounding, jitter in (
        *((3, 2, 2, 0), (4, 3, 2, 1), (3, 3, 3, 0), (4, 2, 3, 1), (4, 4, 2, 0)),
        (3, 2, 1, 0),
    )
]
HASTY = Effort.model_construct(proof_work=1)
slowly = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def steps_of(rules, drawn=0):
    """A step with so much of the jitter, and the most people by which groups that share differ."""
    return StepBounds(rules.step + drawn, rules.step + rules.near_jitter - 1)


def candidates_of(table, catalogue, rules, follows):
    """All segments of `k` people: `follows` has the leaders of those that share a figure.

    A leader is a segment before it, or None for a group of another table, with a figure near to
    what this one would have.
    """
    groups = judged_groups(table, catalogue, rules)
    chosen = np.flatnonzero(groups.people >= rules.k)
    segments, people = groups.segments[chosen], groups.people[chosen]
    figures = rounded(people, groups.totals[chosen], rules, SECRET)
    lower, upper = possible_counts(figures, rules)
    position = {segment: row for row, segment in enumerate(segments.tolist())}
    leader = np.full(len(segments), -1, dtype=np.intp)
    shared = np.zeros(len(segments), dtype=bool)
    reach = rules.step + rules.near_jitter - 1
    for segment, whom in follows.items():
        row = position[segment]
        shared[row] = True
        if whom is None:
            figures[row] += rules.rounding * (int(figures[row]) // rules.rounding % 2)
        else:
            leader[row] = position[whom]
            figures[row] = figures[position[whom]]
    lower, upper = possible_counts(figures, rules)
    lower = np.where(shared, np.maximum(lower - reach, rules.k), lower)
    upper = np.where(shared, upper + reach, upper)
    return Candidates(segments, figures, lower, upper, shared, leader)


def read(table, catalogue, rules, candidates, follows, steps, published):
    figures = Figures(KEY, candidates.segments[published], candidates.people[published])
    reach = rules.step + rules.near_jitter - 1
    of_all = tuple(candidates.segments.tolist())
    judgement = Judgement(of_all, follows, steps.least, steps.most, reach)
    return Reader(figures, catalogue, rules, table.possible, table.occupied, judgement)


@st.composite
def sharing(draw, segments, cells_of=lambda segment: segment):
    """Some segments that follow another table's groups, or one judged on its own before them.

    Segments of the same cells are the same people: the later ones follow whom the first follows,
    or the first itself.
    """
    follows, firsts = {}, {}
    for position, segment in enumerate(segments):
        first = firsts.setdefault(cells_of(segment), segment)
        kind = draw(st.sampled_from(["alone", "alone", "alone", "elsewhere", "here"]))
        alone = [other for other in segments[:position] if other not in follows]
        if first != segment:
            follows[segment] = follows.get(first, first)
        elif kind == "elsewhere":
            follows[segment] = None
        elif kind == "here" and alone:
            follows[segment] = draw(st.sampled_from(alone))
    return follows


def drawn_sharing(data, table, catalogue, rules):
    groups = judged_groups(table, catalogue, rules)
    segments = groups.segments[groups.people >= rules.k].tolist()

    def cells_of(segment):
        inside = np.zeros(catalogue.shape, dtype=bool)
        inside[np.ix_(*(group.leaves for group in catalogue.groups(segment)))] = True
        return (inside & table.possible).tobytes()

    return data.draw(sharing(segments, cells_of))


@slowly
@given(st.data())
def test_every_cell_may_have_enough_people_for_who_knows_promise_8(data):
    catalogue = data.draw(catalogues())
    rules = data.draw(st.sampled_from(RULES))
    table = data.draw(tables(catalogue, most=4))
    follows = drawn_sharing(data, table, catalogue, rules)
    steps = steps_of(rules, data.draw(st.integers(0, rules.near_jitter)))
    candidates = candidates_of(table, catalogue, rules, follows)
    effort = data.draw(st.sampled_from([EFFORT, EFFORT, HASTY]))
    ground = ground_of(table, catalogue)
    proved = suppress(ground, candidates, SuppressionRules(rules, effort, steps), table.people)
    reader = read(table, catalogue, rules, candidates, follows, steps, proved.published)
    assert reader.breaches() == []
    shown = reader.published()
    for segment, leader in follows.items():
        assert leader is None or segment not in shown or leader in shown


@slowly
@given(st.data())
def test_witnesses_are_tables_that_the_reader_cannot_rule_out(data):
    """Every start and every witness, cell by cell, by plain sums; each cell has its people in one.

    Where several cells are one class, all of its people may be in any of them.
    """
    catalogue = data.draw(catalogues())
    rules = data.draw(st.sampled_from(RULES[:5]))
    table = data.draw(tables(catalogue, most=4))
    follows = drawn_sharing(data, table, catalogue, rules)
    steps = steps_of(rules)
    candidates = candidates_of(table, catalogue, rules, follows)
    proved = suppress(
        ground_of(table, catalogue), candidates, SuppressionRules(rules, EFFORT, steps)
    )
    reader = read(table, catalogue, rules, candidates, follows, steps, proved.published)
    found = proved.witnesses
    shape = catalogue.shape
    changes = found.changes.toarray()
    made = [found.starts[n] + c for n, c in zip(found.start_of, changes, strict=True)]
    people = [*found.starts, *made]
    most = np.max(people, axis=0, initial=0)
    cells = {
        cell: int(found.class_of[np.ravel_multi_index(cell, shape)]) for cell in reader.cells()
    }
    firsts = {number: cell for cell, number in reversed(list(cells.items()))}
    covered = {cell for inside, _, _ in reader.known() for cell in inside}
    for of_class in people:
        assert (of_class >= 0).all()
        in_first = {
            cell: int(of_class[number]) if number >= 0 and firsts[number] == cell else 0
            for cell, number in cells.items()
        }
        assert reader.fits(in_first)
    for cell in covered:
        assert most[cells[cell]] >= rules.inference_k


@slowly
@given(st.data())
def test_true_counts_do_not_matter_but_for_the_figures(data):
    """Any other truth, with the same figures: nothing of the outcome and of the proof changes."""
    catalogue = data.draw(catalogues())
    rules = data.draw(st.sampled_from(RULES[:5]))
    table, other = data.draw(tables(catalogue, most=4)), data.draw(tables(catalogue, most=9))
    follows = drawn_sharing(data, table, catalogue, rules)
    candidates = candidates_of(table, catalogue, rules, follows)
    under, ground = SuppressionRules(rules, EFFORT, steps_of(rules)), ground_of(table, catalogue)
    one = suppress(ground, candidates, under, table.people)
    for truth in (other.people, None):
        another = suppress(ground, candidates, under, truth)
        assert np.array_equal(one.published, another.published)
        assert as_bytes(one.witnesses) == as_bytes(another.witnesses)


def as_bytes(witnesses):
    return (
        witnesses.class_of.tobytes(),
        witnesses.starts.tobytes(),
        witnesses.start_of.tobytes(),
        witnesses.changes.toarray().tobytes(),
    )


# Nested segments (design, 6j)

PARTS = ["p1", "p2", "p3"]
NESTED = dimension(
    "a", [*PARTS, "b", "c"], {"A0": PARTS, "A1": [*PARTS, "b"], "A2": [*PARTS, "b", "c"]}
)
PUBLISHED = {"A2": 170, "A1": 170, "A0": 160, "p1": 70, "p2": 60, "p3": 60}


def nested(order):
    """A catalogue of the nested segments in this order, and their figures."""
    codes = [group.code for group in NESTED.groups]
    rows = np.array([[codes.index(name)] for name in order], dtype=np.int32)
    catalogue = Catalogue((NESTED,), rows, {})
    people = np.array([PUBLISHED[name] for name in order], dtype=np.int64)
    return catalogue, Figures(KEY, np.arange(len(order), dtype=np.int32), people)


COARSE_FIRST = ["A2", "A1", "A0", *PARTS]


NESTED_RULES = promise(50, 10, 10, near_jitter=2)
NESTED_STEPS = StepBounds(10, 11)


def reader_of_nested(order, published):
    catalogue, figures = nested(order)
    table = counted([70, 51, 51, 1, 1])
    candidates = judged_alone(figures, NESTED_RULES)
    return read(table, catalogue, NESTED_RULES, candidates, {}, NESTED_STEPS, published)


def test_promise_8_tells_that_few_people_are_between_nested_segments():
    """70, 60 and 60 are 163 at least; so A1, which differs from A0, counts 173, and A2 179 at most:
    c has 6 people. Who does not know promise 8 can only tell that it has 16."""
    reader = reader_of_nested(COARSE_FIRST[::-1], np.ones(6, dtype=bool))
    assert reader.can_have((4,), 6)
    assert not reader.can_have((4,), 7)
    unaware = replace(reader, judgement=None)
    assert unaware.can_have((4,), 16)
    assert not unaware.can_have((4,), 17)


@pytest.mark.parametrize("order", [COARSE_FIRST, COARSE_FIRST[::-1]])
def test_nested_segments_that_leave_too_few_people_between_them_are_refused(order):
    catalogue, figures = nested(order)
    ground = Ground(catalogue, np.ones(5, dtype=bool))
    candidates = judged_alone(figures, NESTED_RULES)
    unaware = suppress(ground, candidates, SuppressionRules(NESTED_RULES, EFFORT))
    assert unaware.published.all()
    proved = suppress(ground, candidates, SuppressionRules(NESTED_RULES, EFFORT, NESTED_STEPS))
    assert proved.published.sum() == 5
    assert reader_of_nested(order, proved.published).breaches() == []


# Pairs


@st.composite
def judged_rows(draw):
    """Rows of six classes of 20 to 60 people; figures, and whom each follows."""
    count = draw(st.integers(2, 6))
    classes = st.sets(st.integers(0, 5), min_size=1)
    rows = draw(st.lists(classes, min_size=count, max_size=count, unique_by=frozenset))
    table = np.array(draw(st.lists(st.integers(20, 60), min_size=6, max_size=6)))
    follows = draw(sharing(range(count)))
    people = draw(st.lists(st.sampled_from([50, 60, 70]), min_size=count, max_size=count))
    for follower, leader in follows.items():
        if leader is not None:
            people[follower] = people[leader]
    return rows, table, follows, people


@settings(max_examples=examples(100), deadline=None)
@given(judged_rows(), st.data())
def test_a_pair_is_known_to_differ_while_the_reader_knows_it(judged, data):
    """Those that are within a step and the room in the table at hand, and all that share."""
    rows, table, follows, people = judged
    positions = range(len(rows))
    members = np.array([[int(position in row) for position in range(6)] for row in rows])
    leaders = [follows.get(row) for row in positions]
    order = RowOrder(
        np.array(people),
        np.array([row in follows for row in positions]),
        np.array([-1 if leader is None else leader for leader in leaders], dtype=np.intp),
    )
    steps, room = StepBounds(least=10, most=11), data.draw(st.sampled_from([0, 24]))
    pairs = known_differences(sparse.csr_array(members), order, table, steps, room)
    published = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    held = pairs.hold(published)
    found = {
        (int(pairs.first[n]), int(pairs.second[n]), int(pairs.lowest[n]))
        for n in np.flatnonzero(held).tolist()
    }
    judgement = Judgement(tuple(positions), follows, steps.least, steps.most, 11)
    shown = {row: people[row] for row in positions if published[row]}
    apart = {
        (a, b, steps.least)
        for a, b in judgement.known_apart(shown)
        if sum(table[c] for c in rows[a] ^ rows[b]) < steps.least + room
    }
    assert found == apart | {(a, b, 0) for a, b in judgement.known_near(shown)}
    assert (pairs.highest[pairs.lowest == 0] == steps.most).all()
    differing = pairs.of_rows(sparse.csr_array(members)).toarray()
    for n, (a, b) in enumerate(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)):
        assert set(np.flatnonzero(differing[n]).tolist()) == rows[a] ^ rows[b]
        assert set(differing[n].tolist()) <= {0, 1}
