"""The people of the world: who they are, where they live, since when they have an account.

Sex, age and regency follow the official figures in `reference/`.
"""

import csv
import uuid
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from anonymizer.model.dimensions import Region, reference_regions
from data_samples.chance import share_of, stream
from data_samples.options import WorldOptions
from data_samples.raw_schemas import WIB

Numbers = NDArray[np.int64]
DAY_S = 86_400

YOUNGEST = 13
_OLDEST = 104
_DAYS_OF_YEAR = 365.2425
_SERVICE_OPENED_YEARS_BEFORE = 12
# The service has changed its user ids twice: `0012345`, then `u0012345`, then UUIDs.
_DIGIT_IDS, _PREFIXED_IDS = 0.35, 0.75
_FIRST_SERIAL = 1_000

_FRESH_SHARE, _FRESH_DAYS = 0.03, 29
_NEWCOMERS_SHARE = 0.01
_CLOSED_SHARE, _LONG_CLOSED_SHARE = 0.03, 0.01
_LONG_CLOSED_YEARS = 5
_CLOSED_ACTIVITY = 0.2
_ZIPF, _ZIPF_SHIFT = 0.8, 50
_CENTRAL_JAKARTA = "31.71"


@dataclass(frozen=True)
class People:
    """One place in each array for each person, by date of registration.

    `registered` and `closed` are seconds since 1970 (-1: open), `born` days since 1970,
    `regency` a position in `regencies()`, `activity` the relative number of visits.
    """

    ids: tuple[str, ...]
    female: NDArray[np.bool_]
    born: Numbers
    regency: Numbers
    registered: Numbers
    closed: Numbers
    activity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


@cache
def regencies() -> tuple[Region, ...]:
    """All regencies, by code."""
    return tuple(region for region in reference_regions() if region.level == "regency")


def draw_people(options: WorldOptions) -> People:
    """Everybody who has or will have an account by the last day."""
    draw = stream(options.seed, "people")
    regency, female = _homes(draw, options)
    registered, closed = _accounts(draw, options)
    rank = draw.permutation(options.people)
    activity = (rank + _ZIPF_SHIFT + 1.0) ** -_ZIPF
    activity[closed >= 0] *= _CLOSED_ACTIVITY
    return People(
        ids=_user_ids(draw, options.people),
        female=female,
        born=_birth_days(draw, female, options),
        regency=regency,
        registered=registered,
        closed=closed,
        activity=activity / activity.sum(),
    )


def midnight(options: WorldOptions, number: int) -> int:
    """When day `number` begins in Jakarta, in seconds since 1970."""
    return int(datetime.combine(options.day(number), time(), WIB).timestamp())


def _reference(name: str) -> list[dict[str, str]]:
    with files("data_samples").joinpath(f"reference/{name}").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _homes(draw: np.random.Generator, options: WorldOptions) -> tuple[Numbers, NDArray[np.bool_]]:
    """Regency and sex, by the population of each regency, but for what is asked for."""
    rows = [row for row in _reference("regions.csv") if row["level"] == "regency"]
    weights = np.array([[int(row["male"]), int(row["female"])] for row in rows], dtype=float)
    weights /= weights.sum()
    if options.central_jakarta_share is not None:
        there = np.array([row["code"] == _CENTRAL_JAKARTA for row in rows])
        weights[there] *= options.central_jakarta_share / weights[there].sum()
        weights[~there] *= (1 - options.central_jakarta_share) / weights[~there].sum()
    chosen = draw.choice(weights.size, options.people, p=weights.ravel() / weights.sum())
    return chosen // 2, chosen % 2 == 1


def age_weights(sex: str) -> NDArray[np.float64]:
    """People of each year of age from 13 to 104, five-year figures spread evenly; sex M or F."""
    weights = np.zeros(_OLDEST + 1)
    for row in _reference("age_sex.csv"):
        if row["sex"] == sex:
            lowest = int(row["age"].replace("+", "-").split("-")[0])
            weights[lowest : lowest + 5] = int(row["pop_2025_medium"]) / 5
    return weights[YOUNGEST:]


def _birth_days(
    draw: np.random.Generator, female: NDArray[np.bool_], options: WorldOptions
) -> Numbers:
    age = np.empty(len(female))
    for is_female, sex in ((False, "M"), (True, "F")):
        weights = age_weights(sex)
        who = female == is_female
        age[who] = YOUNGEST + draw.choice(len(weights), who.sum(), p=weights / weights.sum())
    age += draw.random(len(age))
    today = midnight(options, 0) // DAY_S + 1
    return today - np.ceil(age * _DAYS_OF_YEAR).astype(np.int64)


def _accounts(draw: np.random.Generator, options: WorldOptions) -> tuple[Numbers, Numbers]:
    """When accounts were opened, ascending, and when they were closed."""
    size, today = options.people, midnight(options, 0)
    year = round(_DAYS_OF_YEAR * DAY_S)
    opened = today - _SERVICE_OPENED_YEARS_BEFORE * year
    fresh = today - _FRESH_DAYS * DAY_S
    registered = draw.integers(opened, fresh - DAY_S, size)
    group = draw.permutation(size)
    newcomers, recent = round(size * _NEWCOMERS_SHARE), round(size * _FRESH_SHARE)
    registered[group < newcomers] = draw.integers(today, midnight(options, options.days), newcomers)
    is_fresh = (group >= newcomers) & (group < newcomers + recent)
    registered[is_fresh] = draw.integers(fresh, today, recent)
    registered.sort()
    return registered, _closures(draw, registered, today, year)


def _closures(draw: np.random.Generator, registered: Numbers, today: int, year: int) -> Numbers:
    """Some accounts were closed, some of these so long ago that nothing may be kept."""
    closed = np.full(len(registered), -1)
    purge = today - _LONG_CLOSED_YEARS * year
    old, rest = (np.flatnonzero(registered < limit) for limit in (purge - year, today - year))
    recently = rest[share_of(draw, len(rest), _CLOSED_SHARE)]
    closed[recently] = draw.integers(np.maximum(registered[recently], purge + year), today)
    long_ago = old[share_of(draw, len(old), _LONG_CLOSED_SHARE)]
    closed[long_ago] = draw.integers(registered[long_ago], purge - 30 * DAY_S)
    return closed


def _user_ids(draw: np.random.Generator, size: int) -> tuple[str, ...]:
    digits, prefixed = round(size * _DIGIT_IDS), round(size * _PREFIXED_IDS)
    random = draw.bytes(16 * (size - prefixed))
    return (
        *(f"{_FIRST_SERIAL + serial:07d}" for serial in range(digits)),
        *(f"u{_FIRST_SERIAL + serial:07d}" for serial in range(digits, prefixed)),
        *(
            str(uuid.UUID(bytes=random[place : place + 16], version=4))
            for place in range(0, len(random), 16)
        ),
    )
