"""What has to be possible for promise 2 to hold, as targets for the prover.

With `inference_k` of at least 1: every class could have that many people.
With 0, which forbids exact solution only: every atom and every withheld segment could have
another count than it has.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymizer.feasible.classes import membership
from anonymizer.feasible.requirements import Requirement
from anonymizer.feasible.totals import uncut_segments
from anonymizer.model.segments import Catalogue
from anonymizer.suppression.constraints import Constraints


@dataclass(frozen=True)
class Target:
    """One of the requirements must be within reach, unless the row in question is published."""

    requirements: tuple[Requirement, ...]
    row: int | None = None


def enough_people(known: Constraints, start: NDArray[np.int64], inference_k: int) -> list[Target]:
    """One target for each class in which a cell cannot have `inference_k` people at the start.

    `start` counts people beyond those known to be there.

    """
    missing = inference_k - np.minimum(known.certain, 1) - start
    columns = np.flatnonzero(missing > 0)
    return [
        Target((Requirement(column, people),))
        for column, people in zip(columns[:, None], missing[columns].tolist(), strict=True)
    ]


def another_count(
    known: Constraints, spare: NDArray[np.int64], catalogue: Catalogue
) -> list[Target]:
    """One target for each class and each segment that exact solution could reveal.

    The atoms of a class of several are undetermined as soon as the class may have one person,
    and with them every segment that cuts through the class.
    """
    rows = {_key(classes): row for row, classes in enumerate(_split(known.matrix))}
    sets = {_key(classes): classes for classes in _unions_of_classes(known, catalogue)}
    sizes = known.sizes
    single = (np.array([column]) for column in np.flatnonzero(sizes == 1))
    sets.update((_key(classes), classes) for classes in single)
    targets = [Target(_either_way(spare, classes), rows.get(key)) for key, classes in sets.items()]
    empty = np.flatnonzero((sizes > 1) & (spare == 0))
    targets += [Target((Requirement(np.array([column]), 1),)) for column in empty]
    return targets


def _either_way(spare: NDArray[np.int64], classes: NDArray[np.intp]) -> tuple[Requirement, ...]:
    more = Requirement(classes, 1)
    return (more, Requirement(classes, -1)) if spare[classes].sum() else (more,)


def _key(classes: NDArray[np.intp]) -> bytes:
    return classes.astype("<i8").tobytes()


def _unions_of_classes(known: Constraints, catalogue: Catalogue) -> list[NDArray[np.intp]]:
    """The classes of each segment that takes all atoms of each class it touches."""
    classes, firsts = np.unique(known.class_of, return_index=True)
    whole = uncut_segments(catalogue, known.atoms, known.class_of)
    atoms = known.atoms[firsts[classes >= 0]]
    split = _split(membership(catalogue, whole.astype(np.int32), atoms))
    return [found for found in split if len(found)]


def _split(rows: sparse.csc_array) -> list[NDArray[np.intp]]:
    """The columns of each row, ascending."""
    by_row = rows.tocsr()
    by_row.sort_indices()
    columns = by_row.indices.astype(np.intp)
    return [columns[begin:end] for begin, end in itertools.pairwise(by_row.indptr.tolist())]
