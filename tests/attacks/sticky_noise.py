"""Gadotti et al., "When the Signal is in the Noise" (USENIX Security 2019, arXiv 1804.06752).

They break noise that is drawn from the query and its people, as our rounding is. Both attacks
decide by a likelihood ratio; here it is trained on worlds of the attacker's own (advantage.py).
"""

import numpy as np
from cases import Case, Setting, campaigns, case
from evidence import Evidence, Seen, compared, compared_tables
from population import Crowd, Positions, catalogue, leaves_of, regions_by_size
from segment_sums import segment_rows, segments_of_cell
from worlds import day, loaded

TODAY = day(0)
SIZE = 600
_JAVA = ("31", "32", "33", "34", "35", "36")


def differential(draw: np.random.Generator) -> Case:
    """Their differential attack: pairs of queries that differ in the victim alone.

    Theirs: drop the one condition that singles out the victim, for many sets of other conditions.
    Ours: everybody who got the link lives in one regency, the victim in another of the province;
    `people in the province` and `people in the regency` differ in the victim, and so do all
    combinations with gender and age that hold the victim. One table is enough.
    """
    crowd = Crowd(draw)
    province, regency, other = _two_regencies(draw, regions_by_size("province"))
    public, victim = crowd.strangers(SIZE, leaves_of(regency)), crowd.strangers(1, leaves_of(other))
    own = segments_of_cell(crowd.cell_of(victim[0]))
    wide, narrow = segment_rows(province), segment_rows(regency)

    def read(seen: Seen) -> Evidence:
        figures = seen["a", TODAY]
        return compared([(figures[wide], figures[narrow])], own[wide])

    return case(
        crowd,
        Setting(campaigns("a"), (TODAY,)),
        loaded(public, TODAY, "a"),
        loaded(victim, TODAY, "a"),
        read,
    )


def cloning(draw: np.random.Generator) -> Case:
    """Their cloning attack: dummy conditions that give many samples of the noise for one question.

    Ours: the public lives in one regency of Java. Three accomplices of the victim's gender and
    age, in the rest of the province, of Java and of the country, make regency, province, Java and
    country clones: nearly equal sets, each with a draw of its own. The page of the public loads
    two campaigns, the victim's page one of them.
    """
    crowd = Crowd(draw)
    province, regency, other = _two_regencies(draw, _JAVA)
    public, victim = (crowd.strangers(n, leaves_of(regency)) for n in (SIZE, 1))
    java = np.any([leaves_of(code) for code in _JAVA], axis=0)
    positions = (leaves_of(other), java & ~leaves_of(province), ~java)
    dummies = crowd.in_cells([_moved(crowd, victim, position) for position in positions])
    first, second = (str(name) for name in draw.permutation(["a", "b"]))
    return case(
        crowd,
        Setting(campaigns(first, second), (TODAY,)),
        [*loaded(public, TODAY, first, second), *loaded(dummies, TODAY, first, second)],
        loaded(victim, TODAY, first),
        compared_tables(
            [((first, TODAY), (second, TODAY))], segments_of_cell(crowd.cell_of(victim[0]))
        ),
    )


def _moved(crowd: Crowd, person: Positions, regions: np.ndarray) -> int:
    """The cell of somebody of the same gender and age in the first of other regions."""
    width = catalogue().shape[2]
    return crowd.cell_of(person[0]) // width * width + int(np.flatnonzero(regions)[0])


def _two_regencies(draw: np.random.Generator, provinces: tuple[str, ...]) -> tuple[str, str, str]:
    """A province, and two regencies of it."""
    province = provinces[draw.integers(len(provinces))]
    inside = draw.permutation(np.flatnonzero(leaves_of(province)))[:2]
    first, second = (str(catalogue().dimensions[2].leaves[leaf]) for leaf in inside)
    return province, first, second
