"""Figures of many tables at once, as programs read them: published, or suppressed with the nearest
published segment that contains them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from anonymizer.model.dimensions import ALL
from anonymizer.model.series import Series
from portal.published_tables import (
    Bounded,
    Codes,
    KnownGroups,
    PublishedTables,
    Scope,
    TableRow,
    UnpublishedSegment,
)
from portal.site import NotFound

_CODES = 3


@dataclass(frozen=True)
class FigureQuery:
    """Which figures are wanted: None and empty texts stand for any.

    They come after the row with this `place` in the release with this `number`.
    """

    scope: Scope
    series: Series | None
    kind: str
    subject: str
    period: str
    segment: str
    most: int
    number: int
    place: int


@dataclass(frozen=True)
class ListedSegment:
    """A segment by its id, its words and its codes."""

    id: str
    name: str
    codes: Codes


@dataclass(frozen=True)
class ListedFigure:
    """A segment of a subject in a release; `nearest` is of a suppressed one.

    `place` is its place in the release with this `number`, in the order of the query.
    """

    release: str
    kind: str
    subject: str
    name: str
    advertiser_id: str | None
    period: str
    segment: ListedSegment
    figure: Bounded | None
    rounding: int
    nearest: TableRow | None
    number: int
    place: int


def list_figures(tables: PublishedTables, query: FigureQuery) -> tuple[ListedFigure, ...]:
    """The figures of a query in the order of release.

    Raises NotFound for a segment or subject that is unknown or not for the reader.
    """
    if not tables.exist:
        return ()
    if query.subject and tables.subject(query.kind, query.subject, query.scope) is None:
        raise NotFound
    segment = _segment(tables, query.segment) if query.segment else None
    values: dict[str, Any] = {
        "advertisers": query.scope,
        "kind": query.series.kind if query.series else query.kind or None,
        "subject": query.subject or None,
        "period_kind": query.series.period_kind if query.series else None,
        "period": query.period or None,
        "most": query.most,
        "number": query.number,
        "place": query.place,
        **tables.out_of_force(),
    }
    if segment:
        values |= dict(zip(("gender", "age", "region"), segment.codes, strict=True))
        values["segment"] = segment.id if ":" not in segment.id else None
    rows = tables.records("list_segment_figures" if segment else "list_figures", values)
    return tuple(_listed(tables, query.scope, rows, segment))


def _segment(tables: PublishedTables, wanted: str) -> ListedSegment:
    """A named segment, or one that is written as its codes: `male:25-29:31.71`."""
    if named := tables.records("find_segment", {"segment": wanted}):
        row = named[0]
        return ListedSegment(row["segment_id"], row["segment"], _codes(row))
    codes, groups = tuple(wanted.split(":")), tables.groups()
    if len(codes) != _CODES or not groups.knows((codes[0], codes[1], codes[2])):
        raise NotFound
    return _composed((codes[0], codes[1], codes[2]), groups)


def _composed(codes: Codes, groups: KnownGroups) -> ListedSegment:
    name = groups.name(codes).english if codes[0] != ALL or codes[1:] != (ALL, ALL) else ""
    return ListedSegment(":".join(codes), name.strip() or "everyone", codes)


def _listed(
    tables: PublishedTables,
    scope: Scope,
    rows: Sequence[dict[str, Any]],
    segment: ListedSegment | None,
) -> Iterator[ListedFigure]:
    """The figures of rows. What contains the suppressed ones is read once for all of them."""
    own = [segment or ListedSegment(row["segment_id"], row["segment"], _codes(row)) for row in rows]
    figures = [_figure(row) for row in rows]
    suppressed = [
        UnpublishedSegment(row["release_id"], row["subject_id"], one.codes)
        for row, one in zip(rows, own, strict=True)
    ]
    wanted = [one for one, figure in zip(suppressed, figures, strict=True) if figure is None]
    nearest = tables.nearest_of(wanted, scope)
    for row, one, where, figure in zip(rows, own, suppressed, figures, strict=True):
        yield ListedFigure(
            row["release_id"],
            row["subject_kind"],
            row["subject_id"],
            row["subject"],
            row["advertiser_id"],
            row["period"],
            one,
            figure,
            row["rounding"],
            None if figure else nearest.get(where),
            row["number"],
            row["place"],
        )


def _figure(row: dict[str, Any]) -> Bounded | None:
    if row["people"] is None:
        return None
    return Bounded(row["people"], row["people_least"], row["people_most"])


def _codes(row: dict[str, Any]) -> Codes:
    return row["gender"], row["age"], row["region_code"]
