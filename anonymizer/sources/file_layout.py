"""Which files of a location are a source's, and for which day of arrival each was delivered.

A pattern is a path below the location. `*` stands for any text within a part, `[-_.]` for one of
these characters; `{day}` for
YYYY-MM-DD, `{yyyymmdd}` for the same without hyphens, `{year}`, `{month}`, `{date}` and `{hour}`
for their digits. Names that begin with `.` or `_` or end in `.tmp` or `.part` are working files, as
in the raw contract.
"""

import re
from dataclasses import dataclass
from datetime import date

_PLACEHOLDERS = {
    "day": r"(?P<day>\d{4}-\d{2}-\d{2})",
    "yyyymmdd": r"(?P<yyyymmdd>\d{8})",
    "year": r"(?P<year>\d{4})",
    "month": r"(?P<month>\d{2})",
    "date": r"(?P<date>\d{2})",
    "hour": r"(?P<hour>\d{2})",
}
_TOKEN = re.compile(r"\{(\w*)\}|(\*|\[[-_.]+\])|([^{*\[]+|\{|\[)")
_WHOLE_DAYS = ({"day"}, {"yyyymmdd"}, {"year", "month", "date"})


@dataclass(frozen=True)
class FilePattern:
    """One pattern, compiled."""

    text: str
    expression: re.Pattern[str]

    @property
    def has_day(self) -> bool:
        """Whether it says for which day a file was delivered."""
        return any(parts <= self.expression.groupindex.keys() for parts in _WHOLE_DAYS)

    def match(self, name: str) -> "Delivery | None":
        """The delivery of a file of this name; None if it is not of the pattern or of no day."""
        found = self.expression.fullmatch(name)
        if not found:
            return None
        if not self.has_day:
            return Delivery(None)
        parts = found.groupdict()
        text = parts.get("day") or parts.get("yyyymmdd")
        text = text or "-".join(parts[part] for part in ("year", "month", "date"))
        try:
            return Delivery(date.fromisoformat(text))
        except ValueError:
            return None


@dataclass(frozen=True)
class Delivery:
    """The day on which a file arrived; None where the table has no days."""

    day: date | None


def compile_pattern(text: str) -> FilePattern:
    """The pattern of a text. Raises ValueError saying what is wrong with it."""
    if text.startswith("/") or any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError(f"{text!r} is not a path below the location")
    parts = []
    seen: set[str] = set()
    for name, star, literal in _TOKEN.findall(text):
        if star:
            parts.append("[^/]*" if star == "*" else f"[{re.escape(star[1:-1])}]")
        elif literal and literal != "{":
            parts.append(re.escape(literal))
        elif name not in _PLACEHOLDERS:
            listed = ", ".join(f"{{{known}}}" for known in _PLACEHOLDERS)
            raise ValueError(f"{text!r} has a placeholder that is none of {listed}")
        else:
            parts.append(f"(?P={name})" if name in seen else _PLACEHOLDERS[name])
            seen.add(name)
    return FilePattern(text, re.compile("".join(parts)))


def is_working_file(name: str) -> bool:
    """Whether a part of a path says that the file is not meant to be read."""
    return any(
        part.startswith((".", "_")) or part.endswith((".tmp", ".part")) for part in name.split("/")
    )
