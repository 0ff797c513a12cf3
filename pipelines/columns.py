"""Column schemas of the working files, as engineers see them in the catalogue."""

import dagster as dg


def _schema(**columns: tuple[str, str]) -> dg.TableSchema:
    return dg.TableSchema(
        [dg.TableColumn(name, kind, description=text) for name, (kind, text) in columns.items()]
    )


VISITS = _schema(
    visit_key=("BLOB", "keyed hash of the person and the visit id"),
    person_key=("BLOB", "keyed hash of the user id; null for a guest"),
    campaign_ids=("VARCHAR[]", "the campaign accessed; several if equal links are tied"),
    program=("BOOLEAN", "the user agent says that it is a program"),
    interest=("VARCHAR", "code of the interest that the page belongs to; null for none"),
    local_day=("DATE", "the day of the visit"),
)
QUARANTINE = _schema(
    raw_table=("VARCHAR", "profiles, visits, ..."),
    file=("VARCHAR", "name relative to raw/"),
    file_sha256=("VARCHAR", "digest of what was read"),
    row_number=("BIGINT", "1 is the first data row"),
    column=("VARCHAR", "where it is wrong"),
    reason=("VARCHAR", "reason code; never a value"),
)
PEOPLE = _schema(
    person_key=("BLOB", "keyed hash of the user id"),
    mark=("UBIGINT", "keyed number; sums of it identify a set of people"),
    bucket=("UTINYINT", "keyed; sets are compared bucket by bucket"),
    gender=("VARCHAR", "male, female or not_stated"),
    age_band=("VARCHAR", "IAB age band on the day"),
    region=("VARCHAR", "regency code or not_stated"),
)
REACH = _schema(
    subject_id=("VARCHAR", "the campaign, interest or `everyone`"),
    gender=("VARCHAR", "cell: gender"),
    age_band=("VARCHAR", "cell: age band"),
    region=("VARCHAR", "cell: regency code"),
    bucket=("UTINYINT", "the bucket that these people are in"),
    people=("BIGINT", "distinct people; private, never published as it is"),
    marks=("UBIGINT", "sum of their marks modulo 2^64"),
)
PROTECTED = _schema(
    subject_id=("VARCHAR", "the campaign, interest or `everyone`"),
    segment_id=("VARCHAR", "a group that was judged"),
    people=("BIGINT", "the figure as published; null where it is suppressed"),
    reason=("VARCHAR", "kept, threshold, near or inference; private"),
    shared=("BOOLEAN", "it has the outcome of a group judged before"),
)
