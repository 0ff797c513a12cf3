"""An export as CSV: UTF-8, comma, one header line, empty where there is no figure."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from anonymizer.exports import export_limits
from anonymizer.exports.rows import Row, harmless

_DISTINCT = frozenset({"statement_english", "statement_indonesian"})  # no text stands twice


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """The content of the file."""
    lines = [",".join(Row._fields)]
    if rows:
        columns = zip(Row._fields, zip(*rows, strict=True), strict=True)
        rendered = [_rendered(name, values) for name, values in columns]
        lines += map(",".join, zip(*rendered, strict=True))
    return "\n".join([*lines, ""]).encode()


def _rendered(name: str, values: Sequence[Any]) -> list[str]:
    """The fields of a column."""
    if name in _DISTINCT:
        return [_field(value) for value in values]
    return [_known_field(value) for value in values]


def _field(value: Any) -> str:
    """A field, in quotes where it needs them; there is no end of a line in any (`harmless`)."""
    if value is None:
        return ""
    text = harmless(value) if isinstance(value, str) else str(value)
    if '"' in text or "," in text:
        return '"' + text.replace('"', '""') + '"'
    return text


_known_field = lru_cache(maxsize=export_limits.FIELDS_REMEMBERED)(_field)
