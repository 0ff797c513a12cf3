"""Tables with fractions of people: evidence where whole people are not at hand.

An interior point method goes to the middle of what fits, and large tables are no trouble to it.
So one program is asked for thousands of sums at once: it leaves of all that is sought as little
undone as it can, which settles far more than one sum. Simplex programs, one for each sum, would
take the number of sums times the size of the table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.solver import Program, Reals
from anonymizer.feasible.system import Flags, System
from anonymizer.feasible.work import meter

NEARLY = 1e-6  # people by which a figure or a requirement may be missed
_BEYOND = 0.01  # people beyond what is sought, so that a tolerance does not spoil it


@dataclass(frozen=True)
class SoughtBounds:
    """Requirements of sums of classes (sums x classes): so many people or more (`up`), or
    at most.
    """

    totals: sparse.csr_array
    bounds: Reals
    up: Flags

    def fulfilled(self, table: Reals) -> Flags:
        """Which of them a table comes up to, within a tolerance."""
        missing = np.where(self.up, 1, -1) * (self.bounds - self.totals @ table)
        return np.asarray(missing <= NEARLY)


class FractionalTables:
    """Tables with parts of people that fit what is known, each figure within 1e-6 of a person."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._rows = system.independent
        self._random = np.random.default_rng(search_limits.FRACTIONAL_SEED)

    @cached_property
    def middle(self) -> Reals | None:
        """A table in which every class that can have people has some; None if none was found.

        Where interior points fail, some corner.
        """
        inside = self._program()
        inside.use_interior_point(presolve=False)
        nothing = np.zeros(self.system.classes)
        table = self._fitting(inside.minimise(nothing).values)
        return self._fitting(self._program().minimise(nothing).values) if table is None else table

    def _program(self) -> Program:
        rows, limits = self._rows, np.full(self.system.classes, np.inf)
        return Program(sparse.csc_array(rows.members), rows.lowest, rows.highest, limits)

    def towards(self, sought: Callable[[], SoughtBounds]) -> Iterator[Reals]:
        """Tables towards what is still sought, asked for each time, until little comes of it."""
        for _ in range(search_limits.FRACTIONAL_TABLES):
            asked, exhausted = sought(), meter().exhausted
            table = self._closest(asked) if len(asked.bounds) and not exhausted else None
            if table is None:
                return
            yield table
            if asked.fulfilled(table).mean() < search_limits.WORTHWHILE:
                return

    def _closest(self, sought: SoughtBounds) -> Reals | None:
        """The table that misses the requirements by the fewest people, each weighted at random."""
        rows, classes, wished = self._rows, self.system.classes, len(sought.bounds)
        signs = np.where(sought.up, 1.0, -1.0)
        matrix = sparse.block_array(
            [
                [rows.members, None],
                [sought.totals, sparse.diags_array(signs)],
            ]
        )
        bounds = sought.bounds + _BEYOND * signs
        lowest = np.concatenate([rows.lowest, np.where(sought.up, bounds, -np.inf)])
        highest = np.concatenate([rows.highest, np.where(sought.up, np.inf, bounds)])
        missed = self._random.uniform(0.5, 1, wished)
        cost = np.concatenate([np.zeros(classes), missed])
        # Inside of the polyhedron first; a corner where that is not exact enough.
        for inside in (True, False):
            limits = np.full(classes + wished, np.inf)
            program = Program(sparse.csc_array(matrix), lowest, highest, limits)
            if inside:
                program.use_interior_point()
            table = self._fitting(program.minimise(cost).values[:classes])
            if table is not None:
                return table
        return None

    def _fitting(self, values: Reals) -> Reals | None:
        """The values as a table, if they are one; whatever the solver says of them."""
        table = np.maximum(values, 0)
        for rows in (self._rows, self.system):
            people = rows.members @ table
            near = (people >= rows.lowest - NEARLY) & (people <= rows.highest + NEARLY)
            if not near.all():
                return None
        return table
