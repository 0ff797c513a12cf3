"""One table to be suppressed: its constraints, and a first table that fits them.

The figures of the system are the candidate figures and then the differences of figures that
promise 8 implies. People who are known to be there, one a cell where zeros are public, are set
aside: counts of classes and bounds are of the people beyond them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.repair import nearly_made_to_fit
from anonymizer.feasible.start import first_tables
from anonymizer.feasible.system import Flags, Integers, System
from anonymizer.suppression.constraints import Candidates, Constraints, Ground
from anonymizer.suppression.differences import (
    NO_DIFFERENCES,
    Differences,
    RowOrder,
    StepBounds,
    known_differences,
)
from anonymizer.suppression.guess import guessed_people

_NO_LIMIT = 1 << 40


@dataclass(frozen=True)
class Problem:
    """Candidate figures, then `differences` of them; `start` is a table that fits all."""

    system: System
    start: Integers
    differences: Differences

    @property
    def figures(self) -> int:
        """How many of the system's rows are figures."""
        return self.system.figures - len(self.differences)

    def hold(self, published: Flags) -> Flags:
        """Which rows a reader knows to hold, as long as these figures are published."""
        return np.concatenate([published, self.differences.hold(published)])

    def as_published(self, published: Flags) -> System:
        """The system in which only rows that hold have bounds."""
        holding = self.hold(published)
        lowest = np.where(holding, self.system.lowest, -_NO_LIMIT)
        highest = np.where(holding, self.system.highest, _NO_LIMIT)
        return System(lowest, highest, self.system.members)

    def published_among(self, rows: NDArray[np.intp], published: Flags) -> NDArray[np.intp]:
        """The published figures that these rows rest on."""
        of_pairs = rows[rows >= self.figures] - self.figures
        figures = np.concatenate(
            [
                rows[rows < self.figures],
                self.differences.first[of_pairs],
                self.differences.second[of_pairs],
            ]
        )
        return np.unique(figures[published[figures]])


def problem_of(
    ground: Ground, candidates: Candidates, known: Constraints, steps: StepBounds | None
) -> Problem | None:
    """The problem with a first table found from the figures; None if none was found.

    Without `steps` nothing is known of differences.
    """
    for table in _starts(ground, candidates, known):
        apart = _apart(candidates, known, table + known.certain, steps)
        problem = _respecting(problem_from(known, table + known.certain, apart))
        if problem is not None:
            return problem
    return None


def exact_problem(
    candidates: Candidates, known: Constraints, table: Integers, steps: StepBounds | None
) -> Problem | None:
    """The problem that starts from the true table; None if that does not fit the figures."""
    if not _beyond_certain(known).allows(table - known.certain):
        return None
    return problem_from(known, table, _apart(candidates, known, table, steps))


def problem_from(known: Constraints, table: Integers, apart: Differences) -> Problem:
    """The problem that starts from a table that fits the figures."""
    system = _beyond_certain(known)
    differing = apart.of_rows(system.members)
    certain = differing @ known.certain
    members = sparse.csr_array(sparse.vstack([system.members, differing]))
    lowest = np.concatenate([system.lowest, apart.lowest - certain])
    highest = np.concatenate([system.highest, apart.highest - certain])
    return Problem(System(lowest, highest, members), table - known.certain, apart)


def order_of(candidates: Candidates, known: Constraints) -> RowOrder:
    """The rows of the constraints in the order in which they are judged."""
    leader = candidates.leader[known.firsts]
    rows = np.where(leader >= 0, known.row_of[leader], -1)
    own = rows == np.arange(len(rows))  # the same cells: one row
    return RowOrder(
        candidates.people[known.firsts],
        candidates.shared[known.firsts],
        np.where(own, -1, rows),
    )


def _apart(
    candidates: Candidates, known: Constraints, table: Integers, steps: StepBounds | None
) -> Differences:
    if steps is None:
        return NO_DIFFERENCES
    members = sparse.csr_array(known.matrix)
    return known_differences(members, order_of(candidates, known), table, steps)


def _beyond_certain(known: Constraints) -> System:
    matrix = sparse.csr_array(known.matrix)
    certain = matrix @ known.certain
    return System(known.lower - certain, known.upper - certain, matrix)


def _starts(ground: Ground, candidates: Candidates, known: Constraints) -> Iterator[Integers]:
    guess = guessed_people(ground, candidates, known) - known.certain
    return first_tables(_beyond_certain(known), np.maximum(guess, 0))


def _respecting(problem: Problem) -> Problem | None:
    """The problem from a start that fits its differences, too, with everything published."""
    system = problem.as_published(np.ones(problem.figures, dtype=bool))
    if system.allows(problem.start):
        return problem
    table = nearly_made_to_fit(system, problem.start)
    if not system.allows(table):
        return None
    return Problem(problem.system, table, problem.differences)
