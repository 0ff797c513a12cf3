"""Small worlds of people for the checker, and plain loops that judge a release by the rules.

The loops know the rules as the documentation states them. They share nothing with the product
and walk over people, cells and pairs one by one.
"""

import itertools
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy import sparse
from small_worlds import catalogue_of, dimension

from anonymizer.audit.checker import check_release
from anonymizer.model.periods import Period
from anonymizer.model.policy import Effort, Promise
from anonymizer.model.proofs import NO_ONE, Claim, Shape, Sketches, Witnesses
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Counted, Figures, SetHashes, TableKey
from anonymizer.storage.processes import ALONE
from anonymizer.storage.secret import Secret
from anonymizer.suppression.release_suppression import (
    ReleaseTerms,
    claim_of,
    state_of,
    suppress_release,
)

SECRET = Secret(bytes(range(32)))
DAY = date(2026, 11, 22)
SHAPES = (Shape(64, 16), Shape(256, 64), Shape(256, 256))


def people_by_gender_age_and_region(bands=3, regions=4):
    """Men and women of a few bands and regions; one union of bands and one of regions."""
    codes = [f"r{i}" for i in range(regions)]
    ages = [f"b{i}" for i in range(bands)]
    return catalogue_of(
        [
            dimension("gender", ["men", "women"]),
            dimension("age", ages, [("young", (0, 1))] if bands > 2 else []),
            dimension("region", codes, [("west", (0, 1))] if regions > 2 else []),
        ]
    )


def promise(**settings):
    """A promise with a threshold below what a policy may set, so that tables stay small."""
    usual = {"k": 6, "k_jitter": 2, "inference_k": 2, "rounding": 3, "near_jitter": 1}
    return Promise.model_construct(**(usual | settings))


@dataclass(frozen=True)
class People:
    """Everybody there is: the cell, the keyed number and the bucket of each person."""

    cell: np.ndarray
    number: np.ndarray
    bucket: np.ndarray

    @classmethod
    def of(cls, cells, seed):
        random = np.random.default_rng(seed)
        numbers = random.integers(0, 2**64, len(cells), dtype=np.uint64)
        return cls(np.asarray(cells), numbers, random.integers(0, 256, len(cells)))

    @classmethod
    def spread_over(cls, catalogue, people, seed):
        """Unevenly, so that some cells have many and some nobody."""
        random = np.random.default_rng(seed)
        cells = int(np.prod(catalogue.shape))
        return cls.of(random.choice(cells, people, p=random.dirichlet(np.full(cells, 0.7))), seed)

    def table(self, catalogue, who, subject="a", *, day=DAY, occupied=False, possible=None):
        """The counted table of some of them."""
        counts = np.zeros(catalogue.shape, dtype=np.int64)
        np.add.at(counts.reshape(-1), self.cell[who], 1)
        totals = {}
        for person in who:
            position = (int(self.cell[person]), int(self.bucket[person]))
            totals[position] = (totals.get(position, 0) + int(self.number[person])) % 2**64
        positions = sorted(totals)
        if possible is None:
            possible = counts > 0 if occupied else np.ones(catalogue.shape, dtype=bool)
        return Counted(
            TableKey("campaign", subject, Period.of("day", day)),
            counts,
            SetHashes(
                np.array([cell for cell, _ in positions], dtype=np.intp),
                np.array([bucket for _, bucket in positions], dtype=np.uint8),
                np.array([totals[position] for position in positions], dtype=np.uint64),
            ),
            possible,
            occupied,
        )


@dataclass(frozen=True)
class Release:
    """A release as the suppressor makes it, with what it was made from."""

    catalogue: Catalogue
    promise: Promise
    claims: tuple[Claim, ...]
    history: tuple
    state: object

    def with_claim(self, number, **parts):
        """The same release with other parts of one claim."""
        claims = list(self.claims)
        claims[number] = replace(claims[number], **parts)
        return replace(self, claims=tuple(claims))

    def figures(self, number=0):
        """What is published of one table: people by segment id."""
        shown = self.claims[number].figures
        rows = zip(shown.segments.tolist(), shown.people.tolist(), strict=True)
        return {self.catalogue.id(segment): people for segment, people in rows}

    def with_figures(self, people, number=0):
        """The same release with other figures of one table."""
        rows = sorted((self.catalogue.positions[code], figure) for code, figure in people.items())
        shown = Figures(
            self.claims[number].counted.key,
            np.array([row for row, _ in rows], dtype=np.int32),
            np.array([figure for _, figure in rows], dtype=np.int64),
        )
        return self.with_claim(number, figures=shown)

    def witnesses(self, number=0, **parts):
        """The same release with other parts of the witnesses of one table."""
        return self.with_claim(number, witnesses=replace(self.claims[number].witnesses, **parts))


def suppressed(catalogue, tables, rules, history=()):
    """The release that the suppressor makes of these tables."""
    done = suppress_release(
        tables, history, ReleaseTerms(catalogue, rules, SECRET, Effort()), ALONE
    )
    claims = tuple(claim_of(one, table) for one, table in zip(done, tables, strict=True))
    return Release(catalogue, rules, claims, tuple(history), state_of(done, rules))


def cells_of(catalogue, segment, possible):
    """The possible cells of a segment, as positions in the flat grid."""
    grid = [group.leaves for group in catalogue.groups(segment)]
    cells = (np.ravel_multi_index(cell, catalogue.shape) for cell in itertools.product(*grid))
    return {int(cell) for cell in cells if possible.ravel()[cell]}


def may_be_believed(tables, groups, known):
    """Which tables of people a reader of the figures could believe, by the rules as published.

    `groups` are the cells of the published segments, in the order judged. `known` has for each
    its figure and the number of the group that it follows, None if it is judged on its own; then
    the promise and the step of the table with itself.
    """
    shown, leaders, rules, step = known
    widest = rules.step + rules.near_jitter - 1
    counts = np.stack([tables[:, sorted(group)].sum(axis=1) for group in groups])
    good = (tables >= 0).all(axis=1)
    for count, figure, leader in zip(counts, shown, leaders, strict=True):
        slack = rules.rounding - 1 + (0 if leader is None else widest)
        good &= (count >= max(rules.k, figure - slack)) & (count <= figure + slack)
    for first, other in itertools.combinations(range(len(groups)), 2):
        differ = tables[:, sorted(groups[first] ^ groups[other])].sum(axis=1)
        if leaders[other] == first:
            good &= differ <= widest
        elif (
            shown[first] != shown[other]
            and leaders[first] is None
            and (leaders[other] is None or leaders[other] > first)
        ):
            good &= differ >= step
    return good


def all_tables(cells, most):
    """Every table of up to `most` people in each of some cells."""
    return np.stack(np.indices((most + 1,) * cells), axis=-1).reshape(-1, cells)


def witnesses_from(tables):
    """The proof that consists of these tables, each cell a class of its own."""
    return Witnesses(
        np.arange(tables.shape[1], dtype=np.int32),
        tables[:1],
        np.zeros(len(tables) - 1, dtype=np.int32),
        sparse.csr_array(tables[1:] - tables[0]),
    )


def random_sketches(seed, groups, shape):
    """Groups of 1 to 60 people of one small public, many of them near to each other."""
    random = np.random.default_rng(seed)
    public = 400
    numbers = random.integers(0, 2**64, public, dtype=np.uint64)
    buckets = random.integers(0, shape.buckets, public)
    totals = np.zeros((groups, shape.buckets), dtype=np.uint64)
    people = [set()]
    for row in range(groups):
        who = set(people[random.integers(len(people))])
        if random.random() < 0.3:
            size = random.integers(1, 60)
            who = set(random.choice(public, size, replace=False).tolist())
        for person in random.choice(public, random.integers(0, 9), replace=False).tolist():
            who ^= {person}
        who = who or {0}
        people.append(who)
        for person in who:
            np.add.at(totals, (row, buckets[person]), numbers[person])
    blocks = totals.reshape(groups, shape.blocks, shape.buckets // shape.blocks)
    keys = blocks.sum(axis=2, dtype=np.uint64).astype(np.uint32)
    sizes = np.array([len(who) for who in people[1:]], dtype=np.int64)
    return Sketches(shape, sizes, totals.astype(np.uint8), keys)


def folded(sketches, shape):
    """Bucket numbers taken modulo the smaller shape, one by one."""
    old, size = sketches.shape, len(sketches)
    fine = np.zeros((size, shape.buckets), dtype=np.uint8)
    for bucket in range(old.buckets):
        fine[:, bucket % shape.buckets] += sketches.fine[:, bucket]
    return fine


def followed(tables, history, rules):
    """Whom each group follows, by comparing everything with everything.

    Per table and group: the outcome of an earlier release, the table and the group followed.
    """

    def step(one, other, usual, shape):
        drawn = SECRET.draw("near", "|".join(sorted([one, other]))) % (rules.near_jitter + 1)
        return min(usual + drawn, shape.blocks)

    alone = []  # table, group, name, sketch
    answers = []
    for number, (name, sketches) in enumerate(tables):
        rows = []
        for group in range(len(sketches)):
            answer = _earlier(name, sketches, group, (history, rules, step))
            if answer is None:
                answer = (NO_ONE, -1, -1)
                size = int(sketches.people[group])
                for table, leader, other, sketch, count in alone:
                    differ = max(int((sketch != sketches.fine[group]).sum()), abs(size - count))
                    near = differ < step(name, other, rules.step, sketches.shape)
                    if near and max(size, count) >= rules.k:
                        answer = (NO_ONE, table, leader)
                        break
                else:
                    alone.append((number, group, name, sketches.fine[group], size))
            rows.append(answer)
        answers.append(rows)
    return answers


def _earlier(name, sketches, group, known):
    history, rules, step = known
    for release in history:
        shape = min(sketches.shape, release.sketches.shape, key=lambda s: (s.blocks, s.buckets))
        mine = folded(sketches, shape)[group]
        theirs = folded(release.sketches, shape)
        usual = min(rules.step, release.step)
        for row in range(len(release)):
            other = release.tables[release.table[row]]
            size, count = int(sketches.people[group]), int(release.sketches.people[row])
            differ = max(int((theirs[row] != mine).sum()), abs(size - count))
            near = differ < step(name, other, usual, shape)
            if near and max(size, count) >= rules.k:
                return (int(release.figures[row]), -1, -1)
    return None


def findings_of(release, history=None):
    """What the checker finds; no explanation holds a number, so none holds a true count."""
    before = release.history if history is None else history
    found = check_release(release.claims, before, release.catalogue, release.promise, SECRET.draw)
    assert not any(sign.isdigit() for finding in found for sign in finding.explanation)
    return found


def kinds(release, history=None):
    return {finding.kind for finding in findings_of(release, history)}


def named(release, kind):
    """Segments named in the findings of a kind."""
    found = [finding for finding in findings_of(release) if finding.kind == kind]
    return {segment for finding in found for segment in finding.segments}


def world(subjects="abc", seed=3, people=160, regions=3, **settings):
    """Tables a and b, which one person tells apart, and c of other people."""
    catalogue, rules = people_by_gender_age_and_region(3, regions), promise(**settings)
    everybody = People.spread_over(catalogue, 2 * people, seed)
    who = np.random.default_rng(seed).permutation(2 * people)
    tables = [
        everybody.table(catalogue, who[:people], "a"),
        everybody.table(catalogue, who[1:people], "b"),
        everybody.table(catalogue, who[people:], "c"),
    ]
    chosen = [table for table in tables if table.key.subject_id in subjects]
    return suppressed(catalogue, chosen, rules)
