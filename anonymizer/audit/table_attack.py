"""The outsider's attack on one table: what its figures disclose, and what is left undecided.

With a protection level, differences of two figures come first and combinations of more after them;
without one, counts that can be solved. How far the search goes is up to the work of the context.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from anonymizer.audit.blocks import blocks
from anonymizer.audit.divided import DividedTables
from anonymizer.audit.findings import Finding
from anonymizer.audit.inference import Inference
from anonymizer.audit.intervals import Settled
from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.reports import Reporter
from anonymizer.audit.settled import find_settled
from anonymizer.audit.smallness import Evidence
from anonymizer.audit.solved import find_solved
from anonymizer.feasible.system import Flags, Integers


class TableAttack:
    """The attack on what is known of one table; no class may be shown to have fewer than `floor`.

    Where figures tie more than `most_whole` classes together, tables of divided people count as
    evidence of safety. What an `earlier` attack that has ended shows on less knowledge is passed
    over. After `findings`, `open_groups` are the groups of classes that are undecided.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        floor: int,
        *,
        most_whole: int | None = None,
        earlier: "TableAttack | None" = None,
    ) -> None:
        self.knowledge, self.floor = knowledge, floor
        self.open_groups: tuple[Integers, ...] = ()
        self._most_whole, self._earlier = most_whole, earlier
        self._reporter = Reporter(knowledge)
        self._inference = Inference(knowledge, self._reporter, floor, excused=self._excused())

    @cached_property
    def whole(self) -> bool:
        """Whether every proof of safety has to rest on tables of whole people."""
        if self._most_whole is None:
            return True
        _, of_class = blocks(self.knowledge.essential.members)
        return int(np.bincount(of_class).max(initial=0)) <= self._most_whole

    @cached_property
    def divided(self) -> DividedTables:
        """Tables in which people are divided."""
        return DividedTables(self.knowledge)

    @property
    def disclosed(self) -> Flags | None:
        """Atoms that are shown to have too few people; None where only solutions are looked for."""
        if not self.floor:
            return None
        return self.knowledge.atoms(np.flatnonzero(self._inference.disclosed))

    @property
    def evidence(self) -> Evidence:
        """What was come by about groups of classes."""
        return self._inference.evidence

    @property
    def by_parts(self) -> int:
        """Classes that are safe because of tables of divided people."""
        return int(self._inference.by_parts.sum())

    def findings(self) -> tuple[Finding, ...]:
        """Everything; of figures that contradict each other, only that they do."""
        if not self.floor:
            return self.solutions()
        found = (*self.differences(), *self.combinations())
        return only_contradictions(found) or found

    def differences(self) -> tuple[Finding, ...]:
        """What one figure less another shows."""
        return tuple(self._inference.differences())

    def combinations(self) -> tuple[Finding, ...]:
        """What more than two figures show, after the differences."""
        found = tuple(self._inference.combinations(None if self.whole else self.divided))
        self.open_groups = tuple(np.flatnonzero(self._inference.undecided)[:, None])
        return found

    def solutions(self) -> tuple[Finding, ...]:
        """Suppressed counts, and those of cells, with one possible value."""
        if self.whole:
            solved = find_solved(self.knowledge, self._reporter, self._is_known)
        else:
            solved = find_settled(self.divided, self._reporter, self._is_known)
        self.open_groups = solved.undecided
        return solved.findings

    def _is_known(self, atoms: Flags) -> bool:
        return self._earlier is not None and self._earlier.settled.has(atoms)

    @cached_property
    def settled(self) -> Settled:
        """Which sets of atoms have one possible count."""
        return Settled(self.knowledge)

    def _excused(self) -> Flags:
        """Classes whose atoms the earlier attack discloses."""
        known = self.knowledge
        excused = np.zeros(known.classes, dtype=bool)
        if self._earlier is not None and (atoms := self._earlier.disclosed) is not None:
            excused[np.unique(known.class_of[atoms & known.possible])] = True
        return excused


def only_contradictions(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those that say that no group of people has these figures."""
    return tuple(finding for finding in findings if finding.kind == "contradiction")
