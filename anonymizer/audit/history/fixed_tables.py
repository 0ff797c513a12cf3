"""Tables of whole people by part, near what is expected there, to be fixed for a while."""

import numpy as np
from scipy import sparse

from anonymizer.audit.history import linking_limits
from anonymizer.audit.history.refinement import Refinement
from anonymizer.feasible.proportional_fitting import proportions
from anonymizer.feasible.repair import made_to_fit
from anonymizer.feasible.solver import Reals
from anonymizer.feasible.system import Integers, System


def fixed_table(
    refinement: Refinement, number: int, expected: Reals, chance: Reals, top: Integers
) -> Integers | None:
    """People of one table, in proportion to the expected ones; None if none fit that are found.

    With the same `chance` similar tables come out alike, so that few parts have many people in
    one of them only. Where people can be added, it is first where `top` has them already.
    """
    known, own = refinement.tables[number], refinement.own[number]
    there = own >= 0
    in_class = refinement.summed(number, expected)
    for away in linking_limits.MARGINS:
        people = proportions(known, np.where(known.covered, in_class, 0), away)
        share = refinement.at(number, people / np.maximum(in_class, np.finfo(float).tiny), 0)
        drawn = np.where(there, np.floor(expected * share + chance), 0).astype(np.int64)
        before = refinement.summed(number, drawn)
        after = made_to_fit(known, before)
        if after is not None:
            _place_people(drawn, after - before, expected, top, _by_class(own, known.classes))
            return drawn
    return None


def conditional_table(
    refinement: Refinement, inner: int, outer: int, expected: Reals, random: np.random.Generator
) -> tuple[Integers, Integers] | None:
    """People of an inner table by part, and what the outer one has beyond, by its own classes.

    This takes longer, and finds tables where the inner one fills much of the outer one.
    """
    within, containing = refinement.tables[inner], refinement.tables[outer]
    parts = parts_of(refinement, inner)
    known = both_tables(refinement, inner, outer)
    there = within.covered[refinement.own[inner][parts]]
    start = np.concatenate(
        [expected[parts] * there, refinement.summed(outer, expected) * containing.covered]
    )
    for away in reversed(linking_limits.MARGINS):
        people = proportions(known, start, away)
        drawn = np.floor(people + random.random(len(people))) * (start > 0)
        table = made_to_fit(known, drawn.astype(np.int64))
        if table is not None:
            people_of_inner = np.zeros(len(refinement), dtype=np.int64)
            people_of_inner[parts] = table[: len(parts)]
            return people_of_inner, table[len(parts) :]
    return None


def parts_of(refinement: Refinement, inner: int) -> Integers:
    """The parts that the inner table has: nobody of it is elsewhere."""
    return np.flatnonzero(refinement.own[inner] >= 0)


def both_tables(refinement: Refinement, inner: int, outer: int) -> System:
    """The figures of an inner and an outer table, over the parts of the inner one and, after them,
    the outer one's own classes for whoever is in it alone.
    """
    within, containing = refinement.tables[inner], refinement.tables[outer]
    parts = parts_of(refinement, inner)
    own = refinement.members(inner)[:, parts], refinement.members(outer)[:, parts]
    return System(
        np.concatenate([within.lowest, containing.lowest]),
        np.concatenate([within.highest, containing.highest]),
        sparse.csr_array(sparse.block_array([[own[0], None], [own[1], containing.members]])),
    )


def _by_class(own: Integers, classes: int) -> list[Integers]:
    """The parts of each class."""
    order = np.argsort(own, kind="stable")
    return np.split(order, np.searchsorted(own[order], np.arange(classes)))[1:]


def _place_people(
    people: Integers, changes: Integers, expected: Reals, top: Integers, of: list[Integers]
) -> None:
    """Add and take away people of classes, one by one, in their parts."""
    for changed in np.flatnonzero(changes).tolist():
        parts = of[changed]
        for _ in range(int(changes[changed])):
            free = (top[parts] > people[parts]) * expected.max()
            people[parts[np.argmax(free + expected[parts] - people[parts])]] += 1
        for _ in range(int(-changes[changed])):
            surplus = np.where(people[parts] > 0, people[parts] - expected[parts], -np.inf)
            people[parts[np.argmax(surplus)]] -= 1
