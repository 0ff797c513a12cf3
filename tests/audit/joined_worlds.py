"""Small tables that lie in each other, and an enumeration of everything that they may stand for.

The enumeration knows nothing of kinds of people: it lists the whole-number tables that fit each
table by itself and keeps the combinations in which nobody is missing from an outer table.
"""

import itertools
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from small_worlds import catalogue_of, dimension, membership, promise

from anonymizer.audit.history.join import Containment, Cover, Join
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.model.periods import Period
from anonymizer.model.tables import Figures, TableKey

DAY = Period("day", date(2026, 11, 22))
WEEK = Period.of("week", date(2026, 11, 22))
CATALOGUE = catalogue_of([dimension("g", ["m", "f"]), dimension("a", ["y", "o"])])
MOST_COMBINATIONS = 3_000_000


def key(name, period=DAY):
    return TableKey("campaign", name, period)


def shown(name, people, rules, period=DAY, catalogue=CATALOGUE, **facts):
    """A table from a mapping of segment id to published people; no figure is shared by default."""
    rows = sorted((catalogue.positions[code], count) for code, count in people.items())
    figures = Figures(
        key(name, period),
        np.array([row for row, _ in rows], dtype=np.int32),
        np.array([count for _, count in rows], dtype=np.int64),
    )
    facts = {"possible": np.ones(catalogue.shape, dtype=bool), "error": rules.rounding - 1, **facts}
    return PublicTable(figures, catalogue, rules, **facts)


def rounded_table(rng, name, truth, rules, chance, possible):
    """A table whose figures are right, each published with some chance."""
    inside = membership(CATALOGUE)
    counts = inside @ truth
    rows = np.flatnonzero((counts >= rules.k) & (rng.random(len(counts)) < chance))
    drawn, people = {}, {}
    for row in rows:
        down = counts[row] // rules.rounding * rules.rounding
        same = (inside[row] * possible.ravel()).tobytes()
        up = drawn.setdefault(same, int(rng.random() < (counts[row] - down) / rules.rounding))
        people[CATALOGUE.id(int(row))] = int(down + up * rules.rounding)
    return shown(name, people, rules, possible=possible)


def random_join(seed):
    """Two tables in each other, three in a chain, or two or three parts and their whole."""
    rng = np.random.default_rng(seed)
    shape = ("pair", "chain", "parts", "same")[seed % 4]
    rounding = int(rng.choice([1, 2, 3]))
    rules = promise(max(2, rounding), int(rng.integers(1, 3)), rounding)
    chance = rng.choice([0.3, 0.6, 0.9])
    possible = np.ones(CATALOGUE.shape, dtype=bool)
    possible[rng.integers(2), rng.integers(2)] = rng.random() < 0.7
    one = rng.poisson(0.9, 4) * possible.ravel()
    two = rng.poisson(0.5, 4) * possible.ravel()
    both = rng.poisson(0.4, 4) * possible.ravel()
    if shape == "parts":
        truths = [one + both, two + both, one + two + both]
    elif shape == "chain":
        truths = [both, one + both, one + two + both]
    else:
        truths = [one, one + (two if shape == "pair" else 0)]
    tables = tuple(
        rounded_table(rng, f"t{number}", truth, rules, chance, possible)
        for number, truth in enumerate(truths)
    )
    keys = [table.key for table in tables]
    within = [Containment(inner, outer) for inner, outer in itertools.pairwise(keys)]
    if shape == "same":
        return Join(tables, (*within, Containment(keys[1], keys[0]))), rules
    if shape == "parts":
        within = [Containment(part, keys[2]) for part in keys[:2]]
        return Join(tables, tuple(within), (Cover(keys[2], tuple(keys[:2])),)), rules
    return Join(tables, tuple(within)), rules


def unshared(table):
    """What each figure stands for if none is shared."""
    return table.unshared


def shared(table):
    """What each stands for if any may be."""
    return table.shared


def with_shared_figures(join, seed):
    """Some figures a rounding step off, as figures that are shared can be."""
    rng = np.random.default_rng(seed)
    return replace(join, tables=tuple(_shared_with_others(table, rng) for table in join.tables))


def _shared_with_others(table, rng):
    rounding, people = table.promise.rounding, table.figures.people
    off = rng.choice([-rounding, 0, 0, rounding], len(people))
    figures = replace(table.figures, people=np.maximum(people + off, table.promise.k))
    return replace(table, figures=figures, error=2 * rounding - 1)


def fitting_tables(table, most, reading):
    """Every whole-number table up to `most` in an atom that fits one table's figures."""
    inside = membership(table.catalogue)[table.figures.segments]
    low, high = reading(table)
    steps = [np.arange(most + 1) if there else np.zeros(1, int) for there in table.possible.ravel()]
    grid = np.array(np.meshgrid(*steps, indexing="ij")).reshape(len(steps), -1).T
    counts = grid @ inside.T
    return grid[((low <= counts) & (counts <= high)).all(axis=1)]


@dataclass
class Enumeration:
    """How large each sum over an atom can be: by demand, an array over atoms. None: no table."""

    most: dict


def enumerated(join, floor, reading=unshared):
    """Every combination of whole-number tables; None if there are too many to walk through."""
    most = max(int(reading(table)[1].max(initial=0)) for table in join.tables) + 1 + floor
    lists = [fitting_tables(table, most, reading) for table in join.tables]
    if any(len(tables) > 20_000 for tables in lists):
        return None
    positions = join.positions()
    within = [(positions[c.inner], positions[c.outer]) for c in join.containments]
    chosen = [np.arange(len(lists[0]))]
    for number in range(1, len(lists)):
        if len(chosen[0]) * len(lists[number]) > MOST_COMBINATIONS:
            return None
        left, right = np.meshgrid(
            np.arange(len(chosen[0])), np.arange(len(lists[number])), indexing="ij"
        )
        chosen = [*(rows[left.ravel()] for rows in chosen), right.ravel()]
        keep = np.ones(len(chosen[0]), dtype=bool)
        for inner, outer in within:
            if max(inner, outer) == number:
                smaller, larger = lists[inner][chosen[inner]], lists[outer][chosen[outer]]
                keep &= (smaller <= larger).all(axis=1)
        chosen = [rows[keep] for rows in chosen]
    tables = [of[rows] for of, rows in zip(lists, chosen, strict=True)]
    for cover in join.covers:
        parts = sum(tables[positions[part]] for part in cover.parts)
        keep = (tables[positions[cover.whole]] <= parts).all(axis=1)
        tables = [table[keep] for table in tables]
    return tables


def sums_of(join, tables):
    """Every sum that has to be able to reach the floor, one row a combination."""
    positions = join.positions()
    both_ways = {(c.inner, c.outer) for c in join.containments}
    yield from tables
    for c in join.containments:
        if (c.outer, c.inner) not in both_ways:
            yield tables[positions[c.outer]] - tables[positions[c.inner]]
    for cover in join.covers:
        parts = sum(tables[positions[part]] for part in cover.parts)
        yield parts - tables[positions[cover.whole]]


def is_broken(join, floor, reading=unshared):
    """Whether something is disclosed or contradictory; None if there is too much to enumerate."""
    tables = enumerated(join, floor, reading)
    if tables is None:
        return None
    if not len(tables[0]):
        return True
    possible = join.tables[0].possible.ravel()
    return any((totals.max(axis=0)[possible] < floor).any() for totals in sums_of(join, tables))
