"""Tables of whole people by place, near what is expected there, to be held fast for a while."""

import numpy as np
from scipy import sparse

from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.places import Places
from anonymizer.feasible.proportional import proportions
from anonymizer.feasible.repair import made_to_fit
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Integers, System


def held(
    places: Places, number: int, expected: Reals, chance: Reals, top: Integers
) -> Integers | None:
    """People of one table, in proportion to the expected ones; None if none fit that are found.

    With the same `chance` similar tables come out alike, so that few places have many people in
    one of them only. Where people can be added, it is first where `top` has them already.
    """
    known, own = places.tables[number], places.own[number]
    there = own >= 0
    in_class = places.summed(number, expected)
    for away in linking_limits.AIMS:
        people = proportions(known, np.where(known.covered, in_class, 0), away)
        share = places.at(number, people / np.maximum(in_class, np.finfo(float).tiny), 0)
        drawn = np.where(there, np.floor(expected * share + chance), 0).astype(np.int64)
        before = places.summed(number, drawn)
        after = made_to_fit(known, before)
        if after is not None:
            _place(drawn, after - before, expected, top, _by_class(own, known.classes))
            return drawn
    return None


def held_together(
    places: Places, inner: int, outer: int, expected: Reals, random: np.random.Generator
) -> tuple[Integers, Integers] | None:
    """People of an inner table by place, and what the outer one has beyond, by its own classes.

    This takes longer, and finds tables where the inner one fills much of the outer one.
    """
    within, around = places.tables[inner], places.tables[outer]
    own = places.members(inner), places.members(outer)
    known = System(
        np.concatenate([within.lowest, around.lowest]),
        np.concatenate([within.highest, around.highest]),
        sparse.csr_array(sparse.block_array([[own[0], None], [own[1], around.members]])),
    )
    there = (places.own[inner] >= 0) & within.covered[places.own[inner]]
    start = np.concatenate([expected * there, places.summed(outer, expected) * around.covered])
    for away in reversed(linking_limits.AIMS):
        people = proportions(known, start, away)
        drawn = np.floor(people + random.random(len(people))) * (start > 0)
        table = made_to_fit(known, drawn.astype(np.int64))
        if table is not None:
            return table[: len(places)], table[len(places) :]
    return None


def _by_class(own: Integers, classes: int) -> list[Integers]:
    """The places of each class."""
    order = np.argsort(own, kind="stable")
    return np.split(order, np.searchsorted(own[order], np.arange(classes)))[1:]


def _place(
    people: Integers, changes: Integers, expected: Reals, top: Integers, of: list[Integers]
) -> None:
    """Add and take away people of classes, one by one, in their places."""
    for changed in np.flatnonzero(changes).tolist():
        places = of[changed]
        for _ in range(int(changes[changed])):
            free = (top[places] > people[places]) * expected.max()
            people[places[np.argmax(free + expected[places] - people[places])]] += 1
        for _ in range(int(-changes[changed])):
            surplus = np.where(people[places] > 0, people[places] - expected[places], -np.inf)
            people[places[np.argmax(surplus)]] -= 1
