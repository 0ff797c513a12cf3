"""What of a table of exact figures can be published, with the proof of each target.

Rounding leaves room around every figure; exact figures leave none, and to withhold one figure
after the other until all is proved takes one solution after the other. So it is done the other
way round: see `stepwise`.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.requirements import Witness, changes_of
from anonymizer.feasible.work import Work
from anonymizer.suppression import suppression_limits
from anonymizer.suppression.column_witnesses import ExactTarget
from anonymizer.suppression.null_space import Column
from anonymizer.suppression.problem import Problem
from anonymizer.suppression.stepwise_publication import StepwisePublication
from anonymizer.suppression.targets import Target


def publish_exactly(
    problem: Problem,
    targets: Sequence[Target],
    order: Sequence[int],
    budget: Work,
    megabytes: float = suppression_limits.MEGABYTES,
) -> tuple[NDArray[np.bool_], Mapping[int, Witness]]:
    """Which rows can be published, tried in this order, and a proof of every target but those of
    published rows.

    Targets of rows ask for another count, and a withheld row has one: were no move left that
    changes it, nothing would speak against publishing it.
    """
    of_rows = {target.row: n for n, target in enumerate(targets) if target.row is not None}
    others = [number for number, target in enumerate(targets) if target.row is None]
    exact_targets = [_exact_target(targets[number]) for number in others]
    stepwise = StepwisePublication(
        problem.start.tolist(), _classes_of_rows(problem), exact_targets, budget, megabytes
    )
    published = np.zeros(problem.figures, dtype=bool)
    for row in order:
        published[row] = stepwise.publish(row)
    witnesses = [_witness(stepwise.witness(index)) for index in range(len(exact_targets))]
    rows = problem.system.members[: problem.figures]
    changes = sparse.csr_array(rows @ changes_of(problem.system.classes, witnesses).T)
    changes.eliminate_zeros()
    published |= np.diff(changes.indptr) == 0
    proofs = dict(zip(others, witnesses, strict=True))
    for row in np.flatnonzero(~published).tolist():
        if row in of_rows:
            proofs[of_rows[row]] = proofs[others[changes.indices[changes.indptr[row]]]]
    return published, proofs


def _exact_target(target: Target) -> ExactTarget:
    """Two requirements, one up and one down, ask for any other count."""
    requirement = target.requirements[0]
    return ExactTarget(
        tuple(requirement.classes.tolist()),
        requirement.change if len(target.requirements) == 1 else 0,
    )


def _classes_of_rows(problem: Problem) -> list[list[int]]:
    rows = problem.system.members[: problem.figures]
    ends, classes = rows.indptr.tolist(), rows.indices.tolist()
    return [classes[begin:end] for begin, end in itertools.pairwise(ends)]


def _witness(witness: Column) -> Witness:
    classes = sorted(witness)
    return Witness(np.array(classes, np.intp), np.array([witness[c] for c in classes], np.int64))
