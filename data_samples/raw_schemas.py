"""The raw contract as Arrow schemas: what a file of each raw table looks like when it is typed."""

from datetime import timedelta, timezone

import pyarrow as pa

# A row of a text file: column to text, None where nothing stands. A row with fewer or more
# keys than the table has columns has too few or too many fields.
Row = dict[str, str | None]

WIB = timezone(timedelta(hours=7), "WIB")

_TEXT, _NUMBER, _DATE = pa.string(), pa.int64(), pa.date32()
_MOMENT = pa.timestamp("us", tz="UTC")


def _schema(**columns: tuple[pa.DataType, bool]) -> pa.Schema:
    return pa.schema([pa.field(name, *kind) for name, kind in columns.items()])


def _required(kind: pa.DataType) -> tuple[pa.DataType, bool]:
    return kind, False


def _optional(kind: pa.DataType) -> tuple[pa.DataType, bool]:
    return kind, True


SCHEMAS: dict[str, pa.Schema] = {
    "profiles": _schema(
        user_id=_required(_TEXT),
        full_name=_optional(_TEXT),
        email=_optional(_TEXT),
        phone=_optional(_TEXT),
        address=_optional(_TEXT),
        gender=_optional(_TEXT),
        birth_date=_optional(_DATE),
        region_code=_optional(_TEXT),
        registered_at=_required(_MOMENT),
        closed_at=_optional(_MOMENT),
    ),
    "visits": _schema(
        visit_id=_required(_TEXT),
        user_id=_optional(_TEXT),
        cookie_id=_optional(_TEXT),
        occurred_at=_required(_MOMENT),
        url=_required(_TEXT),
        referrer=_optional(_TEXT),
        product_category=_optional(_TEXT),
        ip=_optional(_TEXT),
        user_agent=_optional(_TEXT),
        duration_ms=_optional(_NUMBER),
        page_response_ms=_optional(_NUMBER),
        interactions=_optional(_NUMBER),
        exit_method=_optional(_TEXT),
    ),
    "campaigns": _schema(
        campaign_id=_required(_TEXT),
        advertiser_id=_required(_TEXT),
        advertiser_name=_required(_TEXT),
        campaign_name=_required(_TEXT),
        link_url=_required(_TEXT),
        starts_on=_required(_DATE),
        ends_on=_required(_DATE),
        target_regions=_optional(pa.list_(_TEXT)),
    ),
    "consents": _schema(
        user_id=_required(_TEXT),
        purpose=_required(_TEXT),
        granted=_required(pa.bool_()),
        decided_at=_required(_MOMENT),
    ),
    "requests": _schema(
        request_id=_required(_TEXT),
        user_id=_required(_TEXT),
        kind=_required(_TEXT),
        requested_at=_required(_MOMENT),
    ),
}
