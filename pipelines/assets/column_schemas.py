"""Columns of what each asset writes, and what they are made from, as the catalogue shows them."""

from collections.abc import Mapping

import dagster as dg

from anonymizer.intake.contract import TABLES
from anonymizer.model.series import CAMPAIGN_DAY, Series
from pipelines.stages.flow import Flow

_Columns = Mapping[str, tuple[tuple[str, str], ...]]  # column -> upstream asset and column
_VISITS = "raw/visits"
_PROFILES = "raw/profiles"


def _schema(**columns: tuple[str, str]) -> dg.TableSchema:
    return dg.TableSchema(
        [dg.TableColumn(name, kind, description=text) for name, (kind, text) in columns.items()]
    )


VISITS = _schema(
    visit_key=("BLOB", "keyed hash of the person and the visit id"),
    person_key=("BLOB", "keyed hash of the user id; null for a guest"),
    campaign_ids=("VARCHAR[]", "the campaign accessed; several if equal links are tied"),
    program=("BOOLEAN", "whether the user agent identifies a program"),
    interest=("VARCHAR", "code of the interest of the page; null for none"),
    local_day=("DATE", "the day of the visit"),
)
QUARANTINE = _schema(
    raw_table=("VARCHAR", "profiles, visits, ..."),
    file=("VARCHAR", "name relative to raw/"),
    file_sha256=("VARCHAR", "digest of the file read"),
    row_number=("BIGINT", "1 is the first data row"),
    column=("VARCHAR", "the column with the fault"),
    reason=("VARCHAR", "reason code; never a value"),
)
PEOPLE = _schema(
    person_key=("BLOB", "keyed hash of the user id"),
    mark=("UBIGINT", "keyed number; sums of it identify a set of people"),
    bucket=("UTINYINT", "keyed bucket number; sets are compared bucket by bucket"),
    gender=("VARCHAR", "male, female or not_stated"),
    age_band=("VARCHAR", "IAB age band on the day"),
    region=("VARCHAR", "regency code or not_stated"),
)
REACH = _schema(
    subject_id=("VARCHAR", "the campaign, interest or `everyone`"),
    gender=("VARCHAR", "cell: gender"),
    age_band=("VARCHAR", "cell: age band"),
    region=("VARCHAR", "cell: regency code"),
    bucket=("UTINYINT", "the bucket of these people"),
    people=("BIGINT", "distinct people; private, never published unchanged"),
    marks=("UBIGINT", "sum of their marks modulo 2^64"),
)
PROTECTED = _schema(
    subject_id=("VARCHAR", "the campaign, interest or `everyone`"),
    segment_id=("VARCHAR", "a judged group"),
    people=("BIGINT", "the published figure; null if suppressed"),
    reason=("VARCHAR", "kept, threshold, near or inference; private"),
    shared=("BOOLEAN", "whether it has the outcome of a group judged earlier"),
)


RELEASE = _schema(
    subject_id=("VARCHAR", "the campaign, interest or `everyone`"),
    segment_id=("VARCHAR", "which people"),
    status=("VARCHAR", "published or suppressed; the reason is never disclosed"),
    people=("BIGINT", "the published figure; null if suppressed"),
)
EXPORT = _schema(
    advertiser_id=("VARCHAR", "whose campaign it is"),
    subject_kind=("VARCHAR", "campaign, interest or audience"),
    subject_id=("VARCHAR", "the campaign, interest or `everyone`"),
    subject=("VARCHAR", "its name"),
    period_kind=("VARCHAR", "day, week or month"),
    period=("VARCHAR", "2026-11-22, 2026-W47 or 2026-11"),
    period_start=("DATE", "first day"),
    period_end=("DATE", "last day"),
    segment_id=("VARCHAR", "which people"),
    segment=("VARCHAR", "its name"),
    gender=("VARCHAR", "gender or `all`"),
    age=("VARCHAR", "age group or `all`"),
    region_code=("VARCHAR", "official code, a named union or `all`"),
    region=("VARCHAR", "its name"),
    status=("VARCHAR", "published or suppressed"),
    people=("BIGINT", "the published figure; null if suppressed"),
    rounding=("BIGINT", "figures are multiples of this"),
    iab_ids=("VARCHAR", "ids of the IAB Audience Taxonomy 1.1"),
    statement_english=("VARCHAR", "the figure in a sentence"),
    statement_indonesian=("VARCHAR", "the same in Indonesian"),
)
DATABASE = _schema(
    release_id=("VARCHAR", "the release that it is in"),
    subject_kind=("VARCHAR", "campaign, interest or audience"),
    subject_id=("VARCHAR", "the campaign, interest or `everyone`"),
    subject=("VARCHAR", "its name"),
    advertiser_id=("VARCHAR", "whose campaign it is; null for interests and the audience"),
    period_kind=("VARCHAR", "day, week or month"),
    period=("VARCHAR", "2026-11-22, 2026-W47 or 2026-11"),
    period_start=("DATE", "first day"),
    period_end=("DATE", "last day"),
    segment_id=("VARCHAR", "which people; see segments"),
    status=("VARCHAR", "published or suppressed"),
    people=("BIGINT", "the published figure; null if suppressed"),
    people_least=("BIGINT", "the true number is at least this"),
    people_most=("BIGINT", "the true number is at most this"),
    rounding=("BIGINT", "figures are multiples of this"),
)


def column_lineage(series: Series) -> dict[str, dg.TableColumnLineage]:
    """Which columns those of an asset are made from, by asset.

    Columns that are the same in all rows, such as the period, are made from none.
    """
    flow = Flow(series)
    lineage = {
        "accepted_rows": _ACCEPTED,
        "quarantined_rows": _QUARANTINED,
        flow.people: _PEOPLE,
        flow.reach: _reach(flow),
        flow.protected: _protected(flow),
        flow.release: _release(flow),
    }
    if series == CAMPAIGN_DAY:
        lineage |= {"exports": _exports(flow), "segments_database": _database(flow)}
    return {asset: _lineage(columns) for asset, columns in lineage.items()}


_ACCEPTED: _Columns = {
    "visit_key": ((_VISITS, "visit_id"), (_VISITS, "user_id")),
    "person_key": ((_VISITS, "user_id"),),
    "campaign_ids": (
        (_VISITS, "url"),
        (_VISITS, "occurred_at"),
        *(("raw/campaigns", name) for name in ("campaign_id", "link_url", "starts_on", "ends_on")),
    ),
    "program": ((_VISITS, "user_agent"),),
    "interest": ((_VISITS, "product_category"),),
    "local_day": ((_VISITS, "occurred_at"),),
}
# A fault can be in any column of the raw contract. What is kept of it is a pointer.
_ANY_RAW_COLUMN = tuple(
    (f"raw/{table.name}", column) for table in TABLES.values() for column in table.columns
)
_QUARANTINED: _Columns = {"column": _ANY_RAW_COLUMN, "reason": _ANY_RAW_COLUMN}
_PEOPLE: _Columns = {
    "person_key": ((_PROFILES, "user_id"),),
    "mark": ((_PROFILES, "user_id"),),
    "bucket": ((_PROFILES, "user_id"),),
    "gender": ((_PROFILES, "gender"),),
    "age_band": ((_PROFILES, "birth_date"),),
    "region": ((_PROFILES, "region_code"),),
}


def _reach(flow: Flow) -> _Columns:
    """An audience has no subject of its own, and counts people whether or not they visit."""
    subjects = {"campaign": "campaign_ids", "interest": "interest"}
    subject = subjects.get(flow.series.kind)
    visits = (("accepted_rows", "person_key"), ("accepted_rows", subject)) if subject else ()
    cells = ("gender", "age_band", "region", "bucket")
    columns: dict[str, tuple[tuple[str, str], ...]] = {
        name: ((flow.people, name),) for name in cells
    }
    if subject:
        columns["subject_id"] = (("accepted_rows", subject),)
    columns["people"] = ((flow.people, "person_key"), *visits)
    columns["marks"] = ((flow.people, "mark"), *visits)
    return columns


def _protected(flow: Flow) -> _Columns:
    """Figures and outcomes follow from counts and set hashes alone."""
    counts = ((flow.reach, "people"), (flow.reach, "marks"))
    return {
        "subject_id": ((flow.reach, "subject_id"),),
        "segment_id": tuple((flow.reach, name) for name in ("gender", "age_band", "region")),
        "people": counts,
        "reason": counts,
        "shared": ((flow.reach, "bucket"), *counts),
    }


def _release(flow: Flow) -> _Columns:
    same = ("subject_id", "segment_id", "people")
    columns = {name: ((flow.protected, name),) for name in same}
    return {**columns, "status": ((flow.protected, "people"),)}


def _exports(flow: Flow) -> _Columns:
    subject, segment, people = (
        ((flow.release, name),) for name in ("subject_id", "segment_id", "people")
    )
    of_segment = ("segment_id", "segment", "gender", "age", "region_code", "region", "iab_ids")
    return {
        **dict.fromkeys(("advertiser_id", "subject_id", "subject"), subject),
        **dict.fromkeys(of_segment, segment),
        "status": ((flow.release, "status"),),
        "people": people,
        **dict.fromkeys(
            ("statement_english", "statement_indonesian"), (*subject, *segment, *people)
        ),
    }


def _database(flow: Flow) -> _Columns:
    same = ("subject_id", "segment_id", "status", "people")
    return {
        **{name: ((flow.release, name),) for name in same},
        **dict.fromkeys(("subject", "advertiser_id"), ((flow.release, "subject_id"),)),
        **dict.fromkeys(("people_least", "people_most"), ((flow.release, "people"),)),
    }


def _lineage(columns: _Columns) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            name: [dg.TableColumnDep(dg.AssetKey(asset.split("/")), column) for asset, column in of]
            for name, of in columns.items()
        }
    )
