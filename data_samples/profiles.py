"""Full snapshots of all profiles: one for the day before the first, later ones with changes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.model.dimensions import reference_regions
from data_samples import names
from data_samples.chance import share_of, stream
from data_samples.options import WorldOptions
from data_samples.people import DAY_S, Numbers, People, midnight, regencies
from data_samples.portions import Portions, slices_of
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
    full_name: pa.Array
    email: pa.Array
    phone: pa.Array
    address: pa.Array
    gender: NDArray[np.object_]
    born: Numbers
    birth_stated: NDArray[np.bool_]
    regency: Numbers
    region_stated: NDArray[np.bool_]
    closed: Numbers

    def size(self, until: int) -> int:
        """How many registered before `until`: the first so many."""
        return int(np.searchsorted(self.people.registered, until))

    def table(self, some: slice) -> pa.Table:
        """The profiles of some people."""
        codes = pa.array([regency.code for regency in regencies()])
        region = pa.array(self.regency[some], mask=~self.region_stated[some])
        closed = self.closed[some]
        columns = [
            pa.array(self.people.ids[some]),
            *(column[some] for column in (self.full_name, self.email, self.phone, self.address)),
            pa.array(self.gender[some], pa.string()),
            pa.array(self.born[some].astype(np.int32), mask=~self.birth_stated[some]),
            codes.take(region),
            pa.array(self.people.registered[some] * _SECOND_US),
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


def snapshots(people: People, options: WorldOptions) -> Iterator[tuple[int, Portions]]:
    """Day number and profiles of each snapshot, in order; each to be read before the next."""
    register = _open_register(people, options)
    for number in snapshot_days(options):
        if number >= 0:
            _change(register, options, number)
        slices = slices_of(register.size(midnight(options, number)))
        yield number, Portions(len(slices), map(register.table, slices))


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
    moving = share_of(draw, size, _REGION_CHANGES)
    moved = np.flatnonzero(moving)
    register.regency[moved] = register.people.regency[draw.integers(0, size, len(moved))]
    new = _addresses(draw, register.regency[moved])
    register.address = pc.replace_with_mask(register.address, pa.array(moving), new)
    corrected = np.flatnonzero(share_of(draw, size, _GENDER_CORRECTIONS))
    register.gender[corrected] = _genders(draw, register.people.female[corrected])
    reborn = np.flatnonzero(share_of(draw, size, _BIRTH_CORRECTIONS))
    register.born[reborn] += draw.integers(-365, 366, len(reborn))
    open_ = np.flatnonzero(
        (register.closed < 0) & (register.people.registered < midnight(options, 0))
    )
    leaving = open_[share_of(draw, len(open_), _CLOSURES)]
    register.closed[leaving] = midnight(options, number) - draw.integers(1, DAY_S, len(leaving))


def _addresses(draw: np.random.Generator, regency: Numbers) -> pa.Array:
    provinces = {region.code: region.name for region in reference_regions()}
    addresses = [f"{home.name}, {provinces[home.parent]}" for home in regencies()]
    return names.street_addresses(draw, regency, addresses)


def _genders(draw: np.random.Generator, female: NDArray[np.bool_]) -> NDArray[np.object_]:
    spelling = draw.choice(len(_SPELLING_WEIGHTS), len(female), p=_SPELLING_WEIGHTS)
    words = np.array([_MALE, _FEMALE], dtype=object)
    gender: NDArray[np.object_] = words[female.astype(int), spelling]
    gender[draw.random(len(female)) < _UNSTATED_GENDER] = None
    return gender
