"""The segment catalogue: which unions of atoms may be published, in order of preference.

Each segment takes one group of every dimension (`men under 40` = male x under_40 x all),
so it is a box in the grid of atoms. The catalogue is public: it says what could be
published, never what was.
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, model_validator

from anonymizer.model import dimensions
from anonymizer.model.configuration import Settings, load
from anonymizer.model.dimensions import AGE_BANDS, ALL, Dimension, Group, Text
from anonymizer.model.errors import ConfigurationError, Fault

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Category = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
LONGEST_WORDS = 80  # characters of a name in a language
MOST_JOINED = 60  # groups that a named segment joins in one dimension


def _as_members(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _as_written(codes: tuple[str, ...]) -> str | list[str]:
    """One code as itself, so that the digest of settings without lists stays what it was."""
    return codes[0] if len(codes) == 1 else list(codes)


GroupCodes = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_members),
    PlainSerializer(_as_written),
    Field(min_length=1, max_length=MOST_JOINED),
]
IDENTIFIERS = frozenset(
    {
        *("user_id", "person", "visit_id", "cookie_id", "full_name", "name", "email", "phone"),
        *("address", "birth_date", "ip", "user_agent", "url", "people", "atoms"),
    }
)


@dataclass(frozen=True)
class NamedSegment:
    """A segment with words of its own; withheld, it stands in an export as withheld."""

    id: str
    name: Text


@dataclass(frozen=True)
class Interest:
    """Who looks at products of some categories; `categories` as the raw files spell them."""

    code: str
    name: Text
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """Segments over the dimensions, and the interests that have tables of them.

    `cells` has shape (segments, dimensions): the position of a group in each dimension,
    no row twice, ordered by preference: named first, then coarse to fine.
    `named` maps rows of `cells` to names. With `by_size` no table is preferred to another: large
    segments come before small ones, whatever their table.
    """

    dimensions: tuple[Dimension, ...]
    cells: NDArray[np.int32]
    named: Mapping[int, NamedSegment]
    by_size: bool = False
    interests: tuple[Interest, ...] = ()

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def shape(self) -> tuple[int, ...]:
        """Leaves of each dimension: the shape of a grid of atoms."""
        return tuple(len(dimension.leaves) for dimension in self.dimensions)

    @cached_property
    def table_of(self) -> NDArray[np.intp]:
        """The table of each segment, 0 the most preferred: named segments, or one set of levels."""
        if self.by_size:
            return np.zeros(len(self), dtype=np.intp)
        kinds = [np.isin(np.arange(len(self)), list(self.named))]
        for axis, positions in zip(self.dimensions, self.cells.T, strict=True):
            levels = list(dict.fromkeys(group.level for group in axis.groups))
            kinds.append(np.array([levels.index(group.level) for group in axis.groups])[positions])
        starts = np.any(np.diff(np.stack(kinds), axis=1) != 0, axis=0)
        return np.concatenate([[0], np.cumsum(starts)])[: len(self)]

    def groups(self, segment: int) -> tuple[Group, ...]:
        """The group of each dimension."""
        return tuple(
            dimension.groups[position]
            for dimension, position in zip(self.dimensions, self.cells[segment], strict=True)
        )

    def id(self, segment: int) -> str:
        """`men_under_40`, or the group codes: `male:25-29:31.71`."""
        if segment in self.named:
            return self.named[segment].id
        return ":".join(group.code for group in self.groups(segment))

    def name(self, segment: int) -> Text:
        """In words: `women aged 25-29 in Central Jakarta`."""
        if segment in self.named:
            return self.named[segment].name
        parts = [group.name for group in self.groups(segment)]
        return Text(
            " ".join(part.english for part in parts if part.english),
            " ".join(part.indonesian for part in parts if part.indonesian),
        )

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Row of `cells` by segment id."""
        codes = (
            [axis.groups[position].code for position in positions.tolist()]
            for axis, positions in zip(self.dimensions, self.cells.T, strict=True)
        )
        ids = list(map(":".join, zip(*codes, strict=True)))
        for segment, named in self.named.items():
            ids[segment] = named.id
        return {name: segment for segment, name in enumerate(ids)}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the segments mean (leaves) and how they are called."""
        content = hashlib.sha256()
        for dimension in self.dimensions:
            content.update(repr((dimension.name, dimension.leaves, dimension.groups)).encode())
        content.update(self.cells.astype("<i4").tobytes())
        content.update(repr(sorted(self.named.items())).encode())
        return content.hexdigest()


class Words(Settings):
    """What a group or segment is called."""

    english: str = Field(min_length=1, max_length=LONGEST_WORDS, description="Its name in English.")
    indonesian: str = Field(
        min_length=1, max_length=LONGEST_WORDS, description="Its name in Indonesian."
    )

    @property
    def text(self) -> Text:
        """Both languages."""
        return Text(self.english, self.indonesian)


class AgeGroup(Words):
    """A union of IAB age bands."""

    bands: tuple[Literal[AGE_BANDS], ...] = Field(  # type: ignore[valid-type]
        min_length=1, description="IAB age bands."
    )


class Area(Words):
    """A union of regencies and provinces, by official code."""

    regions: tuple[str, ...] = Field(
        min_length=1, description="Official codes of provinces and regencies."
    )


class CrossTables(Settings):
    """Levels of each dimension; every combination of levels is a cross table."""

    gender: tuple[Literal["all", "gender"], ...] = Field(
        ("all", "gender"), description="Levels of gender, coarse to fine."
    )
    age: tuple[Literal["all", "group", "band"], ...] = Field(
        ("all", "group", "band"), description="Levels of age, coarse to fine."
    )
    region: tuple[Literal["all", "country", "area", "province", "regency"], ...] = Field(
        ("all", "area", "province", "regency"), description="Levels of region, coarse to fine."
    )


class Named(Words):
    """A segment that advertisers ask for by name: a group of each dimension."""

    gender: str = Field(ALL, description="A gender.")
    age: GroupCodes = Field(
        (ALL,), description="An age band, the code of an age group, or a list of them."
    )
    region: GroupCodes = Field(
        (ALL,), description="A region's code, the code of an area, or a list of them."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_identifiers(cls, content: object) -> object:
        if isinstance(content, dict) and (named := IDENTIFIERS & set(content)):
            raise ValueError(
                f"a segment must not be defined by {', '.join(sorted(named))}: that could "
                "single people out; use gender, age and region"
            )
        return content


class InterestSettings(Words):
    """An interest: a table of people who viewed products of these categories."""

    categories: tuple[Category, ...] = Field(
        min_length=1,
        description="Spellings of product_category; capitals and spaces around them are ignored.",
    )


class SegmentSettings(Settings):
    """All settings of `segments.yaml`."""

    age_groups: dict[Code, AgeGroup] = Field(default_factory=dict)
    areas: dict[Code, Area] = Field(default_factory=dict)
    cross_tables: CrossTables = CrossTables()
    named: dict[Code, Named] = Field(default_factory=dict)
    interests: dict[Code, InterestSettings] = Field(default_factory=dict)


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue that `segments.yaml` defines. Raises ConfigurationError with every mistake."""
    settings = load(path, SegmentSettings)
    return build_catalogue(settings, path.name)


def build_catalogue(settings: SegmentSettings, place: str = "segments.yaml") -> Catalogue:
    """Dimensions with the configured groups, cross tables and named segments.

    Raises ConfigurationError with every mistake in the codes, named segments and interests.
    """
    crossed_axes, faults = _axes(settings, place)
    axes = with_joined_groups(crossed_axes, settings.named.values())
    named, more_faults = _named_cells(settings, axes, place)
    faults += [*more_faults, *_shared_categories(settings, place)]
    if faults:
        raise ConfigurationError(faults)
    crossed = _crossed_cells(settings.cross_tables, crossed_axes)
    ordered = list(dict.fromkeys([*named, *crossed]))
    return Catalogue(
        axes,
        np.array(ordered, dtype=np.int32).reshape(len(ordered), len(axes)),
        {row: named[cell] for row, cell in enumerate(ordered) if cell in named},
        interests=tuple(
            Interest(code, interest.text, interest.categories)
            for code, interest in sorted(settings.interests.items())
        ),
    )


def _shared_categories(settings: SegmentSettings, place: str) -> list[Fault]:
    """A category in two interests is a fault: a visit is of one interest."""
    owners: dict[str, str] = {}
    faults = []
    for code, interest in settings.interests.items():
        for category in dict.fromkeys(spelling.lower() for spelling in interest.categories):
            if category in owners:
                problem = f"{category!r} is already in {owners[category]}"
                faults.append(Fault(f"{place} interests.{code}", problem, "name it in one of them"))
            owners[category] = code
    return faults


def _axes(settings: SegmentSettings, place: str) -> tuple[tuple[Dimension, ...], list[Fault]]:
    """The dimensions with the configured groups; codes that are taken or unknown are faults."""
    age, region = dimensions.age(), dimensions.region()
    faults = [
        Fault(f"{place} {kind}.{code}", "this code is taken; choose another")
        for kind, codes, axis in (
            ("age_groups", settings.age_groups, age),
            ("areas", settings.areas, region),
        )
        for code in codes
        if code in axis.positions
    ]
    areas = []
    for code, area in settings.areas.items():
        unknown = [member for member in area.regions if member not in region.positions]
        faults += [
            Fault(f"{place} areas.{code}", f"{member!r} is not a province or regency code")
            for member in unknown
        ]
        if not unknown:
            name = Text(f"in {area.english}", f"di {area.indonesian}")
            areas.append(dimensions.area(code, area.regions, name, region))
    groups = [
        dimensions.age_group(code, group.bands, group.text)
        for code, group in settings.age_groups.items()
    ]
    return (dimensions.gender(), age.with_groups(groups), region.with_groups(areas)), faults


def with_joined_groups(
    axes: tuple[Dimension, ...], segments: Iterable[Named]
) -> tuple[Dimension, ...]:
    """The dimensions with a group for each list of codes in these segments.

    They are at the end, in no cross table: they are of the segments that name them alone. Lists
    with an unknown code are left out.
    """
    gender, age, region = axes
    for segment in segments:
        if _is_new_list(segment.age, age):
            age = age.with_groups([dimensions.joined_ages(segment.age, age)])
        if _is_new_list(segment.region, region):
            region = region.with_groups([dimensions.joined_regions(segment.region, region)])
    return gender, age, region


def _is_new_list(codes: tuple[str, ...], axis: Dimension) -> bool:
    return len(codes) > 1 and set(codes) <= set(axis.positions) and axis.same_group(codes) is None


def _named_cells(
    settings: SegmentSettings, axes: Sequence[Dimension], place: str
) -> tuple[dict[tuple[int, ...], NamedSegment], list[Fault]]:
    """Named segments by cell; unknown codes, single atoms and two names for one set are faults."""
    cells: dict[tuple[int, ...], NamedSegment] = {}
    sets: dict[tuple[tuple[int, ...], ...], str] = {}
    faults: list[Fault] = []
    for code, segment in settings.named.items():
        spot = f"{place} named.{code}"
        chosen = list(zip(axes, ((segment.gender,), segment.age, segment.region), strict=True))
        unknown = [
            Fault(spot, f"{value!r} is not a group of {axis.name}", "see: audience segments")
            for axis, codes in chosen
            for value in codes
            if value not in axis.positions
        ]
        if unknown:
            faults += unknown
            continue
        cell = tuple(axis.positions[axis.code_of(codes)] for axis, codes in chosen)
        leaves = tuple(axis.groups[p].leaves for axis, p in zip(axes, cell, strict=True))
        if all(len(part) == 1 for part in leaves):
            faults.append(
                Fault(spot, "this names a single atom", "widen its gender, age or region")
            )
        if leaves in sets:
            faults.append(Fault(spot, f"this is the same set of people as {sets[leaves]}"))
        sets[leaves] = code
        cells[cell] = NamedSegment(code, segment.text)
    return cells, faults


def _crossed_cells(tables: CrossTables, axes: Sequence[Dimension]) -> list[tuple[int, ...]]:
    """Cells of all cross tables, coarse tables first (levels in the order of the settings)."""
    levels = [
        [
            [position for position, group in enumerate(axis.groups) if group.level == level]
            for level in wanted
        ]
        for axis, wanted in zip(axes, (tables.gender, tables.age, tables.region), strict=True)
    ]
    tables_by_depth = sorted(
        itertools.product(*(range(len(of_axis)) for of_axis in levels)), key=lambda t: (sum(t), t)
    )
    return [
        cell
        for table in tables_by_depth
        for cell in itertools.product(*(levels[axis][level] for axis, level in enumerate(table)))
    ]
