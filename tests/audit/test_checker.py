"""The checker accepts what the suppressor proves, and refuses every release that breaks a rule."""

from dataclasses import replace

import numpy as np
import pytest
from checker_worlds import (
    SECRET,
    SHAPES,
    People,
    Release,
    cells_of,
    findings_of,
    kinds,
    named,
    people_by_gender_age_and_region,
    promise,
    suppressed,
    world,
)
from scipy import sparse

from anonymizer.audit.checker import check_release, check_state
from anonymizer.audit.recount import membership, recount
from anonymizer.model.policy import Effort
from anonymizer.model.proofs import NO_ONE, Claim, Sharing
from anonymizer.model.tables import Figures
from anonymizer.storage.processes import ALONE
from anonymizer.suppression.release_suppression import (
    ReleaseTerms,
    claim_of,
    follow_leaders,
    state_of,
    suppress_release,
)


@pytest.fixture(scope="module")
def release():
    return world()


@pytest.fixture(scope="module")
def single():
    """Table c by itself."""
    return world("c")


@pytest.fixture(scope="module")
def exact():
    """Table c by itself, in exact figures."""
    return world("c", rounding=1)


# What is accepted


@pytest.mark.parametrize("seed", range(16))
def test_what_the_suppressor_makes_is_accepted(seed):
    random = np.random.default_rng(seed)
    catalogue = people_by_gender_age_and_region(
        int(random.integers(2, 4)), int(random.integers(2, 6))
    )
    rules = promise(
        k=int(random.integers(4, 10)),
        rounding=int(random.integers(1, 5)),
        inference_k=int(random.integers(1, 4)) if seed < 8 else 0,
        near_jitter=int(random.integers(0, 3)),
    )
    everybody = People.spread_over(catalogue, 300, seed)
    who, occupied = random.permutation(300), seed % 4 == 0
    before = suppressed(catalogue, [everybody.table(catalogue, who[1:120], "a")], rules)
    tables = [
        everybody.table(catalogue, who[:120], "a", occupied=occupied),
        everybody.table(catalogue, who[:119], "b", occupied=occupied),
        everybody.table(catalogue, who[100:250], "c", occupied=occupied),
    ]
    made = suppressed(catalogue, tables, rules, (before.state,) if seed % 2 else ())
    assert findings_of(made) == ()
    assert check_state(made.state, made.claims, catalogue, rules) == ()
    assert any(len(claim.figures.segments) for claim in made.claims)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_left_after_more_was_suppressed_is_accepted(seed):
    """As linked tables do; hiding a figure can tell readers of one more difference."""
    random = np.random.default_rng(seed)
    catalogue = people_by_gender_age_and_region(3, 5)
    rules = promise(k=6, rounding=int(random.integers(2, 5)), inference_k=3, near_jitter=2)
    everybody = People.spread_over(catalogue, 300, seed)
    tables = [
        everybody.table(catalogue, np.arange(first, first + 200), name)
        for first, name in ((0, "a"), (2, "b"), (90, "c"))
    ]
    done = suppress_release(tables, (), ReleaseTerms(catalogue, rules, SECRET, Effort()), ALONE)
    published = sum(len(one.figures.segments) for one in done)
    for _ in range(6):
        left = [
            one.without(random.choice(one.figures.segments, len(one.figures.segments) // 4))
            for one in done
        ]
        less = follow_leaders(left)
        claims = tuple(claim_of(one, table) for one, table in zip(less, tables, strict=True))
        made = Release(catalogue, rules, claims, (), state_of(less, rules))
        assert findings_of(made) == ()
        assert check_state(made.state, made.claims, catalogue, rules) == ()
        assert 0 < sum(len(one.figures.segments) for one in less) < published


def test_a_table_without_people_is_accepted(release):
    catalogue, rules = release.catalogue, release.promise
    nobody = People.of(np.zeros(0, dtype=np.int64), 1).table(catalogue, [], "nobody")
    none = np.zeros(0, dtype=np.int32)
    claim = Claim(
        nobody,
        Figures(nobody.key, none, none.astype(np.int64)),
        Sharing(none, none.astype(np.int64), none.astype(np.int64), none, none),
        release.claims[0].witnesses,
    )
    claims = (claim, *release.claims)
    shifted = replace(release, claims=claims)
    assert kinds(shifted) == {"rule"}  # leaders are in tables that have one number more now
    for number in range(1, len(claims)):
        sharing = claims[number].sharing
        tables = sharing.leader_table + (sharing.leader_table >= 0).astype(np.int32)
        shifted = shifted.with_claim(number, sharing=replace(sharing, leader_table=tables))
    assert findings_of(shifted) == ()
    assert check_state(release.state, shifted.claims, catalogue, rules) == ()
    assert findings_of(replace(release, claims=(claim,)), [release.state]) == ()
    assert check_release((), [release.state], catalogue, rules, SECRET.draw) == ()


def test_a_table_without_figures_needs_no_witness(single):
    nothing = np.zeros((0, 0), dtype=np.int64)
    assert findings_of(single.with_figures({}).witnesses(starts=nothing)) == ()
    assert kinds(single.witnesses(starts=nothing)) == {"unproved"}


def test_a_shared_figure_is_as_exact_as_it_was_drawn():
    """By people who know that it was drawn before the rounding was raised."""
    catalogue, fine = people_by_gender_age_and_region(3, 3), promise(rounding=2, k=12)
    everybody = People.spread_over(catalogue, 160, 3)
    before = suppressed(catalogue, [everybody.table(catalogue, range(160), "a")], fine)
    coarse = promise(rounding=6, k=12)
    after = [everybody.table(catalogue, range(1, 160), "b")]
    made = suppressed(catalogue, after, coarse, (before.state,))
    assert findings_of(made) == ()
    sharing = made.claims[0].sharing
    shared = sharing.earlier != NO_ONE
    assert shared.any()
    assert (sharing.rounding == np.where(shared, 2, 6)).all()
    claimed = replace(sharing, rounding=np.full(len(sharing.rounding), 6))
    assert "rule" in kinds(made.with_claim(0, sharing=claimed))
    assert not check_state(made.state, made.claims, catalogue, coarse)
    assert check_state(replace(made.state, rounding=2), made.claims, catalogue, coarse)


# Structure and sums


def test_the_judged_groups_are_those_near_the_threshold_or_above(single):
    claim = single.claims[0]
    for keep in (slice(1, None), slice(0, -1)):
        fewer = Sharing(*(part[keep] for part in vars(claim.sharing).values()))
        assert kinds(single.with_claim(0, sharing=fewer)) == {"structure"}
    others = claim.sharing.segments.copy()
    others[-1] = np.setdiff1d(np.arange(len(single.catalogue)), others)[0]
    changed = replace(claim.sharing, segments=others)
    assert kinds(single.with_claim(0, sharing=changed)) == {"structure"}


def test_a_figure_of_a_segment_that_is_not_judged_is_refused(single):
    judged = {single.catalogue.id(s) for s in single.claims[0].sharing.segments.tolist()}
    other = next(code for code in single.catalogue.positions if code not in judged)
    assert kinds(single.with_figures({**single.figures(), other: 9})) == {"structure"}


def test_figures_that_are_not_whole_are_refused(single):
    """A figure of 9.5 would be 9 to whoever takes it as a whole number."""
    figures = single.claims[0].figures
    for people in (figures.people + 0.5, figures.people.astype(np.uint64)):
        halves = Figures(figures.key, figures.segments, people)
        assert kinds(single.with_claim(0, figures=halves)) == {"structure"}


def test_figures_of_another_table_are_refused(release):
    assert kinds(release.with_claim(0, figures=release.claims[1].figures)) == {"structure"}


def test_a_table_that_occurs_twice_is_refused(release):
    twice = replace(release, claims=(*release.claims, release.claims[0]))
    assert "structure" in kinds(twice)


def test_counts_of_another_shape_are_refused(single):
    fewer = people_by_gender_age_and_region(2, 3)
    counted = People.spread_over(fewer, 60, 1).table(fewer, range(60), "c")
    assert counted.key == single.claims[0].counted.key
    assert kinds(single.with_claim(0, counted=counted)) == {"structure"}


@pytest.mark.parametrize("part", ["earlier", "rounding", "leader_table", "leader"])
def test_parts_of_the_sharing_that_differ_in_length_are_refused(single, part):
    sharing = single.claims[0].sharing
    shorter = replace(sharing, **{part: getattr(sharing, part)[1:]})
    assert kinds(single.with_claim(0, sharing=shorter)) == {"structure"}


# Figures


def test_a_figure_off_by_one_rounding_step_is_refused(single):
    rules, figures = single.promise, single.figures()
    for code, figure in figures.items():
        for wrong in (figure - rules.rounding, figure + rules.rounding):
            changed = single.with_figures({**figures, code: wrong})
            refused = {finding.kind: finding.segments for finding in findings_of(changed)}
            assert refused.get("rounding", refused.get("rule")) == (code,)


def test_figures_below_their_drawn_threshold_are_refused():
    """Every judged group is published by mistake: those are refused that draws refuse."""
    single = world("c", k_jitter=9)
    rules, claim = single.promise, single.claims[0]
    groups = recount(claim.counted, membership(single.catalogue), rules)
    alone = (claim.sharing.earlier == NO_ONE) & (claim.sharing.leader < 0)
    below, at_the_offset = set(), 0
    for row, segment in enumerate(groups.segments.tolist()):
        people, total = int(groups.people[row]), int(groups.totals[row])
        offset = SECRET.draw("floor", f"{total}:{people}") % (rules.k_jitter + 1)
        if people < rules.k + (offset if alone[row] else 0):
            below.add(single.catalogue.id(segment))
            at_the_offset += people >= rules.k
    everything = {single.catalogue.id(s): rules.k for s in claim.sharing.segments.tolist()}
    assert at_the_offset
    assert named(single.with_figures(everything), "floor") == below


def followers(release, number):
    """Published groups of a table that follow one: the figure, the leader's table and segment."""
    claim, shown, found = release.claims[number], release.figures(number), {}
    for row, segment in enumerate(claim.sharing.segments.tolist()):
        code = release.catalogue.id(segment)
        if claim.sharing.leader[row] >= 0 and code in shown:
            table = int(claim.sharing.leader_table[row])
            leader = release.claims[table].sharing.segments[claim.sharing.leader[row]]
            found[code] = (shown[code], table, release.catalogue.id(int(leader)))
    return found


def test_a_follower_with_another_figure_than_its_leader_is_refused(release):
    for code, (figure, _, _) in followers(release, 1).items():
        wrong = figure + release.promise.rounding
        changed = release.with_figures({**release.figures(1), code: wrong}, 1)
        assert named(changed, "rule") == {code}


def test_a_follower_of_a_suppressed_group_is_refused(release):
    for code, (_, table, leader) in list(followers(release, 1).items())[::3]:
        rest = release.figures(table)
        del rest[leader]
        assert code in named(release.with_figures(rest, table), "rule")


def test_a_follower_below_the_threshold_is_refused():
    """Table b has one person fewer than table a, whose figure is published at the threshold."""
    catalogue = people_by_gender_age_and_region(2, 2)
    rules = promise(k=6, k_jitter=0, rounding=3, inference_k=1)
    everybody = People.of([0] * 6 + [7] * 40, 5)
    tables = [
        everybody.table(catalogue, range(46), "a"),
        everybody.table(catalogue, range(1, 46), "b"),
    ]
    made = suppressed(catalogue, tables, rules)
    assert findings_of(made) == ()
    figures, code = made.figures(0), "men:b0:r0"
    assert code in figures
    assert code not in made.figures(1)
    changed = made.with_figures({**made.figures(1), code: figures[code]}, 1)
    assert code in named(changed, "floor")


def test_a_superset_with_a_smaller_figure_is_refused(exact):
    figures, whole = exact.figures(), "all:all:all"
    parts = {code: people for code, people in figures.items() if people < figures[whole]}
    for code, people in parts.items():
        smaller = exact.with_figures({**figures, whole: people - 1})
        assert named(smaller, "contradiction") == {whole}
        inside = {code: people, whole: people}
        assert "contradiction" not in kinds(exact.with_figures(inside))
        if code.startswith("all:") and f"men{code[3:]}" in figures:
            men = f"men{code[3:]}"
            changed = exact.with_figures({**figures, men: people + 1})
            assert code in named(changed, "contradiction")


# Near sets


def test_a_near_pair_that_does_not_share_is_refused(release):
    sharing = release.claims[1].sharing
    for row in np.flatnonzero(sharing.leader >= 0):
        leader_table, leader = sharing.leader_table.copy(), sharing.leader.copy()
        leader_table[row] = leader[row] = -1
        alone = replace(sharing, leader_table=leader_table, leader=leader)
        assert "rule" in kinds(release.with_claim(1, sharing=alone))


def test_a_group_that_follows_another_than_the_first_is_refused(release):
    sharing = release.claims[1].sharing
    row = np.flatnonzero(sharing.leader > 0)[0]
    leader = sharing.leader.copy()
    leader[row] -= 1
    assert "rule" in kinds(release.with_claim(1, sharing=replace(sharing, leader=leader)))


def test_a_group_judged_on_its_own_although_an_earlier_release_has_a_near_one_is_refused(release):
    assert kinds(release) == set()
    assert kinds(release, history=[release.state]) == {"rule"}


def test_an_outcome_of_an_earlier_release_that_is_not_there_is_refused(release):
    later = suppressed(
        release.catalogue,
        [claim.counted for claim in release.claims],
        release.promise,
        [release.state],
    )
    assert kinds(later) == set()
    assert (later.claims[0].sharing.earlier != NO_ONE).any()
    assert "rule" in kinds(later, history=[])
    other = replace(release.state, figures=release.state.figures + release.promise.rounding)
    assert "rule" in kinds(later, history=[other])
    # The earliest release counts, not a later one with other outcomes.
    assert kinds(later, history=[release.state, other]) == set()
    assert "rule" in kinds(later, history=[other, release.state])


def test_each_part_of_whom_a_group_follows_is_checked(release):
    """Also where nothing is published."""
    tables = [claim.counted for claim in release.claims]
    later = suppressed(release.catalogue, tables, release.promise, [release.state])
    sharing = later.claims[0].sharing
    earlier = np.where(sharing.earlier == NO_ONE, NO_ONE, sharing.earlier + 1)
    assert "rule" in kinds(later.with_claim(0, sharing=replace(sharing, earlier=earlier)))
    sharing = release.claims[1].sharing
    table = np.where(sharing.leader_table == 0, 1, sharing.leader_table).astype(np.int32)
    assert "rule" in kinds(release.with_claim(1, sharing=replace(sharing, leader_table=table)))


# Witnesses


def covered(release):
    """Possible cells in some published segment of the first table."""
    claim = release.claims[0]
    segments = claim.figures.segments.tolist()
    boxes = [cells_of(release.catalogue, s, claim.counted.possible) for s in segments]
    return sorted(set().union(*boxes))


def test_a_witness_off_by_one_person_is_refused(exact):
    """Of exact figures no table can be changed by one person."""
    witnesses = exact.claims[0].witnesses
    shown = np.unique(witnesses.class_of[covered(exact)])
    for entry in np.flatnonzero(np.isin(witnesses.changes.indices, shown))[::3]:
        for person in (-1, 1):
            changes = witnesses.changes.copy()
            changes.data[entry] += person
            assert "unproved" in kinds(exact.witnesses(changes=changes))


def test_a_start_off_by_one_person_is_refused(exact):
    witnesses = exact.claims[0].witnesses
    for position in np.unique(witnesses.class_of[covered(exact)]):
        for person in (-1, 1):
            starts = witnesses.starts.copy()
            starts[-1, position] += person
            assert "unproved" in kinds(exact.witnesses(starts=starts))


OTHER_CLASSES = "the classes do not match the published figures"


def said(release):
    return [finding.explanation for finding in findings_of(release)]


def test_a_missing_witness_is_refused(single):
    """Exactly the tables can be left out that are not alone in showing enough people in a class."""
    witnesses, level = single.claims[0].witnesses, single.promise.inference_k
    tables = witnesses.starts[witnesses.start_of] + witnesses.changes.toarray()
    by_start = (witnesses.starts >= level).any(axis=0)
    shown = np.unique(witnesses.class_of[covered(single)])
    needed = set()
    for position in shown[~by_start[shown]]:
        enough = np.flatnonzero(tables[:, position] >= level)
        needed |= set(enough.tolist()) if len(enough) == 1 else set()
    assert needed
    for row in range(len(tables)):
        rest = np.flatnonzero(np.arange(len(tables)) != row)
        changed = single.witnesses(
            start_of=witnesses.start_of[rest], changes=witnesses.changes[rest]
        )
        assert kinds(changed) == ({"unproved"} if row in needed else set())


def test_a_moved_class_is_refused(single):
    """A cell in no class, or in the class of a cell that other published segments hold."""
    claim, random = single.claims[0], np.random.default_rng(1)
    class_of, shown = claim.witnesses.class_of, covered(single)
    segments = [
        cells_of(single.catalogue, s, claim.counted.possible)
        for s in claim.figures.segments.tolist()
    ]
    for cell in shown:
        other = random.choice(shown)
        while all((cell in segment) is (other in segment) for segment in segments):
            other = random.choice(shown)
        for position in (-1, class_of[other]):
            moved = class_of.copy()
            moved[cell] = position
            assert said(single.witnesses(class_of=moved)) == [OTHER_CLASSES]


def test_cells_of_different_figures_in_one_class_are_refused(single):
    """Two classes as one, with the people of the first."""
    witnesses, published = single.claims[0].witnesses, single.claims[0].figures.segments
    inside = membership(single.catalogue)[published].toarray()
    one, *others = covered(single)
    other = next(cell for cell in others if (inside[:, cell] != inside[:, one]).any())
    first, gone = (int(witnesses.class_of[cell]) for cell in (one, other))
    class_of = np.where(witnesses.class_of == gone, first, witnesses.class_of)
    kept = np.flatnonzero(np.arange(witnesses.starts.shape[1]) != gone)
    changed = single.witnesses(
        class_of=(class_of - (class_of > gone)).astype(np.int32),
        starts=witnesses.starts[:, kept],
        changes=sparse.csr_array(witnesses.changes[:, kept]),
    )
    assert said(changed) == [OTHER_CLASSES]


NOT_WHOLE = "the witnesses are not whole numbers"
NOT_TOGETHER = "the parts of the witnesses do not fit together"
NO_NUMBER = "a witness has an impossible number of people"


def test_a_class_on_a_structural_zero_is_refused(single):
    catalogue = single.catalogue
    everybody = People.of(np.repeat(np.arange(1, 18), 9), 4)
    possible = np.ones(catalogue.shape, dtype=bool)
    possible[0, 0, 0] = False
    table = everybody.table(catalogue, range(17 * 9), possible=possible)
    made = suppressed(catalogue, [table], single.promise)
    assert findings_of(made) == ()
    class_of = made.claims[0].witnesses.class_of.copy()
    assert class_of[0] == -1
    class_of[0] = class_of[1]
    assert said(made.witnesses(0, class_of=class_of)) == ["a structural zero is in a class"]


@pytest.mark.parametrize(
    ("part", "wrong", "text"),
    [
        ("starts", lambda w: w.starts.astype(float), NOT_WHOLE),
        ("starts", lambda w: w.starts[:, :-1], NOT_TOGETHER),
        ("starts", lambda w: w.starts + 2**40, NO_NUMBER),
        ("start_of", lambda w: w.start_of.astype(float), NOT_WHOLE),
        ("start_of", lambda w: w.start_of + len(w.starts), NOT_TOGETHER),
        ("start_of", lambda w: w.start_of[:-1], NOT_TOGETHER),
        ("class_of", lambda w: w.class_of.astype(float), NOT_WHOLE),
        ("class_of", lambda w: w.class_of[:-1], NOT_TOGETHER),
        ("class_of", lambda w: w.class_of + np.int32(1), NOT_TOGETHER),
        ("changes", lambda w: w.changes.astype(float), NOT_WHOLE),
        ("changes", lambda w: w.changes[:-1], NOT_TOGETHER),
        ("changes", lambda w: w.changes * 2**40, NO_NUMBER),
        (
            "changes",
            lambda w: sparse.csr_array((w.changes.shape[0], 1), dtype=np.int64),
            NOT_TOGETHER,
        ),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(single, part, wrong, text):
    changed = single.witnesses(**{part: wrong(single.claims[0].witnesses)})
    assert said(changed) == [text]


def test_a_class_without_cells_is_refused(single):
    """Its people would be in figures but in no cell."""
    witnesses = single.claims[0].witnesses
    starts = np.hstack([witnesses.starts, 0 * witnesses.starts[:, :1]])
    nobody = sparse.csr_array((len(witnesses.start_of), 1), dtype=np.int64)
    changes = sparse.csr_array(sparse.hstack([witnesses.changes, nobody]))
    assert said(single.witnesses(starts=starts, changes=changes)) == [OTHER_CLASSES]


# The state


@pytest.mark.parametrize(
    "wrong",
    [
        lambda state: replace(state, step=state.step + 1),
        lambda state: replace(state, figures=state.figures + 1),
        lambda state: replace(state, table=state.table[::-1]),
        lambda state: replace(state, tables=state.tables[::-1]),
        lambda state: replace(state, figures=state.figures[:-1], table=state.table[:-1]),
        lambda state: replace(
            state, sketches=replace(state.sketches, people=state.sketches.people + 1)
        ),
        lambda state: replace(
            state, sketches=replace(state.sketches, fine=state.sketches.fine + np.uint8(1))
        ),
        lambda state: replace(
            state, sketches=replace(state.sketches, keys=state.sketches.keys[::-1])
        ),
        lambda state: replace(state, sketches=replace(state.sketches, shape=SHAPES[1])),
    ],
)
def test_a_wrong_state_is_refused(release, wrong):
    arguments = (release.claims, release.catalogue, release.promise)
    assert check_state(release.state, *arguments) == ()
    found = check_state(wrong(release.state), *arguments)
    assert [finding.kind for finding in found] == ["structure"]


def test_a_state_with_a_follower_is_refused(release):
    """The state of claims in which nobody follows anybody holds too many groups."""
    sharing = release.claims[1].sharing
    none = np.full_like(sharing.leader, -1)
    nobody = release.with_claim(1, sharing=replace(sharing, leader=none, leader_table=none))
    assert check_state(release.state, nobody.claims, release.catalogue, release.promise)


def test_a_state_of_claims_that_do_not_fit_together_is_refused(release):
    """As `check_release` refuses them, whatever the state is."""
    twice = (*release.claims, release.claims[0])
    found = check_state(release.state, twice, release.catalogue, release.promise)
    assert [finding.kind for finding in found] == ["structure"]
    assert "two tables for the same subject" in found[0].explanation
