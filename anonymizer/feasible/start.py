"""A first table that fits all figures, found from the figures alone.

People are spread in proportion to a guess, then fitted to the figures (iterative proportional
fitting), made whole at random, and the few figures that this breaks are repaired. The closer the
guess is to what a reader would guess, the more room the first table leaves around every figure.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from anonymizer.feasible import search_limits
from anonymizer.feasible.neighbourhood import fit_nearby
from anonymizer.feasible.proportional_fitting import proportions
from anonymizer.feasible.repair import hardly_changed_to_fit, nearly_made_to_fit
from anonymizer.feasible.system import Integers, Reals, System

_LEAST = 1e-9  # of a person, where the guess is nobody


def first_table(system: System, guess: Reals) -> Integers | None:
    """A table that fits, near the guess (people of each class); None if none was found."""
    return next(first_tables(system, guess), None)


def first_tables(
    system: System,
    guess: Reals,
    inside: Sequence[float] = search_limits.START_INSIDE,
    hopeless: Callable[[], bool] = lambda: False,
) -> Iterator[Integers]:
    """Tables that fit, each with other distances from the ends of the figures.

    `hopeless` is asked once, where one is not found: whether it is known that no table fits.
    """
    asked = False
    likely = np.where(system.covered, np.maximum(guess, _LEAST), 0)
    for number, share in enumerate(inside):
        people = proportions(system, likely, share, search_limits.START_ROUNDS)
        chance = np.random.default_rng(search_limits.START_SEED + number).random()
        table = _whole(people, chance)
        table = hardly_changed_to_fit(_kept_off_the_ends(system, share), table)
        table = nearly_made_to_fit(system, table)
        fitting = fit_nearby(system, table)
        if fitting is not None:
            yield fitting
        elif not asked:
            asked = True
            if hopeless():
                return


def _whole(people: Reals, chance: float) -> Integers:
    """Whole people, so that all classes up to each one have the people that they had, within one.

    Classes follow the grid, so that most large figures count runs of them (systematic sampling).
    """
    up_to = np.floor(np.cumsum(people) + chance)
    return np.diff(up_to, prepend=np.floor(chance)).astype(np.int64)


def _kept_off_the_ends(system: System, share: float) -> System:
    """The system in which large figures keep off their ends: many people move through them."""
    sizes = np.diff(system.members.indptr)
    room = np.where(sizes > search_limits.START_LARGE_FIGURE, system.highest - system.lowest, 0)
    inwards = (share * room).astype(np.int64)
    return System(system.lowest + inwards, system.highest - inwards, system.members)
