"""Bad rows of every kind that intake must settle, made from good rows of text files.

A kind takes a good row and gives the rows that replace it. Kinds are named for what is wrong with
the row; intake decides what becomes of each, and some count all the same.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import numpy as np

from data_samples.campaigns import SERVICE
from data_samples.raw_schemas import WIB, Row

Kind = Callable[[Row, np.random.Generator], list[Row]]

BEYOND_ANY_LIMIT = 8_300  # characters; the policy's default limit of a field is 8,192
EXTRA_FIELD = "(no column)"

_OFFSET_LENGTH = len("+07:00")
_BLANKS = (" ", "   ", "\t")
_PLACEHOLDERS = ("0", "-1", "unknown", "0000000", "00000000-0000-0000-0000-000000000000")
_CONTACT = "hubungi budi@example.org 0812-0000-0000"


def _one_of(column: str, *values: str | None) -> Kind:
    """Something else stands in the column."""

    def spoil(row: Row, draw: np.random.Generator) -> list[Row]:
        different = [value for value in values if value != row[column]]
        return [{**row, column: different[draw.integers(len(different))]}]

    return spoil


def _contradicted(column: str, *values: str) -> Kind:
    """The row comes twice, with something else in the column the second time."""
    other = _one_of(column, *values)

    def spoil(row: Row, draw: np.random.Generator) -> list[Row]:
        return [row, *other(row, draw)]

    return spoil


def respelled(user_id: str, draw: np.random.Generator) -> str:
    """The same user id written in another way: spaces, capitals, leading zeros."""
    ways = [f" {user_id}", f"{user_id}  "]
    ways += [user_id.lstrip("0"), f"000{user_id}"] if user_id.isdigit() else [user_id.upper()] * 2
    return ways[draw.integers(len(ways))]


def _respelled_user(row: Row, draw: np.random.Generator) -> list[Row]:
    return [{**row, "user_id": respelled(row["user_id"] or "", draw)}]


def _naive(column: str) -> Kind:
    """The time has lost its zone."""

    def spoil(row: Row, draw: np.random.Generator) -> list[Row]:
        naive = (row[column] or "")[:-_OFFSET_LENGTH]
        return [{**row, column: naive.replace("T", " ") if draw.integers(2) else naive}]

    return spoil


def _epoch(column: str) -> Kind:
    """The time is a bare number: seconds, milliseconds, microseconds or nanoseconds."""

    def spoil(row: Row, draw: np.random.Generator) -> list[Row]:
        seconds = round(datetime.fromisoformat(row[column] or "").timestamp())
        return [{**row, column: str(seconds * 1_000 ** int(draw.integers(4)))}]

    return spoil


def _after_arrival(row: Row, draw: np.random.Generator) -> list[Row]:
    """The visit is dated days after its file arrived."""
    moment = datetime.fromisoformat(row["occurred_at"] or "") + timedelta(
        days=int(draw.integers(3, 40))
    )
    return [{**row, "occurred_at": moment.astimezone(WIB).isoformat(timespec="milliseconds")}]


def _not_finite(row: Row, draw: np.random.Generator) -> list[Row]:
    column = ("duration_ms", "page_response_ms", "interactions")[draw.integers(3)]
    return _one_of(column, "NaN", "inf", "-Infinity", "1e309", "-0")(row, draw)


def _too_many_fields(row: Row, draw: np.random.Generator) -> list[Row]:
    return [{**row, EXTRA_FIELD: str(draw.integers(100))}]


def _too_few_fields(row: Row, draw: np.random.Generator) -> list[Row]:
    return [dict(list(row.items())[: -int(draw.integers(1, 3))])]


_IMPOSSIBLE_TIMES = ("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
_NO_TIMES = ("kemarin sore", "2026-13-45T25:61:00+07:00")
_RESPELLED: Mapping[str, Kind] = {"respelled_user": _respelled_user}
_USER: Mapping[str, Kind] = {
    "blank_user": _one_of("user_id", *_BLANKS),
    "placeholder_user": _one_of("user_id", *_PLACEHOLDERS),
    **_RESPELLED,
}


def _moment(column: str) -> Mapping[str, Kind]:
    return {
        "naive_time": _naive(column),
        "impossible_time": _one_of(column, *_IMPOSSIBLE_TIMES),
        "epoch_time": _epoch(column),
        "no_time": _one_of(column, *_NO_TIMES),
        "missing_time": _one_of(column, None),
    }


# Only delimited files of visits and profiles can have these.
FIELD_COUNTS: Mapping[str, Kind] = {
    "too_many_fields": _too_many_fields,
    "too_few_fields": _too_few_fields,
}

KINDS: Mapping[str, Mapping[str, Kind]] = {
    "visits": {
        **_USER,
        **_moment("occurred_at"),
        "conflicting_id": _contradicted("url", f"{SERVICE}/", f"{SERVICE}/akun"),
        "user_without_profile": _one_of("user_id", "u9999901", "9999902", "u9999903"),
        "missing_visit_id": _one_of("visit_id", None),
        "missing_url": _one_of("url", None),
        "after_arrival": _after_arrival,
        "not_finite": _not_finite,
        "not_a_number": _one_of("duration_ms", "cepat", "12,5", "0x1F"),
        "negative_number": _one_of("duration_ms", "-250"),
        "unknown_campaign": _one_of("url", f"{SERVICE}/?utm_source=mitra&utm_id=cmp-999999"),
        "campaigns_of_two_advertisers": _one_of(
            "url", f"{SERVICE}/?utm_id=cmp-0001&utm_campaign=cmp-0002"
        ),
        "contact_in_category": _one_of("product_category", _CONTACT),
        "too_long": _one_of("url", f"{SERVICE}/cari?q=" + "x" * BEYOND_ANY_LIMIT),
    },
    "profiles": {
        **_USER,
        **_moment("registered_at"),
        "conflicting_id": _contradicted("region_code", "31.71", "35.78", "12.71"),
        "unknown_gender": _one_of("gender", "X", "tidak tahu", "?", "12"),
        "contact_in_gender": _one_of("gender", _CONTACT),
        "unknown_region": _one_of("region_code", "99.99", "3171", "Jakarta Pusat"),
        "impossible_birth_date": _one_of("birth_date", "1850-01-01", "2199-12-31"),
        "not_a_birth_date": _one_of("birth_date", "31/02/1990", "12.7", "2001-02-30"),
        "too_long": _one_of("gender", "x" * BEYOND_ANY_LIMIT),
    },
    # Of consents and requests, a row without a user id that can be read would hold every release.
    "consents": {
        **_RESPELLED,
        **_moment("decided_at"),
        "unknown_purpose": _one_of("purpose", "profiling", "credit_bureau"),
        "not_a_decision": _one_of("granted", "maybe", "2"),
    },
    "requests": {
        **_RESPELLED,
        **_moment("requested_at"),
        "unknown_kind": _one_of("kind", "complain", "lainnya"),
        "conflicting_id": _contradicted("kind", "access", "correct"),
    },
}


def kinds_of(name: str, *, delimited: bool) -> Mapping[str, Kind]:
    """The kinds of bad rows that a file of a raw table can have."""
    counts = delimited and name not in ("consents", "requests")
    return {**KINDS[name], **(FIELD_COUNTS if counts else {})}
