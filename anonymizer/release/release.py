"""A release: what stands in a release folder, byte for byte as the ledger recorded it.

It explains itself (words, promise, provider, groups): what is made of it later does not depend on
settings that may have changed since.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.model.dimensions import Text
from anonymizer.model.errors import Held, LedgerBroken
from anonymizer.model.periods import Period
from anonymizer.model.policy import PolicyPromise, Promise
from anonymizer.model.series import Series, edition_of
from anonymizer.model.subjects import Campaign, Subject, read_subjects
from anonymizer.model.tables import SubjectKind
from anonymizer.storage.files import read_rows, sha256

FIGURES, SEGMENTS, GROUPS, FACTS = (
    "figures.parquet",
    "segments.parquet",
    "groups.parquet",
    "release.json",
)
FORMAT = 3  # of release folders
FORMAT_OF_CORRECTIONS = 4
PUBLISHED, SUPPRESSED = "published", "suppressed"
_SEAL = object()


@dataclass(frozen=True)
class Segment:
    """A segment as released: a group code of each dimension, and its words."""

    id: str
    named: bool
    gender: str
    age: str
    region: str
    name: Text
    region_name: Text
    iab_ids: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """What stands in a release folder, as the ledger recorded it. Only `read_release` makes one.

    Every figure is a multiple of `base`, and at most `error` away from the true number of people.
    `subjects` are campaigns in releases of that kind, topics in all others. `figures` (subject_id,
    segment_id, status, people) has them by id and in each the segments in order of preference;
    named segments that are suppressed stand there without people.
    `groups` (dimension, code, level, english, indonesian, iab_ids, leaves) says which atoms the
    codes of the segments mean. Of a correction, `corrects` is the id of the release that it
    corrects. `contact`, `domain` and `privacy_policy` are for the data label, empty where not
    stated.
    """

    id: str
    number: int
    kind: SubjectKind
    period: Period
    provider: str
    timezone: str
    promise: Promise
    base: int
    error: int
    policy_digest: str
    catalogue_digest: str
    subjects: tuple[Subject, ...]
    segments: Mapping[str, Segment]
    groups: pa.Table
    figures: pa.Table
    corrects: str = ""
    contact: str = ""
    domain: str = ""
    privacy_policy: str = ""
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("Release is made by publishing alone; building one would skip a step")

    @property
    def campaigns(self) -> tuple[Campaign, ...]:
        """The subjects that are campaigns."""
        return tuple(subject for subject in self.subjects if isinstance(subject, Campaign))

    @property
    def series(self) -> Series:
        """The series that it belongs to."""
        return Series(self.kind, self.period.kind)

    @property
    def edition(self) -> int:
        """1 of the first release of its period, 2 of its first correction."""
        return edition_of(self.id)

    def range_of(self, people: int) -> tuple[int, int]:
        """The fewest and the most people that a figure can stand for."""
        return max(people - self.error, self.promise.k), people + self.error


def read_release(folder: Path, number: int, digests: Mapping[str, str]) -> Release:
    """The release in `folder`. Raises LedgerBroken, naming the file that is not as recorded.

    Raises Held `format` for what a later version of the program has written.
    """
    check_folder(folder, digests)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    if facts["format"] > FORMAT_OF_CORRECTIONS:
        raise Held(
            "format",
            f"{folder.name} has the format {facts['format']} and this version of the program reads "
            f"up to {FORMAT_OF_CORRECTIONS}; use the version that wrote it, or a later one",
        )
    promise = _promise(facts)
    base, error = _precision(facts, promise)
    return Release(
        id=facts["id"],
        number=number,
        kind=facts["kind"],
        period=Period(facts["period"]["kind"], date.fromisoformat(facts["period"]["start"])),
        provider=facts["provider"],
        timezone=facts["timezone"],
        promise=promise,
        base=base,
        error=error,
        policy_digest=facts["policy_digest"],
        catalogue_digest=facts["catalogue_digest"],
        subjects=read_subjects(facts),
        segments={row["id"]: _segment(row) for row in read_rows(folder / SEGMENTS).to_pylist()},
        groups=read_rows(folder / GROUPS),
        figures=_figures(read_rows(folder / FIGURES)),
        corrects=facts.get("corrects", ""),
        **facts.get("data_label", {}),
        seal=_SEAL,
    )


def check_folder(folder: Path, digests: Mapping[str, str]) -> None:
    """Raise LedgerBroken, naming the file, unless exactly the recorded bytes stand there."""
    present = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    for name in sorted(present | set(digests)):
        if name not in present:
            problem = "is missing"
        elif name not in digests:
            problem = "is not in the ledger"
        elif sha256(folder / name) != digests[name]:
            problem = "differs from what the ledger recorded"
        else:
            continue
        raise LedgerBroken(
            f"{folder.name}/{name} {problem}; restore the folder from its backup. "
            "Nothing is published until then"
        )


def _promise(facts: Mapping[str, Any]) -> PolicyPromise:
    """The promise; before format 3 everybody counted, and no figure was shared."""
    stated = dict(facts["promise"])
    if facts["format"] < FORMAT:
        stated.pop("trusted_after_days", None)
        stated |= {"min_account_days": 0, "near_jitter": 0}
    return PolicyPromise(**stated)


def _precision(facts: Mapping[str, Any], promise: Promise) -> tuple[int, int]:
    """What all figures are multiples of, and how far they are from the true number, at most.

    Figures that are shared with an earlier release have the rounding of its promise.
    """
    if facts["format"] < FORMAT:
        return promise.rounding, promise.rounding - 1
    return math.gcd(*facts["roundings"]), promise.error_of(facts["roundings"])


def _figures(rows: pa.Table) -> pa.Table:
    """Figures in the words of today: older formats named a column and a status otherwise."""
    if "campaign_id" in rows.column_names:
        rows = rows.rename_columns({"campaign_id": "subject_id"})
    place, status = rows.column_names.index("status"), rows["status"]
    status_now = pc.if_else(pc.equal(status, PUBLISHED), PUBLISHED, SUPPRESSED)
    return rows.set_column(place, rows.schema.field(place), status_now)


def _segment(row: Mapping[str, Any]) -> Segment:
    return Segment(
        id=row["id"],
        named=row["named"],
        gender=row["gender"],
        age=row["age"],
        region=row["region"],
        name=Text(row["english"], row["indonesian"]),
        region_name=Text(row["region_english"], row["region_indonesian"]),
        iab_ids=tuple(row["iab_ids"]),
    )
