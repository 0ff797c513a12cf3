"""The segment catalogue: which unions of atoms may be published, in order of preference.

Each segment takes one group of every dimension (`men under 40` = male x under_40 x all),
so it is a box in the grid of atoms. The catalogue is public: it says what could be
published, never what was.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from anonymizer.model import added_dimensions, dimensions
from anonymizer.model.added_dimensions import ADDED_DIMENSIONS, OTHER, PRODUCT_CATEGORY, id_part
from anonymizer.model.configuration import Settings, load
from anonymizer.model.dimensions import AGE_BANDS, ALL, Dimension, Group, Text
from anonymizer.model.errors import ConfigurationError, Fault

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Category = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
LONGEST_WORDS = 80  # characters of a name in a language
MOST_JOINED = 60  # groups that a named segment joins in one dimension
MOST_VALUES = 9  # of product_category, beside `other`: every value multiplies the cells


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
class AddedTables:
    """What tables of some series have beside the other segments: segments of an added dimension.

    `cells` has a row for each, with the position of its group in gender, age, region and the added
    dimension; `named` are the first of them.
    """

    series: frozenset[str]
    dimension: Dimension
    cells: tuple[tuple[int, ...], ...]
    named: tuple[NamedSegment, ...]


@dataclass(frozen=True)
class Catalogue:
    """Segments over the dimensions, and the interests that have tables of them.

    `cells` has shape (segments, dimensions): the position of a group in each dimension,
    no row twice, ordered by preference: named first, then coarse to fine.
    `named` maps rows of `cells` to names. With `by_size` no table is preferred to another: large
    segments come before small ones, whatever their table.

    Tables of the series that `added` names have more segments, over one dimension more:
    `of_series` is the catalogue of one series, and `whole` is then what it was made from.
    """

    dimensions: tuple[Dimension, ...]
    cells: NDArray[np.int32]
    named: Mapping[int, NamedSegment]
    by_size: bool = False
    interests: tuple[Interest, ...] = ()
    added: tuple[AddedTables, ...] = ()
    whole: "Catalogue | None" = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.cells)

    def of_series(self, series: str) -> "Catalogue":
        """The segments of the tables of a series, such as `campaign-day`."""
        whole = self.whole or self
        return whole._by_series.get(series, whole)

    @cached_property
    def _by_series(self) -> Mapping[str, "Catalogue"]:
        return {
            series: extended
            for added in self.added
            for extended in (self._with(added),)
            for series in added.series
        }

    def _with(self, added: AddedTables) -> "Catalogue":
        """Named segments first, then the others of this catalogue, then the added ones."""
        first, names = len(self.named), len(added.named)
        own = np.pad(self.cells, ((0, 0), (0, 1)))  # the first group of a dimension is `all`
        more = np.array(added.cells, dtype=np.int32).reshape(len(added.cells), own.shape[1])
        cells = np.concatenate([own[:first], more[:names], own[first:], more[names:]])
        named = dict(enumerate((*map(self.named.__getitem__, range(first)), *added.named)))
        axes = (*self.dimensions, added.dimension)
        return Catalogue(axes, cells, named, self.by_size, self.interests, (), self)

    @property
    def added_dimension(self) -> Dimension | None:
        """The dimension beside gender, age and region that the segments are made of, if any."""
        return next((axis for axis in self.dimensions if self._is_added(axis)), None)

    def _is_added(self, axis: Dimension) -> bool:
        """Whether it is beside gender, age and region; other tables may have it as their own."""
        return self.whole is not None and axis.name in ADDED_DIMENSIONS

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
        groups = list(zip(self.dimensions, self.groups(segment), strict=True))
        own = ":".join(group.code for axis, group in groups if not self._is_added(axis))
        more = (id_part(axis.name, group.code) for axis, group in groups if self._is_added(axis))
        return "".join((own, *more))

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
        known = list(zip(self.dimensions, self.cells.T, strict=True))
        codes = (
            [axis.groups[position].code for position in positions.tolist()]
            for axis, positions in known
            if not self._is_added(axis)
        )
        ids = list(map(":".join, zip(*codes, strict=True)))
        for axis, positions in known:
            if self._is_added(axis):
                parts = [id_part(axis.name, group.code) for group in axis.groups]
                more = map(parts.__getitem__, positions.tolist())
                ids = list(map("".join, zip(ids, more, strict=True)))
        for segment, named in self.named.items():
            ids[segment] = named.id
        return {name: segment for segment, name in enumerate(ids)}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the segments mean (leaves) and how they are called.

        The same of the catalogue of each series: it is that of the whole.
        """
        if self.whole is not None:
            return self.whole.digest
        content = hashlib.sha256()
        for dimension in self.dimensions:
            content.update(repr((dimension.name, dimension.leaves, dimension.groups)).encode())
        content.update(self.cells.astype("<i4").tobytes())
        content.update(repr(sorted(self.named.items())).encode())
        for added in self.added:
            axis = added.dimension
            meaning = (sorted(added.series), axis.name, axis.leaves, axis.groups)
            content.update(repr((*meaning, added.cells, added.named)).encode())
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


CrossLevel = Literal["gender", "group", "band", "country", "area", "province", "regency"]


class AddedDimension(Settings):
    """A dimension beside gender, age and region: device, or product_category."""

    series: tuple[Literal["campaign-day", "campaign-week", "campaign-month"], ...] = Field(
        min_length=1, description="The series whose tables have it; a series can have one."
    )
    cross_tables: tuple[tuple[CrossLevel, ...], ...] = Field(
        min_length=1,
        description="What each value is crossed with: lists of levels, at most one of gender, "
        "of age and of region; an empty list is each value by itself.",
    )
    interests: tuple[Code, ...] = Field(
        default_factory=tuple,
        max_length=MOST_VALUES,
        description="Of product_category: the interests that are values; the rest is `other`.",
    )

    @field_validator("cross_tables")
    @classmethod
    def _one_level_each(cls, tables: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for levels in tables:
            kinds = [_KIND_OF_LEVEL[level] for level in levels]
            if len(set(kinds)) < len(kinds):
                words = ", ".join(levels)
                raise ValueError(f"[{words}] has two levels of one dimension; name one of each")
        if len({frozenset(levels) for levels in tables}) < len(tables):
            raise ValueError("a cross table occurs twice")
        return tables


_KIND_OF_LEVEL: Mapping[str, str] = {
    "gender": "gender",
    **dict.fromkeys(("group", "band"), "age"),
    **dict.fromkeys(("country", "area", "province", "regency"), "region"),
}


class Named(Words):
    """A segment that advertisers ask for by name: a group of each dimension."""

    gender: str = Field(ALL, description="A gender.")
    age: GroupCodes = Field(
        (ALL,), description="An age band, the code of an age group, or a list of them."
    )
    region: GroupCodes = Field(
        (ALL,), description="A region's code, the code of an area, or a list of them."
    )
    device: str = Field(ALL, description="A value of the added dimension device.")
    product_category: str = Field(
        ALL, description="A value of the added dimension product_category: an interest, or other."
    )

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without added dimensions, so that the digest of settings without them stays the same."""
        content: dict[str, Any] = handler(self)
        return {k: v for k, v in content.items() if not (k in ADDED_DIMENSIONS and v == ALL)}

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
    added_dimensions: dict[str, AddedDimension] = Field(default_factory=dict)

    @field_validator("added_dimensions", mode="before")
    @classmethod
    def _known_dimensions(cls, content: object) -> object:
        if isinstance(content, dict):
            unknown = sorted(str(name) for name in set(content) - set(ADDED_DIMENSIONS))
            if unknown:
                raise ValueError(
                    f"{', '.join(unknown)} cannot be added: only {' and '.join(ADDED_DIMENSIONS)} "
                    "can; specific personal data (health, finances, belief) never become a "
                    "dimension"
                )
        return content

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without added dimensions, so that the digest of settings without them stays the same."""
        content: dict[str, Any] = handler(self)
        if not self.added_dimensions:
            content.pop("added_dimensions")
        return content


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
    plain, of_added = _by_dimension(settings.named)
    named, more_faults = _named_cells(plain, axes, place)
    faults += [*more_faults, *_shared_categories(settings, place)]
    added, added_faults = _added_tables(settings, axes, crossed_axes, of_added, place)
    faults += added_faults
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
        added=added,
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
    segments: Mapping[str, Named], axes: Sequence[Dimension], place: str
) -> tuple[dict[tuple[int, ...], NamedSegment], list[Fault]]:
    """Named segments by cell; unknown codes, single atoms and two names for one set are faults."""
    cells: dict[tuple[int, ...], NamedSegment] = {}
    sets: dict[tuple[tuple[int, ...], ...], str] = {}
    faults: list[Fault] = []
    for code, segment in segments.items():
        spot = f"{place} named.{code}"
        chosen = [(axis, _codes_of(segment, axis.name)) for axis in axes]
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


def _codes_of(segment: Named, dimension: str) -> tuple[str, ...]:
    codes: str | tuple[str, ...] = getattr(segment, dimension)
    return (codes,) if isinstance(codes, str) else codes


def _by_dimension(
    named: Mapping[str, Named],
) -> tuple[dict[str, Named], dict[str, tuple[list[str], Named]]]:
    """Named segments without an added dimension, and those with some, by code."""
    plain: dict[str, Named] = {}
    of_added: dict[str, tuple[list[str], Named]] = {}
    for code, segment in named.items():
        limited = [name for name in ADDED_DIMENSIONS if getattr(segment, name) != ALL]
        if limited:
            of_added[code] = (limited, segment)
        else:
            plain[code] = segment
    return plain, of_added


def _added_tables(
    settings: SegmentSettings,
    axes: tuple[Dimension, ...],
    crossed_axes: tuple[Dimension, ...],
    named: Mapping[str, tuple[list[str], Named]],
    place: str,
) -> tuple[tuple[AddedTables, ...], list[Fault]]:
    """The added dimensions in a fixed order, with their segments; and what is wrong in them."""
    faults = list(_misplaced(settings, named, place))
    found = []
    for name in ADDED_DIMENSIONS:
        added = settings.added_dimensions.get(name)
        if added is None:
            continue
        axis, own_faults = _added_axis(name, added, settings, place)
        own = {code: segment for code, (limited, segment) in named.items() if limited == [name]}
        cells, named_faults = _named_cells(own, (*axes, axis), place)
        faults += [*own_faults, *named_faults]
        crossed = dict.fromkeys(
            cell
            for table in added.cross_tables
            for cell in _crossed_with(axis, table, crossed_axes)
        )
        rest = [cell for cell in crossed if cell not in cells]
        names = tuple(cells.values())
        found.append(AddedTables(frozenset(added.series), axis, (*cells, *rest), names))
    return tuple(found), faults


def _misplaced(
    settings: SegmentSettings, named: Mapping[str, tuple[list[str], Named]], place: str
) -> Iterator[Fault]:
    """Two added dimensions of a series or of a named segment, and one that is not set up."""
    owners: dict[str, str] = {}
    for name, added in settings.added_dimensions.items():
        for series in dict.fromkeys(added.series):
            if series in owners:
                problem = f"{series} already has {owners[series]}; a series can have one"
                yield Fault(f"{place} added_dimensions.{name}.series", problem, "leave one out")
            owners[series] = name
    for code, (limited, _) in named.items():
        spot = f"{place} named.{code}"
        if len(limited) > 1:
            yield Fault(spot, f"it has {' and '.join(limited)}", "name one of them")
        for name in limited:
            if name not in settings.added_dimensions:
                remedy = f"set up added_dimensions.{name}, or leave it out"
                yield Fault(spot, f"{name} is not an added dimension of these settings", remedy)


def _added_axis(
    name: str, added: AddedDimension, settings: SegmentSettings, place: str
) -> tuple[Dimension, list[Fault]]:
    spot = f"{place} added_dimensions.{name}.interests"
    if name != PRODUCT_CATEGORY:
        faults = [Fault(spot, f"{name} has no interests", "leave it out")]
        return added_dimensions.device(), faults if added.interests else []
    faults = [
        Fault(spot, f"{code!r} is not an interest of these settings", "see: audience segments")
        for code in added.interests
        if code not in settings.interests
    ]
    if OTHER in added.interests or len(set(added.interests)) < len(added.interests):
        faults.append(Fault(spot, f"an interest occurs twice or is called {OTHER}"))
    if not added.interests:
        faults.append(Fault(spot, "no interest is named", "name the values"))
    known = [code for code in dict.fromkeys(added.interests) if code in settings.interests]
    words = [(code, settings.interests[code].text) for code in known if code != OTHER]
    return added_dimensions.product_category(words), faults


def _crossed_with(
    axis: Dimension, levels: Sequence[str], axes: Sequence[Dimension]
) -> Iterator[tuple[int, ...]]:
    """Every value of an added dimension in every combination of groups of these levels."""
    of_kind = {_KIND_OF_LEVEL[level]: level for level in levels}
    chosen = [
        [at for at, group in enumerate(each.groups) if group.level == of_kind.get(each.name, ALL)]
        for each in axes
    ]
    values = range(1, len(axis.groups))
    return itertools.product(*chosen, values)


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
