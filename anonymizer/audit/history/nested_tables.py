"""Tables that lie in one larger table, shown to be safe without being put together.

All that ties their figures together is that nobody of an inner table is missing from the outer
one. So a table of whole people is fixed for each inner one. What the outer table has beyond
the largest of them in each part, its rest, is then one table with the figures of the outer one
less what is held, and tables of it are found as quickly as those of a table by itself. Where the
rest may be large, the outer table may be that much larger than each inner one; and an inner table
may have those people too, as far as its own figures allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.fixed_tables import both_tables, conditional_table, fixed_table
from anonymizer.audit.history.join import Joint
from anonymizer.audit.history.pairs import Pair
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.audit.history.refinement import Refinement, refinement_of
from anonymizer.audit.knowledge import IMPOSSIBLE, Knowledge
from anonymizer.feasible.bounds import Bounds
from anonymizer.feasible.class_witnesses import NONE, ClassWitnesses, witnesses_near
from anonymizer.feasible.proportional_fitting import proportions
from anonymizer.feasible.repair import made_to_fit
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Flags, Integers
from anonymizer.model.proofs import LinkedProof

_OUTER = _FIRST = 0
_HARDLY_ANY, _FEW = 1e-3, 0.2  # people where others are expected, and where some are needed


@dataclass(frozen=True)
class SafeAtoms:
    """Of an inner table and the outer one: atoms in which enough people are shown to be possible.

    People of the inner table, and people of the outer one beyond the inner, over `leaves`.
    `complete` if that is so for all atoms that are possible in the tables. `proof` has the tables
    that show it, the inner one first; None where nothing is shown.
    """

    leaves: tuple[tuple[str, ...], ...]
    inner: Flags
    beyond: Flags
    complete: bool
    proof: LinkedProof | None = None

    def reached(self, known: Joint) -> Flags:
        """Requirements that are shown, where the inner table is the first of the two that are
        joined.
        """
        own = zip(self.leaves, known.knowledge.catalogue.dimensions, strict=False)
        cells = np.ix_(*([all_.index(leaf) for leaf in some.leaves] for all_, some in own))
        enough = np.zeros(known.knowledge.classes, dtype=np.int64)
        for number, kind in enumerate(known.kinds):
            safe = (self.inner if _FIRST in kind else self.beyond)[cells]
            classes = known.knowledge.class_of[..., number][safe]
            enough[classes[classes != IMPOSSIBLE]] = 1
        reached: Flags = known.requirements.weights @ enough > 0
        return reached


def find_safe_atoms(
    inners: Sequence[PublicTable], outer: PublicTable, enough: int
) -> tuple[SafeAtoms, ...]:
    """For each inner table where `enough` people are shown to be possible.

    Every one of these rests on a table of whole people for the inner table and one for the outer,
    in each part at least as large, that fit all figures. Nothing is said of other atoms.
    """
    stack = _Stack(refinement_of((outer, *inners)), enough)
    everyone = range(1, len(inners) + 1)
    for numbers in (everyone, everyone, *([number] for number in everyone)):
        if any(stack.open(number).any() for number in numbers):
            stack.show(numbers)
        if stack.hopeless:
            return tuple(stack.safe(number) for number in everyone)
    for number in (number for number in everyone for _ in range(linking_limits.PAIRS)):
        if stack.open(number).any():
            stack.show_pair(number)
    return tuple(stack.safe(number) for number in everyone)


class _Stack:
    """The outer table is number 0, the inner ones come after it; everything is by part."""

    def __init__(self, refinement: Refinement, enough: int) -> None:
        self._refinement, self._enough = refinement, enough
        self._there = refinement.own >= 0
        self._inner, self._beyond = np.zeros((2, *refinement.own.shape), dtype=bool)
        self._learned = False
        self._random = np.random.default_rng(linking_limits.NESTED_SEED)
        self._expected = self._expectation()
        self._pairs = [Pair(refinement, number) for number in range(1, len(refinement.own))]

    @cached_property
    def hopeless(self) -> bool:
        """Whether the figures of the only inner table and the outer one contradict each other.

        Then no table of both is ever found. Of several inner tables it is not asked.
        """
        several, figures = len(self._pairs) > 1, sum(t.figures for t in self._refinement.tables)
        if several or self._learned or figures > linking_limits.PROGRAM_FIGURES:
            return False
        both = both_tables(self._refinement, 1, _OUTER)
        return Bounds(both, linking_limits.ITERATIONS).contradiction() is not None

    def _expectation(self) -> Reals:
        """Parts of people of the outer table."""
        outer, atoms = self._refinement.tables[_OUTER], self._refinement.atoms
        people = proportions(outer, outer.covered.astype(np.float64), linking_limits.MARGINS[0])
        together = self._refinement.at(_OUTER, self._refinement.summed(_OUTER, atoms), 1)
        shares: Reals = self._refinement.at(_OUTER, people, 0) * atoms / together
        return np.maximum(shares, _HARDLY_ANY)

    def show(self, numbers: Sequence[int]) -> None:
        """Hold some of the inner tables together, and show what is not shown of them yet."""
        fixed = self._fixed_tables([number for number in numbers if self.open(number).any()])
        if not fixed:
            return
        top = np.where(self._there[_OUTER], np.max(list(fixed.values()), axis=0), 0)
        sought = np.logical_or.reduce([self.open(number) for number in fixed])
        remainder = self._remainder(top, sought)
        if remainder is not None:
            self._learn(fixed, top, remainder)

    def show_pair(self, number: int) -> None:
        """The same for one inner table that is found together with the outer one."""
        found = conditional_table(self._refinement, number, _OUTER, self._expected, self._random)
        if found is None:
            return
        people, beyond = found
        top = np.where(self._there[_OUTER], people, 0)
        wanted = self._refinement.summed(_OUTER, self.open(number).astype(np.int64)) > 0
        remainder = witnesses_near(
            self._beyond_top(top), beyond, self._requirements(), wanted, patient=True
        )
        if remainder is not None:
            self._learn({number: people}, top, remainder)

    def _requirements(self) -> Integers:
        """Enough people in each class of the outer table."""
        return np.full(self._refinement.tables[_OUTER].classes, self._enough)

    def _learn(self, fixed: dict[int, Integers], top: Integers, remainder: ClassWitnesses) -> None:
        self._learned = True
        for number, people in fixed.items():
            if not self._refinement.tables[number].allows(self._refinement.summed(number, people)):
                continue
            pair, there = self._pairs[number - 1], self._there[_OUTER]
            pair.hold(people, top, remainder)
            reaching = self._refinement.at(_OUTER, remainder.reaching, NONE)
            pair.keep_remainders(
                np.unique(reaching[there & ~self._beyond[number] & (reaching != NONE)])
            )
            self._beyond[number] |= reaching != NONE
            wanted = np.unique(pair.of_part[self._there[number] & ~self._inner[number]])
            lent = np.zeros(pair.together, dtype=bool)
            lent[pair.lend(wanted, self._enough)] = True
            self._inner[number] |= self._there[number] & lent[pair.of_part]

    def open(self, number: int) -> Flags:
        """Where something is not shown yet of an inner table."""
        inner = self._there[number] & ~self._inner[number]
        return np.asarray(inner | (self._there[_OUTER] & ~self._beyond[number]))

    def safe(self, number: int) -> SafeAtoms:
        """What is shown by now of an inner table."""
        of_atom, there = self._refinement.of_atom, self._there[[_OUTER, number]]
        return SafeAtoms(
            self._refinement.leaves,
            self._inner[number][of_atom],
            self._beyond[number][of_atom],
            complete=bool(there.any()) and not self.open(number).any(),
            proof=self._pairs[number - 1].proof(),
        )

    def _fixed_tables(self, numbers: Sequence[int]) -> dict[int, Integers]:
        chance = self._random.random(len(self._refinement))
        top = np.zeros(len(self._refinement), dtype=np.int64)
        tables: dict[int, Integers] = {}
        for number in numbers:
            people = fixed_table(self._refinement, number, self._expected, chance, top)
            if people is not None:
                tables[number] = people
                top = np.maximum(top, people)
        return tables

    def _beyond_top(self, top: Integers) -> Knowledge:
        """The figures of the outer table less what is held, by its own classes."""
        outer = self._refinement.tables[_OUTER]
        counted = outer.members @ self._refinement.summed(_OUTER, top)
        return replace(outer, lowest=outer.lowest - counted, highest=outer.highest - counted)

    def _remainder(self, top: Integers, sought: Flags) -> ClassWitnesses | None:
        """What the outer table may have beyond the top, by its own classes."""
        known = self._beyond_top(top)
        expected = self._refinement.summed(_OUTER, self._expected - top)
        start = np.maximum(expected, _FEW) * known.covered
        chance = self._random.random(known.classes)
        wanted = self._refinement.summed(_OUTER, sought.astype(np.int64)) > 0
        for away in linking_limits.MARGINS:
            drawn = np.floor(proportions(known, start, away) + chance).astype(np.int64)
            first = made_to_fit(known, drawn)
            if first is not None:
                return witnesses_near(known, first, self._requirements(), wanted, patient=True)
            if self.hopeless:
                break
        return None
