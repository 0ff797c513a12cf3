"""Released tables as the pages need them, read from `published/segments.duckdb` and nothing else.

Each question about campaigns carries the advertisers that the reader may see, so that a campaign of
another advertiser is answered like one that there is not. What counts is whose campaign it was in
each release: when it changes its advertiser, the new one sees nothing of the time before, and the
former one nothing of the time after.

The database is built after the ledger has the entry of a correction or withdrawal. Until then it
still has the figures of that release, which no answer uses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

from anonymizer.exports.export_files import ExportFiles
from anonymizer.model.dimensions import ALL, Text
from anonymizer.model.periods import Period, PeriodKind
from anonymizer.model.tables import SubjectKind
from anonymizer.storage.home import Home
from audience.source import LatestDatabase
from portal.kept_answers import KeptAnswers

Scope = Sequence[str] | None
Codes = tuple[str, str, str]  # gender, age, region
EVERYONE: Codes = (ALL, ALL, ALL)


@dataclass(frozen=True)
class Bounded:
    """A published figure, and the numbers of people that it can stand for."""

    people: int
    least: int
    most: int


@dataclass(frozen=True)
class FoundCampaign:
    """A line of the list of campaigns; `newest` is the last day of its newest period.

    Its days are None where the newest advertiser is another one than the reader may see.
    """

    id: str
    name: str
    advertiser_id: str
    advertiser: str
    starts_on: date | None
    ends_on: date | None
    newest: date | None


@dataclass(frozen=True)
class PortalSubject:
    """What a page is about. Only campaigns have an advertiser and days.

    Of a campaign the reader sees the releases in which its advertiser is one of `scope`.
    """

    kind: SubjectKind
    id: str
    name: Text
    advertiser_id: str
    advertiser: str
    starts_on: date | None
    ends_on: date | None
    scope: Scope


@dataclass(frozen=True)
class PeriodFigure:
    """A segment in one released period; without a figure where it is suppressed.

    `advertiser_id` is whose campaign it was in this release; empty for other subjects.
    """

    release: str
    advertiser_id: str
    period: Period
    figure: Bounded | None
    threshold: int
    rounding: int
    error: int
    provider: str
    corrects: str


@dataclass(frozen=True)
class TableRow:
    """A segment of a table."""

    id: str
    name: Text
    named: bool
    codes: Codes
    figure: Bounded | None


@dataclass(frozen=True)
class UnpublishedSegment:
    """A segment that a table does not publish."""

    release: str
    subject: str
    codes: Codes


@dataclass(frozen=True)
class KnownGroup:
    """A group of a dimension: its words and the atoms in it."""

    code: str
    level: str
    name: Text
    atoms: frozenset[str]


@dataclass(frozen=True)
class KnownGroups:
    """The groups of gender, age and region that releases speak of."""

    dimensions: tuple[Mapping[str, KnownGroup], ...]

    def contains(self, outer: Codes, inner: Codes) -> bool:
        """Whether everyone of one segment is in the other one."""
        return all(
            known[one].atoms >= known[other].atoms
            for known, one, other in zip(self.dimensions, outer, inner, strict=True)
        )

    def containing(self, inner: Codes) -> tuple[Codes, ...]:
        """The codes of all segments that contain one, itself too."""
        outer_codes = (
            [code for code, group in known.items() if group.atoms >= known[own].atoms]
            for known, own in zip(self.dimensions, inner, strict=True)
        )
        return tuple((gender, age, region) for gender, age, region in product(*outer_codes))

    def cells(self, codes: Codes) -> int:
        """Of how many cells a segment is made."""
        return prod(
            len(known[code].atoms) for known, code in zip(self.dimensions, codes, strict=True)
        )

    def knows(self, codes: Codes) -> bool:
        """Whether each code is one of a group."""
        return all(code in known for known, code in zip(self.dimensions, codes, strict=True))

    def name(self, codes: Codes) -> Text:
        """`women aged 25-29 in Central Jakarta`."""
        gender, age, region = (
            known[code].name for known, code in zip(self.dimensions, codes, strict=True)
        )
        place = Text(f"in {region.english}", f"di {region.indonesian}")
        parts = [gender, *([age] if codes[1] != ALL else []), *([place] if codes[2] != ALL else [])]
        return Text(
            " ".join(part.english for part in parts), " ".join(part.indonesian for part in parts)
        )


@dataclass(frozen=True)
class ReleasedTable:
    """All rows of a subject in one period."""

    rows: tuple[TableRow, ...]
    groups: KnownGroups

    @cached_property
    def published(self) -> Mapping[Codes, TableRow]:
        """Rows that have a figure, by their codes."""
        return {row.codes: row for row in self.rows if row.figure}

    def figure(self, codes: Codes) -> Bounded | None:
        """The figure of a segment; None where it is suppressed."""
        row = self.published.get(codes)
        return row.figure if row else None

    def nearest(self, codes: Codes) -> TableRow | None:
        """The published segment with the fewest cells that contains another one."""
        containing = [
            row for own, row in self.published.items() if self.groups.contains(own, codes)
        ]
        return min(containing, key=lambda row: (self.groups.cells(row.codes), row.id), default=None)


def found_campaign(row: Mapping[str, Any]) -> FoundCampaign:
    """A row of `find_campaigns`."""
    return FoundCampaign(
        row["campaign_id"],
        row["campaign"],
        row["advertiser_id"],
        row["advertiser"],
        row["starts_on"],
        row["ends_on"],
        row["newest"],
    )


class PublishedTables:
    """The analysts' database of a published folder. Each question sees the newest file.

    What the ledger says of each release comes from `files`.
    """

    def __init__(self, published: Home, files: ExportFiles | None = None) -> None:
        self._published = published
        self._files = files or ExportFiles(published)
        self._database = LatestDatabase(published.database)
        self._kept = KeptAnswers()
        self._groups: tuple[object, KnownGroups] | None = None

    @property
    def exist(self) -> bool:
        """Whether anything was released yet."""
        return self._published.database.is_file()

    def campaigns(
        self, scope: Scope, name: str = "", most: int = 50, after: int = 0
    ) -> tuple[tuple[FoundCampaign, ...], int]:
        """Campaigns whose name or id has `name` in it, and how many there are in all."""
        values = {"advertisers": scope, "name": name or None, "most": most, "after": after}
        values |= {"in_turn": False, "until": None, "after_number": None, "after_mark": None}
        rows = self.records("find_campaigns", values | self.out_of_force())
        return tuple(map(found_campaign, rows)), rows[0]["found"] if rows else 0

    def subject(self, kind: str, id_: str, scope: Scope) -> PortalSubject | None:
        """A campaign, an interest or the audience; None for what the reader may not see."""
        values = {"kind": kind, "subject": id_, "advertisers": scope, **self.out_of_force()}
        rows = self.records("find_subject", values)
        return _subject(rows[0], scope) if rows else None

    def open_subjects(self) -> tuple[PortalSubject, ...]:
        """The interests and the audience, which every reader may see."""
        return tuple(_subject(row, None) for row in self.records("list_open_subjects", {}))

    def periods(self, subject: PortalSubject, codes: Codes = EVERYONE) -> tuple[PeriodFigure, ...]:
        """A segment of a subject in every period that is in force, oldest first."""
        gender, age, region = codes
        values = {"kind": subject.kind, "subject": subject.id, "advertisers": subject.scope}
        values |= {"gender": gender, "age": age, "region": region, **self.out_of_force()}
        return tuple(
            PeriodFigure(
                row["release_id"],
                row["advertiser_id"] or "",
                Period.from_id(row["period"]),
                _bounded(row),
                row["threshold"],
                row["rounding"],
                row["error"],
                row["provider"],
                row["corrects"] or "",
            )
            for row in self.records("trace_segment", values)
        )

    def table(self, subject: PortalSubject, release: str) -> ReleasedTable:
        """Every row of a subject in a release."""
        values: dict[str, Any] = {"release": release, "kind": subject.kind}
        values |= {"subject": subject.id, "advertisers": subject.scope}
        rows = tuple(_table_row(row) for row in self.records("read_table", values))
        return ReleasedTable(rows, self.groups())

    def named_since(self, scope: Scope) -> Mapping[Codes, date]:
        """The named segments of the newest tables that a reader may see, and their first day."""
        rows = self.records("list_named_segments", {"advertisers": scope, **self.out_of_force()})
        return {(row["gender"], row["age"], row["region_code"]): row["since"] for row in rows}

    def nearest_of(
        self, suppressed: Sequence[UnpublishedSegment], scope: Scope
    ) -> Mapping[UnpublishedSegment, TableRow]:
        """The published segment with the fewest cells that contains each one, in one statement."""
        if not suppressed:
            return {}
        groups = self.groups()
        numbers = {codes: number for number, codes in enumerate({one.codes for one in suppressed})}
        outer = [
            (number, *codes, groups.cells(codes))
            for inner, number in numbers.items()
            for codes in groups.containing(inner)
        ]
        values: dict[str, Any] = dict(
            zip(
                ("outer", "genders", "ages", "regions", "cells"),
                map(list, zip(*outer, strict=True)),
                strict=True,
            )
        )
        values |= {
            "releases": [one.release for one in suppressed],
            "subjects": [one.subject for one in suppressed],
            "inner": [numbers[one.codes] for one in suppressed],
            "advertisers": scope,
        }
        rows = self.records("find_nearest_segments", values)
        return {suppressed[row["place"]]: _table_row(row) for row in rows}

    def groups(self) -> KnownGroups:
        """The groups of all dimensions; kept as long as the file is the same."""
        version = self._database.version
        if self._groups is None or self._groups[0] != version:
            self._groups = (version, _groups(self.records("list_groups", {})))
        return self._groups[1]

    def out_of_force(self) -> dict[str, list[str]]:
        """The parameter of each statement with the releases whose figures may not be used."""
        return {"out_of_force": sorted(self._files.circulation().out_of_force)}

    def records(self, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that `sql/<statement>.sql` selects from the newest file."""
        try:
            version = self._database.version
        except OSError:  # the question says what is wrong with the file
            return self._database.records(statement, values or None)
        return self._kept.answer(
            version, statement, values, lambda: self._database.records(statement, values or None)
        )


def newest_of(periods: Sequence[PeriodFigure], kind: PeriodKind) -> PeriodFigure | None:
    """The last period of a kind."""
    return next((one for one in reversed(periods) if one.period.kind == kind), None)


def _subject(row: Mapping[str, Any], scope: Scope) -> PortalSubject:
    return PortalSubject(
        row["subject_kind"],
        row["subject_id"],
        Text(row["subject"], row["subject_indonesian"]),
        row.get("advertiser_id") or "",
        row.get("advertiser") or "",
        row.get("starts_on"),
        row.get("ends_on"),
        scope,
    )


def _table_row(row: Mapping[str, Any]) -> TableRow:
    return TableRow(
        row["segment_id"],
        Text(row["segment"], row["segment_indonesian"]),
        row["named"],
        (row["gender"], row["age"], row["region_code"]),
        _bounded(row),
    )


def _bounded(row: Mapping[str, Any]) -> Bounded | None:
    if row["people"] is None:
        return None
    return Bounded(row["people"], row["people_least"], row["people_most"])


def _groups(rows: Sequence[Mapping[str, Any]]) -> KnownGroups:
    found: dict[str, dict[str, KnownGroup]] = {"gender": {}, "age": {}, "region": {}}
    for row in rows:
        words = Text(row["words"], row["words_indonesian"])
        group = KnownGroup(row["code"], row["level"], words, frozenset(row["atoms"]))
        found[row["dimension"]][row["code"]] = group
    return KnownGroups(tuple(found.values()))
