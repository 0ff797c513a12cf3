"""Full snapshots of all profiles: one for the day before the first, later ones with changes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.model.dimensions import reference_regions
from data_samples import names
from data_samples.chance import share_of, stream
from data_samples.options import WorldOptions
from data_samples.people import DAY_S, Numbers, People, midnight, regencies
from data_samples.raw_schemas import SCHEMAS

_SECOND_US = 1_000_000
_DAYS_BETWEEN_SNAPSHOTS = 4
_REGION_CHANGES, _GENDER_CORRECTIONS, _BIRTH_CORRECTIONS, _CLOSURES = 0.005, 0.002, 0.001, 0.002

# How gender is written, and how often: by the service itself, by its older forms, by hand.
_MALE = ("male", "L", "pria", "laki-laki", "Laki-Laki", "MALE", " L", "Pria")
_FEMALE = ("female", "P", "wanita", "perempuan", "Perempuan", "FEMALE", "p ", "Wanita")
_SPELLING_WEIGHTS = (0.68, 0.12, 0.06, 0.06, 0.03, 0.02, 0.01, 0.02)
_UNSTATED_GENDER, _UNSTATED_BIRTH, _UNSTATED_REGION = 0.06, 0.02, 0.02


@dataclass
class _Register:
    """The profiles as they stand; changes are made in place between two snapshots."""

    people: People
    full_name: list[str]
    email: list[str]
    phone: list[str]
    address: NDArray[np.object_]
    gender: NDArray[np.object_]
    born: Numbers
    birth_stated: NDArray[np.bool_]
    regency: Numbers
    region_stated: NDArray[np.bool_]
    closed: Numbers

    def table(self, until: int) -> pa.Table:
        """Everybody who registered before `until`."""
        size = int(np.searchsorted(self.people.registered, until))
        codes = pa.array([regency.code for regency in regencies()])
        region = pa.array(self.regency[:size], mask=~self.region_stated[:size])
        closed = self.closed[:size]
        columns = [
            pa.array(self.people.ids[:size]),
            *(pa.array(column[:size]) for column in (self.full_name, self.email, self.phone)),
            *(pa.array(column[:size], pa.string()) for column in (self.address, self.gender)),
            pa.array(self.born[:size].astype(np.int32), mask=~self.birth_stated[:size]),
            codes.take(region),
            pa.array(self.people.registered[:size] * _SECOND_US),
            pa.array(closed * _SECOND_US, mask=closed < 0),
        ]
        schema = SCHEMAS["profiles"]
        return pa.Table.from_arrays(
            [
                column.cast(field.type, safe=True)
                for column, field in zip(columns, schema, strict=True)
            ],
            schema=schema,
        )


def snapshot_days(options: WorldOptions) -> range:
    """Numbers of the days that begin with a snapshot; the first is -1."""
    step = min(_DAYS_BETWEEN_SNAPSHOTS, max(options.days // 2, 1))
    return range(-1, options.days, step)


def snapshots(people: People, options: WorldOptions) -> Iterator[tuple[int, pa.Table]]:
    """Day number and profiles of each snapshot, in order."""
    register = _open_register(people, options)
    for number in snapshot_days(options):
        if number >= 0:
            _change(register, options, number)
        yield number, register.table(midnight(options, number))


def _open_register(people: People, options: WorldOptions) -> _Register:
    draw = stream(options.seed, "profiles")
    size = len(people)
    full_name = names.full_names(draw, people.female)
    return _Register(
        people=people,
        full_name=full_name,
        email=names.email_addresses(draw, full_name),
        phone=names.phone_numbers(draw, size),
        address=_addresses(draw, people.regency),
        gender=_genders(draw, people.female),
        born=people.born.copy(),
        birth_stated=~share_of(draw, size, _UNSTATED_BIRTH),
        regency=people.regency.copy(),
        region_stated=~share_of(draw, size, _UNSTATED_REGION),
        closed=people.closed.copy(),
    )


def _change(register: _Register, options: WorldOptions, number: int) -> None:
    """Moves, corrections and closures since the snapshot before."""
    draw = stream(options.seed, "changes", number)
    size = len(register.people)
    moved = np.flatnonzero(share_of(draw, size, _REGION_CHANGES))
    register.regency[moved] = register.people.regency[draw.integers(0, size, len(moved))]
    register.address[moved] = _addresses(draw, register.regency[moved])
    corrected = np.flatnonzero(share_of(draw, size, _GENDER_CORRECTIONS))
    register.gender[corrected] = _genders(draw, register.people.female[corrected])
    reborn = np.flatnonzero(share_of(draw, size, _BIRTH_CORRECTIONS))
    register.born[reborn] += draw.integers(-365, 366, len(reborn))
    open_ = np.flatnonzero(
        (register.closed < 0) & (register.people.registered < midnight(options, 0))
    )
    leaving = open_[share_of(draw, len(open_), _CLOSURES)]
    register.closed[leaving] = midnight(options, number) - draw.integers(1, DAY_S, len(leaving))


def _addresses(draw: np.random.Generator, regency: Numbers) -> NDArray[np.object_]:
    provinces = {region.code: region.name for region in reference_regions()}
    homes = [regencies()[position] for position in regency.tolist()]
    lines = names.street_addresses(draw, homes, [provinces[home.parent] for home in homes])
    return np.array(lines, dtype=object)


def _genders(draw: np.random.Generator, female: NDArray[np.bool_]) -> NDArray[np.object_]:
    spelling = draw.choice(len(_SPELLING_WEIGHTS), len(female), p=_SPELLING_WEIGHTS)
    words = np.array([_MALE, _FEMALE], dtype=object)
    gender: NDArray[np.object_] = words[female.astype(int), spelling]
    gender[draw.random(len(female)) < _UNSTATED_GENDER] = None
    return gender
