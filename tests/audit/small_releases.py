"""Small releases as the product makes them, judged by listing all tables that could be believed."""

from dataclasses import dataclass

import numpy as np
from checker_worlds import (
    SECRET,
    People,
    Release,
    cells_of,
    findings_of,
    may_be_believed,
    people_by_gender_age_and_region,
    promise,
    suppressed,
)

from anonymizer.model.proofs import NO_ONE

CATALOGUE = people_by_gender_age_and_region(2, 1)
CELLS = 4
ELSEWHERE = -1  # a leader in another table


@dataclass(frozen=True)
class Judgement:
    """What the enumeration and the checker say of a release.

    `refused` are the checker's findings, `small` counts tables with a cell that is proved to have
    too few people, `published` and `shared` figures.
    """

    refused: int
    small: int
    published: int
    shared: int


def small_release(seed):
    """Three tables of four cells, two of them near to each other; at times one from before."""
    random = np.random.default_rng(seed)
    rules = promise(
        k=int(random.integers(3, 7)),
        k_jitter=int(random.integers(0, 3)),
        rounding=int(random.integers(1, 4)),
        inference_k=int(random.integers(1, 4)),
        near_jitter=int(random.integers(0, 3)),
    )
    cells = np.repeat(np.arange(CELLS), random.integers(0, 9, CELLS))
    everybody, order = People.of(cells, seed), random.permutation(len(cells))
    occupied = bool(random.random() < 0.3)
    before = ()
    if random.random() < 0.5:
        earlier = everybody.table(CATALOGUE, order[1:], "a", occupied=occupied)
        before = (suppressed(CATALOGUE, [earlier], rules).state,)
    tables = [
        everybody.table(CATALOGUE, who, name, occupied=occupied)
        for name, who in (("a", order), ("b", order[:-1]), ("c", order[: 2 * len(order) // 3]))
    ]
    return suppressed(CATALOGUE, tables, rules, before)


def judged(release: Release):
    """The release checked, and each of its tables enumerated."""
    small = sum(too_small(release, number) for number in range(len(release.claims)))
    figures = [claim.figures for claim in release.claims]
    shared = sum(
        leader is not None
        for number in range(len(release.claims))
        for leader in shown(release, number)[2]
    )
    published = sum(len(table.segments) for table in figures)
    return Judgement(len(findings_of(release)), small, published, shared)


def shown(release, number):
    """The published cells of a table, their figures, and whom each follows."""
    claim = release.claims[number]
    sharing, published = claim.sharing, claim.figures.segments.tolist()
    rows = np.searchsorted(sharing.segments, published).tolist()
    index = {row: position for position, row in enumerate(rows)}
    leaders = []
    for row in rows:
        alone = sharing.earlier[row] == NO_ONE and sharing.leader[row] < 0
        here = sharing.earlier[row] == NO_ONE and sharing.leader_table[row] == number
        leader = index.get(int(sharing.leader[row]), ELSEWHERE) if here else ELSEWHERE
        leaders.append(None if alone else leader)
    groups = [cells_of(CATALOGUE, segment, claim.counted.possible) for segment in published]
    return groups, claim.figures.people.tolist(), leaders


def too_small(release, number):
    """Whether no table that a reader could believe has enough people in some published cell."""
    groups, figures, leaders = shown(release, number)
    if not groups:
        return False
    counted, rules = release.claims[number].counted, release.promise
    name = str(counted.key)
    step = rules.step + SECRET.draw("near", f"{name}|{name}") % (rules.near_jitter + 1)
    tables = tables_within(ranges_of(groups, figures, release, counted))
    believed = tables[may_be_believed(tables, groups, (figures, leaders, rules, step))]
    inside = sorted(set().union(*groups))
    return not len(believed) or bool((believed.max(axis=0)[inside] < rules.inference_floor).any())


def ranges_of(groups, figures, release, counted):
    """How many people each cell may have at the least and at the most, by single figures."""
    rules, possible = release.promise, counted.possible.ravel()
    slack = rules.rounding - 1 + rules.step + rules.near_jitter - 1
    for cell in range(CELLS):
        highest = [f + slack for f, group in zip(figures, groups, strict=True) if cell in group]
        least = int(counted.occupied and possible[cell])
        yield range(least, min(highest, default=least) * int(possible[cell]) + 1)


def tables_within(ranges):
    """Every table with a number of the range in each cell."""
    grids = np.meshgrid(*(np.array(r) for r in ranges), indexing="ij")
    return np.stack(grids, axis=-1).reshape(-1, CELLS)
