"""What figures of linked tables allow, by programs over all their layers at once.

A program ends in a family of whole people, or in the figures whose sum shows that there is none.
Such a sum is checked in whole numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.solver import Outcome, Program, Reals
from anonymizer.feasible.system import Integers, System
from anonymizer.protection.linked.stack import Margin, Stack

Number = TypeVar("Number", np.int64, np.float64)
_DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 12, 60, 840)
_MOST_WHOLE = 600  # columns of a program in whole numbers
_MOST_ITERATIONS = 50_000
_MOST_CHOICES = 64  # of one table of each group
_BLAMED = 1e-6
_SOME = 1_000.0  # people in a class of no figure


@dataclass(frozen=True)
class Shown:
    """Figures that show something, `multipliers` times each; `exact` if that is checked.

    `bound` is at most what the sum leaves, times `scale`.
    """

    figures: Integers
    multipliers: Integers
    scale: int
    bound: int
    exact: bool


def contradiction(system: System) -> Shown | None:
    """Figures of one layer that no people have, not even in parts."""
    matrix = sparse.csc_array(system.members)
    limits = np.full(system.classes, np.inf)
    low, high = system.lowest.astype(np.float64), system.highest.astype(np.float64)
    multipliers = _at_odds(matrix, low, high, limits)
    nothing = sparse.csr_array((0, system.classes), dtype=np.int64)
    ends = system.lowest, system.highest
    return _sum_of(system.members, nothing, ends, multipliers, np.zeros(system.classes), 0)


def _at_odds(matrix: sparse.csc_array, low: Reals, high: Reals, limits: Reals) -> Reals:
    """How often rows count in a sum that no columns fit; all 0 if some do."""
    rows, columns = matrix.shape
    excess = sparse.eye_array(rows, dtype=np.int64)
    wider = sparse.csc_array(sparse.hstack([matrix, excess, -excess]))
    program = Program(wider, low, high, np.concatenate([limits, np.full(2 * rows, np.inf)]))
    program.limit_iterations(_MOST_ITERATIONS)
    return program.minimise(np.concatenate([np.zeros(columns), np.ones(2 * rows)])).multipliers


def _sum_of(
    figures: sparse.csr_array,
    margins: sparse.csr_array,
    ends: tuple[Integers, Integers],
    multipliers: Reals,
    weights: Reals,
    below: int,
) -> Shown | None:
    number = figures.shape[0]
    for scale in _DENOMINATORS:
        whole = np.rint(multipliers * scale).astype(np.int64)
        own, others = whole[:number], np.minimum(whole[number:], 0)
        covers = figures.T @ own + margins.T @ others
        bound = int(own @ np.where(own > 0, ends[1], ends[0]))
        if (covers >= scale * weights).all() and bound < below * scale:
            used = np.flatnonzero(own)
            return Shown(used, own[used], scale, bound, exact=True)
    used = np.flatnonzero(np.abs(multipliers[:number]) > _BLAMED)
    if not len(used):
        return None
    return Shown(used, np.sign(multipliers[used]).astype(np.int64), 1, 0, exact=False)


class Bounds:
    """Programs over (layers x classes); margins and figures are rows."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        layers = len(stack.systems)
        self._width = layers * stack.classes
        entries = sparse.coo_array(stack.members)
        columns = stack.layer_of[stack.table[entries.row]] * stack.classes + entries.col
        shape = len(stack.table), self._width
        self._figures = sparse.csr_array(
            sparse.coo_array((entries.data, (entries.row, columns)), shape=shape)
        )
        rows = [row for m in stack.margins if m.minus and m.must.any() for row in self._rows(m)]
        self._margins = sparse.csr_array(
            sparse.vstack([sparse.csr_array((0, self._width), dtype=np.int64), *rows])
        )
        self._matrix = sparse.csc_array(sparse.vstack([self._figures, self._margins]))
        nothing = np.zeros(self._margins.shape[0], dtype=np.int64)
        self._low = np.concatenate([stack.lowest, nothing]).astype(np.float64)
        self._high = np.concatenate(
            [stack.highest.astype(np.float64), np.full(len(nothing), np.inf)]
        )
        there = [stack.possible[stack.layer_of == n].any(axis=0) for n in range(layers)]
        most = 2.0 * float(stack.most.max(initial=0)) + _SOME
        self._limits: Reals = np.where(np.concatenate(there), most, 0.0)
        self._program: Program | None = None

    @property
    def size(self) -> int:
        """Rows and columns."""
        return int(sum(self._matrix.shape))

    def some_family(self) -> Reals | Shown | None:
        """Parts or whole people that fit everything, or what shows that none do."""
        outcome = self._solved(np.zeros(self._width))
        if outcome.status == "infeasible":
            return self._contradiction()
        if not outcome.found:
            return None
        if self._is_whole(outcome.values):
            return self._as_layers(np.rint(outcome.values))
        if (whole := self._whole(None)) is not None:
            return self._as_layers(whole.astype(np.float64))
        return self._as_layers(outcome.values)

    def decide(self, margin: Margin, place: int, floor: int) -> Reals | Shown | None:
        """Parts or whole people with enough in a margin and class, or what makes it small."""
        weights = self._weights(margin, place)
        outcome = self._solved(-weights)
        if not outcome.found:
            return None
        if float(weights @ outcome.values) < floor - _BLAMED:
            return self._shown(outcome.multipliers, weights, floor)
        if self._is_whole(outcome.values):
            return self._as_layers(np.rint(outcome.values))
        whole = self._whole((weights, floor))
        return self._as_layers(outcome.values if whole is None else whole.astype(np.float64))

    def _solved(self, cost: Reals) -> Outcome:
        if self._program is None:
            self._program = Program(self._matrix, self._low, self._high, self._limits)
            self._program.limit_iterations(_MOST_ITERATIONS)
        return self._program.minimise(cost)

    def _whole(self, goal: tuple[Reals, int] | None) -> Integers | None:
        if self._width > _MOST_WHOLE:
            return None
        matrix, low, high = self._matrix, self._low, self._high
        if goal is not None:
            matrix = sparse.csc_array(sparse.vstack([matrix, sparse.csr_array(goal[0][None, :])]))
            low, high = np.append(low, goal[1]), np.append(high, np.inf)
        program = Program(matrix, low, high, self._limits, whole=True)
        outcome = program.minimise(np.zeros(self._width))
        if not outcome.found:
            return None
        found: Integers = np.rint(outcome.values).astype(np.int64)
        return found

    def _contradiction(self) -> Shown | None:
        """The figures that no people have, not even in parts."""
        multipliers = _at_odds(self._matrix, self._low, self._high, self._limits)
        return self._shown(multipliers, np.zeros(self._width), 0)

    def _shown(self, multipliers: Reals, weights: Reals, below: int) -> Shown | None:
        """A sum of figures that is below a number; else the figures to blame."""
        ends = self._stack.lowest, self._stack.highest
        return _sum_of(self._figures, self._margins, ends, multipliers, weights, below)

    def _rows(self, margin: Margin) -> Iterator[sparse.csr_array]:
        """A margin as rows: with one table of each group."""
        stack, places = self._stack, np.flatnonzero(margin.must)
        each = np.arange(len(places))
        for chosen in islice(product(*margin.minus), _MOST_CHOICES):
            parts = [(table, 1) for table in margin.plus] + [(table, -1) for table in chosen]
            rows, columns, data = [], [], []
            for table, sign in parts:
                there = stack.possible[table][places]
                rows.append(each[there])
                columns.append(stack.layer_of[table] * stack.classes + places[there])
                data.append(np.full(int(there.sum()), sign, dtype=np.int64))
            entries = np.concatenate(data), (np.concatenate(rows), np.concatenate(columns))
            made = sparse.csr_array(sparse.coo_array(entries, shape=(len(places), self._width)))
            made.eliminate_zeros()
            yield sparse.csr_array(made[np.flatnonzero(np.diff(made.indptr))])

    def _weights(self, margin: Margin, place: int) -> Reals:
        stack, weights = self._stack, np.zeros(self._width)
        for table in margin.plus:
            weights[stack.layer_of[table] * stack.classes + place] += stack.possible[table, place]
        for group in margin.minus:
            for table in group:
                share = float(stack.possible[table, place]) / len(group)
                weights[stack.layer_of[table] * stack.classes + place] -= share
        return weights

    def _is_whole(self, values: Reals) -> bool:
        return bool((np.abs(values - np.rint(values)) < _BLAMED).all())

    def _as_layers(self, values: NDArray[Number]) -> NDArray[Number]:
        return values.reshape(-1, self._stack.classes)
