"""The checker's sums, near sets and witnesses agree with plain loops and full enumeration."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
from checker_worlds import (
    SECRET,
    SHAPES,
    People,
    all_tables,
    cells_of,
    followed,
    may_be_believed,
    people_by_gender_age_and_region,
    promise,
    random_sketches,
    witnesses_from,
)
from scipy import sparse

from anonymizer.audit.checker import check_release
from anonymizer.audit.recount import membership, possible_cells, recount, shape_for
from anonymizer.audit.shared_outcomes import Followed
from anonymizer.audit.shared_outcomes import followed as found_followed
from anonymizer.audit.witness_check import KnownFigures, broken_rules
from anonymizer.model.policy import Promise
from anonymizer.model.proofs import NO_ONE, Claim, Representatives, Sharing, Sketches
from anonymizer.model.tables import Counted, Figures


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("step", "shape"), [(3, SHAPES[0]), (30, SHAPES[1]), (70, SHAPES[2])])
def test_groups_are_added_up_person_by_person(seed, step, shape):
    catalogue = people_by_gender_age_and_region(3, 3)
    rules = promise(k=step, rounding=step, inference_k=2, near_jitter=0)
    everybody = People.spread_over(catalogue, 90, seed)
    who = np.arange(0, 90, 2)
    table = everybody.table(catalogue, who)
    inside = membership(catalogue)
    groups = recount(table, inside, rules)
    boxes = possible_cells(inside, groups.segments, table.possible)
    judged = {}
    for segment in range(len(catalogue)):
        cells = cells_of(catalogue, segment, table.possible)
        members = [person for person in who if everybody.cell[person] in cells]
        if len(members) >= 1:
            judged[segment] = (cells, members)
    assert groups.segments.tolist() == sorted(judged)
    assert groups.sketches.shape == shape == shape_for(step)
    for row, segment in enumerate(groups.segments.tolist()):
        cells, members = judged[segment]
        numbers = [int(everybody.number[person]) for person in members]
        buckets = [int(everybody.bucket[person]) % shape.buckets for person in members]
        assert groups.people[row] == len(members)
        assert int(groups.totals[row]) == sum(numbers) % 2**64
        assert set(boxes[[row]].indices.tolist()) == cells
        fine, keys = [0] * shape.buckets, [0] * shape.blocks
        for number, bucket in zip(numbers, buckets, strict=True):
            fine[bucket] = (fine[bucket] + number) % 2**8
            block = bucket * shape.blocks // shape.buckets
            keys[block] = (keys[block] + number) % 2**32
        assert groups.sketches.fine[row].tolist() == fine
        assert groups.sketches.keys[row].tolist() == keys


STEPS = ((SHAPES[0], 10, 2), (SHAPES[0], 16, 0), (SHAPES[1], 30, 10), (SHAPES[2], 60, 100))


def named_tables(seed, sizes, shape):
    return [
        (f"{seed}{number}", random_sketches(10 * seed + number, size, shape))
        for number, size in enumerate(sizes)
    ]


def one_release(tables, rules):
    """All groups of some tables, in order."""
    sketches = [part for _, part in tables]
    return Representatives(
        tuple(name for name, _ in tables),
        rules.step,
        rules.rounding,
        Sketches(
            sketches[0].shape,
            *(
                np.concatenate([getattr(part, field) for part in sketches])
                for field in ("people", "fine", "keys")
            ),
        ),
        np.repeat(np.arange(len(tables), dtype=np.int32), [len(part) for part in sketches]),
        np.zeros(sum(map(len, sketches)), dtype=np.int64),
    )


def alone_in(found: Followed):
    """The groups that follow nobody."""
    return (found.earlier == NO_ONE) & (found.leader < 0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("shape", "step", "jitter"), STEPS)
def test_whom_groups_follow_agrees_with_comparing_all_with_all(seed, shape, step, jitter):
    rules = promise(k=25, rounding=step, near_jitter=jitter)
    tables = named_tables(seed, (50, 0, 30, 20), shape)
    history = [
        Representatives(
            (f"x{number}", f"{seed}0"),
            earlier,
            100 + number,
            random_sketches(10 * seed + number, 25, other),
            np.arange(25, dtype=np.int32) % 2,
            np.arange(25) + 1000 * number,
        )
        for number, (other, earlier) in enumerate(zip(SHAPES, (10, 30, 60), strict=True))
    ]
    for before in ([], history[:2], history[::-1]):
        expected = [row for rows in followed(tables, before, rules) for row in rows]
        alone = np.array([row == (NO_ONE, -1, -1) for row in expected])
        groups = one_release(tables, rules)
        found = found_followed(groups, alone, before, rules, SECRET.draw)
        assert found.earlier.tolist() == [earlier for earlier, _, _ in expected]
        drawn = [step if of == NO_ONE else 100 + of // 1000 for of, _, _ in expected]
        assert found.rounding.tolist() == drawn
        firsts = np.cumsum([0, 50, 0, 30])
        leaders = [
            -1 if leader < 0 else int(firsts[table]) + leader for _, table, leader in expected
        ]
        assert found.leader.tolist() == leaders
        assert any(leader >= 0 for leader in leaders) or before
        assert (found.earlier != NO_ONE).any() or not before
        assert alone.tolist() == alone_in(found).tolist()
        for wrong in range(seed, len(alone), 40):
            changed = alone.copy()
            changed[wrong] = not alone[wrong]
            found = found_followed(groups, changed, before, rules, SECRET.draw)
            assert changed.tolist() != alone_in(found).tolist()


def test_a_pair_that_agrees_in_any_one_block_is_followed():
    """An earlier group with one person in each block, and new groups of each of these alone."""
    shape, rules = SHAPES[0], promise(k=1, rounding=16, near_jitter=0)
    width, blocks = shape.buckets // shape.blocks, shape.blocks
    keys = np.diag(np.arange(1, blocks + 1, dtype=np.uint32))
    fine = np.kron(np.eye(blocks, dtype=np.uint8), np.eye(1, width, dtype=np.uint8))
    single = Sketches(shape, np.ones(blocks, dtype=np.int64), fine, keys)
    totals = [part.sum(axis=0, keepdims=True, dtype=part.dtype) for part in (fine, keys)]
    whole = Sketches(shape, np.array([blocks]), *totals)
    before = Representatives(("x",), 16, 16, whole, np.zeros(1, np.int32), np.array([40]))
    groups = one_release([("a", single)], rules)
    found = found_followed(groups, np.zeros(blocks, bool), [before], rules, SECRET.draw)
    assert found.earlier.tolist() == [40] * blocks


@pytest.mark.parametrize("first", [[0, 1], [0]])
def test_groups_that_agree_in_empty_blocks_alone_are_found(first):
    """Two sets of people that share nobody: only the blocks without people agree.

    Two groups below the threshold are not compared.
    """
    shape, rules = SHAPES[0], promise(k=2, rounding=5, near_jitter=0)
    catalogue = people_by_gender_age_and_region(2, 2)
    everybody = replace(People.of([0, 0, 1, 1], 1), bucket=np.array([0, 9, 30, 63]))
    tables = []
    for name, who in (("a", first), ("b", [2, 3])):
        groups = recount(everybody.table(catalogue, who, name), membership(catalogue), rules)
        assert groups.sketches.shape == shape
        tables.append((name, groups.sketches))
    groups = one_release(tables, rules)
    alone = (np.arange(len(groups)) == 0) | (groups.sketches.people < rules.k)
    found = found_followed(groups, alone, [], rules, SECRET.draw)
    assert found.leader.tolist() == np.where(alone, -1, 0).tolist()
    assert found.leader[-1] == 0


@dataclass(frozen=True)
class HandMade:
    """Some figures of a table of four cells, and every table that a reader could believe.

    Two genders, two bands and one region. Some groups share a figure.
    """

    counted: Counted
    figures: Figures
    sharing: Sharing
    rules: Promise
    boxes: list[set[int]]
    leaders: list[int | None]
    believed: np.ndarray

    @property
    def known(self):
        """What the enumeration needs to know of the figures."""
        name = str(self.counted.key)
        jitter = SECRET.draw("near", f"{name}|{name}") % (self.rules.near_jitter + 1)
        return (self.figures.people.tolist(), self.leaders, self.rules, self.rules.step + jitter)

    @property
    def shown(self):
        """Cells in some figure."""
        return sorted(set().union(*self.boxes))

    def may_be(self, tables):
        """Which of these tables could be believed."""
        least = int(self.counted.occupied)
        return may_be_believed(tables, self.boxes, self.known) & (tables >= least).all(axis=1)

    def unproved(self, tables):
        """What the checker says of the proof that consists of these tables."""
        claim = Claim(self.counted, self.figures, self.sharing, witnesses_from(tables))
        found = check_release([claim], [], FOUR_CELLS, self.rules, SECRET.draw)
        return {finding.explanation for finding in found if finding.kind == "unproved"}


FOUR_CELLS = people_by_gender_age_and_region(2, 1)
NO_WITNESS = "a cell has no witness with enough people"


def hand_made(seed, *, level, occupied):
    """The first random table some of whose figures can be believed."""
    for attempt in itertools.count():
        made = _attempt(np.random.default_rng([seed, attempt]), level, occupied)
        tables = all_tables(4, 12)
        if made.boxes and (made.may_be(tables)).any():
            return replace(made, believed=tables[made.may_be(tables)])
    raise AssertionError


def _attempt(random, level, occupied):
    rules = promise(
        k=int(random.integers(3, 6)),
        inference_k=level,
        rounding=int(random.integers(1, 4)),
        near_jitter=int(random.integers(0, 2)),
    )
    people = np.repeat(np.arange(4), random.integers(int(occupied), 10, 4))
    everybody = People.of(people, int(random.integers(1000)))
    table = everybody.table(FOUR_CELLS, range(len(people)), occupied=occupied)
    groups = recount(table, membership(FOUR_CELLS), rules)
    rows = np.flatnonzero((groups.people >= rules.k) & (random.random(len(groups)) < 0.6))
    down = groups.people[rows] // rules.rounding * rules.rounding
    up = (random.random(len(rows)) < 0.5) & (groups.people[rows] > down) | (down < rules.k)
    shown = down + up * rules.rounding
    leaders: list[int | None] = [None] * len(rows)
    for late in range(1, len(rows)):
        early = [i for i in range(late) if leaders[i] is None and shown[i] == shown[late]]
        if early and random.random() < 0.7:
            leaders[late] = int(random.choice(early))
    leader = np.full(len(groups), -1, dtype=np.int32)
    leader[rows] = [-1 if early is None else rows[early] for early in leaders]
    segments = groups.segments.astype(np.int32)
    return HandMade(
        table,
        Figures(table.key, segments[rows], shown),
        Sharing(
            segments,
            np.full(len(groups), NO_ONE),
            np.full(len(groups), rules.rounding),
            np.where(leader < 0, leader, 0),
            leader,
        ),
        rules,
        [cells_of(FOUR_CELLS, s, table.possible) for s in segments[rows].tolist()],
        leaders,
        np.zeros((0, 4), dtype=np.int64),
    )


def check_proofs(seed, level, occupied):
    """Whether a proof of a random table is complete; fails where the checker says something else.

    All tables that fit are a proof exactly if each cell has enough people in one of them.
    """
    made, random = hand_made(seed, level=level, occupied=occupied), np.random.default_rng(seed)
    proved = bool((made.believed.max(axis=0)[made.shown] >= level).all())
    unproved = set() if proved else {NO_WITNESS}
    assert made.unproved(made.believed) == unproved, seed
    for _ in range(8):
        other = made.believed[random.integers(len(made.believed))].copy()
        other[random.integers(4)] += random.choice([-2, -1, 1, 2])
        good = bool(made.may_be(other[None])[0])
        for tables in ([*made.believed, other], [other, *made.believed]):
            assert (made.unproved(np.array(tables)) <= {NO_WITNESS}) is good, (seed, other)
    return proved


@pytest.mark.parametrize("occupied", [False, True])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_witnesses_agree_with_the_enumeration_of_all_tables(level, occupied):
    proved = [check_proofs(seed, level, occupied) for seed in range(20)]
    assert any(proved)
    assert level == 1 or not all(proved)


@pytest.mark.parametrize(
    ("tables", "near"),
    [([[8, 9]], False), ([[4, 7]], True), ([[8, 9], [6, 9]], False), ([[8, 9], [4, 9]], True)],
)
def test_groups_that_share_nobody_are_apart_too(tables, near):
    """With a step of more than twice the threshold, two small groups without a common cell."""
    shown = KnownFigures(
        possible=np.ones(2, dtype=bool),
        occupied=False,
        boxes=sparse.csr_array(np.eye(2, dtype=np.int64)),
        hidden=sparse.csr_array((0, 2), dtype=np.int64),
        figures=np.array([6, 9]),
        low=np.array([4, 7]),
        high=np.array([8, 11]),
        alone=np.array([True, True]),
        before=np.array([0, 1]),
        leader=np.array([-1, -1]),
        level=2,
        step=15,
        widest=20,
    )
    text = "two groups with different figures are too near in a witness"
    assert broken_rules(witnesses_from(np.array(tables)), shown) == [text] * near


@pytest.mark.parametrize("seed", range(20))
def test_of_level_nothing_each_cell_has_two_counts(seed):
    """Also segments without figure have two, unless a figure is of the same cells."""
    made = hand_made(seed, level=0, occupied=False)
    tables = made.believed
    sets = [{cell} for cell in made.shown]
    shown = made.figures.segments.tolist()
    for segment in set(range(len(FOUR_CELLS))) - set(shown):
        cells = cells_of(FOUR_CELLS, segment, made.counted.possible)
        if cells <= set(made.shown) and cells not in made.boxes:
            sets.append(cells)
    counts = [tables[:, sorted(cells)].sum(axis=1) for cells in sets]
    solved = any(count.min() == count.max() for count in counts)
    assert bool(made.unproved(tables)) is solved
