"""What values look like: types, formats of times, and shapes that show no value."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from anonymizer.sources import source_limits

_EPOCH_DIGITS = {10: "epoch_s", 13: "epoch_ms", 16: "epoch_us", 19: "epoch_ns"}
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?")
_ZONED = re.compile(_ISO.pattern + r" ?(Z|UTC|[+-]\d{2}(:?\d{2})?)")
_TYPES = (
    ("time with zone", _ZONED),
    ("time without zone", _ISO),
    ("date", re.compile(r"\d{4}-\d{2}-\d{2}")),
    ("whole number", re.compile(r"[+-]?\d+")),
    ("number with fraction or exponent", re.compile(r"[+-]?\d+([.]\d+)?([eE][+-]?\d+)?")),
    ("UUID", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("URL", re.compile(r"https?://\S+")),
    ("path of a URL", re.compile(r"/\S*")),
    ("boolean", re.compile(r"true|false|yes|no|ya|tidak", re.I)),
)
LOST_DIGITS = re.compile(r"\d+[.]\d+|\d+([.]\d+)?[eE][+]?\d+")
# Formats that people write, those that can be confused first with the day before the month.
_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y")
_CLOCKS = ("%H:%M:%S", "%H:%M:%S.%f", "%H:%M", "%H.%M.%S", "%H.%M")
_FORMATS = (
    *(f"{day}{between}{clock}" for day in _DAYS for between in (" ", "T") for clock in _CLOCKS),
    *("%d/%b/%Y:%H:%M:%S %z", "%Y-%m-%d %H.%M.%S", "%Y-%m-%dT%H.%M"),
)
DATES = ("%Y-%m-%d", *_DAYS)


def masked(text: str | None) -> str:
    """The shape of a text: `u-17` is `x-99`. Shows no value."""
    if text is None:
        return ""
    shape = "".join(
        "9" if c.isdigit() else "x" if c.isalpha() else c if c.isprintable() else "?" for c in text
    )
    return (
        shape
        if len(shape) <= source_limits.LONGEST_SHAPE
        else f"{shape[: source_limits.LONGEST_SHAPE - 3]}..."
    )


def type_of(values: Sequence[str | None]) -> str:
    """The type that nearly all values have."""
    given = [value.strip() for value in values if value and value.strip()]
    if not given:
        return "always empty"
    for name, pattern in _TYPES:
        if _share(given, pattern) >= source_limits.SHAPE_SHARE:
            return name
    return "text"


def _share(values: Sequence[str], pattern: re.Pattern[str]) -> float:
    return sum(pattern.fullmatch(value) is not None for value in values) / len(values)


def epoch_of(values: Sequence[str | None]) -> str:
    """The unit in which numbers count from 1970; empty where they do not look like that."""
    given = [value for value in values if value]
    whole = [value.partition(".")[0] for value in given if re.fullmatch(r"\d+([.]\d+)?", value)]
    if not given or len(whole) < source_limits.SHAPE_SHARE * len(given):
        return ""
    ((digits, _),) = Counter(map(len, whole)).most_common(1)
    return _EPOCH_DIGITS.get(digits, "")


def time_format(values: Sequence[str | None]) -> str:
    """The `time` of a mapping by which nearly all values can be read; empty for none."""
    given = [value.strip() for value in values if value and value.strip()]
    if not given:
        return ""
    if type_of(given) in ("time with zone", "time without zone"):
        return "iso"
    return epoch_of(given) or format_among(given, _FORMATS)


def format_among(values: Sequence[str], formats: Sequence[str]) -> str:
    """The first format that reads most values, if these are nearly all."""
    read = {form: sum(_fits(value, form) for value in values) for form in formats}
    best = max(read.values())
    if best < source_limits.SHAPE_SHARE * len(values):
        return ""
    return next(form for form, count in read.items() if count == best)


def is_ambiguous(values: Sequence[str | None], form: str) -> bool:
    """Whether the values could as well have day and month the other way round."""
    swapped = form.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m")
    given = [value.strip() for value in values if value and value.strip()]
    return swapped != form and all(_fits(v, swapped) for v in given if _fits(v, form))


def _fits(value: str, form: str) -> bool:
    try:
        return bool(datetime.strptime(value, form))  # noqa: DTZ007  the zone is not in question
    except ValueError:
        return False
