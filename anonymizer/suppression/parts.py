"""The parts of a table that have nothing to do with each other: no figure counts people of two.

Where a total of everybody is published a table is all one part. Tables of chosen segments may
fall into many, each of which is proved by itself, beside the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.blocks import blocks
from anonymizer.feasible.requirements import Requirement
from anonymizer.feasible.system import System
from anonymizer.suppression.problem import Problem
from anonymizer.suppression.targets import Target


@dataclass(frozen=True)
class Preference:
    """Which row goes first: of the last, finest table among them, the smallest figure.

    `table` ranks the table of each row, 0 the most preferred; `people` has the figures.
    """

    table: NDArray[np.intp]
    people: NDArray[np.int64]

    def least_preferred(self, rows: NDArray[np.intp]) -> int:
        """The row whose loss is the smallest."""
        tables = self.table[rows]
        finest: list[int] = rows[tables == tables.max()].tolist()
        return min(finest, key=lambda row: (self.people[row], -row))

    def best_first(self, rows: NDArray[np.intp]) -> list[int]:
        """In the order in which they are published: as in the catalogue, large before small."""
        order: list[int] = rows[np.lexsort((rows, -self.people[rows], self.table[rows]))].tolist()
        return order


@dataclass(frozen=True)
class Part:
    """What is known of some classes and the rows that count them, with the targets there.

    `rows`, `classes` and `numbers` say which rows, classes and targets of the table these are.
    """

    problem: Problem
    targets: Sequence[Target]
    preference: Preference
    rows: NDArray[np.intp]
    classes: NDArray[np.intp]
    numbers: NDArray[np.intp]


def parts_of(problem: Problem, targets: Sequence[Target], preference: Preference) -> list[Part]:
    """The parts of a table, in the order of their first classes.

    Classes belong together that a row counts or that a target speaks of.
    """
    rows, classes = problem.figures, problem.system.classes
    everything = np.arange(rows), np.arange(classes), np.arange(len(targets))
    whole = Part(problem, targets, preference, *everything)
    members = _members(targets, classes)
    figures = problem.system.members[:rows]
    of_row, of_class = blocks(sparse.csr_array(sparse.vstack([figures.astype(np.int8), members])))
    count = 1 + int(max(of_row.max(initial=-1), of_class.max(initial=-1)))
    if count == 1:
        return [whole]
    of_row, of_target = np.split(of_row, [rows])
    by_part = [_sorted_by(labels, count) for labels in (of_row, of_class, of_target)]
    parts = [_part(whole, *positions) for positions in zip(*by_part, strict=True)]
    return sorted((part for part in parts if len(part.classes)), key=lambda part: part.classes[0])


def _members(targets: Sequence[Target], classes: int) -> sparse.csr_array:
    """Shape (targets, classes): the classes of the first requirement; the others have the same
    ones.
    """
    ends = np.cumsum([0, *(len(target.requirements[0].classes) for target in targets)])
    positions = np.concatenate(
        [np.empty(0, np.intp), *(t.requirements[0].classes for t in targets)]
    )
    ones = np.ones(len(positions), dtype=np.int8)
    return sparse.csr_array((ones, positions, ends), shape=(len(targets), classes))


def _sorted_by(labels: NDArray[np.intp], count: int) -> list[NDArray[np.intp]]:
    """The positions of each label, ascending."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, count)))


def _part(
    whole: Part, rows: NDArray[np.intp], classes: NDArray[np.intp], numbers: NDArray[np.intp]
) -> Part:
    problem = whole.problem
    # Pairs share people or a leader's figure: a part has both rows of a pair or none.
    pairs = np.flatnonzero(np.isin(problem.differences.first, rows))
    apart = problem.differences.take(pairs, rows)
    own = np.concatenate([rows, problem.figures + pairs])
    system = problem.system
    members = sparse.csr_array(system.members[own][:, classes])
    bounds = system.lowest[own], system.highest[own]
    inside = Problem(System(*bounds, members), problem.start[classes], apart)
    preference = Preference(whole.preference.table[rows], whole.preference.people[rows])
    targets = [_moved(whole.targets[number], rows, classes) for number in numbers]
    return Part(inside, targets, preference, rows, classes, numbers)


def _moved(target: Target, rows: NDArray[np.intp], classes: NDArray[np.intp]) -> Target:
    requirements = tuple(
        Requirement(np.searchsorted(classes, requirement.classes), requirement.change)
        for requirement in target.requirements
    )
    return Target(
        requirements, None if target.row is None else int(np.searchsorted(rows, target.row))
    )
