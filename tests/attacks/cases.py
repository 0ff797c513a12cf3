"""The two worlds of an attack: with the victim and without, all else equal."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from evidence import Reading
from population import Crowd, Positions
from worlds import NOBODY, Campaign, Visit, World

from anonymizer.model.periods import Period


@dataclass(frozen=True)
class Case:
    """Two worlds that are shown to an attacker, and how it reads what is published of one."""

    present: World
    absent: World
    read: Reading


Scenario = Callable[[np.random.Generator], Case]


@dataclass(frozen=True)
class Setting:
    """What both worlds have in common."""

    campaigns: tuple[Campaign, ...]
    periods: tuple[Period, ...]
    excluded: Mapping[Period, Positions] = field(default_factory=dict)
    moved: Mapping[Period, Positions] = field(default_factory=dict)
    missed: Positions = field(default_factory=lambda: NOBODY)
    objected: Positions = field(default_factory=lambda: NOBODY)


def case(
    crowd: Crowd,
    setting: Setting,
    common: Iterable[Visit],
    of_victim: Iterable[Visit],
    read: Reading,
    *,
    otherwise: Iterable[Visit] = (),
) -> Case:
    """The victim's visits are in one world; the other may have others in their place."""
    population, everybody = crowd.population(), tuple(common)
    present, absent = (
        World(
            population,
            setting.campaigns,
            (*everybody, *visits),
            setting.periods,
            setting.excluded,
            setting.moved,
            setting.missed,
            setting.objected,
        )
        for visits in (of_victim, otherwise)
    )
    return Case(present, absent, read)


def campaigns(*names: str, advertiser: str = "one") -> tuple[Campaign, ...]:
    """Campaigns without target regions."""
    return tuple(Campaign(name, advertiser) for name in names)
