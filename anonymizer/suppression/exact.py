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

from anonymizer.feasible.goals import Moves, changes_of
from anonymizer.feasible.work import Work
from anonymizer.suppression import suppression_limits
from anonymizer.suppression.aims import Aim
from anonymizer.suppression.goals import Target
from anonymizer.suppression.moves import Column
from anonymizer.suppression.problem import Problem
from anonymizer.suppression.stepwise import Stepwise


def publish_exactly(
    problem: Problem,
    targets: Sequence[Target],
    order: Sequence[int],
    budget: Work,
    megabytes: float = suppression_limits.MEGABYTES,
) -> tuple[NDArray[np.bool_], Mapping[int, Moves]]:
    """Which rows can be published, tried in this order, and a proof of every target but those of
    published rows.

    Targets of rows ask for another count, and a withheld row has one: were no move left that
    changes it, nothing would speak against publishing it.
    """
    of_rows = {target.row: n for n, target in enumerate(targets) if target.row is not None}
    others = [number for number, target in enumerate(targets) if target.row is None]
    aims = [_aim(targets[number]) for number in others]
    stepwise = Stepwise(problem.start.tolist(), _classes_of_rows(problem), aims, budget, megabytes)
    published = np.zeros(problem.figures, dtype=bool)
    for row in order:
        published[row] = stepwise.publish(row)
    moves = [_moves(stepwise.move(aim)) for aim in range(len(aims))]
    rows = problem.system.members[: problem.figures]
    changes = sparse.csr_array(rows @ changes_of(problem.system.classes, moves).T)
    changes.eliminate_zeros()
    published |= np.diff(changes.indptr) == 0
    proofs = dict(zip(others, moves, strict=True))
    for row in np.flatnonzero(~published).tolist():
        if row in of_rows:
            proofs[of_rows[row]] = proofs[others[changes.indices[changes.indptr[row]]]]
    return published, proofs


def _aim(target: Target) -> Aim:
    """Two goals, one up and one down, ask for any other count."""
    goal = target.goals[0]
    return Aim(tuple(goal.classes.tolist()), goal.change if len(target.goals) == 1 else 0)


def _classes_of_rows(problem: Problem) -> list[list[int]]:
    rows = problem.system.members[: problem.figures]
    ends, classes = rows.indptr.tolist(), rows.indices.tolist()
    return [classes[begin:end] for begin, end in itertools.pairwise(ends)]


def _moves(move: Column) -> Moves:
    classes = sorted(move)
    return Moves(np.array(classes, np.intp), np.array([move[c] for c in classes], np.int64))
