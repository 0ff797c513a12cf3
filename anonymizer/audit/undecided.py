"""What an attack with a limit of work leaves open."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anonymizer.audit.knowledge import Knowledge
from anonymizer.audit.wording import name_group
from anonymizer.feasible.system import Integers

_NAMED = 5


@dataclass(frozen=True)
class Undecided:
    """Groups of people of which neither a disclosure was shown nor that they are safe.

    `cells` is how many cells they have together; `first` names the first few groups.
    """

    groups: int = 0
    cells: int = 0
    first: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.groups > 0


def undecided_groups(knowledge: Knowledge, groups: Sequence[Integers]) -> Undecided:
    """Groups of classes that are left open."""
    if not groups:
        return Undecided()
    cells = int(knowledge.sizes[np.unique(np.concatenate(groups))].sum())
    place = _places(knowledge)
    ordered = sorted(groups, key=lambda classes: (int(place[classes].min()), len(classes)))
    first = tuple(name_group(knowledge, classes) for classes in ordered[:_NAMED])
    return Undecided(len(groups), cells, first)


def _places(knowledge: Knowledge) -> Integers:
    """Where the first cell of each class is in the order of the catalogue."""
    places = np.full(knowledge.classes, knowledge.possible.size)
    cells = np.flatnonzero(knowledge.possible)
    np.minimum.at(places, knowledge.class_of.ravel()[cells], cells)
    return places
