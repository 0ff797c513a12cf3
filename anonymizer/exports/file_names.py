"""What the files of an export are called: `promo-gajian_week-2026-W45.xlsx`.

A name has the campaign in plain letters and the period, so that files stay apart wherever they are
saved. It has small letters, digits, `-`, `_`, `.` and ids only: every file system keeps it as it
is, and none takes it for a device.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from anonymizer.exports.language import Language
from anonymizer.model.subjects import Subject, name_of
from anonymizer.release.release import Release

_LONGEST = 48
# Campaign names with what looks like a phone or card number are refused where separators are
# usual ones; a file name joins all digits by dashes, so it is stricter.
_NUMBER = re.compile(r"(?:\d-?){9}")
_MARKS: Mapping[Language, str] = {"english": "", "indonesian": "_id"}


def stems(release: Release, subjects: Sequence[Subject]) -> dict[str, str]:
    """The beginning of the names of each subject's files, by its id.

    They differ from each other, capitals aside. Subjects of one name have their ids in it, and
    those whose ids differ by capitals alone a digest of the id.
    """
    slugs = {subject.id: slug(name_of(subject).english) for subject in subjects}
    times = Counter(slugs.values())
    owns = {key: _own_part(release, key, text, times[text]) for key, text in slugs.items()}
    same = Counter(own.lower() for own in owns.values())
    return {
        key: f"{own if same[own.lower()] == 1 else _distinct(own, key)}_{_period_part(release)}"
        for key, own in owns.items()
    }


def workbook_name(stem: str, language: Language) -> str:
    """The workbook in a language; the Indonesian one ends with `_id`."""
    return f"{stem}{_MARKS[language]}.xlsx"


def slug(name: str) -> str:
    """A name in small Latin letters, digits and dashes; empty where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-")
    return "" if _NUMBER.search(text) else text


def _own_part(release: Release, key: str, text: str, times: int) -> str:
    """The slug, with the id where others have the same; a slug has no underscore."""
    if not text:
        return f"{release.kind}_{key}"
    return text if times == 1 else f"{text}_{key}"


def _distinct(own: str, key: str) -> str:
    return f"{own}_{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _period_part(release: Release) -> str:
    period = f"{release.period.kind}-{release.period.id}"
    return period if release.edition == 1 else f"{period}_edition-{release.edition}"
