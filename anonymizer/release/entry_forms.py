"""The forms of the fields in the ledger's entries: one that cannot be understood holds.

The chain proves that an entry is the one that was written, not that this program can read it: a
later version, or a ledger that was forged as a whole, may have written anything.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.release.chain import broken

VERSION = 1  # of the fields; stands in an entry as `format` only if it is another one
Check = Callable[[Any], bool]


class Body(dict[str, Any]):
    """The fields of an entry; one that is missing holds instead of ending the program."""

    def __init__(self, sequence: int, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.sequence = sequence

    def __missing__(self, field: str) -> Any:
        raise broken(self.sequence, f"it has no {field!r}")


def read_body(sequence: int, kind: str, fields: Mapping[str, Any]) -> Body:
    """The fields, each of the form that its kind has.

    Raises LedgerBroken, naming the entry and the field, and Held `format` for those of a later
    version.
    """
    if fields.get("format", VERSION) != VERSION:
        raise Held(
            "format",
            f"sequence {sequence} of the ledger has another format than this version of the "
            f"program reads ({VERSION}); use the version that wrote it, or a later one",
        )
    for field, fits in _FORMS.get(kind, {}).items():
        if field in fields and not fits(fields[field]):
            raise broken(sequence, f"its {field!r} cannot be read")
    return Body(sequence, fields)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _are_answers(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, bool) for one in value.values())


def _is_count(value: Any, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_positive(value: Any) -> bool:
    return _is_count(value, 1)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_positive, value))


def _is_fields(value: Any) -> bool:
    return isinstance(value, dict)


def _parses(value: Any, read: Callable[[str], object]) -> bool:
    try:
        read(value)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def _is_period(value: Any) -> bool:
    return _is_text(value) and _parses(value, Period.from_id)


def _is_moment(value: Any) -> bool:
    return _is_text(value) and _parses(value, datetime.fromisoformat)


def _is_day_or_none(value: Any) -> bool:
    return value is None or _parses(value, date.fromisoformat)


def _is_near(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(_is_text(value.get(name)) for name in ("state", "judged_against"))
        and _is_count(value.get("rounding"), 1)
        and _is_count(value.get("days"))
    )


def _is_files_of_recipients(value: Any) -> bool:
    return _is_by_name(value) and all(name.count("/") == 1 for name in value)


_FORMS: Mapping[str, Mapping[str, Check]] = {
    "release": {
        "period": _is_period,
        "files": _is_by_name,
        "policy": _is_text,
        "catalogue": _is_text,
        "code": _is_text,
        "inputs": _is_by_name,
        "audit": _is_fields,
        "near": _is_near,
        "secret": _is_text,
        "acceptance": _is_text,
        "accepted_days": _is_texts,
        "corrects": _is_text,
        "reason": _is_text,
        "objections": _is_day_or_none,
    },
    "exports": {"files": _is_files_of_recipients},
    "withdrawal": {
        "files": _is_files_of_recipients,
        "reason": _is_text,
        "notice_format": _is_positive,
    },
    "correction": {
        "corrects": _is_text,
        "reason": _is_text,
        "approval": _is_positive,
        "by": _is_text,
    },
    "retirement": {"reason": _is_text},
    "key_change": {"replaces": _is_text, "reason": _is_text},
    "approval": {"corrects": _is_text, "reason": _is_text, "role": _is_text, "by": _is_text},
    "cancellation": {"corrects": _is_text, "reason": _is_text, "by": _is_text},
    "pointer": {
        "files": _is_files_of_recipients,
        "corrected_by": _is_text,
        "provider": _is_text,
    },
    "settings": {
        "first_day": _is_day_or_none,
        "digests": _is_by_name,
        "policy_text": _is_text,
        "segments_text": _is_text,
        "approvals": _is_numbers,
    },
    "safeguards": {"policy_text": _is_text, "approvals": _is_numbers},
    "settings_approval": {
        "replaces": _is_positive,
        "digest": _is_text,
        "role": _is_text,
        "reason": _is_text,
        "weakened": _is_texts,
        "request": _is_text,
        "segments_text": _is_text,
        "by": _is_text,
        "at": _is_moment,
    },
    "segment_rejection": {
        "role": _is_text,
        "reason": _is_text,
        "by": _is_text,
        "at": _is_moment,
    },
    "first_acceptance": {
        "reason": _is_text,
        "measures": _is_texts,
        "role": _is_text,
        "accepted_on": _is_day_or_none,
        "by": _is_text,
    },
    "acceptance": {
        "reason": _is_text,
        "measures": _is_texts,
        "role": _is_text,
        "accepted_on": _is_day_or_none,
        "by": _is_text,
        "first": _is_positive,
    },
    "objection": {
        "file_sha256": _is_text,
        "row_number": _is_positive,
        "treated_as": _is_text,
        "reason": _is_text,
        "decided_by": _is_text,
        "decided_at": _is_moment,
        "request_id": _is_text,
    },
    "erasure": {"requests": _is_texts, "rows": _is_fields, "reach_periods": _is_texts},
    "requests_taken": {"requests": _are_answers},
    "request_done": {
        "request": _is_text,
        "reason": _is_text,
        "by": _is_text,
        "at": _is_moment,
    },
}
KINDS = frozenset(_FORMS)
