"""What the page of a campaign, an interest or the audience says: chosen from released figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from anonymizer.exports.statements import deed, statement
from anonymizer.model.dimensions import ALL, NOT_STATED, Text
from anonymizer.model.periods import Period
from portal.published_tables import (
    EVERYONE,
    Bounded,
    Codes,
    PeriodFigure,
    PortalSubject,
    PublishedTables,
    ReleasedTable,
    TableRow,
)

Direction = Literal["more", "fewer", "not known"]
_GENDERS = ("male", "female")
_AGE_LEVELS = ("band", "group")  # the finer one that has figures is drawn
REGION_LEVELS = ("province", "regency", "area", "country")


@dataclass(frozen=True)
class SegmentLine:
    """A segment with all that is said of it. `nearest` is of a suppressed one.

    `direction` compares it with the period before, `difference` the other subject with it.
    """

    name: Text
    figure: Bounded | None
    nearest: TableRow | None
    before: Bounded | None
    direction: Direction | None
    index: Bounded | None
    other: Bounded | None
    difference: Direction | None
    sentence: Text


@dataclass(frozen=True)
class AgeFigures:
    """An age with its figures: all genders, men, women."""

    code: str
    name: Text
    everyone: Bounded | None
    men: Bounded | None
    women: Bounded | None


@dataclass(frozen=True)
class RegionFigure:
    """A region with its figure."""

    name: Text
    figure: Bounded


@dataclass(frozen=True)
class ProvinceFigure:
    """A province of the map; without a figure where it is suppressed."""

    code: str
    name: Text
    figure: Bounded | None


@dataclass(frozen=True)
class Compared:
    """A table to compare with."""

    name: Text
    table: ReleasedTable


@dataclass(frozen=True)
class SubjectView:
    """A subject in one period. `segments` begins with everyone; `provinces` has all of them."""

    subject: PortalSubject
    chosen: PeriodFigure
    before: Period | None
    audience: Period | None
    other: Text | None
    segments: tuple[SegmentLine, ...]
    ages: tuple[AgeFigures, ...]
    regions: tuple[tuple[str, tuple[RegionFigure, ...]], ...]
    provinces: tuple[ProvinceFigure, ...]


def view_of(
    subject: PortalSubject,
    chosen: PeriodFigure,
    periods: Sequence[PeriodFigure],
    tables: PublishedTables,
    other: PortalSubject | None = None,
) -> SubjectView:
    """The page of a subject in the chosen one of its `periods`."""
    table = tables.table(subject, chosen.release)
    before = _adjacent(chosen, periods)
    earlier = tables.table(subject, before.release) if before else None
    audience_period, audience = _audience(chosen.period, subject, tables)
    compared = _other_table(other, chosen.period, tables)
    lines = _SegmentLines(subject, chosen, table, earlier, audience, compared)
    return SubjectView(
        subject,
        chosen,
        before.period if before else None,
        audience_period,
        other.name if other and compared else None,
        lines.segments(),
        _ages(table),
        tuple((level, found) for level in REGION_LEVELS if (found := _regions(table, level))),
        _provinces(table),
    )


def direction_of(now: Bounded | None, before: Bounded | None) -> Direction | None:
    """Whether two figures differ for certain; None without both."""
    if now is None or before is None:
        return None
    if now.least > before.most:
        return "more"
    return "fewer" if now.most < before.least else "not known"


def index_of(codes: Codes, table: ReleasedTable, audience: ReleasedTable) -> Bounded | None:
    """The share of a segment against its share in the audience, as the macro `index_of` has it."""
    part, whole = table.figure(codes), table.figure(EVERYONE)
    of_all, everyone = audience.figure(codes), audience.figure(EVERYONE)
    if part is None or whole is None or of_all is None or everyone is None:
        return None
    share = min(part.people / whole.people, 1)
    share_of_all = min(of_all.people / everyone.people, 1)
    most = 100 * min(part.most, whole.least) * everyone.most
    return Bounded(
        int(100 * share / share_of_all + 0.5),
        100 * part.least * everyone.least // (whole.most * min(of_all.most, everyone.least)),
        -(-most // (whole.least * of_all.least)),
    )


@dataclass(frozen=True)
class _SegmentLines:
    """Makes the lines of the table of segments."""

    subject: PortalSubject
    chosen: PeriodFigure
    table: ReleasedTable
    earlier: ReleasedTable | None
    audience: ReleasedTable | None
    other: ReleasedTable | None

    def segments(self) -> tuple[SegmentLine, ...]:
        named = [row for row in self.table.rows if row.named and row.codes != EVERYONE]
        everyone = next((row for row in self.table.rows if row.codes == EVERYONE), None)
        words = everyone.name if everyone and everyone.named else Text("people", "orang")
        return (
            self._line(EVERYONE, words),
            *(self._line(row.codes, row.name) for row in named),
        )

    def _line(self, codes: Codes, name: Text) -> SegmentLine:
        figure = self.table.figure(codes)
        before = self.earlier.figure(codes) if self.earlier else None
        other = self.other.figure(codes) if self.other else None
        return SegmentLine(
            Text("everyone", "semua orang") if codes == EVERYONE else name,
            figure,
            None if figure else self.table.nearest(codes),
            before,
            direction_of(figure, before),
            index_of(codes, self.table, self.audience)
            if self.audience and codes != EVERYONE  # 100 for everyone, always
            else None,
            other,
            direction_of(other, figure),
            statement(name, figure.people if figure else None, self._deed()),
        )

    def _deed(self) -> Text:
        words = self.subject.name
        if self.subject.kind == "audience":
            words = Text(self.chosen.provider, self.chosen.provider)
        return deed(self.subject.kind, words, self.chosen.period)


def _adjacent(chosen: PeriodFigure, periods: Sequence[PeriodFigure]) -> PeriodFigure | None:
    """The period of the same kind that ends where the chosen one begins."""
    end = chosen.period.start - timedelta(days=1)
    same = (one for one in periods if one.period.kind == chosen.period.kind)
    return next((one for one in same if one.period.end == end), None)


def _audience(
    period: Period, subject: PortalSubject, tables: PublishedTables
) -> tuple[Period | None, ReleasedTable | None]:
    """The audience of the month in which a period ends, where it is released."""
    if subject.kind == "audience":
        return None, None
    everyone = tables.subject("audience", "everyone", None)
    month = Period.of("month", period.end)
    found = tables.periods(everyone) if everyone else ()
    same = next((one for one in found if one.period == month), None)
    if everyone is None or same is None:
        return None, None
    return month, tables.table(everyone, same.release)


def _other_table(
    other: PortalSubject | None, period: Period, tables: PublishedTables
) -> ReleasedTable | None:
    if other is None:
        return None
    same = next((one for one in tables.periods(other) if one.period == period), None)
    return tables.table(other, same.release) if same else None


def _ages(table: ReleasedTable) -> tuple[AgeFigures, ...]:
    """The ages of the finer level that has figures by gender, else that has any."""
    ages = table.groups.dimensions[1].values()
    for genders in (_GENDERS, (ALL,)):
        for level in _AGE_LEVELS:
            same = [age for age in ages if age.level == level]
            if any(table.figure((gender, age.code, ALL)) for gender in genders for age in same):
                found = [
                    AgeFigures(
                        age.code,
                        age.name,
                        *(table.figure((gender, age.code, ALL)) for gender in (ALL, *_GENDERS)),
                    )
                    for age in same
                ]
                return tuple(one for one in found if one.everyone or one.men or one.women)
    return ()


def _regions(table: ReleasedTable, level: str) -> tuple[RegionFigure, ...]:
    """The regions of a level, largest figure first."""
    found = [
        RegionFigure(region.name, figure)
        for region in table.groups.dimensions[2].values()
        if region.level == level
        and region.code not in (ALL, NOT_STATED)
        and (figure := table.figure((ALL, ALL, region.code)))
    ]
    return tuple(sorted(found, key=lambda one: (-one.figure.people, one.name.english)))


def _provinces(table: ReleasedTable) -> tuple[ProvinceFigure, ...]:
    """Every province that releases know."""
    return tuple(
        ProvinceFigure(region.code, region.name, table.figure((ALL, ALL, region.code)))
        for region in table.groups.dimensions[2].values()
        if region.level == "province"
    )
