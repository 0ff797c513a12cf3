"""A figure as a sentence, in English and Indonesian.

A sentence on a suppressed segment is the same whatever its size: it says that there is no figure
and nothing else.
"""

from collections.abc import Mapping
from datetime import date

from anonymizer.model.dimensions import Text
from anonymizer.model.periods import Period
from anonymizer.model.tables import SubjectKind
from anonymizer.model.windows import INTEREST_DAYS

_MONTHS = {
    "english": (
        *("January", "February", "March", "April", "May", "June", "July"),
        *("August", "September", "October", "November", "December"),
    ),
    "indonesian": (
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli"),
        *("Agustus", "September", "Oktober", "November", "Desember"),
    ),
}
_DEEDS: Mapping[SubjectKind, Text] = {
    "campaign": Text("accessed the advertising link of", "mengakses tautan iklan"),
    "audience": Text("are in the audience of", "termasuk dalam audiens"),
    "interest": Text("viewed products of", "melihat produk"),
}


def statement(segment: Text, people: int | None, deed: Text) -> Text:
    """`500 men under 40 accessed the advertising link of ... on 22 November 2026`.

    Without people, the sentence of a suppressed segment.
    """
    if people is None:
        return Text(
            f"The number of {segment.english} who {deed.english} is suppressed",
            f"Jumlah {segment.indonesian} yang {deed.indonesian} tidak ditampilkan",
        )
    return Text(
        f"{people:,} {segment.english} {deed.english}",
        f"{_dotted(people)} {segment.indonesian} {deed.indonesian}",
    )


def deed(kind: SubjectKind, subject: Text, period: Period) -> Text:
    """What all people of a table have in common: `viewed products of books in the 30 days to ...`.

    `subject` is a campaign, an interest, or the company whose audience it is.
    """
    times = _window(period) if kind == "interest" else _time(period)
    words = _DEEDS[kind]
    return Text(
        f"{words.english} {subject.english} {times.english}",
        f"{words.indonesian} {subject.indonesian} {times.indonesian}",
    )


def period_in_words(period: Period) -> Text:
    """A period as the label of a table has it: `2 to 8 November 2026 (week 2026-W45)`."""
    first, last = period.start, period.end
    if period.kind == "day":
        return Text(_day(first, "english"), _day(first, "indonesian"))
    if period.kind == "month":
        return Text(_month(first, "english"), _month(first, "indonesian"))
    return Text(
        f"{_first_day(first, last, 'english')} to {_day(last, 'english')} (week {period.id})",
        f"{_week_days(first, last)} (minggu {period.id})",
    )


def _week_days(first: date, last: date) -> str:
    """Both ends of a week in Indonesian: `2-8 November 2026`."""
    begin = _first_day(first, last, "indonesian")
    dash = "-" if begin.isdigit() else " - "
    return f"{begin}{dash}{_day(last, 'indonesian')}"


def _dotted(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _time(period: Period) -> Text:
    first, last = period.start, period.end
    if period.kind == "month":
        english, indonesian = (_month(first, language) for language in _MONTHS)
        return Text(f"in {english}", f"pada bulan {indonesian}")
    if period.kind == "week":
        return Text(
            f"from {_first_day(first, last, 'english')} to {_day(last, 'english')}",
            f"pada {_week_days(first, last)}",
        )
    return Text(f"on {_day(first, 'english')}", f"pada {_day(first, 'indonesian')}")


def _window(period: Period) -> Text:
    return Text(
        f"in the {INTEREST_DAYS} days to {_day(period.end, 'english')}",
        f"dalam {INTEREST_DAYS} hari hingga {_day(period.end, 'indonesian')}",
    )


def _first_day(first: date, last: date, language: str) -> str:
    """As much of the first day as the last one does not say."""
    if first.year != last.year:
        return _day(first, language)
    if first.month != last.month:
        return f"{first.day} {_MONTHS[language][first.month - 1]}"
    return str(first.day)


def _day(day: date, language: str) -> str:
    return f"{day.day} {_month(day, language)}"


def _month(day: date, language: str) -> str:
    return f"{_MONTHS[language][day.month - 1]} {day.year}"
