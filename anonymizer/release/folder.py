"""Writes the files of a release folder, from what was checked and from public facts.

Equal content gives equal bytes: neither a clock nor the release's number is in them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.model.errors import Held
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue
from anonymizer.model.subjects import Campaign, Subject
from anonymizer.model.tables import Figures
from anonymizer.release.gate import Checked
from anonymizer.release.release import (
    FACTS,
    FIGURES,
    FORMAT,
    FORMAT_OF_CORRECTIONS,
    GROUPS,
    PUBLISHED,
    SEGMENTS,
    SUPPRESSED,
)
from anonymizer.storage.files import PUBLIC, canonical_json, sha256, write_bytes, write_parquet

_FIGURES = pa.schema(
    [
        ("subject_id", pa.string()),
        ("segment_id", pa.string()),
        ("status", pa.string()),
        ("people", pa.int64()),
    ]
)
_SEGMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("named", pa.bool_()),
        ("gender", pa.string()),
        ("age", pa.string()),
        ("region", pa.string()),
        ("english", pa.string()),
        ("indonesian", pa.string()),
        ("region_english", pa.string()),
        ("region_indonesian", pa.string()),
        ("iab_ids", pa.list_(pa.string())),
    ]
)
_GROUPS = pa.schema(
    [
        ("dimension", pa.string()),
        ("code", pa.string()),
        ("level", pa.string()),
        ("english", pa.string()),
        ("indonesian", pa.string()),
        ("iab_ids", pa.list_(pa.string())),
        ("leaves", pa.list_(pa.string())),
    ]
)


def write_contents(
    checked: Checked, policy: Policy, subjects: Sequence[Subject], folder: Path, corrects: str
) -> Mapping[str, str]:
    """Write the files into `folder`; returns the digest of each. Raises NoSpace.

    `corrects` is the release that this one corrects; empty for a first one.
    Subjects without a table are left out. Raises Held when a table has no subject of its kind or
    the policy is not the one that the figures were checked under.
    """
    if policy.promise != checked.promise:
        raise Held("promise", "the policy has changed since the figures were checked; run again")
    catalogue = checked.catalogue
    figures = sorted(checked.figures, key=lambda table: table.key.subject_id)
    released = _released_segments(figures, catalogue)
    write_parquet(_figure_rows(figures, catalogue, released), folder / FIGURES, mode=PUBLIC)
    write_parquet(_rows(_segments(catalogue, released), _SEGMENTS), folder / SEGMENTS, mode=PUBLIC)
    write_parquet(_rows(_groups(catalogue, released), _GROUPS), folder / GROUPS, mode=PUBLIC)
    facts = _facts(checked, policy, _subjects_of(figures, subjects)) | _correction(corrects)
    if policy.data_label.stated:
        facts |= {"data_label": policy.data_label.model_dump(mode="json", exclude_none=True)}
    write_bytes(canonical_json(facts).encode() + b"\n", folder / FACTS, mode=PUBLIC)
    return {name: sha256(folder / name) for name in (FIGURES, SEGMENTS, GROUPS, FACTS)}


def _facts(checked: Checked, policy: Policy, subjects: Iterable[Subject]) -> dict[str, Any]:
    period = checked.period
    return {
        "format": FORMAT,
        "id": checked.release_id,
        "kind": checked.kind,
        "period": {
            "kind": period.kind,
            "id": period.id,
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
        },
        "provider": policy.provider,
        "timezone": policy.timing.timezone,
        "promise": policy.promise.model_dump(mode="json"),
        "roundings": sorted({policy.promise.rounding, *checked.comparison.roundings}),
        "policy_digest": policy.digest,
        "catalogue_digest": checked.catalogue.digest,
        "subjects": [_subject(subject) for subject in subjects],
    }


def _correction(corrects: str) -> dict[str, Any]:
    """What only a correction states; an earlier version of the program does not read it."""
    return {"format": FORMAT_OF_CORRECTIONS, "corrects": corrects} if corrects else {}


def _subject(subject: Subject) -> dict[str, Any]:
    if not isinstance(subject, Campaign):
        words = subject.name
        return {"id": subject.id, "english": words.english, "indonesian": words.indonesian}
    return {
        "id": subject.id,
        "name": subject.name,
        "advertiser_id": subject.advertiser_id,
        "advertiser_name": subject.advertiser_name,
        "starts_on": subject.starts_on.isoformat(),
        "ends_on": subject.ends_on.isoformat(),
        "target_regions": subject.target_regions and list(subject.target_regions),
    }


def _subjects_of(figures: Sequence[Figures], subjects: Sequence[Subject]) -> list[Subject]:
    """The subject of each table, in the tables' order."""
    known = {(subject.id, isinstance(subject, Campaign)): subject for subject in subjects}
    wanted = [(table.key.subject_id, table.key.kind == "campaign") for table in figures]
    if unknown := [subject for subject in wanted if subject not in known]:
        what = "campaigns" if unknown[0][1] else "topics"
        raise Held(what, f"{len(unknown)} table(s) belong to {what} without recorded facts")
    chosen = [known[subject] for subject in wanted]
    ids = [subject.id for subject in chosen]
    ids += [subject.advertiser_id for subject in chosen if isinstance(subject, Campaign)]
    if len({name.lower() for name in ids}) != len(set(ids)):
        raise Held(
            "campaign_id", "two campaign or advertiser ids differ in upper and lower case only"
        )
    return chosen


def _released_segments(figures: Sequence[Figures], catalogue: Catalogue) -> NDArray[np.int32]:
    """Rows of the catalogue that the release speaks of: with a figure anywhere, or named."""
    named = np.array(sorted(catalogue.named), dtype=np.int32)
    return np.unique(np.concatenate([named, *(table.segments for table in figures)]))


def _figure_rows(
    figures: Sequence[Figures], catalogue: Catalogue, released: NDArray[np.int32]
) -> pa.Table:
    """What a reader sees: published segments, and named ones that are suppressed."""
    ids = {int(row): catalogue.id(int(row)) for row in released}
    named = np.array(sorted(catalogue.named), dtype=np.int32)
    parts = [_FIGURES.empty_table()]
    for table in figures:
        rows = np.union1d(table.segments, named)
        published = np.isin(rows, table.segments)
        people = np.zeros(len(rows), dtype=np.int64)
        people[published] = table.people
        columns = [
            pa.repeat(table.key.subject_id, len(rows)),
            pa.array([ids[int(row)] for row in rows], pa.string()),
            pa.array(np.where(published, PUBLISHED, SUPPRESSED), pa.string()),
            pa.array(people, mask=~published),
        ]
        parts.append(pa.table(columns, schema=_FIGURES))
    return pa.concat_tables(parts)


def _rows(rows: Iterator[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema
    )


def _segments(catalogue: Catalogue, released: NDArray[np.int32]) -> Iterator[tuple[Any, ...]]:
    for row in released.tolist():
        groups, name = catalogue.groups(row), catalogue.name(row)
        gender, age, region = groups
        yield (
            catalogue.id(row),
            row in catalogue.named,
            gender.code,
            age.code,
            region.code,
            name.english,
            name.indonesian,
            region.name.english.removeprefix("in ") or region.code,
            region.name.indonesian.removeprefix("di ") or region.code,
            [iab_id for group in groups for iab_id in group.iab_ids],
        )


def _groups(catalogue: Catalogue, released: NDArray[np.int32]) -> Iterator[tuple[Any, ...]]:
    for axis, dimension in enumerate(catalogue.dimensions):
        for position in np.unique(catalogue.cells[released, axis]).tolist():
            group = dimension.groups[position]
            yield (
                dimension.name,
                group.code,
                group.level,
                group.name.english,
                group.name.indonesian,
                list(group.iab_ids),
                [dimension.leaves[leaf] for leaf in group.leaves],
            )
