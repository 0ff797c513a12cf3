"""A figure as a sentence, in English and Indonesian.

A sentence on a withheld segment is the same whatever its size: it says that there is no figure
and nothing else.
"""

from datetime import date

from anonymizer.dimensions import Text
from anonymizer.periods import Period

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


def statement(segment: Text, people: int | None, campaign: str, period: Period) -> Text:
    """`500 men under 40 accessed the advertising link of ... on 22 November 2026`.

    Without people, the sentence of a withheld segment.
    """
    if people is None:
        return Text(
            f"The number of {segment.english} who accessed the advertising link of {campaign} "
            f"{_english_time(period)} is withheld",
            f"Jumlah {segment.indonesian} yang mengakses tautan iklan {campaign} "
            f"{_indonesian_time(period)} tidak ditampilkan",
        )
    return Text(
        f"{people:,} {segment.english} accessed the advertising link of {campaign} "
        f"{_english_time(period)}",
        f"{_dotted(people)} {segment.indonesian} mengakses tautan iklan {campaign} "
        f"{_indonesian_time(period)}",
    )


def _dotted(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _english_time(period: Period) -> str:
    if period.kind == "month":
        return f"in {_month(period.start, 'english')}"
    if period.kind == "week":
        return f"from {_day(period.start, 'english')} to {_day(period.end, 'english')}"
    return f"on {_day(period.start, 'english')}"


def _indonesian_time(period: Period) -> str:
    if period.kind == "month":
        return f"pada bulan {_month(period.start, 'indonesian')}"
    if period.kind == "week":
        first, last = _day(period.start, "indonesian"), _day(period.end, "indonesian")
        return f"dari {first} sampai {last}"
    return f"pada {_day(period.start, 'indonesian')}"


def _day(day: date, language: str) -> str:
    return f"{day.day} {_month(day, language)}"


def _month(day: date, language: str) -> str:
    return f"{_MONTHS[language][day.month - 1]} {day.year}"
