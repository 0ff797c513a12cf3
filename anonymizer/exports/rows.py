"""The rows of an export: what its three file formats say, each in its own way."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import pyarrow.compute as pc

from anonymizer.exports.statements import deed, statement
from anonymizer.model.dimensions import Text
from anonymizer.model.subjects import Campaign, Subject, name_of
from anonymizer.release.release import Release


class Row(NamedTuple):
    """One segment of one subject; the fields are the columns of every format, in order."""

    advertiser_id: str
    subject_kind: str
    subject_id: str
    subject: str
    period_kind: str
    period: str
    period_start: date
    period_end: date
    segment_id: str
    segment: str
    gender: str
    age: str
    region_code: str
    region: str
    status: str
    people: int | None
    rounding: int
    iab_ids: str
    statement_english: str
    statement_indonesian: str


_FORMULA_STARTS = tuple("=+-@")


def export_rows(release: Release, subject: Subject) -> Iterator[Row]:
    """All rows of a subject: named segments first, then by preference.

    A named segment that is suppressed stands there without people; others are absent.
    """
    figures = release.figures.filter(pc.equal(release.figures["subject_id"], subject.id))
    period, called = release.period, name_of(subject)
    of = Text(release.provider, release.provider) if release.kind == "audience" else called
    done = deed(release.kind, of, period)
    for segment_id, status, people in zip(
        *(figures[name].to_pylist() for name in ("segment_id", "status", "people")), strict=True
    ):
        segment = release.segments[segment_id]
        words = statement(segment.name, people, done)
        yield Row(
            subject.advertiser_id if isinstance(subject, Campaign) else "",
            release.kind,
            subject.id,
            called.english,
            period.kind,
            period.id,
            period.start,
            period.end,
            segment.id,
            segment.name.english,
            segment.gender,
            segment.age,
            segment.region,
            segment.region_name.english,
            status,
            people,
            release.base,
            ";".join(segment.iab_ids),
            words.english,
            words.indonesian,
        )


def harmless(text: str) -> str:
    """Text that a spreadsheet takes for text, whatever it starts with (ASVS 1.2.10).

    Control characters go, and what could be read as a formula gets a leading apostrophe.
    """
    if text[:1].isalnum() and text.isprintable():  # nearly all
        return text
    printable = text if text.isprintable() else "".join(map(_printable, text))
    suspect = printable.lstrip()[:1] in _FORMULA_STARTS or not text[:1].isprintable()
    return "'" + printable if suspect else printable


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else ""
