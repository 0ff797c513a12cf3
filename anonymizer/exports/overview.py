"""What a manager reads first of a table: chosen from released figures and from nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import pyarrow.compute as pc

from anonymizer.exports.data_label import LabelField
from anonymizer.exports.rows import Row
from anonymizer.model.dimensions import ALL, NOT_STATED, Text
from anonymizer.model.periods import Period
from anonymizer.model.subjects import Campaign, Subject
from anonymizer.release.release import PUBLISHED, Release, Segment

_GENDERS = ("male", "female")
_AGE_LEVELS = ("band", "group")  # the finer one that has figures is listed
_REGION_LEVELS = ("country", "area", "province", "regency")
_MOST_REGIONS = 10  # of each level

Codes = tuple[str, str, str]


@dataclass(frozen=True)
class ReleasedGroup:
    """A group of a dimension as the release explains it."""

    level: str
    name: Text
    leaves: frozenset[str]


@dataclass(frozen=True)
class ReleasedGroups:
    """All groups that a release speaks of, by dimension and code."""

    known: Mapping[str, Mapping[str, ReleasedGroup]]

    @classmethod
    def of(cls, release: Release) -> "ReleasedGroups":
        """Those of a release."""
        known: dict[str, dict[str, ReleasedGroup]] = {"gender": {}, "age": {}, "region": {}}
        for row in release.groups.to_pylist():
            words = Text(row["english"], row["indonesian"])
            group = ReleasedGroup(row["level"], words, frozenset(row["leaves"]))
            known[row["dimension"]][row["code"]] = group
        return cls(known)

    @cached_property
    def _containing(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {}

    def containing(self, dimension: str, code: str) -> tuple[str, ...]:
        """Codes of the groups that have everyone of a group in them, itself included."""
        found = self._containing.get((dimension, code))
        if found is None:
            inside = self.known[dimension][code].leaves
            groups = self.known[dimension].items()
            found = tuple(other for other, group in groups if group.leaves >= inside)
            self._containing[dimension, code] = found
        return found

    def cells(self, codes: Codes) -> int:
        """Of how many cells a segment is made."""
        pairs = zip(self.known, codes, strict=True)
        return prod(len(self.known[dimension][code].leaves) for dimension, code in pairs)


@dataclass(frozen=True)
class Earlier:
    """Figures of the period before, by segment id; each at most `error` from the true number."""

    period: Period
    people: Mapping[str, int]
    error: int


@dataclass(frozen=True)
class Headline:
    """A main segment, and its figure in the period before where it has one."""

    name: Text
    people: int
    before: int | None


@dataclass(frozen=True)
class AgeLine:
    """An age group: people of all genders, men, women; None where there is no figure."""

    code: str
    name: Text
    everyone: int | None
    men: int | None
    women: int | None


@dataclass(frozen=True)
class RegionLine:
    """A region with its people."""

    name: Text
    level: str
    people: int


@dataclass(frozen=True)
class Unpublished:
    """A named segment without a figure, and the nearest one that contains it and has one."""

    name: Text
    nearest: Text | None
    people: int | None


@dataclass(frozen=True)
class Overview:
    """Main figures, people by age and gender, by region, named segments without a figure.

    `regions_left` says how many regions with a figure are not listed.
    """

    headlines: tuple[Headline, ...]
    ages: tuple[AgeLine, ...]
    regions: tuple[RegionLine, ...]
    regions_left: int
    unpublished: tuple[Unpublished, ...]


@dataclass(frozen=True)
class WorkbookContent:
    """What the workbooks of one subject are made of."""

    release: Release
    subject: Subject
    rows: Sequence[Row]
    groups: ReleasedGroups
    label: Sequence[LabelField]
    earlier: Earlier | None = None

    @cached_property
    def overview(self) -> Overview:
        """What stands on the first page."""
        return overview_of(self.rows, self.release, self.groups, self.earlier)


def earlier_figures(previous: Release | None, release: Release, subject: Subject) -> Earlier | None:
    """The figures of the same subject in the period before; None where there are none to compare.

    Segments are compared by id, so both releases have to mean the same by them. A campaign that
    was another advertiser's is no longer compared.
    """
    if previous is None or previous.catalogue_digest != release.catalogue_digest:
        return None
    if not any(_is_same(subject, other) for other in previous.subjects):
        return None
    figures = previous.figures.filter(pc.equal(previous.figures["subject_id"], subject.id))
    people = {
        row["segment_id"]: row["people"]
        for row in figures.to_pylist()
        if row["status"] == PUBLISHED
    }
    return Earlier(previous.period, people, previous.error)


def _is_same(subject: Subject, other: Subject) -> bool:
    if subject.id != other.id:
        return False
    if isinstance(subject, Campaign) and isinstance(other, Campaign):
        return subject.advertiser_id == other.advertiser_id
    return type(subject) is type(other)


def overview_of(
    rows: Sequence[Row], release: Release, groups: ReleasedGroups, earlier: Earlier | None
) -> Overview:
    """What stands on the first page about the rows of one subject."""
    published = {_codes(row): row for row in rows if row.people is not None}
    regions = list(_regions(published, release, groups))
    listed = [line for level in _REGION_LEVELS for line in _largest(regions, level)]
    return Overview(
        tuple(_headlines(rows, release, earlier)),
        tuple(_ages(published, groups)),
        tuple(listed),
        len(regions) - len(listed),
        tuple(_unpublished(rows, published, release, groups)),
    )


def _codes(row: Row) -> Codes:
    return row.gender, row.age, row.region_code


def _headlines(
    rows: Sequence[Row], release: Release, earlier: Earlier | None
) -> Iterable[Headline]:
    """Named segments with a figure; everyone first, whether named or not."""
    everyone = (ALL, ALL, ALL)
    before = earlier.people if earlier else {}
    named = {segment.id for segment in release.segments.values() if segment.named}
    main = [row for row in rows if _codes(row) == everyone or row.segment_id in named]
    for row in sorted(main, key=lambda row: _codes(row) != everyone):
        if row.people is not None:
            name = release.segments[row.segment_id].name
            words = Text("everyone", "semua orang") if _codes(row) == everyone else name
            yield Headline(words, row.people, before.get(row.segment_id))


def _ages(published: Mapping[Codes, Row], groups: ReleasedGroups) -> Iterable[AgeLine]:
    """The lines of the finer level of age that has figures by gender; else that has any."""
    for wanted in (_GENDERS, (ALL,)):
        for level in _AGE_LEVELS:
            codes = [code for code, group in groups.known["age"].items() if group.level == level]
            if any((gender, code, ALL) in published for gender in wanted for code in codes):
                return [line for code in codes if (line := _age_line(code, published, groups))]
    return []


def _age_line(code: str, published: Mapping[Codes, Row], groups: ReleasedGroups) -> AgeLine | None:
    found = [published.get((gender, code, ALL)) for gender in (ALL, *_GENDERS)]
    everyone, men, women = (row.people if row else None for row in found)
    if everyone is men is women is None:
        return None
    return AgeLine(code, groups.known["age"][code].name, everyone, men, women)


def _regions(
    published: Mapping[Codes, Row], release: Release, groups: ReleasedGroups
) -> Iterable[RegionLine]:
    for (gender, age, code), row in published.items():
        if gender == age == ALL and code not in (ALL, NOT_STATED) and row.people is not None:
            segment = release.segments[row.segment_id]
            yield RegionLine(segment.region_name, groups.known["region"][code].level, row.people)


def _largest(regions: Iterable[RegionLine], level: str) -> list[RegionLine]:
    same = [line for line in regions if line.level == level]
    return sorted(same, key=lambda line: (-line.people, line.name.english))[:_MOST_REGIONS]


def _unpublished(
    rows: Sequence[Row], published: Mapping[Codes, Row], release: Release, groups: ReleasedGroups
) -> Iterable[Unpublished]:
    order = {segment_id: position for position, segment_id in enumerate(release.segments)}
    for row in rows:
        segment = release.segments[row.segment_id]
        if row.people is None and segment.named:
            found = [published[codes] for codes in _wider(segment, groups) if codes in published]
            nearest = min(
                found, key=lambda r: (groups.cells(_codes(r)), order[r.segment_id]), default=None
            )
            name = release.segments[nearest.segment_id].name if nearest else None
            yield Unpublished(segment.name, name, nearest.people if nearest else None)


def _wider(segment: Segment, groups: ReleasedGroups) -> Iterable[Codes]:
    for gender in groups.containing("gender", segment.gender):
        for age in groups.containing("age", segment.age):
            for region in groups.containing("region", segment.region):
                yield gender, age, region
