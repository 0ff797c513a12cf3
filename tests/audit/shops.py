"""A few days of shops in their week: enough people for figures of many groups."""

import numpy as np
from joined_worlds import DAY, shown
from small_worlds import catalogue_of, dimension, membership

from anonymizer.policy import Promise

SHOPS = catalogue_of(
    [
        dimension("g", ["m", "f"]),
        dimension("a", ["1", "2", "3", "4"], [("young", (0, 1))]),
        dimension("r", list("ABCDEFGH"), [("north", (0, 1, 2)), ("south", (4, 5, 6, 7))]),
    ]
)
INSIDE = membership(SHOPS)
FLOOR = 10


def shops(seed, days=3):
    """A few days in their week: enough people for figures of many groups."""
    rng = np.random.default_rng(seed)
    chances = np.multiply.outer(np.multiply.outer([5, 4], [4, 3, 2, 1]), 1 / np.arange(1, 9))
    week = rng.poisson(chances * 40)
    tables = [rng.binomial(week, 0.3) for _ in range(days)]
    return [published(f"t{number}", table, rng) for number, table in enumerate((*tables, week))]


def published(name, truth, rng):
    counts = INSIDE @ truth.ravel()
    rows = np.flatnonzero(counts >= 50)
    up = rng.random(len(rows)) < counts[rows] % 10 / 10
    people = {SHOPS.id(int(row)): int(counts[row] // 10 * 10 + 10 * more)
              for row, more in zip(rows, up, strict=True)}  # fmt: skip
    return shown(name, people, Promise(), DAY, SHOPS)
