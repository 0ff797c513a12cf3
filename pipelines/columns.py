"""Column schemas of the working files, as engineers see them in the catalogue."""

import dagster as dg


def _schema(**columns: tuple[str, str]) -> dg.TableSchema:
    return dg.TableSchema(
        [dg.TableColumn(name, kind, description=text) for name, (kind, text) in columns.items()]
    )


VISITS = _schema(
    visit_key=("BLOB", "keyed hash of the visit id"),
    person_key=("BLOB", "keyed hash of the user id; null for a guest"),
    campaign_ids=("VARCHAR[]", "campaigns whose link the visit accessed, sorted"),
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
    gender=("VARCHAR", "male, female or not_stated"),
    age_band=("VARCHAR", "IAB age band on the day"),
    region=("VARCHAR", "regency code or not_stated"),
    trusted=("BOOLEAN", "account open long enough to count towards the floor"),
)
REACH = _schema(
    subject_id=("VARCHAR", "the campaign"),
    gender=("VARCHAR", "atom: gender"),
    age_band=("VARCHAR", "atom: age band"),
    region=("VARCHAR", "atom: regency code"),
    people=("BIGINT", "distinct people; private, never published as it is"),
    trusted=("BIGINT", "trusted ones among them"),
    marks=("UBIGINT", "sum of their marks modulo 2^64"),
)
PROTECTED = _schema(
    campaign_id=("VARCHAR", "the campaign"),
    segment_id=("VARCHAR", "a segment that may be published"),
    people=("BIGINT", "the figure as it will be published"),
)
