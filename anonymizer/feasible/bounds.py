"""How many people a group may have at most: a proof, a table to the contrary, or neither.

A proof is a sum of published figures with weights. If every class counts at least as
often in the sum as it does in the group, then the group has at most as many people as
the sum of the figures' bounds. The weights come from the duals of a linear program; they
are rounded to fractions and the proof is checked in whole numbers, so it holds whatever
the solver did. Where no simple fractions do, fine ones are repaired until every class is
counted often enough. Where people being whole matters, integer programming decides.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.blocks import BlockProgram
from anonymizer.feasible.integer_tables import make_whole
from anonymizer.feasible.solver import Program, Reals
from anonymizer.feasible.system import Integers, System

_DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 12, 60, 840, 27_720)
FINE = 2**30  # parts of one, where no simple fraction makes a proof
_WHOLE = 1e-6


@dataclass(frozen=True)
class Proof:
    """The sum of `multipliers / scale` times the figures shows a group to be at most `bound`.

    `covers` says how often (times `scale`) the sum counts each class. Certain people are not
    counted.
    """

    multipliers: Integers
    scale: int
    bound: int
    covers: Integers

    @property
    def figures(self) -> Integers:
        """Positions of the figures that the sum uses, the added ones first."""
        used = np.flatnonzero(self.multipliers)
        return used[np.argsort(-self.multipliers[used], kind="stable")]


@dataclass(frozen=True)
class Reachable:
    """A table of whole people that fits and in which the group has enough."""

    table: Integers


@dataclass(frozen=True)
class Divisible:
    """A table of parts of people that fits, within the solver's tolerance, and has enough."""

    table: Reals


@dataclass(frozen=True)
class Unreachable:
    """No table of whole people fits; no sum of figures shows it."""


@dataclass(frozen=True)
class Undecided:
    """The effort allowed did not decide."""


Verdict = Proof | Reachable | Divisible | Unreachable | Undecided


class Bounds:
    """Decides what the figures of one table allow.

    With a limit on the `iterations` of a program, what takes more is undecided; so is what only
    whole numbers of people would decide, where there are that many classes. A table of parts of
    people that fits, to `start` with, saves the time to find one.
    """

    def __init__(
        self,
        system: System,
        iterations: int | None = None,
        *,
        start: Reals | None = None,
    ) -> None:
        self._system, self._iterations, self._start = system, iterations, start
        self._rows = system.independent
        self._matrix = sparse.csc_array(self._rows.members)
        self._by_class = sparse.csr_array(self._rows.members.T)

    @cached_property
    def _program(self) -> BlockProgram:
        limits = np.full(self._system.classes, np.inf)
        ends = self._rows.lowest, self._rows.highest
        return BlockProgram(self._matrix, *ends, limits, self._iterations, self._start)

    def decide(self, weights: Integers, at_least: int, *, whole: bool = True) -> Verdict:
        """Whether the weighted people may be `at_least` this many in a table that fits.

        Weights above 0 must be on classes that a figure covers. Assumes that some table of
        parts of people fits; see `contradiction`. Unless `whole`, parts of people will do
        where whole ones are not at hand.
        """
        outcome = self._program.minimise(-weights.astype(float))
        if not outcome.found:
            return Undecided()
        if _rounded_down(weights, outcome.values) < at_least:
            for proof in self._proofs(outcome.multipliers, weights):
                if proof.bound < at_least:
                    return proof
        else:
            table = make_whole(self._system, outcome.values)
            if table is not None and weights @ table >= at_least:
                return Reachable(table)
            if not whole:
                return Divisible(outcome.values)
        return self._decide_whole(weights, at_least)

    def least(self, weights: Integers) -> int:
        """A proved lower bound of the weighted people; not always the highest."""
        return max(0, -self.most(-weights)[0])

    def most(self, weights: Integers) -> tuple[int, Reals | None]:
        """A proved upper bound of the weighted people, and a table that comes close.

        Weights other than 0 must be on classes that a figure covers. The bound is the best that
        sums of figures can show, but for the last person where the solver's duals are too coarse.
        """
        outcome = self._program.minimise(-weights.astype(float))
        optimum = _rounded_down(weights, outcome.values) if outcome.found else 0
        positive = np.flatnonzero(weights > 0)
        best = int(weights[positive] @ self._system.caps[positive])
        for proof in self._proofs(outcome.multipliers, weights):
            best = min(best, proof.bound)
            if best <= optimum:
                break
        return best, outcome.values if outcome.found else None

    def contradiction(self) -> Proof | None:
        """Figures that no table can have, not even one with parts of people."""
        classes, rows = self._system.classes, len(self._rows.lowest)
        excess = sparse.eye_array(rows, dtype=np.int64)
        program = Program(
            sparse.csc_array(sparse.hstack([self._matrix, excess, -excess])),
            self._rows.lowest,
            self._rows.highest,
            np.full(classes + 2 * rows, np.inf),
        )
        if self._iterations is not None:
            program.limit_iterations(self._iterations)
        cost = np.concatenate([np.zeros(classes), np.ones(2 * rows)])
        multipliers = program.minimise(cost).multipliers
        zeros = np.zeros(classes, dtype=np.int64)
        return next((p for p in self._proofs(multipliers, zeros) if p.bound < 0), None)

    def some_table(self, *, whole: bool = True) -> Verdict:
        """Any table that fits."""
        zeros = np.zeros(self._system.classes, dtype=np.int64)
        if self._system.allows(zeros):
            return Reachable(zeros)
        return self.decide(zeros, 0, whole=whole)

    def _proofs(self, multipliers: Reals, weights: Integers) -> Iterator[Proof]:
        """The multipliers as fractions, where these count every class often enough."""
        for scale in _DENOMINATORS:
            whole = np.rint(multipliers * scale).astype(np.int64)
            covers = self._by_class @ whole
            if (covers >= scale * weights).all():
                yield self._proof(whole @ self._rows.origin, scale, covers)
        figures = np.rint(multipliers * FINE).astype(np.int64) @ self._rows.origin
        lacking = np.maximum(FINE * weights - self._system.by_class @ figures, 0)
        if (self._smallest[lacking > 0] >= 0).all():
            lacked = np.flatnonzero(lacking)
            np.add.at(figures, self._smallest[lacked], lacking[lacked])
            yield self._proof(figures, FINE, self._system.by_class @ figures)

    def _proof(self, multipliers: Integers, scale: int, covers: Integers) -> Proof:
        return Proof(multipliers, scale, self._bound(multipliers) // scale, covers)

    @cached_property
    def _smallest(self) -> Integers:
        """The smallest figure that contains each class, or -1."""
        system = self._system
        smallest = np.full(system.classes, -1, dtype=np.int64)
        for figure in np.argsort(-system.highest, kind="stable"):
            smallest[system.members.indices[slice(*system.members.indptr[figure : figure + 2])]] = (
                figure
            )
        return smallest

    def _bound(self, multipliers: Integers) -> int:
        system = self._system
        used = np.flatnonzero(multipliers)
        times = multipliers[used]
        ends = np.where(times > 0, system.highest[used], system.lowest[used])
        # In Python's whole numbers: fine fractions of large figures do not fit 64 bits.
        return sum(m * e for m, e in zip(times.tolist(), ends.tolist(), strict=True))

    def _decide_whole(self, weights: Integers, at_least: int) -> Verdict:
        system = self._system
        if self._iterations is not None and system.classes > search_limits.WHOLE_PROGRAM_CLASSES:
            return Undecided()
        requirement = sparse.csc_array(weights[None, :])
        limits: Reals = system.caps.astype(float) + 1.0
        program = Program(
            sparse.csc_array(sparse.vstack([self._matrix, requirement])),
            np.append(self._rows.lowest, at_least),
            np.append(
                self._rows.highest, np.abs(weights) @ limits.astype(np.int64) + abs(at_least)
            ),
            limits,
            whole=True,
        )
        outcome = program.minimise(np.zeros(system.classes))
        if outcome.status == "infeasible":
            return Unreachable()
        if outcome.found:
            table = np.rint(outcome.values).astype(np.int64)
            if system.allows(table) and weights @ table >= at_least:
                return Reachable(table)
        return Undecided()


def _rounded_down(weights: Integers, table: Reals) -> int:
    """The weighted people of a table with parts of people."""
    used = np.flatnonzero(weights)  # few; products of long vectors start threads
    return math.floor(float(weights[used] @ table[used]) + _WHOLE)
