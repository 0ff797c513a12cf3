"""The protected tables of a period, kept for the privileged role: what became of each judged group.

A group that is not in the file has too few people to be judged. `shared` says that it was near to
a group judged before and has the outcome of that one (promise 8).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anonymizer.model.errors import Held
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.model.tables import Figures, TableKey
from anonymizer.storage.files import write_parquet
from anonymizer.storage.home import Home
from anonymizer.suppression.release_suppression import Suppressed

Reason = Literal["kept", "threshold", "near", "inference"]
_SCHEMA = pa.schema(
    [
        ("subject_id", pa.string()),
        ("segment_id", pa.string()),
        ("people", pa.int64()),
        ("reason", pa.string()),
        ("shared", pa.bool_()),
    ]
)


def write_protected(
    home: Home,
    day: date,
    tables: Sequence[Suppressed],
    figures: Sequence[Figures],
    catalogue: Catalogue,
    series: Series = CAMPAIGN_DAY,
) -> None:
    """Write the stage `protected` of a period; subjects and segments in their fixed order.

    `figures` are those of the tables that the gate let through.
    """
    parts = [_SCHEMA.empty_table()]
    for table, published in zip(tables, figures, strict=True):
        segments = table.judged.groups.segments
        people = np.zeros(len(segments), dtype=np.int64)
        kept = np.isin(segments, published.segments)
        people[kept] = published.people
        columns = [
            pa.repeat(published.key.subject_id, len(segments)),
            pa.array([catalogue.id(segment) for segment in segments.tolist()], pa.string()),
            pa.array(people, mask=~kept),
            pa.array(reasons_of(table, kept), pa.string()),
            pa.array(~table.judged.alone),
        ]
        parts.append(pa.table(columns, schema=_SCHEMA))
    write_parquet(pa.concat_tables(parts), home.working_file(series.stage("protected"), day))


def reasons_of(table: Suppressed, kept: NDArray[np.bool_]) -> list[Reason]:
    """Why each judged group has a figure or none; `kept` are those that have one."""
    candidate = np.isin(
        table.judged.groups.segments, [*table.figures.segments, *table.for_inference]
    )
    reasons: list[Reason] = []
    for published, possible, alone in zip(kept, candidate, table.judged.alone, strict=True):
        if published:
            reasons.append("kept")
        elif possible:
            reasons.append("inference")
        else:
            reasons.append("threshold" if alone else "near")
    return reasons


def read_protected(home: Home, day: date, series: Series = CAMPAIGN_DAY) -> pa.Table:
    """Every judged group of a period: subject, segment, people if published, reason, shared.

    Raises Held when the file is gone.
    """
    path = home.working_file(series.stage("protected"), day)
    if not path.is_file():
        raise Held("reasons_gone", f"private/{path.parent.name}/{path.name} is no longer kept")
    return pq.read_table(path, partitioning=None)


def read_reasons(
    home: Home, day: date, subject: str, series: Series = CAMPAIGN_DAY
) -> Mapping[str, Reason]:
    """The reason of each judged group of a subject, by segment id; others are below the threshold.

    Raises Held when the file is gone.
    """
    rows = read_protected(home, day, series)
    rows = rows.filter(pc.equal(rows["subject_id"], subject))
    return dict(zip(rows["segment_id"].to_pylist(), rows["reason"].to_pylist(), strict=True))


def read_figures(
    home: Home,
    day: date,
    keys: Sequence[TableKey],
    catalogue: Catalogue,
    series: Series = CAMPAIGN_DAY,
) -> tuple[Figures, ...]:
    """The figures of each table in `keys`, none for a table of which nothing is published.

    Raises Held when the file is gone, or has a segment or a table that is not known: the catalogue
    or the campaigns have changed since.
    """
    rows = read_protected(home, day, series)
    rows = rows.filter(pc.equal(rows["reason"], "kept"))
    people: dict[str, dict[int, int]] = {key.subject_id: {} for key in keys}
    for campaign, segment, count in zip(
        *(rows[name].to_pylist() for name in _SCHEMA.names[:3]), strict=True
    ):
        if campaign not in people or segment not in catalogue.positions:
            raise Held("outdated", "segments or campaigns have changed since; run the day again")
        people[campaign][catalogue.positions[segment]] = count
    return tuple(_figures(key, people[key.subject_id]) for key in keys)


def _figures(key: TableKey, people: dict[int, int]) -> Figures:
    segments = sorted(people)
    return Figures(
        key,
        np.array(segments, dtype=np.int32),
        np.array([people[segment] for segment in segments], dtype=np.int64),
    )
