"""All tables of a release: outcomes that are shared, in whatever order and by whoever is at work.

Small releases are read by enumeration and checked by the release's own checker, which shares no
code with what made them.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from exact_sets import PlainJudge, Released, step_between
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rotation import examples
from small_tables import (
    EFFORT,
    SECRET,
    Judgement,
    Reader,
    catalogues,
    dimension,
    full_catalogue,
    people_of,
    promise,
    table_of,
)

from anonymizer.audit.checker import check_release, check_state
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.proofs import NO_ONE, SUPPRESSED
from anonymizer.model.tables import TableKey
from anonymizer.storage.processes import ALONE, Workers
from anonymizer.suppression.release_suppression import (
    ReleaseTerms,
    claim_of,
    follow_leaders,
    state_of,
    suppress_release,
)

EAGER = Workers(2, start_seconds=-1)
# k, inference_k, rounding, k_jitter, near_jitter.
RULES = [promise(*numbers) for numbers in ((4, 2, 2, 1, 0), (4, 3, 2, 0, 1), (5, 2, 3, 1, 1))]
slowly = settings(
    max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def key(subject, day=22):
    return TableKey("campaign", subject, Period("day", date(2026, 11, day)))


def terms(catalogue, rules):
    return ReleaseTerms(catalogue, rules, SECRET, EFFORT)


def everyone(catalogue, each):
    """So many people in each cell."""
    size = int(np.prod(catalogue.shape))
    return [person for cell in range(size) for person in people_of(cell, each)]


@st.composite
def sets_of_people(draw, catalogue, count):
    """Sets of a few people a cell, most of them near to one drawn before."""
    people = everyone(catalogue, 5)
    some = st.sets(st.sampled_from(people), max_size=3)
    sets = [frozenset(draw(st.sets(st.sampled_from(people), min_size=6)))]
    for _ in range(count - 1):
        base = draw(st.sampled_from(sets))
        more = draw(st.one_of(some, some, st.sets(st.sampled_from(people))))
        sets.append(base ^ frozenset(more))
    return sets


def in_segments(catalogue, people):
    """The people of each segment, by plain membership."""
    inside = []
    for segment in range(len(catalogue)):
        leaves = [set(group.leaves) for group in catalogue.groups(segment)]
        inside.append(
            frozenset(
                person
                for person in people
                if all(
                    position in of_axis
                    for position, of_axis in zip(
                        np.unravel_index(person.cell, catalogue.shape), leaves, strict=True
                    )
                )
            )
        )
    return inside


def plainly_judged(catalogue, rules, tables, history):
    """Segments that are judged, and whom each follows, from exact sets of people."""
    fewest = max(rules.k - rules.step - rules.near_jitter + 1, 1)
    judged = []
    for name, people in tables:
        inside = in_segments(catalogue, people)
        judged.append((name, [s for s, group in enumerate(inside) if len(group) >= fewest], inside))
    sets = [(name, [inside[s] for s in segments]) for name, segments, inside in judged]
    followed = PlainJudge(rules, SECRET).judge(sets, history)
    both = zip(judged, followed, strict=True)
    return [(segments, inside, whom) for (_, segments, inside), whom in both]


def outcomes_by_segment(done):
    shown = dict(zip(done.figures.segments.tolist(), done.figures.people.tolist(), strict=True))
    return {s: shown.get(s, SUPPRESSED) for s in done.judged.groups.segments.tolist()}


def reader_of(done, counted, catalogue, rules, followed, number):
    """The reader of one table who knows whom its candidates follow."""
    segments, _, whom = followed[number]
    candidates = sorted({*done.figures.segments.tolist(), *done.for_inference})
    follows = {}
    for segment, (earlier, table, group) in zip(segments, whom, strict=True):
        if segment in candidates and (earlier != NO_ONE or table >= 0):
            here = earlier == NO_ONE and table == number
            follows[segment] = segments[group] if here else None
    name = str(counted.key)
    least = step_between(name, name, rules.step, rules, SECRET)
    widest = rules.step + rules.near_jitter - 1
    judgement = Judgement(tuple(candidates), follows, least, widest, widest)
    return Reader(done.figures, catalogue, rules, counted.possible, judgement=judgement)


def check_outcomes(results, followed, rules):
    """Promises 1, 3 and 8 of every judged group, from exact sets of people."""
    outcomes = [outcomes_by_segment(done) for done in results]
    for done, (segments, inside, whom), mine in zip(results, followed, outcomes, strict=True):
        assert list(mine) == segments
        assert done.outcomes.tolist() == list(mine.values())
        assert set(done.for_inference).isdisjoint(done.figures.segments.tolist())
        assert done.candidates == len(done.for_inference) + len(done.figures.segments)
        for segment, (earlier, table, group) in zip(segments, whom, strict=True):
            people, outcome = len(inside[segment]), mine[segment]
            if outcome != SUPPRESSED:
                assert people >= rules.k
                assert outcome % rules.rounding == 0
            if earlier == NO_ONE and table < 0:
                assert outcome == SUPPRESSED or abs(outcome - people) < rules.rounding
                continue
            shared = earlier
            if earlier == NO_ONE:
                shared = outcomes[table][followed[table][0][group]]
            assert outcome in {shared, SUPPRESSED}


def no_part_is_larger(done, inside):
    shown = dict(zip(done.figures.segments.tolist(), done.figures.people.tolist(), strict=True))
    for one, figure in shown.items():
        for other, larger in shown.items():
            if inside[one] <= inside[other]:
                assert figure <= larger


@pytest.mark.alternate("near sets")
@slowly
@given(st.data())
def test_two_releases_keep_every_promise(data):
    """Three tables and then two, which are judged against the first three as well.

    Outcomes from exact sets of people, knowledge of a reader by enumeration, and the checker.
    """
    catalogue, rules = data.draw(catalogues()), data.draw(st.sampled_from(RULES))
    sets = data.draw(sets_of_people(catalogue, 5))
    history, plain_history = [], []
    for day, chosen in ((22, sets[:3]), (23, sets[3:])):
        keys = [key(f"c{number}", day) for number in range(len(chosen))]
        counted = [table_of(s, catalogue.shape, key=k) for s, k in zip(chosen, keys, strict=True)]
        results = suppress_release(counted, history, terms(catalogue, rules), ALONE)
        tables = list(zip(map(str, keys), chosen, strict=True))
        followed = plainly_judged(catalogue, rules, tables, plain_history)
        check_outcomes(results, followed, rules)
        for number, (done, table) in enumerate(zip(results, counted, strict=True)):
            assert reader_of(done, table, catalogue, rules, followed, number).breaches() == []
            cells = in_segments(catalogue, everyone(catalogue, 1))
            no_part_is_larger(done, cells)
        claims = [claim_of(done, table) for done, table in zip(results, counted, strict=True)]
        state = state_of(results, rules)
        assert check_release(claims, history, catalogue, rules, SECRET.draw) == ()
        assert check_state(state, claims, catalogue, rules) == ()
        history.append(state)
        plain_history.append(plain_release(rules, tables, followed, results))
        assert state.figures.tolist() == [outcome for _, _, outcome in plain_history[-1].alone]


def plain_release(rules, tables, followed, results):
    alone = []
    for (name, _), (segments, inside, whom), done in zip(tables, followed, results, strict=True):
        outcomes = outcomes_by_segment(done)
        alone += [
            (name, inside[segment], outcomes[segment])
            for segment, follows in zip(segments, whom, strict=True)
            if follows == (NO_ONE, -1, -1)
        ]
    return Released(rules, tuple(alone))


@pytest.mark.alternate("near sets")
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(st.data())
def test_a_person_more_changes_nothing_of_a_table_whose_groups_follow_the_same(data):
    """G1 to G5: after a table of some people, the same people again, or these and one more.

    The figures are equal whenever the same groups are followed and the person is the k-th of none,
    and so is what is suppressed.
    """
    catalogue, rules = data.draw(catalogues()), data.draw(st.sampled_from(RULES))
    base = data.draw(sets_of_people(catalogue, 1))[0]
    victim = data.draw(st.sampled_from(everyone(catalogue, 6)))
    assume(victim not in base)
    shape, under = catalogue.shape, terms(catalogue, rules)
    first = suppress_release([table_of(base, shape, key=key("first"))], (), under, ALONE)
    history = [state_of(first, rules)]
    seen = []
    grown = base | {victim}
    for people in (base, grown):
        counted = [table_of(people, shape, key=key("second", 23))]
        seen.append(suppress_release(counted, history, under, ALONE)[0])
    without, there = seen
    followed = [
        dict(zip(s.judged.groups.segments.tolist(), s.judged.earlier.tolist(), strict=True))
        for s in seen
    ]
    before, after = (at_the_threshold(catalogue, people, rules) for people in (base, grown))
    assume(before == after)
    assume(all(followed[0][s] == followed[1][s] != NO_ONE for s in before))
    assert without.figures.segments.tolist() == there.figures.segments.tolist()
    assert without.figures.people.tolist() == there.figures.people.tolist()


def at_the_threshold(catalogue, people, rules):
    """Segments of at least `k` people."""
    sizes = map(len, in_segments(catalogue, people))
    return {segment for segment, size in enumerate(sizes) if size >= rules.k}


# A release of some size

GRID = full_catalogue(
    dimension("gender", ["m", "f"], {}),
    dimension("age", [f"a{n}" for n in range(6)], {"young": ["a0", "a1", "a2"]}),
    dimension("region", [f"r{n}" for n in range(8)], {"west": ["r0", "r1", "r2", "r3"]}),
)
PROMISE = Promise()


def visitors(count, seed):
    """People of a grid of cells of different sizes."""
    random = np.random.default_rng(seed)
    weights = random.gamma(2.0, size=int(np.prod(GRID.shape)))
    people = random.multinomial(count, weights / weights.sum())
    return [person for cell, n in enumerate(people.tolist()) for person in people_of(cell, n)]


def release_of(sets, history=(), workers=ALONE, rules=PROMISE):
    counted = [table_of(people, GRID.shape, key=key(name)) for name, people in sets.items()]
    done = suppress_release(counted, history, terms(GRID, rules), workers)
    return dict(zip(sets, done, strict=True))


def without(people, count, seed):
    random = np.random.default_rng(seed)
    gone = set(random.choice(len(people), count, replace=False).tolist())
    return [person for position, person in enumerate(people) if position not in gone]


@pytest.fixture(scope="module")
def levels():
    """Tables that come one after the other, since each has groups that follow the one before:

    b shares its men with a, c its women with b; d is a small part of a; e has other people.
    """
    a, other, third = visitors(3_000, 1), visitors(2_500, 2), visitors(2_000, 3)

    def men(people):
        return [person for person in people if person.cell < 48]

    def women(people):
        return [person for person in people if person.cell >= 48]

    def others(people, factor):
        """Other people in the same places."""
        return [replace(p, number=p.number * factor % 2**64) for p in people]

    far = others(other, 3)
    return {
        "a": a,
        "b": without(men(a), 2, 5) + women(far),
        "c": without(women(far), 3, 6) + others(men(third), 5),
        "d": [person for person in a if person.cell % 8 == 0],
        "e": others(third, 7),
    }


@pytest.fixture(scope="module")
def alone(levels):
    return release_of(levels)


def test_tables_come_after_those_that_their_groups_follow(alone):
    """Each group has the outcome of the one it follows, or none; some were suppressed since."""
    names, shared = list(alone), dict[tuple[str, str], int]()
    for name, done in alone.items():
        judged = done.judged
        for group in np.flatnonzero(judged.leader_table >= 0).tolist():
            leader = names[judged.leader_table[group]]
            outcome = alone[leader].outcomes[judged.leader[group]]
            assert done.outcomes[group] in {outcome, SUPPRESSED}
            if done.outcomes[group] != SUPPRESSED:
                shared[leader, name] = shared.get((leader, name), 0) + 1
    assert shared["a", "b"] > 20
    assert shared["b", "c"] > 20
    assert shared["a", "d"] > 2
    assert not (alone["e"].judged.leader_table[~alone["e"].judged.alone] < 4).any()


@pytest.mark.alternate("equal bytes")
def test_processes_make_no_difference(levels, alone):
    beside = release_of(levels, workers=EAGER)
    for name, done in alone.items():
        assert as_bytes(beside[name]) == as_bytes(done)


def test_a_table_more_makes_no_difference_to_those_before_it(levels, alone):
    fewer = release_of({name: levels[name] for name in ("a", "b")})
    for name, done in fewer.items():
        assert as_bytes(done) == as_bytes(alone[name])


def as_bytes(done):
    proof, judged = done.witnesses, done.judged
    return (
        *(done.figures.segments.tobytes(), done.figures.people.tobytes(), done.outcomes.tobytes()),
        *(judged.earlier.tobytes(), judged.leader_table.tobytes(), judged.leader.tobytes()),
        *(proof.class_of.tobytes(), proof.starts.tobytes(), proof.start_of.tobytes()),
        *(proof.changes.indices.tobytes(), proof.changes.data.tobytes()),
        *(done.candidates, done.for_inference),
    )


@pytest.mark.parametrize("seed", range(4))
def test_equal_sets_and_sets_that_lack_a_few_people_are_shown_alike(seed):
    """In one release and in the next, with one step for all tables: no figure is another one.

    A group that follows another may be suppressed for inference in one table alone.
    """
    rules = PROMISE.model_copy(update={"near_jitter": 0})
    people = visitors(1_500, seed)
    first = release_of({"a": people, "b": people, "c": without(people, 9, seed)}, rules=rules)
    history = [state_of(list(first.values()), rules)]
    again = release_of(
        {"same": people, "less": without(people, 9, seed + 50)}, history, rules=rules
    )
    shown = {
        name: dict(zip(done.figures.segments.tolist(), done.figures.people.tolist(), strict=True))
        for name, done in (first | again).items()
    }
    assert len(shown["a"]) > 60
    own = set(first["a"].judged.groups.segments[first["a"].judged.alone].tolist())
    for name, share in {"b": 1, "same": 1, "c": 0.9, "less": 0.9}.items():
        both = shown["a"].keys() & shown[name].keys()
        assert all(shown["a"][segment] == shown[name][segment] for segment in both)
        assert len(both & own) >= share * len(shown["a"].keys() & own)
        assert len(both) >= (share - 0.05) * len(shown["a"])


def test_what_is_suppressed_later_is_suppressed_in_those_that_follow(alone):
    """A figure of a that groups of b and d follow, taken away afterwards."""
    names = list(alone)
    judged = alone["b"].judged
    followed = judged.leader[(judged.leader_table == 0) & (alone["b"].outcomes != SUPPRESSED)]
    group = int(followed[0])
    segment = alone["a"].judged.groups.segments[[group]]
    left = [alone["a"].without(segment), *(alone[name] for name in names[1:])]
    settled = dict(zip(names, follow_leaders(left), strict=True))
    assert alone["a"].outcomes[group] != SUPPRESSED
    assert settled["a"].outcomes[group] == SUPPRESSED
    gone = 0
    for name in names[1:]:
        judged, before = alone[name].judged, alone[name].outcomes
        follows = (judged.leader_table == 0) & (judged.leader == group)
        assert (settled[name].outcomes[follows] == SUPPRESSED).all()
        assert np.array_equal(settled[name].outcomes[~follows], before[~follows])
        hidden = judged.groups.segments[follows & (before != SUPPRESSED)]
        assert set(hidden.tolist()) <= set(settled[name].for_inference)
        assert not np.isin(hidden, settled[name].figures.segments).any()
        gone += len(hidden)
    assert gone


def test_tables_without_people_publish_nothing(levels):
    done = release_of({"nobody": [], "few": levels["a"][:20], "a": levels["a"]})
    assert len(done["nobody"].figures.segments) == len(done["few"].figures.segments) == 0
    assert len(done["a"].figures.segments) > 40
    assert suppress_release([], (), terms(GRID, PROMISE), ALONE) == ()
