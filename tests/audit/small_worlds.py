"""Random small tables and an enumeration of every table that fits their figures.

The enumeration knows nothing of the auditor: it walks over the atoms, keeps every partial
table that can still fit, and reads the answer off the complete ones.
"""

import itertools
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.optimize import linprog

from anonymizer.model.dimensions import ALL, Dimension, Group, Text
from anonymizer.model.periods import Period
from anonymizer.model.policy import Promise
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Figures, TableKey

KEY = TableKey("campaign", "c1", Period("day", date(2026, 11, 22)))
MOST_TABLES = 60_000
SHAPES = ((2, 3), (3, 3), (2, 2, 2))


def dimension(name, leaves, groups=()):
    """`all`, the leaves, and named unions of leaves."""
    everyone = Group(ALL, ALL, Text("people", "orang"), tuple(range(len(leaves))))
    single = [Group(x, "leaf", Text(x, x), (i,)) for i, x in enumerate(leaves)]
    unions = [Group(x, "union", Text(x, x), tuple(sorted(of))) for x, of in groups]
    return Dimension(name, tuple(leaves), (everyone, *single, *unions))


def catalogue_of(dimensions):
    """Every combination of groups, coarse to fine."""
    cells = sorted(
        itertools.product(*(range(len(d.groups)) for d in dimensions)),
        key=lambda cell: (sum(group > 0 for group in cell), cell),
    )
    return Catalogue(tuple(dimensions), np.array(cells, dtype=np.int32), {})


def promise(k=3, inference_k=2, rounding=1):
    """A promise with a floor below what a policy may set, so that tables stay small."""
    return Promise.model_construct(k=k, inference_k=inference_k, rounding=rounding, k_jitter=0)


def figures_of(catalogue, people):
    """Figures from a mapping of segment id to published people."""
    rows = sorted((catalogue.positions[code], count) for code, count in people.items())
    return Figures(
        KEY,
        np.array([row for row, _ in rows], dtype=np.int32),
        np.array([count for _, count in rows], dtype=np.int64),
    )


def everywhere(catalogue):
    return np.ones(catalogue.shape, dtype=bool)


@dataclass
class World:
    catalogue: Catalogue
    possible: np.ndarray
    promise: Promise
    figures: Figures


def random_world(seed, inference=True):
    rng = np.random.default_rng(seed)
    shape = SHAPES[seed % len(SHAPES)]
    catalogue = catalogue_of([_random_dimension(rng, f"d{i}", n) for i, n in enumerate(shape)])
    possible = rng.random(shape) > rng.choice([0, 0.25])
    k, rounding = int(rng.integers(2, 5)), int(rng.choice([1, 1, 2, 5]))
    k = max(k, rounding)
    floor = int(rng.integers(1, k + 1)) if inference else 0
    truth = rng.poisson(rng.choice([0.8, 1.5]), shape) * possible
    inside = membership(catalogue)
    counts = inside @ truth.ravel()
    chance = rng.choice([0.3, 0.6, 1])
    rows = np.flatnonzero((counts >= k) & (rng.random(len(counts)) < chance))
    people, drawn = [], {}
    for row in rows:
        code = (inside[row].astype(bool) & possible.ravel()).tobytes()
        down = counts[row] // rounding * rounding
        up = drawn.setdefault(code, int(rng.random() < (counts[row] - down) / rounding))
        people.append(down + up * rounding)
    people = np.array(people, dtype=np.int64)
    if len(people) and rng.random() < 0.1:
        people[rng.integers(len(people))] += rounding
    figures = Figures(KEY, rows.astype(np.int32), people)
    return World(catalogue, possible, promise(k, floor, rounding), figures)


def _random_dimension(rng, name, leaves):
    sizes = list(range(2, leaves))
    unions = [
        (f"{name}u{i}", tuple(rng.choice(leaves, rng.choice(sizes), replace=False).tolist()))
        for i in range(rng.integers(0, 3) if sizes else 0)
    ]
    return dimension(name, [f"{name}v{i}" for i in range(leaves)], unions)


def membership(catalogue):
    """(segments x atoms) in 0 and 1, segment by segment."""
    rows = []
    for cell in catalogue.cells:
        grid = np.zeros(catalogue.shape, dtype=np.int64)
        leaves = [d.groups[g].leaves for d, g in zip(catalogue.dimensions, cell, strict=True)]
        grid[np.ix_(*leaves)] = 1
        rows.append(grid.ravel())
    return np.array(rows)


def bounds_of(world):
    """Lowest and highest true count of each figure, by the rule as published."""
    r, k = world.promise.rounding, world.promise.k
    lows = [p if r == 1 else max(k, p - r + 1) for p in world.figures.people.tolist()]
    return np.array(lows), world.figures.people + (r - 1)


def all_tables(world):
    """Every table on the atoms that figures cover (others at 0), and which these are.

    None if there are too many to walk through.
    """
    inside = membership(world.catalogue)[world.figures.segments]
    low, high = bounds_of(world)
    covered = inside.any(axis=0) & world.possible.ravel()
    tables = np.zeros((1, inside.shape[1]), dtype=np.int64)
    counts = np.zeros((1, len(inside)), dtype=np.int64)
    for atom in np.flatnonzero(covered):
        most = int(high[inside[:, atom] > 0].min())
        steps = np.arange(most + 1)
        tables = np.repeat(tables, len(steps), axis=0)
        counts = np.repeat(counts, len(steps), axis=0)
        values = np.tile(steps, len(tables) // len(steps))
        tables[:, atom] = values
        counts += values[:, None] * inside[:, atom]
        later = covered & (np.arange(len(covered)) > atom)
        final = ~(inside[:, later].any(axis=1))
        keep = (counts <= high).all(axis=1) & (counts >= low)[:, final].all(axis=1)
        tables, counts = tables[keep], counts[keep]
        if len(tables) > MOST_TABLES:
            return None, covered
    keep = ((counts <= high) & (counts >= low)).all(axis=1)
    return tables[keep], covered


def is_sum_of_figures(world, atoms):
    """Whether a set of atoms is a sum of published segments with weights of 0 or more."""
    inside = membership(world.catalogue)[world.figures.segments] * world.possible.ravel()
    within = inside[~(inside > atoms).any(axis=1)]
    if not len(within):
        return False
    answer = linprog(np.zeros(len(within)), A_eq=within.T, b_eq=atoms)
    return answer.status == 0 and np.abs(answer.x @ within - atoms).max() < 1e-6
