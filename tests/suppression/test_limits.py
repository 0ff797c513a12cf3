"""What the promises do not keep is as large as the threat model says, and no larger.

The attacker knows everybody else of a group exactly: accounts of its own fill it, or nobody else
can be there. It is certain if what it sees could not be seen in the other world.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from small_tables import EFFORT, KEY, counted, dimension, full_catalogue

from anonymizer.model.policy import Promise
from anonymizer.model.tables import Counted, TableKey
from anonymizer.storage.processes import ALONE
from anonymizer.storage.secret import Secret
from anonymizer.suppression.release_suppression import ReleaseTerms, suppress_release

RULES = Promise()
FAR = RULES.step + RULES.near_jitter  # people by which groups differ for certain
MANY = 40
ALIKE = full_catalogue(dimension("a", [f"v{n}" for n in range(MANY)], {}))
GENDERS = full_catalogue(dimension("gender", ["m", "f"], {}))
# Of 600 draws three standard deviations of a share of a sixth are 0.046.
KEYS, NEARLY = range(15), 0.05

Seen = tuple[int | None, ...]


def seen(tables: list[Counted], catalogue, draw: int) -> list[Seen]:
    """Each segment's figure in each table of a release, None where it is suppressed."""
    terms = ReleaseTerms(catalogue, RULES, Secret(draw.to_bytes(32, "big")), EFFORT)
    shown = []
    for done in suppress_release(tables, (), terms, ALONE):
        figures = done.figures
        published = dict(zip(figures.segments.tolist(), figures.people.tolist(), strict=True))
        shown.append(tuple(published.get(segment) for segment in range(len(catalogue))))
    return shown


@cache
def figures_of(people: int) -> Seen:
    """The figures of 600 groups of so many people, no two of which are near."""
    tables = [counted([people] * MANY)]
    return tuple(figure for draw in KEYS for figure in seen(tables, ALIKE, draw)[0][1:])


def certain(shown: Seen, otherwise: Seen) -> float:
    """The share of figures that could not be in the other world."""
    return float(np.mean([figure not in set(otherwise) for figure in shown]))


@pytest.mark.parametrize(
    ("own", "of_a_visit", "of_no_visit"),
    [
        (48, 0, 0),
        (49, 1 / 6, 0),  # the group appears
        (50, 1 / 30, 0),  # it appears as 60
        (54, 0, 1 / 6),  # it does not appear
        (59, 0, 1 / 10),  # it appears as 50
        (60, 1 / 10, 0),  # it appears as 70
        (64, 0, 0),
    ],
)
def test_old_accounts_that_fill_a_group_are_certain_once_in_six_at_best(
    own: int, of_a_visit: float, of_no_visit: float
) -> None:
    """A6 and B1: with accounts that are all as old as the policy asks for."""
    there, gone = (figures_of(own + others) for others in (1, 0))
    for share, expected in (
        (certain(there, gone), of_a_visit),
        (certain(gone, there), of_no_visit),
    ):
        assert share == pytest.approx(expected, abs=NEARLY)
        assert bool(share) == bool(expected)


def keys(count: int) -> list[TableKey]:
    return [TableKey("campaign", f"c{number}", KEY.period) for number in range(count)]


@pytest.mark.alternate("near sets")
def test_more_campaigns_of_one_link_draw_no_other_offset() -> None:
    """A6 and D2: ten campaigns show 49 old accounts and one more in the cases that one does."""
    shown = [seen([counted([50] * MANY, key=key) for key in keys(10)], ALIKE, d) for d in KEYS]
    appears = []
    for of_one_secret in shown:
        assert len(set(of_one_secret)) == 1
        appears += [figure is not None for figure in of_one_secret[0][1:]]
    assert np.mean(appears) == pytest.approx(1 / 6, abs=NEARLY)


@pytest.mark.slow
def test_campaigns_that_lack_a_few_people_show_what_the_first_one_shows() -> None:
    """G1 to G4: 80 people, and all of them but for one to nine; 64 secrets, no difference.

    With the largest step of people fewer it is another group.
    """
    tables = [counted([80 - less] * 2, key=key) for less, key in enumerate(keys(10))]
    far = counted([80 - FAR] * 2, key=TableKey("campaign", "far", KEY.period))
    differ = 0
    for draw in range(64):
        *near, other = (shown[1:] for shown in seen([*tables, far], FEW, draw))
        assert len(set(near)) == 1
        differ += other != near[0]
    assert differ > 32


FEW = full_catalogue(dimension("a", ["v0", "v1"], {}))


def everybody_and_men(women: int) -> Iterator[Seen]:
    """The two figures of 60 to 69 men and so many women."""
    for men in range(60, 70):
        for draw in range(8):
            yield seen([counted([men, women])], GENDERS, draw)[0][:2]


@pytest.mark.alternate("near sets")
@pytest.mark.parametrize("women", [0, 1, 9, FAR])
def test_who_alone_can_be_the_rest_of_a_group_is_not_given_away(women: int) -> None:
    """C4: everybody and the men have one figure unless at least a step of women are there."""
    share = np.mean([len(set(shown) - {None}) == 2 for shown in everybody_and_men(women)])
    assert share > 0.5 if women == FAR else share == 0
