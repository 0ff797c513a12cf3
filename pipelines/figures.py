"""Protected figures on their way from the step that makes them to the step that audits them."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anonymizer.errors import Held
from anonymizer.files import write_parquet
from anonymizer.home import Home
from anonymizer.segments import Catalogue
from anonymizer.series import CAMPAIGN_DAY, Series
from anonymizer.tables import Figures, TableKey

_SCHEMA = pa.schema(
    [("campaign_id", pa.string()), ("segment_id", pa.string()), ("people", pa.int64())]
)


def write_figures(
    home: Home,
    day: date,
    figures: Sequence[Figures],
    catalogue: Catalogue,
    series: Series = CAMPAIGN_DAY,
) -> None:
    """Write the stage `protected` of a period; subjects and segments in their fixed order."""
    parts = [_SCHEMA.empty_table()]
    for table in figures:
        ids = [catalogue.id(segment) for segment in table.segments.tolist()]
        subjects = pa.repeat(table.key.subject_id, len(ids))
        parts.append(pa.table([subjects, pa.array(ids, pa.string()), table.people], schema=_SCHEMA))
    write_parquet(pa.concat_tables(parts), home.working_file(series.stage("protected"), day))


def read_figures(
    home: Home,
    day: date,
    keys: Sequence[TableKey],
    catalogue: Catalogue,
    series: Series = CAMPAIGN_DAY,
) -> tuple[Figures, ...]:
    """The figures of each table in `keys`, none for a table of which nothing is published.

    Raises Held when the file speaks of a segment or a table that there is not: the catalogue
    or the campaigns have changed since.
    """
    rows = pq.read_table(home.working_file(series.stage("protected"), day), partitioning=None)
    people: dict[str, dict[int, int]] = {key.subject_id: {} for key in keys}
    for campaign, segment, count in zip(
        *(rows[name].to_pylist() for name in _SCHEMA.names), strict=True
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
